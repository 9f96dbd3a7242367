/**
 * Far jmp and call (SDM 2A JMP, CALL; SDM 3A 5.8): to code segments and through 64-bit call gates, which
 * switch stacks on the way inward. Gates of other kinds and task switches exist outside long mode only
 * and are not there yet.
 */

import { CodeSegment } from '../cpu/code-segment';
import { ACCESS_P, Descriptor, Gate, SELECTOR_RPL, SystemType, Table } from '../cpu/descriptor';
import { Event, ExitReason, Raised, Vector } from '../cpu/event';
import { Address, Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Segment } from '../cpu/segment';
import { Stack } from '../cpu/stack';
import { Task } from '../cpu/task';
import { Why } from '../gen/why';
import { CPL, EVENT_ERROR, EXIT_REASON, HOSTED, RAISED, RIP } from '../layout';
import { Memory, SEGMENT_CS, SEGMENT_SS } from '../mmu/memory';

const RSP: u32 = 4;
/** Bytes of a push through a 64-bit call gate. */
const WIDE: u32 = 8;

// The far pointer, and the code descriptor that it leads to; where the pointer was read (GVA, 0 in the
// instruction), and the call gate if that is one. State of one instruction only.
let selector: u32 = 0;
let offset: u64 = 0;
let code: u64 = 0;
let found: u64 = 0;
let gateLow: u64 = 0;
let gateHigh: u64 = 0;

/** JMP far. */
export function jmpFar(i: usize): void {
  if (!readPointer(i)) return;
  const low = readTarget();
  if (Event.raised()) return;
  if (Descriptor.isCode(Descriptor.access(low))) {
    code = low;
    if (!CodeSegment.checkDirect(selector, low)) return;
  } else {
    if (!throughGate(low)) return;
    if (CodeSegment.gateCpl(code) != load<u32>(CPL)) {
      Table.gp(selector, 0, Why.DescriptorPrivilege, code);
      return;
    }
  }
  if (checkTarget()) arrive(load<u32>(CPL));
}

/** CALL far. */
export function callFar(i: usize): void {
  if (!readPointer(i)) return;
  const gate = selector;
  const low = readTarget();
  if (Event.raised()) return;
  if (Descriptor.isCode(Descriptor.access(low))) {
    code = low;
    if (CodeSegment.checkDirect(selector, low)) callSame(Rec.size(i));
    return;
  }
  if (!throughGate(low)) return;
  const cpl = CodeSegment.gateCpl(code);
  if (cpl == load<u32>(CPL)) callSame(WIDE);
  else if (load<u32>(HOSTED) != 0) stop(gate);
  else callInner(cpl);
}

/** Reads selector and offset from memory, or from the instruction. */
function readPointer(i: usize): bool {
  const size = Rec.size(i);
  found = 0;
  gateLow = 0;
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

/** Follows the call gate `low`: selector, offset and code become its target. */
function throughGate(low: u64): bool {
  const access = Descriptor.access(low);
  if (Descriptor.systemType(access) != SystemType.CallGate) {
    return Table.gp(selector, 0, Why.DescriptorType, low);
  }
  const high = Table.readUpper(selector, Vector.GP, low);
  if (Event.raised()) return false;
  const dpl = Descriptor.dpl(access);
  if (dpl < load<u32>(CPL) || (selector & SELECTOR_RPL) > dpl) {
    return Table.refuse(Vector.GP, selector, 0, Why.GatePrivilege, low, high);
  }
  if (!(access & ACCESS_P)) {
    return Table.refuse(Vector.NP, selector, 0, Why.GateNotPresent, low, high);
  }
  found = Table.address(selector);
  gateLow = low;
  gateHigh = high;
  selector = Gate.selector(low);
  offset = Gate.offset(low, high);
  code = CodeSegment.read(selector, 0);
  return !Event.raised() && CodeSegment.checkGate(selector, code, 0);
}

/** The offset may be executed in the code segment; else notes where it came from. */
function checkTarget(): bool {
  if (CodeSegment.checkTarget(offset, code, 0)) return true;
  if (gateLow != 0) Event.why(Why.GateTarget, found, gateLow, gateHigh);
  else Event.foundAt(found);
  return false;
}

/** Pushes CS and RIP, `size` bytes each, on the running stack, and goes to the target. */
function callSame(size: u32): void {
  if (!checkTarget()) return;
  const top = Stack.pointer();
  Stack.write(top - size, size, Segment.selector(SEGMENT_CS));
  if (Event.raised()) return;
  Stack.write(top - 2 * size, size, load<u64>(RIP));
  if (Event.raised()) return;
  Stack.setPointer(top - 2 * size);
  arrive(load<u32>(CPL));
}

/** Pushes SS:RSP and CS:RIP on the stack of ring `cpl`, and goes to the target there. */
function callInner(cpl: u32): void {
  const field = Task.innerField(cpl);
  const top = Task.stack(field, 0);
  if (Event.raised() || !checkTarget()) return;
  const bottom = top - 4 * WIDE;
  if (!Memory.isCanonical(top - WIDE) || !Memory.isCanonical(bottom)) {
    Event.selectorFault(Vector.SS, 0, Why.StackNotCanonical);
    Task.noteStack(field, top, true);
    return;
  }
  Memory.writeSystem(top - 1 * WIDE, WIDE, Segment.selector(SEGMENT_SS));
  if (!Event.raised()) Memory.writeSystem(top - 2 * WIDE, WIDE, Register.get(RSP));
  if (!Event.raised()) Memory.writeSystem(top - 3 * WIDE, WIDE, Segment.selector(SEGMENT_CS));
  if (!Event.raised()) Memory.writeSystem(bottom, WIDE, load<u64>(RIP));
  if (Event.raised()) {
    Task.noteStack(field, top, true);
    return;
  }
  Segment.setNull(SEGMENT_SS, cpl, cpl);
  Register.set(RSP, bottom);
  arrive(cpl);
}

function arrive(cpl: u32): void {
  CodeSegment.commit(selector, code, cpl);
  store<u64>(RIP, offset);
}

/** Hosted: the way inward ends at the host. */
function stop(gate: u32): void {
  store<u32>(EVENT_ERROR, gate);
  store<u32>(EXIT_REASON, ExitReason.CallGate);
  store<u32>(RAISED, Raised.Exit);
}
