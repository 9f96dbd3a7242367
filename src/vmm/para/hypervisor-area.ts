/**
 * What the VMM needs in the address space of a domain, in the part that Xen's ABI leaves to the hypervisor: IDT, TSS, and the
 * tables of descriptors that the processor uses. Pages of the GDT up to FIRST_RESERVED_GDT_PAGE are the guest's frames,
 * those of the LDT as well, once they are needed. All of it is for supervisors only.
 *
 *   page 0 IDT    1 TSS    2 to 17 GDT    18 to 33 LDT
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { HYPERVISOR_VIRT_START } from '../../xen/address-space.ts';
import { FIRST_RESERVED_GDT_BYTE, FIRST_RESERVED_GDT_PAGE, FLAT } from '../../xen/segments.ts';
import { FRAME_VMM, type FramePool, PAGE_SHIFT, PAGE_SIZE } from '../frames.ts';

const PTE_P_RW_A_D = 0x63;
const TABLE_PAGES = 16;
const GDT_PAGE = 2;
const LDT_PAGE = GDT_PAGE + TABLE_PAGES;
const PAGES = LDT_PAGE + TABLE_PAGES;

/** Slot of the L4 table, of those that are the hypervisor's; the one before has the table of machine to physical frames. */
const SLOT_BYTES = 1n << 39n;
const AREA = HYPERVISOR_VIRT_START + SLOT_BYTES;

/** Selectors of the VMM in the reserved part of the GDT. */
export const HOST_CODE = FIRST_RESERVED_GDT_BYTE | 0x08;
export const HOST_TSS = FIRST_RESERVED_GDT_BYTE | 0x40;
export const HOST_LDT = FIRST_RESERVED_GDT_BYTE | 0x50;

const CODE64 = 0x00af9b000000ffffn;
const CODE64_DPL3 = 0x00affb000000ffffn;
const CODE32_DPL3 = 0x00cffb000000ffffn;
const DATA_DPL3 = 0x00cff3000000ffffn;
const TSS_TYPE = 0x0000890000000067n;
/** The last fields of the TSS: an I/O map beyond its limit, so that no port is open. */
const TSS_IO_MAP = 0x60;
const NO_IO_MAP = 0xffffn << 48n;
/** A gate to the VMM: present, interrupt gate. */
const GATE = 0x8e00_0000_0000n;
const GATE_DPL3 = 3n << 45n;
const VECTORS = 256;
/** Gates that INT of CPL 3 passes: #BP, #OF and the system call of old. */
const OPEN_VECTORS: ReadonlySet<number> = new Set([3, 4, 0x80]);

/** GVA of the tables. */
export const IDT_BASE = AREA;
export const IDT_LIMIT = VECTORS * 16 - 1;
export const TSS_BASE = AREA + BigInt(PAGE_SIZE);
export const GDT_BASE = AREA + BigInt(GDT_PAGE * PAGE_SIZE);
export const LDT_BASE = AREA + BigInt(LDT_PAGE * PAGE_SIZE);

export class HypervisorArea {
  /** The frame of the PDPT that the slot's entry of every root names. */
  readonly table: number;
  readonly #memory: MachineMemory;
  readonly #pageTable: number;
  /** What there is where the guest has no frame. */
  readonly #zero: number;

  constructor(memory: MachineMemory, pool: FramePool) {
    this.#memory = memory;
    const take = (): number => {
      const frame = pool.take(FRAME_VMM);
      memory.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
      return frame;
    };
    this.table = take();
    const directory = take();
    this.#pageTable = take();
    this.#zero = take();
    this.#link(this.table, 0, directory);
    this.#link(directory, 0, this.#pageTable);
    const [idt, tss, reserved] = [take(), take(), take()];
    this.#link(this.#pageTable, 0, idt);
    this.#link(this.#pageTable, 1, tss);
    for (let page = GDT_PAGE; page < PAGES; page++) this.#link(this.#pageTable, page, this.#zero);
    this.#link(this.#pageTable, GDT_PAGE + FIRST_RESERVED_GDT_PAGE, reserved);
    for (let vector = 0; vector < VECTORS; vector++) {
      const open = OPEN_VECTORS.has(vector) ? GATE_DPL3 : 0n;
      memory.writeU64(
        idt * PAGE_SIZE + vector * 16,
        GATE | open | (BigInt(HOST_CODE & 0xffff) << 16n),
      );
    }
    memory.writeU64(tss * PAGE_SIZE + TSS_IO_MAP, NO_IO_MAP);
    const descriptor = (selector: number, value: bigint): void =>
      memory.writeU64(reserved * PAGE_SIZE + ((selector & ~7) - FIRST_RESERVED_GDT_BYTE), value);
    descriptor(HOST_CODE, CODE64);
    descriptor(HOST_TSS, TSS_TYPE);
    descriptor(FLAT.RING3_CS32, CODE32_DPL3);
    descriptor(FLAT.RING3_SS64, DATA_DPL3);
    descriptor(FLAT.RING3_CS64, CODE64_DPL3);
  }

  /** The guest's part of the GDT has these frames. */
  setGdt(frames: readonly number[]): void {
    for (let page = 0; page < FIRST_RESERVED_GDT_PAGE; page++) {
      this.#link(this.#pageTable, GDT_PAGE + page, frames[page] ?? this.#zero);
    }
  }

  /** No page of the LDT is known; using one faults. */
  clearLdt(): void {
    for (let page = 0; page < TABLE_PAGES; page++) this.#write(this.#pageTable, LDT_PAGE + page, 0);
  }

  setLdtPage(page: number, frame: number): void {
    this.#link(this.#pageTable, LDT_PAGE + page, frame);
  }

  #link(table: number, index: number, frame: number): void {
    this.#write(table, index, frame * PAGE_SIZE + PTE_P_RW_A_D);
  }

  #write(table: number, index: number, entry: number): void {
    this.#memory.writeU64((table << PAGE_SHIFT) + index * 8, BigInt(entry));
  }
}

/** The page of the LDT that `address` lies in; undefined if it lies elsewhere. */
export function ldtPageOf(address: bigint): number | undefined {
  const offset = address - LDT_BASE;
  if (offset < 0n || offset >= BigInt(TABLE_PAGES * PAGE_SIZE)) return undefined;
  return Number(offset >> BigInt(PAGE_SHIFT));
}
