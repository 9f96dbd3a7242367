/**
 * Far calls and jumps through call gates (SDM 2A CALL, JMP; SDM 3A 5.8.3 Call Gates to 5.8.5 Stack
 * Switching): of 64 bits in long mode, of 32 or 16 bits outside it, where a gate to an inner ring copies
 * parameters. On a hosted processor a call to an inner ring ends at the host.
 */

import { CodeSegment } from '../cpu/code-segment';
import { ACCESS_P, Descriptor, Gate, SELECTOR_RPL, SystemType, Table } from '../cpu/descriptor';
import { Event, ExitReason, Raised, Vector } from '../cpu/event';
import { Mode } from '../cpu/mode';
import { Register } from '../cpu/operand';
import { Segment } from '../cpu/segment';
import { Stack } from '../cpu/stack';
import { TargetStack } from '../cpu/target-stack';
import { Task } from '../cpu/task';
import { Why } from '../gen/why';
import { CPL, EVENT_ERROR, EXIT_REASON, HOSTED, RAISED, RIP } from '../layout';
import { Memory, SEGMENT_CS, SEGMENT_SS } from '../mmu/memory';

const RSP: u32 = 4;
/** Bytes of a push through a 64-bit gate. */
const WIDE: u32 = 8;

// The gate and where it stands (GVA), where it leads, how wide it pushes, how many parameters it copies; state of
// one instruction only.
let gateAddress: u64 = 0;
let gateLow: u64 = 0;
let gateHigh: u64 = 0;
let selector: u32 = 0;
let offset: u64 = 0;
let code: u64 = 0;
let size: u32 = 0;
let parameters: u32 = 0;

export class CallGate {
  /** JMP through what `gate` names, `low`, which is no code: to the running ring only. */
  static jump(gate: u32, low: u64): void {
    if (!follow(gate, low)) return;
    const cpl = load<u32>(CPL);
    if (CodeSegment.gateCpl(code) != cpl) {
      Table.gp(selector, 0, Why.DescriptorPrivilege, code);
      return;
    }
    if (!CodeSegment.checkGate(selector, code, 0) || !checkTarget()) return;
    if (Table.touch(selector, code)) arrive(cpl);
  }

  /** CALL through it. */
  static call(gate: u32, low: u64): void {
    if (!follow(gate, low) || !CodeSegment.checkGate(selector, code, 0)) return;
    const cpl = CodeSegment.gateCpl(code);
    const inner = cpl != load<u32>(CPL);
    if (inner && load<u32>(HOSTED) != 0) stop(gate);
    else if (size != WIDE) callLegacy(cpl, inner);
    else if (inner) callInner(cpl);
    else callSame(cpl);
  }
}

/** Reads the gate `low`, and the descriptor of the code that it leads to; false if it raised. */
function follow(gate: u32, low: u64): bool {
  const access = Descriptor.access(low);
  const type = Descriptor.systemType(access);
  const long = Table.isLong();
  if (type != SystemType.CallGate && (long || type != SystemType.CallGate16)) {
    return Table.gp(gate, 0, Why.DescriptorType, low);
  }
  const high = Table.readUpper(gate, Vector.GP, low);
  if (Event.raised()) return false;
  const dpl = Descriptor.dpl(access);
  if (dpl < load<u32>(CPL) || (gate & SELECTOR_RPL) > dpl) {
    return Table.refuse(Vector.GP, gate, 0, Why.GatePrivilege, low, high);
  }
  if (!(access & ACCESS_P)) {
    return Table.refuse(Vector.NP, gate, 0, Why.GateNotPresent, low, high);
  }
  gateAddress = Table.address(gate);
  gateLow = low;
  gateHigh = high;
  size = long ? WIDE : Gate.isNarrow(type) ? 2 : 4;
  parameters = Gate.parameters(low);
  selector = Gate.selector(low);
  offset = long ? Gate.offset(low, high) : Gate.legacyOffset(low, type);
  code = CodeSegment.read(selector, 0);
  return !Event.raised();
}

/** The entry point may be executed in the code segment; else notes the gate. */
function checkTarget(): bool {
  if (CodeSegment.checkTarget(offset, code, 0)) return true;
  Event.why(Why.GateTarget, gateAddress, gateLow, gateHigh);
  return false;
}

/** 64-bit gate: CS and RIP on the running stack, which is that of 64-bit mode already. */
function callSame(cpl: u32): void {
  const bottom = Register.get(RSP) - 2 * WIDE;
  if (!Stack.isCanonical(bottom, 2, WIDE, 0) || !checkTarget()) return;
  if (!Table.touch(selector, code)) return;
  Stack.writeWide(bottom + WIDE, Segment.selector(SEGMENT_CS));
  if (Event.raised()) return;
  Stack.writeWide(bottom, returnAddress());
  if (Event.raised()) return;
  Register.set(RSP, bottom);
  arrive(cpl);
}

/** 64-bit gate: SS:RSP and CS:RIP on the stack of ring `cpl`. */
function callInner(cpl: u32): void {
  const field = Task.innerField(cpl);
  const top = Task.stack(field, 0);
  if (Event.raised()) return;
  const bottom = top - 4 * WIDE;
  if (!Stack.isCanonical(bottom, 4, WIDE, 0)) {
    Task.noteStack(field, top, true);
    return;
  }
  if (!checkTarget() || !Table.touch(selector, code)) return;
  Memory.writeFrame(top - 1 * WIDE, WIDE, Segment.selector(SEGMENT_SS));
  if (!Event.raised()) Memory.writeFrame(top - 2 * WIDE, WIDE, Register.get(RSP));
  if (!Event.raised()) Memory.writeFrame(top - 3 * WIDE, WIDE, Segment.selector(SEGMENT_CS));
  if (!Event.raised()) Memory.writeFrame(bottom, WIDE, returnAddress());
  if (Event.raised()) {
    Task.noteStack(field, top, true);
    return;
  }
  Segment.setNull(SEGMENT_SS, cpl, cpl);
  Register.set(RSP, bottom);
  arrive(cpl);
}

/** Code of 32 and 16 bits has 32 bits of RIP. */
function returnAddress(): u64 {
  return Mode.isLong() ? load<u64>(RIP) : <u64>load<u32>(RIP);
}

/** Legacy gate: to the running ring CS and IP are pushed, to an inner one SS, SP and the parameters before. */
function callLegacy(cpl: u32, inner: bool): void {
  if (!inner) TargetStack.useRunning(0);
  else if (!TargetStack.useInner(cpl, 0)) return;
  if (!TargetStack.hasRoom(inner ? 4 + parameters : 2, size)) return;
  if (!checkTarget()) return;
  if (inner && !Stack.holds(Register.get(RSP), parameters, size)) return;
  if (!TargetStack.touch() || !Table.touch(selector, code)) return;
  if (inner) {
    TargetStack.push(size, Segment.selector(SEGMENT_SS));
    TargetStack.push(size, Register.get(RSP));
    for (let n = parameters; n != 0; n--) {
      const value = Stack.read(Register.get(RSP) + (n - 1) * size, size);
      if (Event.raised()) return;
      TargetStack.push(size, value);
    }
  }
  TargetStack.push(size, Segment.selector(SEGMENT_CS));
  TargetStack.push(size, load<u64>(RIP));
  if (Event.raised()) return;
  TargetStack.commit();
  arrive(cpl);
}

function arrive(cpl: u32): void {
  CodeSegment.commit(selector, code, cpl);
  store<u64>(RIP, offset);
}

function stop(gate: u32): void {
  store<u32>(EVENT_ERROR, gate);
  store<u32>(EXIT_REASON, ExitReason.CallGate);
  store<u32>(RAISED, Raised.Exit);
}
