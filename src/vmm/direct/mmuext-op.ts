/** HYPERVISOR_mmuext_op: pins, roots, flushes, the LDT, and whole pages. */

import type { MachineMemory } from '../../machine/memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { BatchEntries } from './batches.ts';
import type { DescriptorTables } from './descriptor-tables.ts';
import type { Domain } from './domain.ts';
import { EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } from './errors.ts';
import { type Domains, pageOwner } from './foreign-domain.ts';
import { TYPE_L1, TYPE_WRITABLE } from './frame-table.ts';
import { type GuestArguments, isGuestAddress, readVcpuMask } from './guest-arguments.ts';
import type { Pins } from './pins.ts';
import { ENTRIES } from './pte.ts';
import type { Roots } from './roots.ts';

const MMUEXT_PIN_L1_TABLE = 0;
const MMUEXT_PIN_L4_TABLE = 3;
const MMUEXT_UNPIN_TABLE = 4;
const MMUEXT_NEW_BASEPTR = 5;
const MMUEXT_TLB_FLUSH_LOCAL = 6;
const MMUEXT_INVLPG_LOCAL = 7;
const MMUEXT_TLB_FLUSH_MULTI = 8;
const MMUEXT_INVLPG_MULTI = 9;
const MMUEXT_TLB_FLUSH_ALL = 10;
const MMUEXT_INVLPG_ALL = 11;
const MMUEXT_FLUSH_CACHE = 12;
const MMUEXT_SET_LDT = 13;
const MMUEXT_NEW_USER_BASEPTR = 15;
const MMUEXT_CLEAR_PAGE = 16;
const MMUEXT_COPY_PAGE = 17;
const MMUEXT_FLUSH_CACHE_GLOBAL = 18;
const MMUEXT_MARK_SUPER = 19;
const MMUEXT_UNMARK_SUPER = 20;
const MULTI_AFTER_LOCAL = MMUEXT_TLB_FLUSH_MULTI - MMUEXT_TLB_FLUSH_LOCAL;

export interface MmuextParts {
  readonly pins: Pins;
  readonly roots: Roots;
  readonly descriptors: DescriptorTables;
  readonly domains: Domains;
  readonly arguments: GuestArguments;
  readonly memory: MachineMemory;
}

export class MmuextOp implements BatchEntries {
  /** struct mmuext_op: u32 cmd; u64 arg1 and arg2 at 8 and 16. */
  readonly entry = new DataView(new ArrayBuffer(24));
  readonly #domain: Domain;
  readonly #parts: MmuextParts;

  constructor(domain: Domain, parts: MmuextParts) {
    this.#domain = domain;
    this.#parts = parts;
  }

  check(foreign: number): number {
    const owner = pageOwner(foreign, this.#domain.number, this.#parts.domains);
    if (typeof owner === 'number') return owner;
    return owner === 'own' ? 0 : EPERM;
  }

  perform(): number {
    const { entry } = this;
    const command = entry.getUint32(0, true);
    const va = entry.getBigUint64(8, true);
    if (command <= MMUEXT_PIN_L4_TABLE) {
      return this.#parts.pins.pin(frameAt(entry, 8), command - MMUEXT_PIN_L1_TABLE + TYPE_L1);
    }
    switch (command) {
      case MMUEXT_UNPIN_TABLE:
        return this.#parts.pins.unpin(frameAt(entry, 8));
      case MMUEXT_NEW_BASEPTR:
        return this.#parts.roots.setKernel(frameAt(entry, 8));
      case MMUEXT_NEW_USER_BASEPTR:
        return this.#parts.roots.setUser(frameAt(entry, 8));
      case MMUEXT_SET_LDT:
        return this.#parts.descriptors.setLdt(va, entry.getUint32(16, true));
      case MMUEXT_CLEAR_PAGE:
        return this.#clear(frameAt(entry, 8));
      case MMUEXT_COPY_PAGE:
        return this.#copy(frameAt(entry, 8), frameAt(entry, 16));
      // Only who has devices has what a cache could keep from memory.
      case MMUEXT_FLUSH_CACHE:
      case MMUEXT_FLUSH_CACHE_GLOBAL:
        return EACCES;
      case MMUEXT_MARK_SUPER:
      case MMUEXT_UNMARK_SUPER:
        return EOPNOTSUPP;
      default:
        return this.#flush(command, va, entry.getBigUint64(16, true));
    }
  }

  count(entries: number, isNew: boolean): void {
    const { counters } = this.#domain;
    counters.mmuextOpEntries += entries;
    if (isNew) counters.mmuextOps++;
  }

  #clear(frame: number): number {
    if (!this.#mayWrite(frame)) return EINVAL;
    this.#parts.memory.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
    return 0;
  }

  #copy(to: number, from: number): number {
    if (!this.#domain.frames.isOwned(from, this.#domain.number)) return EINVAL;
    if (!this.#mayWrite(to)) return EINVAL;
    const { memory } = this.#parts;
    memory.write(to * PAGE_SIZE, memory.page(from * PAGE_SIZE));
    return 0;
  }

  /** The frame is the guest's and no table. */
  #mayWrite(frame: number): boolean {
    const { frames, flush, slice, number } = this.#domain;
    slice.spend(ENTRIES);
    if (!frames.isOwned(frame, number)) return false;
    if (!frames.useAs(frame, TYPE_WRITABLE, flush)) return false;
    frames.dropType(frame, flush);
    return true;
  }

  /** There is one virtual processor: a mask says whether it is meant. */
  #flush(command: number, va: bigint, mask: bigint): number {
    const { flush } = this.#domain;
    switch (command) {
      case MMUEXT_TLB_FLUSH_LOCAL:
      case MMUEXT_TLB_FLUSH_ALL:
        flush.all();
        return 0;
      case MMUEXT_INVLPG_LOCAL:
      case MMUEXT_INVLPG_ALL:
        if (isGuestAddress(va)) flush.page(va);
        return 0;
      case MMUEXT_TLB_FLUSH_MULTI:
      case MMUEXT_INVLPG_MULTI: {
        const bits = readVcpuMask(this.#parts.arguments, mask);
        if (bits === undefined) return EINVAL;
        if ((bits & 1n) === 0n) return 0;
        return this.#flush(command - MULTI_AFTER_LOCAL, va, 0n);
      }
      default:
        return ENOSYS;
    }
  }
}

/** The frame number in a u64; one too large for a number is larger than any frame. */
function frameAt(entry: DataView, offset: number): number {
  return entry.getUint32(offset + 4, true) * 2 ** 32 + entry.getUint32(offset, true);
}
