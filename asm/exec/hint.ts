/** Advice to the processor: PAUSE (SDM 2B), and the cache-line flushes (2A), which check like a byte read. */

import { Address } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { DRAM } from '../layout';
import { Dram } from '../mmu/dram';
import { Memory } from '../mmu/memory';

export function pause(i: usize): void {}

/** CLFLUSH, CLFLUSHOPT: there are no caches to flush, but the next access to the line gets to DRAM. */
export function clflush(i: usize): void {
  const address = Address.linear(i);
  if (!Memory.probeRead(address, 1, Rec.segment(i)) || load<u32>(DRAM) == 0) return;
  Dram.flush(Memory.locate(address, Rec.segment(i)));
}
