/**
 * The system structures of `exec`: GDT, LDT, IDT and TSS in frames of their own, and the page tables
 * that map them for the supervisor, out of reach of CPL 3. The GDT is that of 64-bit Linux, so that
 * selectors mean what they mean to a program there: 0x33, 0x23 and 0x2b at CPL 3, 0x10, 0x08 and 0x18
 * at CPL 0. IDT and TSS exist in both forms, that of long mode and the legacy one.
 */

import { type CpuView, type SegmentState, UNUSABLE } from './cpu-view.ts';
import type { PagingFormat } from './exec-paging.ts';
import { PAGING_FORMATS, PTE_AD, PTE_P, PTE_RW } from './exec-paging.ts';
import type { MachineMemory } from './memory.ts';

/** HPA of the structures, a page each, in the order of their linear addresses. */
const GDT = 0xa000;
const IDT = 0xb000;
const TSS = 0xc000;
const LDT = 0xd000;
const LEGACY_IDT = 0xe000;
const STRUCTURES = [GDT, IDT, TSS, LDT, LEGACY_IDT];
/** HPA behind the system structures. */
export const SYSTEM_END = 0xf000;

// biome-ignore format: one descriptor per line.
const GDT_ENTRIES: readonly bigint[] = [
  0n, // 00 null
  0x00cf9b000000ffffn, // 08 32-bit kernel code
  0x00af9b000000ffffn, // 10 64-bit kernel code
  0x00cf93000000ffffn, // 18 kernel data
  0x00cffb000000ffffn, // 20 32-bit user code
  0x00cff3000000ffffn, // 28 user data
  0x00affb000000ffffn, // 30 64-bit user code
  0n, // 38
];
/** TSS of long mode, which takes two slots, and that of legacy mode; LDT of a request that has one. */
const TSS_SELECTOR = 0x40;
const LEGACY_TSS_SELECTOR = 0x50;
const LDT_SELECTOR = 0x58;
const GDT_LIMIT = 0x67;
const TSS_BYTES = 0x68;
/** Offset of the legacy TSS in the page of the other. */
const LEGACY_TSS = 0x400;
/** Entries that an LDT may have. */
export const MAX_LDT_ENTRIES = 512;
/** Vectors that CPL 3 may raise by INT n. */
const USER_GATES: ReadonlySet<number> = new Set([3, 4]);
const ACCESS_TSS_BUSY = 0x8b;
const ACCESS_LDT = 0x82;

/** Writes the structures to the empty RAM `memory`. */
export function writeSystem(memory: MachineMemory): void {
  for (const format of PAGING_FORMATS) mapStructures(memory, format);
  GDT_ENTRIES.forEach((entry, n) => {
    memory.writeU64(GDT + n * 8, entry);
  });
  writeTasks(memory);
  writeIdt(memory);
}

function mapStructures(memory: MachineMemory, format: PagingFormat): void {
  const { tables, systemBase, entryBytes } = format;
  const page = Number(systemBase >> 12n);
  const enter = (place: number, hpa: number, flags: number): void => {
    const entry = BigInt(hpa | flags);
    if (entryBytes === 8) memory.writeU64(place, entry);
    else memory.writeU32(place, Number(entry));
  };
  tables.forEach((hpa, level) => {
    const next = tables[level + 1];
    const place = (n: number): number => hpa + format.slot(page + n, level);
    if (next !== undefined) enter(place(0), next, format.tableFlags(level, PTE_RW));
    else {
      STRUCTURES.forEach((structure, n) => {
        enter(place(n), structure, PTE_P | PTE_RW | PTE_AD);
      });
    }
  });
}

/** Loads GDTR, IDTR, LDTR and TR; `ldt` are the entries that writeLdt has written. */
export function loadTables(view: CpuView, format: PagingFormat, ldt: readonly bigint[]): void {
  const base = (hpa: number): bigint => format.systemBase + BigInt(hpa - GDT);
  const { isLong } = format;
  view.setU64('GDTR_BASE', base(GDT));
  view.setU32('GDTR_LIMIT', GDT_LIMIT);
  view.setU64('IDTR_BASE', base(isLong ? IDT : LEGACY_IDT));
  view.setU32('IDTR_LIMIT', isLong ? 0xfff : 0x7ff);
  const noLdt = { selector: 0, base: 0n, limit: 0, access: UNUSABLE };
  const limit = ldt.length * 8 - 1;
  const someLdt = { selector: LDT_SELECTOR, base: base(LDT), limit, access: ACCESS_LDT };
  view.setSegment('ldtr', ldt.length === 0 ? noLdt : someLdt);
  view.setSegment('tr', {
    selector: isLong ? TSS_SELECTOR : LEGACY_TSS_SELECTOR,
    base: base(TSS) + (isLong ? 0n : BigInt(LEGACY_TSS)),
    limit: TSS_BYTES - 1,
    access: ACCESS_TSS_BUSY,
  });
}

/** Writes the LDT of a request; what another has left behind it lies beyond the limit. */
export function writeLdt(memory: MachineMemory, ldt: readonly bigint[]): void {
  ldt.forEach((entry, n) => {
    memory.writeU64(LDT + n * 8, entry);
  });
}

/** The hidden part of a segment register that `selector` loads; undefined if it names no segment. */
export function segmentOf(selector: number, ldt: readonly bigint[]): SegmentState | undefined {
  const table = selector & 4 ? ldt : GDT_ENTRIES;
  const low = table[selector >> 3];
  if (low === undefined || ((low >> 44n) & 1n) === 0n) return undefined;
  const access = Number((low >> 40n) & 0xf0ffn) | 1;
  const base = ((low >> 16n) & 0xffffffn) | ((low >> 56n) << 24n);
  const pages = Number((low & 0xffffn) | ((low >> 32n) & 0xf0000n));
  const limit = access & 0x8000 ? pages * 0x1000 + 0xfff : pages;
  return { selector, base, limit, access };
}

function writeTasks(memory: MachineMemory): void {
  const [long, , legacy] = PAGING_FORMATS;
  const tss = (format: PagingFormat): bigint => format.systemBase + BigInt(TSS - GDT);
  const descriptor = (base: bigint): bigint =>
    BigInt(TSS_BYTES - 1) |
    ((base & 0xffffffn) << 16n) |
    (BigInt(ACCESS_TSS_BUSY) << 40n) |
    (((base >> 24n) & 0xffn) << 56n);
  memory.writeU64(GDT + TSS_SELECTOR, descriptor(tss(long)));
  memory.writeU64(GDT + TSS_SELECTOR + 8, tss(long) >> 32n);
  memory.writeU64(GDT + LEGACY_TSS_SELECTOR, descriptor(tss(legacy) + BigInt(LEGACY_TSS)));
  for (const place of [TSS, TSS + LEGACY_TSS]) {
    memory.writeU64(place + 0x60, BigInt(TSS_BYTES) << 48n); // no I/O permission bitmap
  }
}

function writeIdt(memory: MachineMemory): void {
  for (let vector = 0; vector < 256; vector++) {
    const dpl = USER_GATES.has(vector) ? 3n : 0n;
    const gate = (0x8en | (dpl << 5n)) << 40n;
    memory.writeU64(IDT + vector * 16, gate | (0x10n << 16n));
    memory.writeU64(LEGACY_IDT + vector * 8, gate | (0x08n << 16n));
  }
}
