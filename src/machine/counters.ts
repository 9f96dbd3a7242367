/** What the processor counts, read from its state: for statistics and benchmarks. */

import type { CpuView } from './cpu-view.ts';

/** Counters since power-on. */
export interface Counters {
  /** Memory accesses of instructions that needed no walk: a TLB entry served them, or paging was off. */
  readonly tlbHits: bigint;
  readonly tlbMisses: bigint;
  /** Paging-structure entries read by page walks: those of the guest's own tables, EPT entries, and all. */
  readonly guestEntryReads: bigint;
  readonly eptEntryReads: bigint;
  readonly walkReferences: bigint;
  readonly blocksDecoded: bigint;
  readonly tlbFlushes: bigint;
  /** exceptions[32]: raised, by vector. */
  readonly exceptions: readonly bigint[];
}

export function readCounters(view: CpuView): Counters {
  const misses = view.u64('COUNT_TLB_MISSES');
  const accesses = view.u64('COUNT_ACCESSES');
  const guestEntryReads = view.u64('COUNT_WALK_REFERENCES');
  const eptEntryReads = view.u64('COUNT_EPT_REFERENCES');
  const exceptions = new BigUint64Array(view.data.buffer, view.layout('COUNT_EXCEPTIONS'), 32);
  return {
    tlbHits: accesses > misses ? accesses - misses : 0n,
    tlbMisses: misses,
    guestEntryReads,
    eptEntryReads,
    walkReferences: guestEntryReads + eptEntryReads,
    blocksDecoded: view.u64('COUNT_BLOCKS_DECODED'),
    tlbFlushes: view.u64('COUNT_FLUSHES'),
    exceptions: [...exceptions],
  };
}
