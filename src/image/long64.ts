/**
 * The state in which a long64 image is entered (the boot contract in README.md): 64-bit mode, RAM
 * mapped one to one in supervisor pages of 2 MiB. It is that of test/interop/boot/boot.asm, so that a
 * guest cannot tell QEMU, Bochs and this machine apart by it.
 *
 *   0x1000 PML4    0x2000 PDPT    0x3000 one page directory per GiB of RAM    then the GDT
 */

import type { Machine } from '../machine/machine.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { enterState, GDT_BYTES, gdtBytes } from './entry-state.ts';

const PAGE = 0x1000;
const LARGE_PAGE = 0x200000;
const GIB = 2 ** 30;

const PML4 = 0x1000;
const PDPT = 0x2000;
const DIRECTORIES = 0x3000;

const PTE_P_RW = 3n;
const PTE_PS = 0x80n;

const CR0_PG_ET_PE = 0x80000011n;
const CR4_PAE = 0x20n;
const EFER_LMA_LME = 0x500n;
const CODE64 = 0x00af9b000000ffffn;
const CODE64_ACCESS = 0xa09b;

/** Start of the boot structures. */
export const TABLES_BASE = PML4;

/** End of the boot structures of a machine with `ramBytes` of RAM. */
export function tablesEnd(ramBytes: number): number {
  return gdtBase(ramBytes) + GDT_BYTES;
}

/** Writes page tables and GDT, and puts the processor at `entry`. */
export function enterLong64(machine: Machine, entry: bigint): void {
  const { memory } = machine;
  const gdt = gdtBase(memory.size);
  writePageTables(memory);
  memory.write(gdt, gdtBytes(CODE64));
  enterState(machine, {
    cr0: CR0_PG_ET_PE,
    cr3: BigInt(PML4),
    cr4: CR4_PAE,
    efer: EFER_LMA_LME,
    gdt,
    codeAccess: CODE64_ACCESS,
    entry,
  });
}

function gdtBase(ramBytes: number): number {
  return DIRECTORIES + Math.ceil(ramBytes / GIB) * PAGE;
}

/** Maps RAM, rounded up to whole large pages. */
function writePageTables(memory: PhysicalMemory): void {
  memory.fill(PML4, gdtBase(memory.size) - PML4, 0);
  memory.writeU64(PML4, BigInt(PDPT) | PTE_P_RW);
  for (let gib = 0; gib * GIB < memory.size; gib++) {
    memory.writeU64(PDPT + gib * 8, BigInt(DIRECTORIES + gib * PAGE) | PTE_P_RW);
  }
  for (let page = 0; page * LARGE_PAGE < memory.size; page++) {
    memory.writeU64(DIRECTORIES + page * 8, BigInt(page * LARGE_PAGE) | PTE_PS | PTE_P_RW);
  }
}
