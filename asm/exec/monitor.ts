/**
 * monitor, mwait (SDM 2B). MWAIT behaves as HLT: with one processor only an interrupt ends the wait. It
 * does not wait if no MONITOR came before it, or an interrupt or exception after that.
 */

import { Event } from '../cpu/event';
import { Address, Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { CPL, MONITOR_ARMED } from '../layout';
import { Memory } from '../mmu/memory';
import { hlt } from './interrupt';

const RCX: u32 = 1;

/** MONITOR: the address in rAX is read as a byte; there are no extensions for ECX to ask for. */
export function monitor(i: usize): void {
  if (!isAllowed()) return;
  const width = Rec.addressSize(i);
  const offset = Register.get(0) & (width == 8 ? ~(<u64>0) : ((<u64>1) << (width << 3)) - 1);
  if (!Memory.probeRead(Address.inSegment(offset, Rec.segment(i)), 1, Rec.segment(i))) return;
  store<u32>(MONITOR_ARMED, 1);
}

/** MWAIT. */
export function mwait(i: usize): void {
  if (!isAllowed() || load<u32>(MONITOR_ARMED) == 0) return;
  store<u32>(MONITOR_ARMED, 0);
  hlt(i);
}

/** At CPL 0, with ECX 0. */
function isAllowed(): bool {
  if (load<u32>(CPL) != 0) Event.ud(Why.AboveCpl0);
  else if (<u32>Register.get(RCX) != 0) Event.gp(0, Why.OperandValue);
  return !Event.raised();
}
