/**
 * What the VMM itself needs in the address space of its guests, as any host does: IDT, TSS, and a GDT and an LDT for
 * each view. They lie in frames of the VMM, and one page directory pointer table maps them for every root, for
 * supervisors only.
 *
 *   page 0 IDT    1 TSS    then 16 pages each: GDT and LDT of the kernel view, GDT and LDT of the user view
 */

import type { MachineMemory } from '../machine/memory.ts';
import { FRAME_VMM, type FramePool, PAGE_SIZE } from './frames.ts';
import type { ViewName } from './shadow/shadow-page.ts';

const PTE_P_RW_A_D = 0x63;
const TABLE_PAGES = 16;
export const TABLE_BYTES = TABLE_PAGES * PAGE_SIZE;

export const IDT_OFFSET = 0;
export const TSS_OFFSET = PAGE_SIZE;
const TABLES_OFFSET = 2 * PAGE_SIZE;

/** Where a view's tables are, from the start of the structures. */
export function gdtOffset(view: ViewName): number {
  return TABLES_OFFSET + (view === 'kernel' ? 0 : 2) * TABLE_BYTES;
}
export function ldtOffset(view: ViewName): number {
  return gdtOffset(view) + TABLE_BYTES;
}

/** Selectors of the VMM, at the end of every GDT, where no guest looks for its own. */
export const HOST_CODE = 0xffd0;
export const HOST_DATA = 0xffd8;
/** A flat stack segment for kernels that run without one, as 64-bit ones may; user code would find it. */
export const FLAT_STACK = 0xffe0 | 3;
export const HOST_TSS = 0xfff0;
/** Selector of the LDT while the guest has one: it is not in the GDT. */
export const HOST_LDT = 0xffc8;
/** Bytes of a GDT that are the guest's. */
export const GUEST_GDT_BYTES = 0xffc8;

const CODE64 = 0x00af9b000000ffffn;
const DATA = 0x00cf93000000ffffn;
const DATA_DPL3 = 0x00cff3000000ffffn;
const TSS_TYPE = 0x0000890000000067n;
/** The last fields of the TSS: an I/O map beyond its limit, so that no port is open. */
const TSS_IO_MAP = 0x60;
const NO_IO_MAP = 0xffffn << 48n;
/** A gate to the VMM: present, DPL 0, interrupt gate. */
const GATE = 0x8e00_0000_0000n;
const VECTORS = 256;

export class HostStructures {
  /** Frame of the PDPT that a root's entry for the VMM names. */
  readonly table: number;
  readonly #memory: MachineMemory;
  /** Frames by page of the structures. */
  readonly #frames: number[] = [];

  constructor(memory: MachineMemory, pool: FramePool) {
    this.#memory = memory;
    const take = (): number => {
      const frame = pool.take(FRAME_VMM);
      memory.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
      return frame;
    };
    const link = (table: number, index: number, frame: number): void =>
      memory.writeU64(table * PAGE_SIZE + index * 8, (BigInt(frame) << 12n) | BigInt(PTE_P_RW_A_D));
    const pages = (TABLES_OFFSET + 4 * TABLE_BYTES) / PAGE_SIZE;
    this.table = take();
    const directory = take();
    const pageTable = take();
    link(this.table, 0, directory);
    link(directory, 0, pageTable);
    for (let page = 0; page < pages; page++) {
      this.#frames.push(take());
      link(pageTable, page, this.#frames[page] ?? 0);
    }
    for (let vector = 0; vector < VECTORS; vector++) {
      this.write(IDT_OFFSET + vector * 16, GATE | (BigInt(HOST_CODE) << 16n));
    }
    this.write(TSS_OFFSET + TSS_IO_MAP, NO_IO_MAP);
    for (const view of ['kernel', 'user'] as const) {
      const gdt = gdtOffset(view);
      this.write(gdt + HOST_CODE, CODE64);
      this.write(gdt + HOST_DATA, DATA);
      this.write(gdt + HOST_TSS, TSS_TYPE);
    }
    this.write(gdtOffset('kernel') + (FLAT_STACK & ~3), DATA_DPL3);
  }

  /** Writes the u64 at `offset` of the structures. */
  write(offset: number, value: bigint): void {
    const frame = this.#frames[Math.floor(offset / PAGE_SIZE)] ?? 0;
    this.#memory.writeU64(frame * PAGE_SIZE + (offset % PAGE_SIZE), value);
  }
}

/** GVA of the structures in a root whose entry `slot` is the VMM's. */
export function structuresBase(slot: number): bigint {
  const base = BigInt(slot) << 39n;
  return slot < 256 ? base : base | 0xffff_0000_0000_0000n;
}
