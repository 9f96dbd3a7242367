/**
 * What a random kernel finds in memory beside the code, data and tables of BareMachine:
 *
 *   30000 .. 33fff  PT, PD, PDPT, PML4 once more, writable
 *   34000 .. 37fff  PML4, PDPT, PD, PT of a second address space, in which the data pages are other ones
 *   38000           an LDT
 *   39000           far pointers, 16 bytes apart
 *   200000 up       all of RAM, in a large page
 *
 * and more descriptors in its GDT, from 58 up.
 */

import type { PhysicalMemory } from '../../src/machine/memory.ts';
import { CODE, CODE_BYTES, DATA, GDT, GDT_ENTRIES, IDT, PD, PDPT, PML4, PT } from './machine.ts';

/** The page tables where they can be written, and those of the second address space. */
export const PT_ALIAS = 0x30000;
export const PD_ALIAS = 0x31000;
export const SECOND_PML4 = 0x34000;
const [SECOND_PDPT, SECOND_PD, SECOND_PT] = [0x35000, 0x36000, 0x37000];
export const LDT = 0x38000;
export const LDT_LIMIT = 0x5f;
export const LDT_SELECTOR = 0x58;
export const FAR_POINTERS = 0x39000;
export const FAR_POINTER_COUNT = 32;
export const LARGE_PAGE = 0x200000;
/** The IDT again, with no stack of its own for any vector. */
export const PLAIN_IDT = 0x3a000;

const PAGE = 0x1000;
const DATA_PAGES = 4;
const P = 1n;
const RW = 2n;
const US = 4n;
const PS = 0x80n;
const IST_BYTE = 4;
const NOP = 0x90;

// biome-ignore format: one descriptor per line.
const MORE_DESCRIPTORS = [
  0x000082038000005fn, 0n, // 58 the LDT
  0x0001ec0000080100n, 0n, // 68 a 64-bit call gate to CODE + 100, DPL 3
  0x00cf92000000ffffn,     // 78 data, not accessed
  0x00c097000000001fn,     // 80 data, expand-down
  0x0040930200000fffn,     // 88 data, 4 KiB from DATA on
  0x00cf13000000ffffn,     // 90 data, not present
  0x00cf9f000000ffffn,     // 98 conforming 32-bit code
  0x00cff2000000ffffn,     // a0 data, CPL 3, not accessed
  0x00cffa000000ffffn,     // a8 32-bit code, CPL 3, not accessed
  0x00af9a000000ffffn,     // b0 64-bit code, CPL 0, not accessed
  0x00419b0000000fffn,     // b8 32-bit code up to CODE + fff
];
export const DESCRIPTORS: readonly bigint[] = [...GDT_ENTRIES, ...MORE_DESCRIPTORS];
export const GDT_LIMIT = DESCRIPTORS.length * 8 - 1;

/** Selectors that name something, and some that do not. */
// biome-ignore format: a few per line.
export const SELECTORS: readonly [number, ...number[]] = [
  0x10, 0x10, 0x13, 0x23, 0x20, 0x08, 0x2b, 0x1b, 0x40, 0x48, 0x53, 0x30, 0x58, 0x6b, 0x78, 0x80, 0x88, 0x90,
  0x98, 0x9b, 0xa0, 0xa3, 0xab, 0xb0, 0xb8, 0xc0, 0, 3, 0x14, 0x17, 0x27, 0x44, 0xffd0, 0xffe3, 0xfff0,
];

/** Selectors of code. */
export const CODE_SELECTORS: readonly [number, ...number[]] = [
  0x08, 0x08, 0x40, 0x48, 0x2b, 0x2b, 0x1b, 0x53, 0x98, 0x9b, 0xa8, 0xb0, 0xb8, 0x10, 0x6b,
];

export function fillKernelMemory(memory: PhysicalMemory): void {
  const link = (table: number, index: number, entry: bigint): void =>
    memory.writeU64(table + 8 * index, entry);
  [PT, PD, PDPT, PML4].forEach((table, n) => {
    link(PT, (PT_ALIAS >> 12) + n, BigInt(table) | P | RW);
  });
  for (let at = SECOND_PML4; at <= PLAIN_IDT; at += PAGE) {
    link(PT, at >> 12, BigInt(at) | P | RW);
  }
  memory.write(SECOND_PT, memory.read(PT, PAGE));
  for (let n = 0; n < DATA_PAGES; n++) {
    const other = DATA + ((n + 1) % DATA_PAGES) * PAGE;
    link(SECOND_PT, (DATA >> 12) + n, BigInt(other) | P | RW | US);
  }
  link(SECOND_PML4, 0, BigInt(SECOND_PDPT) | P | RW | US);
  link(SECOND_PDPT, 0, BigInt(SECOND_PD) | P | RW | US);
  link(SECOND_PD, 0, BigInt(SECOND_PT) | P | RW | US);
  for (const table of [PD, SECOND_PD]) link(table, 1, P | RW | US | PS);
  DESCRIPTORS.forEach((entry, n) => {
    memory.writeU64(GDT + 8 * n, entry);
    if (8 * n <= LDT_LIMIT) memory.writeU64(LDT + 8 * n, entry);
  });
  for (let n = 0; n < FAR_POINTER_COUNT; n++) {
    const selector = CODE_SELECTORS[n % CODE_SELECTORS.length] ?? 0;
    memory.writeU64(
      FAR_POINTERS + 16 * n,
      BigInt(CODE + ((n * 0x90) & 0x3fff)) | (BigInt(selector) << 32n),
    );
  }
  memory.fill(CODE, CODE_BYTES, NOP);
  const gates = memory.read(IDT, PAGE);
  for (let at = IST_BYTE; at < PAGE; at += 16) gates[at] = 0;
  memory.write(PLAIN_IDT, gates);
}
