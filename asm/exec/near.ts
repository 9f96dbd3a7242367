/**
 * Near call, jmp and ret outside 64-bit mode with operands of 16 bits, or in segments that are not flat
 * (SDM 2A CALL, JMP; 2B RET). dispatch expands the others. The target is checked before anything changes.
 */

import { ConfinedCode } from '../cpu/confined-code';
import { Event } from '../cpu/event';
import { Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Stack } from '../cpu/stack';
import { RIP } from '../layout';

/** CALL rel. */
export function callNear(i: usize): void {
  call(i, load<u64>(RIP) + <u64>(<i64>load<i32>(i, 16)));
}
/** CALL r/m. */
export function callNearIndirect(i: usize): void {
  const target = Operand.read(i, 0);
  if (!Event.raised()) call(i, target);
}

function call(i: usize, target: u64): void {
  const size = Rec.size(i);
  const rip = ConfinedCode.target(target, size);
  if (Event.raised()) return;
  Stack.push(size, load<u64>(RIP));
  if (!Event.raised()) store<u64>(RIP, rip);
}

/** JMP r/m. */
export function jmpNearIndirect(i: usize): void {
  const target = Operand.read(i, 0);
  if (Event.raised()) return;
  const rip = ConfinedCode.target(target, Rec.size(i));
  if (!Event.raised()) store<u64>(RIP, rip);
}

/** RET, with an immediate that is dropped from the stack. */
export function retNear(i: usize): void {
  const size = Rec.size(i);
  const top = Stack.pointer();
  const target = Stack.read(top, size);
  if (Event.raised()) return;
  const rip = ConfinedCode.target(target, size);
  if (Event.raised()) return;
  Stack.setPointer(top + size + (Rec.imm(i) & 0xffff));
  store<u64>(RIP, rip);
}
