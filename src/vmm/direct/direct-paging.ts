/**
 * The memory technique `direct`, by the ABI of Xen: the guest's own tables, with machine addresses, are those that the
 * processor walks. The guest cannot write to them; it asks for each change by a call, and what a change may do is
 * checked before. So an address space can never reach a frame of another VM, nor a table be written to.
 */

import { assert } from '../../base/assert.ts';
import type { MachineMemory } from '../../machine/memory.ts';
import { type BatchCall, Batches, type BatchOutcome } from './batches.ts';
import { DescriptorTables } from './descriptor-tables.ts';
import { Domain, type XenSlots } from './domain.ts';
import { EntryUpdates } from './entry-updates.ts';
import type { Domains } from './foreign-domain.ts';
import { type FrameTable, TYPE_L4, TYPE_WRITABLE } from './frame-table.ts';
import type { GuestArguments } from './guest-arguments.ts';
import type { MachineToPhys } from './machine-to-phys.ts';
import { MmuUpdate } from './mmu-update.ts';
import { MmuextOp } from './mmuext-op.ts';
import { PageTypes } from './page-types.ts';
import type { Translations } from './pending-flush.ts';
import { Pins } from './pins.ts';
import { FIRST_XEN_SLOT, LAST_XEN_SLOT } from './pte.ts';
import { Reservation } from './reservation.ts';
import { Roots } from './roots.ts';
import { RESTART, Slice } from './slice.ts';
import { TableEntries } from './table-entries.ts';
import { TableWrites } from './table-writes.ts';
import { VaMapping } from './va-mapping.ts';
import { WholePages } from './whole-pages.ts';

/** What the VMM does for direct paging. */
export interface DirectHost extends Translations {
  /** Kernel or user root is another one. */
  rootsChanged(): void;
  /** The LDT is another one, or its pages are to be looked up again. */
  ldtChanged(): void;
}

export interface DirectPagingOptions {
  /** Number of the VM, the owner of its frames. */
  readonly number: number;
  readonly domains: Domains;
  /** Those of the machine. */
  readonly frames: FrameTable;
  readonly machineToPhys: MachineToPhys;
  readonly memory: MachineMemory;
  /** Supervisor-only but for the first one, which is that of `machineToPhys`. */
  readonly xenSlots: XenSlots;
  readonly arguments: GuestArguments;
  readonly host: DirectHost;
  /** How many frames of memory it has at the beginning, and may have. */
  readonly reserved: { readonly current: number; readonly maximum: number };
  /** What its calls share. */
  readonly slice?: Slice;
}

export class DirectPaging {
  readonly domain: Domain;
  readonly types: PageTypes;
  readonly descriptors: DescriptorTables;
  readonly pages: WholePages;
  readonly reservation: Reservation;
  readonly tableWrites: TableWrites;
  readonly #pins: Pins;
  readonly #roots: Roots;
  readonly #batches: Batches;
  readonly #mmuUpdate: MmuUpdate;
  readonly #mmuextOp: MmuextOp;
  readonly #vaMapping: VaMapping;

  constructor(options: DirectPagingOptions) {
    const { frames, memory, xenSlots, host, machineToPhys, domains } = options;
    assert(
      xenSlots.length === LAST_XEN_SLOT - FIRST_XEN_SLOT + 1,
      'each of Xen slots has an entry',
    );
    const domain = new Domain({
      number: options.number,
      frames,
      entries: new TableEntries(memory),
      xenSlots,
      translations: host,
      freed: (frame) => this.reservation.freed(frame),
      slice: options.slice ?? new Slice(),
    });
    const types = new PageTypes(domain);
    const updates = new EntryUpdates(domain, types);
    const descriptors = new DescriptorTables(domain, types, () => host.ldtChanged());
    const roots = new Roots(domain, types, descriptors, () => host.rootsChanged());
    const pins = new Pins(domain, types);
    this.pages = new WholePages(domain, memory);
    const { pages } = this;
    const parts = { pins, roots, descriptors, domains, arguments: options.arguments, pages };
    this.domain = domain;
    this.types = types;
    this.descriptors = descriptors;
    this.reservation = new Reservation(domain, memory, machineToPhys, options.reserved);
    this.tableWrites = new TableWrites(domain, updates);
    this.#pins = pins;
    this.#roots = roots;
    const { slice, flush, counters } = domain;
    const dropOld = (): number => types.dropOld();
    this.#batches = new Batches({ slice, flush, counters, memory: options.arguments, dropOld });
    this.#mmuUpdate = new MmuUpdate(domain, updates, machineToPhys, domains);
    this.#mmuextOp = new MmuextOp(domain, parts);
    this.#vaMapping = new VaMapping(domain, updates, options.arguments);
  }

  /** The first address space, made by the VMM: pinned, and the kernel's. An error number if it is not valid. */
  start(root: number): number {
    const pinned = this.#whole(() => this.#pins.pin(root, TYPE_L4));
    const result = pinned === 0 ? this.#whole(() => this.#roots.setKernel(root)) : pinned;
    this.domain.flush.perform();
    return result;
  }

  /** All slices of some work, one after the other. */
  #whole(step: () => number): number {
    for (;;) {
      this.domain.slice.begin();
      const result = step();
      if (result === 0) return 0;
      while (this.types.dropOld() === RESTART) this.domain.slice.begin();
      if (result !== RESTART) return result;
    }
  }

  /** From now on the VMM writes to a frame of the guest: it stays writable. False if it is in use as something else, or not the guest's. */
  shareFrame(frame: number): boolean {
    const { domain } = this;
    if (!domain.use(frame)) return false;
    const isWritable = domain.frames.useAs(frame, TYPE_WRITABLE, domain.flush);
    if (!isWritable) domain.drop(frame);
    domain.flush.perform();
    return isWritable;
  }

  /** One slice of MMUEXT_NEW_BASEPTR by itself: 0, an error number, or RESTART. */
  setKernelRoot(frame: number): number {
    this.domain.slice.begin();
    const isOldLeft = this.types.dropOld() === RESTART;
    const result = isOldLeft ? RESTART : this.#roots.setKernel(frame);
    this.domain.flush.perform();
    return result;
  }

  mmuUpdate(call: BatchCall): BatchOutcome {
    return this.#batches.run(call, this.#mmuUpdate);
  }

  mmuextOp(call: BatchCall): BatchOutcome {
    return this.#batches.run(call, this.#mmuextOp);
  }

  updateVaMapping(va: bigint, value: bigint, flags: bigint): number {
    return this.#vaMapping.run(va, value, flags);
  }
}
