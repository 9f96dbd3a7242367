/** HYPERVISOR_mmuext_op: pins, roots, flushes, the LDT, and whole pages. */

import { isGuestAddress } from '../../xen/address-space.ts';
import { ERRNO } from '../../xen/errno.ts';
import { MMUEXT, MMUEXT_OP } from '../../xen/mmu.ts';
import type { BatchEntries } from './batches.ts';
import type { Domain } from './domain.ts';
import { type Domains, pageOwner } from './foreign-domain.ts';
import { TYPE_L1 } from './frame-table.ts';
import { type GuestArguments, readVcpuMask } from './guest-arguments.ts';

const { cmd: CMD, arg1: ARG1, arg2: ARG2 } = MMUEXT_OP.offsets;
const MULTI_AFTER_LOCAL = MMUEXT.TLB_FLUSH_MULTI - MMUEXT.TLB_FLUSH_LOCAL;

/** What it works on: frames are named as the guest names them, results are 0 or error numbers. */
export interface MmuextParts {
  readonly pins: {
    /** `type`: TYPE_L1 to TYPE_L4. */
    pin(frame: number, type: number): number;
    unpin(frame: number): number;
  };
  readonly roots: {
    setKernel(frame: number): number;
    setUser(frame: number): number;
  };
  readonly descriptors: { setLdt(base: bigint, entries: number): number };
  readonly pages: {
    clear(frame: number): number;
    copy(to: number, from: number): number;
  };
  readonly domains: Domains;
  readonly arguments: GuestArguments;
}

/** Of the VM. */
type MmuextDomain = Pick<Domain, 'number' | 'flush' | 'counters'>;

export class MmuextOp implements BatchEntries {
  readonly entry = new DataView(new ArrayBuffer(MMUEXT_OP.size));
  readonly #domain: MmuextDomain;
  readonly #parts: MmuextParts;

  constructor(domain: MmuextDomain, parts: MmuextParts) {
    this.#domain = domain;
    this.#parts = parts;
  }

  check(foreign: number): number {
    const owner = pageOwner(foreign, this.#domain.number, this.#parts.domains);
    if (typeof owner === 'number') return owner;
    return owner === 'own' ? 0 : -ERRNO.EPERM;
  }

  perform(): number {
    const { entry } = this;
    const command = entry.getUint32(CMD, true);
    const va = entry.getBigUint64(ARG1, true);
    if (command <= MMUEXT.PIN_L4_TABLE) {
      return this.#parts.pins.pin(frameAt(entry, ARG1), command - MMUEXT.PIN_L1_TABLE + TYPE_L1);
    }
    switch (command) {
      case MMUEXT.UNPIN_TABLE:
        return this.#parts.pins.unpin(frameAt(entry, ARG1));
      case MMUEXT.NEW_BASEPTR:
        return this.#parts.roots.setKernel(frameAt(entry, ARG1));
      case MMUEXT.NEW_USER_BASEPTR:
        return this.#parts.roots.setUser(frameAt(entry, ARG1));
      case MMUEXT.SET_LDT:
        return this.#parts.descriptors.setLdt(va, entry.getUint32(ARG2, true));
      case MMUEXT.CLEAR_PAGE:
        return this.#parts.pages.clear(frameAt(entry, ARG1));
      case MMUEXT.COPY_PAGE:
        return this.#parts.pages.copy(frameAt(entry, ARG1), frameAt(entry, ARG2));
      // Only who has devices has what a cache could keep from memory.
      case MMUEXT.FLUSH_CACHE:
      case MMUEXT.FLUSH_CACHE_GLOBAL:
        return -ERRNO.EACCES;
      case MMUEXT.MARK_SUPER:
      case MMUEXT.UNMARK_SUPER:
        return -ERRNO.EOPNOTSUPP;
      default:
        return this.#flush(command, va, entry.getBigUint64(ARG2, true));
    }
  }

  count(entries: number, isNew: boolean): void {
    const { counters } = this.#domain;
    counters.mmuextOpEntries += entries;
    if (isNew) counters.mmuextOps++;
  }

  /** There is one virtual processor: a mask says whether it is meant. */
  #flush(command: number, va: bigint, mask: bigint): number {
    const { flush } = this.#domain;
    switch (command) {
      case MMUEXT.TLB_FLUSH_LOCAL:
      case MMUEXT.TLB_FLUSH_ALL:
        flush.all();
        return 0;
      case MMUEXT.INVLPG_LOCAL:
      case MMUEXT.INVLPG_ALL:
        if (isGuestAddress(va)) flush.page(va);
        return 0;
      case MMUEXT.TLB_FLUSH_MULTI:
      case MMUEXT.INVLPG_MULTI: {
        const bits = readVcpuMask(this.#parts.arguments, mask);
        if (bits === undefined) return -ERRNO.EINVAL;
        if ((bits & 1n) === 0n) return 0;
        return this.#flush(command - MULTI_AFTER_LOCAL, va, 0n);
      }
      default:
        return -ERRNO.ENOSYS;
    }
  }
}

/** The frame number in a u64; one too large for a number is larger than any frame. */
function frameAt(entry: DataView, offset: number): number {
  return entry.getUint32(offset + 4, true) * 2 ** 32 + entry.getUint32(offset, true);
}
