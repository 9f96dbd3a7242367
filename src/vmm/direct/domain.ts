/** What direct paging knows of a VM, which Xen calls a domain. */

import type { DirectCounters } from './counters.ts';
import { newDirectCounters } from './counters.ts';
import type { FrameTable } from './frame-table.ts';
import { OldTable } from './old-table.ts';
import { PendingFlush, type Translations } from './pending-flush.ts';
import type { Slice } from './slice.ts';
import type { TableEntries } from './table-entries.ts';

/** Entries for Xen's slots of an L4 table, 256 to 271; the first one maps the table of machine to physical frames. */
export type XenSlots = readonly bigint[];

export class Domain {
  /** Number of the VM, the owner of its frames. */
  readonly number: number;
  readonly frames: FrameTable;
  readonly entries: TableEntries;
  readonly xenSlots: XenSlots;
  readonly counters: DirectCounters = newDirectCounters();
  readonly flush: PendingFlush;
  readonly slice: Slice;
  readonly old = new OldTable();
  /** Roots of kernel and user code; 0: none. */
  kernelRoot = 0;
  userRoot = 0;
  /** VMASST_TYPE_m2p_strict: user code does not see the table of machine to physical frames. */
  isM2pStrict = false;

  constructor(options: {
    readonly number: number;
    readonly frames: FrameTable;
    readonly entries: TableEntries;
    readonly xenSlots: XenSlots;
    readonly translations: Translations;
    /** Nothing of the VM translates any more to a frame that it has lost. */
    readonly freed: (frame: number) => void;
    readonly slice: Slice;
  }) {
    this.number = options.number;
    this.frames = options.frames;
    this.entries = options.entries;
    this.xenSlots = options.xenSlots;
    this.flush = new PendingFlush(options.translations, this.counters, options.freed);
    this.slice = options.slice;
  }

  use(frame: number): boolean {
    return this.frames.use(frame, this.number);
  }

  drop(frame: number): void {
    this.frames.drop(frame, this.flush);
  }
}
