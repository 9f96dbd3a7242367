/**
 * in, out, ins, outs (SDM 2A-2B; SDM 1 18.5 Protected-Mode I/O). A port is allowed by CPL <= IOPL, else by
 * the I/O permission bitmap of the TSS. The device is reached last, when nothing can fault any more; each
 * iteration of a repeated form is checked anew.
 */

import { Debug } from '../cpu/debug';
import { Event } from '../cpu/event';
import { Address, Operand, Register } from '../cpu/operand';
import { Privilege } from '../cpu/privilege';
import { Rec } from '../cpu/record';
import { Task } from '../cpu/task';
import { portRead, portWrite } from '../host';
import { CPL, REGS } from '../layout';
import { Memory, SEGMENT_ES } from '../mmu/memory';
import { PORT_IN, PORT_OUT, PortAccess } from '../vmx/port-access';
import { Repeat, Text } from './repeat';

const RDX: u32 = 2;
const RCX: usize = REGS + 8;
const RSI: usize = REGS + 48;
const RDI: usize = REGS + 56;

/** Memory accesses of one iteration. */
const ACCESSES: u32 = 1;

/** Of a decode-table entry (src/isa/decode-table.ts). */
const OPERANDS: usize = 12;
const KIND_IMMEDIATE: u8 = 3;

class Port {
  /** The port may be accessed; else #GP(0) is raised. */
  static allows(port: u32, size: u32): bool {
    return load<u32>(CPL) <= Privilege.iopl() || Task.allowsPort(port, size);
  }
  /** The port in DX may be accessed; else #GP(0) is raised. */
  static allowed(size: u32): bool {
    return Port.allows(Port.number(), size);
  }
  @inline static number(): u32 {
    return <u32>Register.get(RDX) & 0xffff;
  }
  static read(port: u32, size: u32): u64 {
    Debug.port(port, size);
    return portRead(port, size);
  }
  static write(port: u32, size: u32, value: u64): void {
    Debug.port(port, size);
    portWrite(port, size, <u32>value);
  }
}

/** IN. */
export function input(i: usize): void {
  const size = Operand.width(i, 0);
  const port = <u32>Operand.read(i, 1) & 0xffff;
  if (!Port.allows(port, size)) return;
  if (PortAccess.exits(i, port, size, PORT_IN, isImmediate(i, 1))) return;
  Operand.write(i, 0, Port.read(port, size));
}

/** OUT. */
export function output(i: usize): void {
  const size = Operand.width(i, 1);
  const port = <u32>Operand.read(i, 0) & 0xffff;
  if (!Port.allows(port, size)) return;
  if (PortAccess.exits(i, port, size, PORT_OUT, isImmediate(i, 0))) return;
  Port.write(port, size, Operand.read(i, 1));
}

/** Operand `n` is an immediate, and not DX. */
function isImmediate(i: usize, n: u32): bool {
  return load<u8>(Rec.entry(i) + OPERANDS + (n << 2)) == KIND_IMMEDIATE;
}

/** INS: port DX to ES:rDI. */
export function ins(i: usize): void {
  const width = elementWidth(i);
  const step = Text.step(width);
  if (Rec.repeat(i) == 0) {
    if (Port.allowed(width) && !inputExits(i, width)) inputOne(i, width, step);
    return;
  }
  if (!Port.allowed(width)) return; // also where the count is 0
  if (Text.index(i, RCX) != 0 && inputExits(i, width)) return;
  let count = Repeat.begin(i);
  while (count != 0) {
    if (!inputOne(i, width, step) || !Repeat.next(i, 1, ACCESSES, true)) return;
    count--;
  }
}

/** OUTS: DS:rSI, or another segment's, to port DX. */
export function outs(i: usize): void {
  const width = elementWidth(i);
  const step = Text.step(width);
  if (Rec.repeat(i) == 0) {
    if (Port.allowed(width) && !outputExits(i, width)) outputOne(i, width, step);
    return;
  }
  if (!Port.allowed(width)) return;
  if (Text.index(i, RCX) != 0 && outputExits(i, width)) return;
  let count = Repeat.begin(i);
  while (count != 0) {
    if (!outputOne(i, width, step) || !Repeat.next(i, 1, ACCESSES, true)) return;
    count--;
  }
}

/** INS causes a VM exit, which was raised. */
function inputExits(i: usize, width: u32): bool {
  const address = Address.inSegment(Text.index(i, RDI), SEGMENT_ES);
  return PortAccess.exitsString(i, Port.number(), width, PORT_IN, address, SEGMENT_ES);
}
/** OUTS. */
function outputExits(i: usize, width: u32): bool {
  const segment = Rec.segment(i);
  const address = Address.inSegment(Text.index(i, RSI), segment);
  return PortAccess.exitsString(i, Port.number(), width, PORT_OUT, address, segment);
}

/** Ports are at most 4 bytes wide: REX.W changes nothing. */
function elementWidth(i: usize): u32 {
  return min<u32>(Text.width(i), 4);
}

/** One iteration; false if it raised. */
function inputOne(i: usize, width: u32, step: u64): bool {
  if (!Port.allowed(width)) return false;
  const port = Port.number();
  const address = Address.inSegment(Text.index(i, RDI), SEGMENT_ES);
  if (!Memory.probeWrite(address, width, SEGMENT_ES)) return false;
  Memory.write(address, width, Port.read(port, width), SEGMENT_ES);
  Text.advance(i, RDI, step);
  return true;
}

/** One iteration; false if it raised. */
function outputOne(i: usize, width: u32, step: u64): bool {
  if (!Port.allowed(width)) return false;
  const port = Port.number();
  const segment = Rec.segment(i);
  const value = Memory.read(Address.inSegment(Text.index(i, RSI), segment), width, segment);
  if (Event.raised()) return false;
  Port.write(port, width, value);
  Text.advance(i, RSI, step);
  return true;
}
