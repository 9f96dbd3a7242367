/**
 * The fault chain as the processor leaves it at a triple fault: the event that was to be delivered
 * first, then each exception met on the way to a handler. The layout of a record is documented in
 * asm/cpu/fault-chain.ts.
 */

import { WHY, type WhyEntry } from '../base/why.ts';
import type { CpuView } from './cpu-view.ts';

/** What kind of event it was (EventKind in asm/cpu/event.ts). */
export const EVENT_KINDS = ['exception', 'interrupt', 'software', 'int1'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** One event of the chain. */
export interface FaultRecord {
  readonly vector: number;
  readonly kind: EventKind;
  /** Undefined where the vector has none. */
  readonly errorCode: number | undefined;
  /** CPL, CS selector, RIP and RSP when it was raised. */
  readonly cpl: number;
  readonly cs: number;
  readonly rip: bigint;
  readonly rsp: bigint;
  /** Linear address of a #PF, else 0. */
  readonly address: bigint;
  /** True: it turned into a double fault, whose handler was called next. */
  readonly doubled: boolean;
  /** What was wrong. */
  readonly why: WhyEntry;
  /** What was read when the check failed; undefined where nothing was. */
  readonly read: ReadEntry | undefined;
}

/** A descriptor, gate, TSS field or paging-structure entry that a check refused. */
export interface ReadEntry {
  /** Linear address; physical for a paging-structure entry. */
  readonly address: bigint;
  readonly low: bigint;
  readonly high: bigint;
  /** Paging structures: 1 PTE, 2 PDE, 3 PDPTE, 4 PML4E; else 0. */
  readonly level: number;
}

const NO_REASON: WhyEntry = { name: 'None', text: 'no reason was noted', entry: 'none' };

/** The chain, first event first. */
export function readFaultChain(view: CpuView): FaultRecord[] {
  const start = view.layout('FAULTS');
  const step = view.layout('FAULT_BYTES');
  return Array.from({ length: view.u32('FAULT_COUNT') }, (_, n) =>
    readRecord(new DataView(view.data.buffer, start + n * step, step)),
  );
}

function readRecord(data: DataView): FaultRecord {
  const u64 = (offset: number) => data.getBigUint64(offset, true);
  const flags = data.getUint8(3);
  const why = WHY[data.getUint32(32, true)] ?? NO_REASON;
  return {
    vector: data.getUint8(0),
    kind: EVENT_KINDS[data.getUint8(2)] ?? 'exception',
    errorCode: data.getUint8(1) === 0 ? undefined : data.getUint32(4, true),
    cpl: flags & 3,
    cs: data.getUint16(36, true),
    rip: u64(8),
    rsp: u64(16),
    address: u64(24),
    doubled: (flags & 0x80) !== 0,
    why,
    read:
      why.entry === 'none'
        ? undefined
        : { address: u64(40), low: u64(48), high: u64(56), level: data.getUint16(38, true) },
  };
}
