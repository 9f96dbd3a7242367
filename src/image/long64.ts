/**
 * The state in which a long64 image is entered (the boot contract in README.md): 64-bit mode, CPL 0,
 * RAM mapped one to one in supervisor pages of 2 MiB, flat segments, no IDT, interrupts off. It is
 * that of test/interop/boot/boot.asm, so that a guest cannot tell QEMU, Bochs and this machine apart
 * by it.
 *
 *   0x1000 PML4    0x2000 PDPT    0x3000 one page directory per GiB of RAM    then the GDT
 */

import type { SegmentState } from '../machine/cpu-view.ts';
import type { Machine } from '../machine/machine.ts';
import type { MachineMemory } from '../machine/memory.ts';

const PAGE = 0x1000;
const LARGE_PAGE = 0x200000;
const GIB = 2 ** 30;

const PML4 = 0x1000;
const PDPT = 0x2000;
const DIRECTORIES = 0x3000;
const STACK_TOP = 0x80000n;

const PTE_P_RW = 3n;
const PTE_PS = 0x80n;

const CR0_PG_ET_PE = 0x80000011n;
const CR4_PAE = 0x20n;
const EFER_LMA_LME = 0x500n;

const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
/** gdt[3]: null, 64-bit code, flat data. */
const GDT = [0n, 0x00af9b000000ffffn, 0x00cf93000000ffffn] as const;

const FLAT = { base: 0n, limit: 0xffffffff } as const;
const CODE: SegmentState = { ...FLAT, selector: CODE_SELECTOR, access: 0xa09b };
const DATA: SegmentState = { ...FLAT, selector: DATA_SELECTOR, access: 0xc093 };

/** Start of the boot structures. */
export const TABLES_BASE = BigInt(PML4);

/** End of the boot structures of a machine with `ramBytes` of RAM. */
export function tablesEnd(ramBytes: number): bigint {
  return BigInt(gdtBase(ramBytes) + GDT.length * 8);
}

/** Writes page tables and GDT, and puts the processor at `entry`. */
export function enterLong64(machine: Machine, entry: bigint): void {
  const { memory, processor } = machine;
  writePageTables(memory);
  const gdt = gdtBase(memory.size);
  GDT.forEach((descriptor, n) => {
    memory.writeU64(gdt + n * 8, descriptor);
  });
  const { view } = processor;
  view.setU64('CR0', CR0_PG_ET_PE);
  view.setU64('CR3', BigInt(PML4));
  view.setU64('CR4', CR4_PAE);
  view.setU64('EFER', EFER_LMA_LME);
  view.setU64('GDTR_BASE', BigInt(gdt));
  view.setU32('GDTR_LIMIT', GDT.length * 8 - 1);
  view.setU64('IDTR_BASE', 0n);
  view.setU32('IDTR_LIMIT', 0);
  view.setSegment('cs', CODE);
  for (const name of ['ds', 'es', 'ss', 'fs', 'gs'] as const) view.setSegment(name, DATA);
  view.setU32('CPL', 0);
  view.gpr.fill(0n);
  view.gpr[4] = STACK_TOP;
  view.setU64('RIP', entry);
  processor.rflags = 2n;
  processor.stateChanged();
}

function gdtBase(ramBytes: number): number {
  return DIRECTORIES + Math.ceil(ramBytes / GIB) * PAGE;
}

/** Maps RAM, rounded up to whole large pages. */
function writePageTables(memory: MachineMemory): void {
  memory.fill(PML4, gdtBase(memory.size) - PML4, 0);
  memory.writeU64(PML4, BigInt(PDPT) | PTE_P_RW);
  for (let gib = 0; gib * GIB < memory.size; gib++) {
    memory.writeU64(PDPT + gib * 8, BigInt(DIRECTORIES + gib * PAGE) | PTE_P_RW);
  }
  for (let page = 0; page * LARGE_PAGE < memory.size; page++) {
    memory.writeU64(DIRECTORIES + page * 8, BigInt(page * LARGE_PAGE) | PTE_PS | PTE_P_RW);
  }
}
