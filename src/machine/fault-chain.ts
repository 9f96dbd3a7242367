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
  /** The stack that was being used; undefined where it did not come from the TSS. */
  readonly stack: TssStack | undefined;
}

/** A stack pointer in the TSS. */
export interface TssStack {
  /** Of the field in the TSS. */
  readonly offset: number;
  /** Linear address of the field. */
  readonly address: bigint;
  /** Undefined where it could not be read. */
  readonly pointer: bigint | undefined;
}

/** A descriptor, gate, TSS field, paging-structure entry or address that a check refused. */
export interface ReadEntry {
  /** Linear address, 0 for what was not in memory; physical of a paging-structure entry; number of a PDPTE. */
  readonly address: bigint;
  readonly low: bigint;
  readonly high: bigint;
  /** Paging structures: 1 PTE, 2 PDE, 3 PDPTE, 4 PML4E; else 0. */
  readonly level: number;
  /** How a paging-structure entry is to be read. */
  readonly paging: PagingKind;
}

/** PagingMode in asm/mmu/paging-mode.ts. */
export const PAGING_KINDS = ['none', '32-bit', '32-bit PSE', 'PAE', '4-level'] as const;
export type PagingKind = (typeof PAGING_KINDS)[number];

const NO_REASON: WhyEntry = { name: 'None', text: 'no reason was noted', entry: 'none' };

/** The chain, first event first. */
export function readFaultChain(view: CpuView): FaultRecord[] {
  const start = view.layout('FAULTS');
  const step = view.layout('FAULT_BYTES');
  return Array.from({ length: view.u32('FAULT_COUNT') }, (_, n) =>
    readRecord(new DataView(view.data.buffer, start + n * step, step)),
  );
}

const STACK_READ = 0x40;

function readStack(data: DataView): TssStack | undefined {
  const offset = data.getUint16(34, true);
  if (offset === 0) return undefined;
  const wasRead = (data.getUint8(3) & STACK_READ) !== 0;
  return {
    offset,
    address: data.getBigUint64(64, true),
    pointer: wasRead ? data.getBigUint64(72, true) : undefined,
  };
}

function readRecord(data: DataView): FaultRecord {
  const u64 = (offset: number) => data.getBigUint64(offset, true);
  const flags = data.getUint8(3);
  const why = WHY[data.getUint16(32, true)] ?? NO_REASON;
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
    stack: readStack(data),
    read: why.entry === 'none' ? undefined : readEntry(data),
  };
}

function readEntry(data: DataView): ReadEntry {
  return {
    address: data.getBigUint64(40, true),
    low: data.getBigUint64(48, true),
    high: data.getBigUint64(56, true),
    level: data.getUint8(38),
    paging: PAGING_KINDS[data.getUint8(39)] ?? 'none',
  };
}
