/**
 * What the VMM needs in the address space of a domain, in the part that Xen's ABI leaves to the hypervisor: IDT, TSS, and the
 * tables of descriptors that the processor uses. Pages of the GDT up to FIRST_RESERVED_GDT_PAGE are the guest's frames,
 * those of the LDT as well, once they are needed. All of it is for supervisors only.
 *
 *   page 0 IDT    1 TSS    2 to 17 GDT    18 to 33 LDT
 */

import { PF, PF_P, PF_US } from '../../../base/vector.ts';
import { type CpuView, LDT_ACCESS, TSS_ACCESS, UNUSABLE } from '../../../machine/cpu-view.ts';
import type { MachineMemory } from '../../../machine/memory.ts';
import { FIRST_RESERVED_GDT_BYTE, FIRST_RESERVED_GDT_PAGE, FLAT } from '../../../xen/segments.ts';
import { FIRST_XEN_SLOT } from '../../direct/pte.ts';
import { FRAME_VMM, type FramePool, PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';
import type { GuestFault } from './para-memory.ts';

const PTE_P_RW_A_D = 0x63;
const TABLE_PAGES = 16;
const GDT_PAGE = 2;
const LDT_PAGE = GDT_PAGE + TABLE_PAGES;

/** Its slot in L4 tables: the one behind the table of machine to physical frames. */
export const AREA_SLOT = FIRST_XEN_SLOT + 1;

/** Frames that it takes. */
export const AREA_FRAMES = 7;

/** Selectors of the VMM in the reserved part of the GDT. */
export const HOST_CODE = FIRST_RESERVED_GDT_BYTE | 0x08;
const HOST_TSS = FIRST_RESERVED_GDT_BYTE | 0x40;
const HOST_LDT = FIRST_RESERVED_GDT_BYTE | 0x50;

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
/** Gates that INT of CPL 3 passes: #BP and #OF, whoever may come by the guest's trap table. */
const OPEN_VECTORS: ReadonlySet<number> = new Set([3, 4]);

const DESCRIPTOR_BYTES = 8;

const SELECTOR_TI = 1 << 2;

export function isOfLdt(selector: number): boolean {
  return (selector & SELECTOR_TI) !== 0;
}

/** The page of its table that has the descriptor. */
export function ldtPageOf(selector: number): number {
  return (selector & ~7) >>> PAGE_SHIFT;
}

export class HypervisorArea {
  /** The frame of the PDPT that the slot's entry of every root names. */
  readonly table: number;
  readonly #memory: MachineMemory;
  readonly #pageTable: number;
  /** What there is where the guest has no frame. */
  readonly #zero: number;
  readonly #view: CpuView;
  #slot = 0;
  #ldtEntries = 0;
  #hasLdtPages = false;

  /** `view`: the processor that uses it. */
  constructor(memory: MachineMemory, pool: FramePool, view: CpuView) {
    this.#memory = memory;
    this.#view = view;
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
    this.setGdt([]);
    this.#link(this.#pageTable, GDT_PAGE + FIRST_RESERVED_GDT_PAGE, reserved);
    this.#link(this.#pageTable, LDT_PAGE - 1, this.#zero);
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

  /** The area is what entry `slot` of each L4 table spans, from now on. */
  place(slot: number): void {
    if (this.#slot === slot) return;
    this.#slot = slot;
    const view = this.#view;
    view.setU64('IDTR_BASE', this.#gva(0));
    view.setU32('IDTR_LIMIT', VECTORS * 16 - 1);
    view.setU64('GDTR_BASE', this.#gva(GDT_PAGE));
    view.setU32('GDTR_LIMIT', TABLE_PAGES * PAGE_SIZE - 1);
    view.setSegment('tr', {
      selector: HOST_TSS,
      base: this.#gva(1),
      limit: 0x67,
      access: TSS_ACCESS,
    });
    this.#loadLdt();
  }

  /** The LDT has so many entries, and none of its pages is known: using one faults. True if one was known. */
  setLdt(entries: number): boolean {
    const hadPages = this.#hasLdtPages;
    this.#ldtEntries = entries;
    this.#loadLdt();
    if (hadPages) {
      for (let page = 0; page < TABLE_PAGES; page++)
        this.#write(this.#pageTable, LDT_PAGE + page, 0);
    }
    this.#hasLdtPages = false;
    return hadPages;
  }

  setLdtPage(page: number, frame: number): void {
    this.#hasLdtPages = true;
    this.#link(this.#pageTable, LDT_PAGE + page, frame);
  }

  /** The page of the LDT that the processor has looked for in vain; undefined: the fault is about something else. */
  neededLdtPage({ vector, error = 0, address }: GuestFault): number | undefined {
    // The guest itself can reach nothing here.
    if (vector !== PF || (error & (PF_P | PF_US)) !== 0) return undefined;
    const offset = this.#ldtOffset(address);
    return offset === undefined ? undefined : Number(offset >> BigInt(PAGE_SHIFT));
  }

  /** What the guest, whose LDT is at `ldtBase`, knows as `address`. */
  guestAddress(address: bigint, ldtBase: bigint): bigint {
    const offset = this.#ldtOffset(address);
    return offset === undefined ? address : BigInt.asUintN(64, ldtBase + offset);
  }

  #ldtOffset(address: bigint): bigint | undefined {
    const offset = address - this.#gva(LDT_PAGE);
    return offset < 0n || offset >= BigInt(TABLE_PAGES * PAGE_SIZE) ? undefined : offset;
  }

  #loadLdt(): void {
    const isUsed = this.#ldtEntries > 0;
    this.#view.setSegment('ldtr', {
      selector: isUsed ? HOST_LDT : 0,
      base: this.#gva(LDT_PAGE),
      limit: Math.max(this.#ldtEntries * DESCRIPTOR_BYTES - 1, 0),
      access: isUsed ? LDT_ACCESS : UNUSABLE,
    });
  }

  /** GVA of a page of the area. */
  #gva(page: number): bigint {
    return (
      BigInt.asUintN(64, BigInt.asIntN(48, BigInt(this.#slot) << 39n)) + BigInt(page * PAGE_SIZE)
    );
  }

  #link(table: number, index: number, frame: number): void {
    this.#write(table, index, frame * PAGE_SIZE + PTE_P_RW_A_D);
  }

  #write(table: number, index: number, entry: number): void {
    this.#memory.writeU64(table * PAGE_SIZE + index * 8, BigInt(entry));
  }
}
