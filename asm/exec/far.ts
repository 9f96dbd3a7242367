/**
 * Far jmp and call (SDM 2A JMP, CALL; SDM 3A 5.8): to code segments, through call gates (call-gate.ts), and
 * to tasks (cpu/task-switch.ts).
 */

import { CodeSegment } from '../cpu/code-segment';
import { Descriptor, SystemType, Table } from '../cpu/descriptor';
import { Event, Vector } from '../cpu/event';
import { Address } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Segment } from '../cpu/segment';
import { Stack } from '../cpu/stack';
import { TaskSwitch } from '../cpu/task-switch';
import { Why } from '../gen/why';
import { CPL, RIP } from '../layout';
import { Memory, SEGMENT_CS } from '../mmu/memory';
import { CallGate } from './call-gate';

// The far pointer, and where it was read (GVA, 0 in the instruction); state of one instruction only.
let selector: u32 = 0;
let offset: u64 = 0;
let found: u64 = 0;

/** JMP far. */
export function jmpFar(i: usize): void {
  if (!readPointer(i)) return;
  const low = readTarget();
  if (Event.raised()) return;
  if (!Descriptor.isCode(Descriptor.access(low))) {
    if (!isTask(low)) CallGate.jump(selector, low);
    return;
  }
  if (!CodeSegment.checkDirect(selector, low) || !checkTarget(low)) return;
  if (Table.touch(selector, low)) arrive(low);
}

/** CALL far: pushes CS and RIP at the operand size. Unlike JMP it cuts an offset in compatibility code to 32 bits. */
export function callFar(i: usize): void {
  if (!readPointer(i)) return;
  const low = readTarget();
  if (Event.raised()) return;
  if (!Descriptor.isCode(Descriptor.access(low))) {
    if (!isTask(low)) CallGate.call(selector, low);
    return;
  }
  if (!CodeSegment.checkDirect(selector, low)) return;
  const size = Rec.size(i);
  const bottom = Stack.pointer() - 2 * size;
  if (!Stack.holds(bottom, 2, size)) return;
  if (!Descriptor.isLongCode(Descriptor.access(low))) offset = <u64>(<u32>offset);
  if (!checkTarget(low) || !Table.touch(selector, low)) return;
  Stack.write(bottom + size, size, Segment.selector(SEGMENT_CS));
  if (Event.raised()) return;
  Stack.write(bottom, size, load<u64>(RIP));
  if (Event.raised()) return;
  Stack.setPointer(bottom);
  arrive(low);
}

/** Reads selector and offset from memory, or from the instruction. */
function readPointer(i: usize): bool {
  const size = Rec.size(i);
  found = 0;
  if (Rec.hasMemory(i)) {
    const address = Address.linear(i);
    found = address;
    const segment = Rec.segment(i);
    offset = Memory.read(address, size, segment);
    if (Event.raised()) return false;
    selector = <u32>Memory.read(address + size, 2, segment);
    return !Event.raised();
  }
  const pointer = Rec.imm(i);
  offset = size == 2 ? pointer & 0xffff : pointer & 0xffffffff;
  selector = <u32>(pointer >> (size << 3)) & 0xffff;
  return true;
}

/** Descriptor that the selector names. */
function readTarget(): u64 {
  if (Table.isNull(selector)) {
    Event.gp(0, Why.NullSelector);
    return 0;
  }
  return Table.read(selector, Vector.GP, 0);
}

/** The offset may be executed in the code segment; else notes where it came from. */
function checkTarget(low: u64): bool {
  if (CodeSegment.checkTarget(offset, low, 0)) return true;
  Event.foundAt(found);
  return false;
}

/** `low` is a TSS or a task gate, which lead to another task outside long mode: goes there, or has raised. */
function isTask(low: u64): bool {
  if (Table.isLong()) return false;
  switch (Descriptor.systemType(Descriptor.access(low))) {
    case SystemType.TaskGate:
      TaskSwitch.toGate(selector, low);
      return true;
    case SystemType.Tss16:
    case SystemType.Tss16Busy:
    case SystemType.Tss:
    case SystemType.TssBusy:
      TaskSwitch.toTss(selector, low);
      return true;
    default:
      return false;
  }
}

function arrive(low: u64): void {
  CodeSegment.commit(selector, low, load<u32>(CPL));
  store<u64>(RIP, offset);
}
