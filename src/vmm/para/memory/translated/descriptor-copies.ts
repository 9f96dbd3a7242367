/**
 * The GDT and LDT of a translated domain. Its frames are not kept from being written, so what the processor uses are
 * copies of descriptors that have been checked: of the GDT made when the guest sets it or updates a descriptor of it, of a
 * page of the LDT when it is used first after the guest has set it or loaded other tables.
 */

import type { MachineMemory } from '../../../../machine/memory.ts';
import { isGuestAddress } from '../../../../xen/address-space.ts';
import { ERRNO } from '../../../../xen/errno.ts';
import { checkedDescriptor, type Descriptor } from '../../../direct/descriptors.ts';
import { FRAME_VMM, type FramePool, PAGE_SIZE } from '../../../frames.ts';
import type { GuestMemory } from '../../../guest-memory.ts';
import type { HypervisorArea } from '../hypervisor-area.ts';
import type { ShadowSpace } from '../shadow-space.ts';

const DESCRIPTORS = 512;
const DESCRIPTOR_BYTES = 8;
const LDT_ENTRIES = 8192;

export interface DescriptorCopiesParts {
  readonly memory: GuestMemory;
  readonly machine: MachineMemory;
  readonly pool: FramePool;
  readonly space: ShadowSpace;
  readonly area: HypervisorArea;
  /** The processor is to forget what it knows of the tables. */
  readonly flush: () => void;
}

/** Frames that it may come to need. */
export const COPY_FRAMES = 32;

export class DescriptorCopies {
  readonly #parts: DescriptorCopiesParts;
  /** Frames of the guest that its GDT is. */
  #gdt: readonly number[] = [];
  #ldtBase = 0n;
  #ldtEntries = 0;
  /** Frames of the VMM by page: of the GDT, and behind it of the LDT. */
  readonly #copies: number[] = [];

  constructor(parts: DescriptorCopiesParts) {
    this.#parts = parts;
  }

  get ldtBase(): bigint {
    return this.#ldtBase;
  }

  /** HYPERVISOR_set_gdt, by frames of the guest. */
  setGdt(gfns: readonly number[]): number {
    const { memory, area, flush } = this.#parts;
    if (!gfns.every((gfn) => memory.holds(gfn))) return -ERRNO.EINVAL;
    const pages = gfns.map((gfn) => this.#checked(gfn));
    if (pages.some((page) => page === undefined)) return -ERRNO.EINVAL;
    this.#gdt = gfns;
    area.setGdt(pages.map((page, n) => this.#copy(n, page as BigUint64Array)));
    flush();
    return 0;
  }

  /** HYPERVISOR_update_descriptor, by GPA. */
  update(gpa: number, descriptor: Descriptor): number {
    const { memory, machine } = this.#parts;
    const gfn = Math.floor(gpa / PAGE_SIZE);
    const checked = checkedDescriptor(descriptor);
    const isBad = gpa % DESCRIPTOR_BYTES !== 0 || !memory.holds(gfn);
    if (isBad || checked === undefined) return -ERRNO.EINVAL;
    const value = descriptorValue(checked);
    memory.writeU64(gpa, value);
    this.#gdt.forEach((frame, n) => {
      const copy = this.#copies[n];
      if (frame === gfn && copy !== undefined) {
        machine.writeU64(copy * PAGE_SIZE + (gpa % PAGE_SIZE), value);
      }
    });
    this.forgetLdt();
    return 0;
  }

  /** MMUEXT_SET_LDT. */
  setLdt(base: bigint, entries: number): number {
    const newBase = entries === 0 ? 0n : base;
    const isAligned = newBase % BigInt(PAGE_SIZE) === 0n;
    if (entries > LDT_ENTRIES || !isAligned || !isGuestAddress(newBase)) return -ERRNO.EINVAL;
    this.#ldtBase = newBase;
    this.#ldtEntries = entries;
    this.forgetLdt();
    return 0;
  }

  /** Pages of the LDT are looked up again. */
  forgetLdt(): void {
    if (this.#parts.area.setLdt(this.#ldtEntries)) this.#parts.flush();
  }

  /** Page `page` of the LDT is used first: false if there is none, or not with descriptors. */
  useLdtPage(page: number): boolean {
    if (page * DESCRIPTORS >= this.#ldtEntries) return false;
    const { space, memory, area } = this.#parts;
    const gpa = space.gpaOf(this.#ldtBase + BigInt(page * PAGE_SIZE));
    if (gpa === undefined) return false;
    const checked = this.#checked(Math.floor(gpa / PAGE_SIZE));
    if (checked === undefined || !memory.holds(Math.floor(gpa / PAGE_SIZE))) return false;
    area.setLdtPage(page, this.#copy(COPY_FRAMES / 2 + page, checked));
    return true;
  }

  /** The descriptors of a frame, put right; undefined if one may not be. */
  #checked(gfn: number): BigUint64Array | undefined {
    const bytes = this.#parts.memory.read(gfn * PAGE_SIZE, PAGE_SIZE);
    const page = new BigUint64Array(bytes.buffer);
    const words = new Uint32Array(bytes.buffer);
    for (let n = 0; n < DESCRIPTORS; n++) {
      const low = words[2 * n] ?? 0;
      const high = words[2 * n + 1] ?? 0;
      const checked = checkedDescriptor({ low, high });
      if (checked === undefined) return undefined;
      page[n] = descriptorValue(checked);
    }
    return page;
  }

  /** The frame of copy `n`, which gets these descriptors. */
  #copy(n: number, page: BigUint64Array): number {
    const { pool, machine } = this.#parts;
    const frame = this.#copies[n] ?? pool.take(FRAME_VMM);
    this.#copies[n] = frame;
    machine.write(frame * PAGE_SIZE, new Uint8Array(page.buffer));
    return frame;
  }
}

function descriptorValue({ low, high }: Descriptor): bigint {
  return BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
}
