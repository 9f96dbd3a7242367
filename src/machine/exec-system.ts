/**
 * The system structures of `exec`: GDT, IDT and TSS in frames of their own, and the page tables that
 * map them for the supervisor, out of reach of CPL 3. The GDT is that of 64-bit Linux, so that
 * selectors mean what they mean to a program there: 0x33 and 0x2b at CPL 3, 0x10 and 0x18 at CPL 0.
 */

import type { CpuView } from './cpu-view.ts';
import type { MachineMemory } from './memory.ts';

/** GVA of GDT, IDT and TSS, a page each. */
export const SYSTEM_BASE = 0xffff_ff00_0000_0000n;
/** HPA of the root of the page tables. */
export const PML4 = 0x1000;
const PDPT = 0x2000;
const PD = 0x3000;
const PT = 0x4000;
const GDT = 0x5000;
const IDT = 0x6000;
const TSS = 0x7000;
/** HPA behind the system structures. */
export const SYSTEM_END = 0x8000;

export const PTE_P = 1;
export const PTE_RW = 2;
export const PTE_US = 4;
export const PTE_AD = 0x60;

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
const TSS_SELECTOR = 0x40;
const TSS_BYTES = 0x68;
const TSS_BASE = SYSTEM_BASE + 0x2000n;
/** Vectors that CPL 3 may raise by INT n. */
const USER_GATES: ReadonlySet<number> = new Set([3, 4]);
const UNUSABLE = 1 << 16;

/** Writes the structures to the empty RAM `memory`. */
export function writeSystem(memory: MachineMemory): void {
  const flags = PTE_P | PTE_RW | PTE_AD;
  const slot = Number((SYSTEM_BASE >> 39n) & 0x1ffn);
  memory.writeU64(PML4 + slot * 8, BigInt(PDPT | flags));
  memory.writeU64(PDPT, BigInt(PD | flags));
  memory.writeU64(PD, BigInt(PT | flags));
  [GDT, IDT, TSS].forEach((hpa, n) => {
    memory.writeU64(PT + n * 8, BigInt(hpa | flags));
  });
  GDT_ENTRIES.forEach((entry, n) => {
    memory.writeU64(GDT + n * 8, entry);
  });
  writeTss(memory);
  writeIdt(memory);
}

/** Loads GDTR, IDTR, LDTR and TR. */
export function loadTables(view: CpuView): void {
  view.setU64('GDTR_BASE', SYSTEM_BASE);
  view.setU32('GDTR_LIMIT', TSS_SELECTOR + 15);
  view.setU64('IDTR_BASE', SYSTEM_BASE + 0x1000n);
  view.setU32('IDTR_LIMIT', 0xfff);
  view.setSegment('ldtr', { selector: 0, base: 0n, limit: 0, access: UNUSABLE });
  view.setSegment('tr', {
    selector: TSS_SELECTOR,
    base: TSS_BASE,
    limit: TSS_BYTES - 1,
    access: 0x8b,
  });
}

function writeTss(memory: MachineMemory): void {
  const low =
    BigInt(TSS_BYTES - 1) |
    ((TSS_BASE & 0xffffffn) << 16n) |
    (0x8bn << 40n) |
    (((TSS_BASE >> 24n) & 0xffn) << 56n);
  memory.writeU64(GDT + TSS_SELECTOR, BigInt.asUintN(64, low));
  memory.writeU64(GDT + TSS_SELECTOR + 8, TSS_BASE >> 32n);
  memory.writeU64(TSS + 0x60, BigInt(TSS_BYTES) << 48n); // no I/O permission bitmap
}

function writeIdt(memory: MachineMemory): void {
  for (let vector = 0; vector < 256; vector++) {
    const dpl = USER_GATES.has(vector) ? 3n : 0n;
    const low = (0x10n << 16n) | ((0x8en | (dpl << 5n)) << 40n);
    memory.writeU64(IDT + vector * 16, low);
    memory.writeU64(IDT + vector * 16 + 8, 0n);
  }
}
