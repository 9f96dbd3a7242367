/** Advice to the processor: PAUSE (SDM 2B), and the cache-line flushes (2A), which check like a byte read. */

import { Address } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Memory } from '../mmu/memory';

export function pause(i: usize): void {}

/** CLFLUSH, CLFLUSHOPT: there are no caches to flush. */
export function clflush(i: usize): void {
  Memory.probeRead(Address.linear(i), 1, Rec.segment(i));
}
