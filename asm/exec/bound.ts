/** bound (SDM 2A BOUND). */

import { Event, Vector } from '../cpu/event';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { Memory } from '../mmu/memory';
import { Width } from './width';

/** BOUND: #BR unless the signed index lies between the two bounds in memory. */
export function bound(i: usize): void {
  const size = Rec.size(i);
  const address = Address.linear(i);
  const segment = Rec.segment(i);
  const lower = Memory.read(address, size, segment);
  if (Event.raised()) return;
  const upper = Memory.read(address + size, size, segment);
  if (Event.raised()) return;
  const index = <i64>Width.signExtend(Operand.read(i, 0), size);
  if (index >= <i64>Width.signExtend(lower, size) && index <= <i64>Width.signExtend(upper, size)) {
    return;
  }
  Event.why(Why.OutOfBounds, 0, 0, 0);
  Event.raise(Vector.BR, 0, false);
}
