/**
 * Exchanges (SDM 2A CMPXCHG, CMPXCHG8B/CMPXCHG16B; 2D XADD, XCHG). The memory operand is written before the
 * registers, for these may be part of its address.
 */

import { Event } from '../cpu/event';
import { Flags, ZF } from '../cpu/flags';
import { Address, Operand, Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { REGS } from '../layout';
import { Memory } from '../mmu/memory';
import { Width } from './width';

const RAX: usize = REGS;
const RCX: usize = REGS + 8;
const RDX: usize = REGS + 16;
const RBX: usize = REGS + 24;

/** Memory can only be the second operand. */
export function xchg(i: usize): void {
  const second = Operand.readForWrite(i, 1);
  if (Event.raised()) return;
  const first = Operand.read(i, 0);
  Operand.write(i, 1, first);
  Operand.write(i, 0, second);
}

/** The sum is what stays when both operands are one register. */
export function xadd(i: usize): void {
  const a = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const b = Operand.read(i, 1);
  const sum = a + b;
  if (Operand.isMemory(i, 0)) {
    Operand.write(i, 0, sum);
    Operand.write(i, 1, a);
  } else {
    Operand.write(i, 1, a);
    Operand.write(i, 0, sum);
  }
  const width = Operand.width(i, 0);
  Flags.setAdd<u64>(
    Width.signExtend(a, width),
    Width.signExtend(b, width),
    Width.signExtend(sum, width),
  );
}

/** If rAX equals the first operand, that becomes the second; else rAX becomes it. Memory is written always. */
export function cmpxchg(i: usize): void {
  const target = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const expected = Register.read(RAX, width);
  if (expected == target) Operand.write(i, 0, Operand.read(i, 1));
  else {
    if (Operand.isMemory(i, 0)) Operand.write(i, 0, target);
    Register.write(RAX, width, target);
  }
  Flags.setSub<u64>(
    Width.signExtend(expected, width),
    Width.signExtend(target, width),
    Width.signExtend(expected - target, width),
  );
}

export function cmpxchg8b(i: usize): void {
  const target = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const equal = target == pair(RDX, RAX);
  Operand.write(i, 0, equal ? pair(RCX, RBX) : target);
  if (!equal) {
    Register.write(RAX, 4, target);
    Register.write(RDX, 4, target >> 32);
  }
  Flags.change(ZF, equal ? ZF : 0);
}

/** high:low, 32 bits each. */
function pair(high: usize, low: usize): u64 {
  return ((<u64>load<u32>(high)) << 32) | <u64>load<u32>(low);
}

export function cmpxchg16b(i: usize): void {
  const place = Address.linear(i);
  const segment = Rec.segment(i);
  if (place & 15) {
    Event.gp(0, Why.Misaligned);
    return;
  }
  if (!Memory.probeWrite(place, 16, segment)) return;
  const low = Memory.read(place, 8, segment);
  const high = Memory.read(place + 8, 8, segment);
  if (Event.raised()) return;
  const equal = low == load<u64>(RAX) && high == load<u64>(RDX);
  Memory.write(place, 8, equal ? load<u64>(RBX) : low, segment);
  Memory.write(place + 8, 8, equal ? load<u64>(RCX) : high, segment);
  if (!equal) {
    store<u64>(RAX, low);
    store<u64>(RDX, high);
  }
  Flags.change(ZF, equal ? ZF : 0);
}
