/** rdfsbase, rdgsbase, wrfsbase, wrgsbase, swapgs (SDM 2B, 2D). */

import { CR4_FSGSBASE } from '../cpu/control';
import { Event } from '../cpu/event';
import { Operand } from '../cpu/operand';
import { Segment } from '../cpu/segment';
import { Why } from '../gen/why';
import { CR4, KERNEL_GS_BASE } from '../layout';
import { Memory, SEGMENT_FS, SEGMENT_GS } from '../mmu/memory';

/** RDFSBASE. */
export function rdfsbase(i: usize): void {
  readBase(i, SEGMENT_FS);
}
/** RDGSBASE. */
export function rdgsbase(i: usize): void {
  readBase(i, SEGMENT_GS);
}
/** WRFSBASE. */
export function wrfsbase(i: usize): void {
  writeBase(i, SEGMENT_FS);
}
/** WRGSBASE. */
export function wrgsbase(i: usize): void {
  writeBase(i, SEGMENT_GS);
}

/** SWAPGS. */
export function swapgs(i: usize): void {
  const base = Segment.base(SEGMENT_GS);
  Segment.setBase(SEGMENT_GS, load<u64>(KERNEL_GS_BASE));
  store<u64>(KERNEL_GS_BASE, base);
}

function isEnabled(): bool {
  if (load<u32>(CR4) & CR4_FSGSBASE) return true;
  Event.ud(Why.FeatureAbsent);
  return false;
}

function readBase(i: usize, segment: u32): void {
  if (isEnabled()) Operand.write(i, 0, Segment.base(segment));
}

function writeBase(i: usize, segment: u32): void {
  if (!isEnabled()) return;
  const base = Operand.read(i, 0);
  if (Memory.isCanonical(base)) Segment.setBase(segment, base);
  else Event.gp(0, Why.NonCanonical);
}
