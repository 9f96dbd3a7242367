/**
 * push, pop, pusha, popa, pushf, popf, enter, leave in the forms that dispatch does not expand (SDM 2A-2B). The
 * operand size is 64 or 16 bits in 64-bit mode, 32 or 16 elsewhere.
 */

import { Event, Raised } from '../cpu/event';
import { Flags, RF, VM } from '../cpu/flags';
import { Operand, Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Stack } from '../cpu/stack';
import { SystemFlags } from '../cpu/system-flags';
import { RAISED, STEPPING } from '../layout';
import { Memory, SEGMENT_SS } from '../mmu/memory';

const RSP: u32 = 4;

/** PUSH. */
export function push(i: usize): void {
  const value = Operand.read(i, 0);
  if (!Event.raised()) Stack.push(Rec.size(i), value);
}

/** POP: the address of a destination in memory is computed with the stack pointer already moved. */
export function pop(i: usize): void {
  const size = Rec.size(i);
  const before = Stack.pointer();
  const value = Stack.read(before, size);
  if (Event.raised()) return;
  Stack.setPointer(before + size);
  Operand.write(i, 0, value);
  if (Event.raised()) Register.set(RSP, before);
}

/** PUSHA, PUSHAD: all eight registers, the stack pointer as it was. */
export function pusha(i: usize): void {
  const size = Rec.size(i);
  const top = Stack.pointer();
  for (let n: u32 = 0; n < 8; n++) {
    Stack.write(top - (n + 1) * size, size, Register.get(n));
    if (Event.raised()) return;
  }
  Stack.setPointer(top - 8 * size);
}

/** POPA, POPAD: all but the stack pointer. They are read once before, so that none changes if one faults. */
export function popa(i: usize): void {
  const size = Rec.size(i);
  const top = Stack.pointer();
  for (let n: u32 = 0; n < 8; n++) {
    Stack.read(top + n * size, size);
    if (Event.raised()) return;
  }
  for (let n: u32 = 0; n < 8; n++) {
    const number = 7 - n;
    if (number != RSP)
      Register.write(Register.place(number), size, Stack.read(top + n * size, size));
  }
  Stack.setPointer(top + 8 * size);
}

/** PUSHF, PUSHFD, PUSHFQ. */
export function pushf(i: usize): void {
  Stack.push(Rec.size(i), Flags.image() & ~(<u64>(RF | VM)));
}

/** POPF, POPFD, POPFQ: bits that CPL and IOPL protect stay, without a fault. */
export function popf(i: usize): void {
  const size = Rec.size(i);
  const image = Stack.read(Stack.pointer(), size);
  if (Event.raised()) return;
  Stack.setPointer(Stack.pointer() + size);
  SystemFlags.load(image, SystemFlags.writable(size));
}

/** ENTER: imm holds the bytes to reserve and, from bit 16 on, the nesting level. */
export function enter(i: usize): void {
  const size = Rec.size(i);
  const bytes = Rec.imm(i) & 0xffff;
  const level = <u32>(Rec.imm(i) >> 16) & 31;
  // Pushes may overwrite the frames that it copies, so it must not have to start again.
  if (level > 1 && load<u32>(STEPPING) == 0) {
    store<u32>(RAISED, Raised.Alone);
    return;
  }
  let top = Stack.pointer() - size;
  Stack.write(top, size, Stack.frame());
  if (Event.raised()) return;
  const frame = Stack.moved(top);
  for (let n: u32 = 1; n <= level; n++) {
    const pointer = n < level ? Stack.read(Stack.frame() - n * size, size) : frame;
    if (Event.raised()) return;
    top -= size;
    Stack.write(top, size, pointer);
    if (Event.raised()) return;
  }
  top -= bytes;
  if (!Memory.probeWrite(Stack.linear(top), size, SEGMENT_SS)) return;
  if (size == 2) Register.set(5, (Stack.frame() & ~(<u64>0xffff)) | (frame & 0xffff));
  else Register.set(5, frame);
  Stack.setPointer(top);
}

/** LEAVE. */
export function leave(i: usize): void {
  const size = Rec.size(i);
  const top = Stack.frame();
  const frame = Stack.read(top, size);
  if (Event.raised()) return;
  Stack.setPointer(top + size);
  if (size == 2) Register.set(5, (top & ~(<u64>0xffff)) | (frame & 0xffff));
  else Register.set(5, frame);
}
