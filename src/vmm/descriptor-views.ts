/**
 * The descriptor tables under which the guest runs (DESIGN.md section 3, two views): copies of its GDT and LDT in the
 * VMM's frames, changed so that all of the guest can run at CPL 3 and what it may not do traps.
 *
 * A descriptor whose accessed flag is clear is not present in the copy: loading it traps, and the emulator sets
 * the flag in the guest's own table. The same goes for all descriptors of a page whose own accessed flags are clear. Since
 * the VMM itself cannot load them then to resume the guest, all is emulated meanwhile; where that takes long, those
 * that are in segment registers are shown, and loading the same once more goes unmarked.
 */

import {
  type CpuView,
  LOADABLE_SEGMENTS,
  SEGMENT_NAMES,
  type SegmentState,
  UNUSABLE,
  type WordWatch,
} from '../machine/cpu-view.ts';
import { PAGE_SIZE } from './frames.ts';
import { type GuestMemory, WATCH_DESCRIPTORS, type Watcher } from './guest-memory.ts';
import { GUEST_GDT_BYTES, gdtOffset, type HostStructures, ldtOffset } from './host-structures.ts';
import type { GuestPaging } from './shadow/guest-paging.ts';
import { GuestWalk, pageNumber, RIGHT_USER } from './shadow/guest-walk.ts';
import type { Shadow } from './shadow/shadow.ts';
import type { ViewName } from './shadow/shadow-page.ts';

const ACCESSED = 1n << 40n;
const GATE = 1n << 42n; // of a system descriptor
const CODE = 1n << 43n;
const SYSTEM = 1n << 44n; // 0: a system descriptor
const DPL3 = 3n << 45n;
const PRESENT = 1n << 47n;
const LONG = 1n << 53n;
const GRANULAR = 1n << 55n;

const VIEWS: readonly ViewName[] = ['kernel', 'user'];
const ENTRY_BYTES = 8;
const NO_FRAME = -1;
/** Bytes of a frame of the guest that were written. */
interface Write {
  readonly gpa: number;
  readonly bytes: number;
}

/** Writes between two copies that are taken over one by one. */
const MOST_WRITES = 64;
/** Instructions that are emulated for the sake of accessed flags. */
const PATIENCE = 1000;
const NO_SELECTORS: readonly number[] = [];
/** Of a selector: the table. */
const IN_LDT = 4;

/** One of the guest's tables as it was when it was copied. */
interface Source {
  readonly base: bigint;
  readonly bytes: number;
  /** Its pages (GuestWalk). */
  readonly pages: readonly number[];
  /** The frame of the guest that each of its pages is, or NO_FRAME; whether the guest has accessed the page. */
  readonly gfns: readonly number[];
  readonly areAccessed: readonly boolean[];
  readonly entries: BigUint64Array;
  /** The same entries, two for each: quick to compare. */
  readonly words: Uint32Array;
  /** How many of the words there are up to the last that is not 0: tables may be large, and hold little. */
  used: number;
}

const NO_ENTRIES = { entries: new BigUint64Array(), words: new Uint32Array(), used: 0 };
const NOTHING: Source = { base: 0n, bytes: 0, pages: [], gfns: [], areAccessed: [], ...NO_ENTRIES };

export class DescriptorViews implements Watcher {
  readonly #memory: GuestMemory;
  readonly #structures: HostStructures;
  readonly #shadow: Shadow;
  readonly #walk: GuestWalk;
  /** What `#look` has found. */
  readonly #found: number[] = [];
  readonly #foundAccessed: boolean[] = [];
  /** Selectors whose descriptors are shown though their page is not accessed, in the next copy. */
  #inUse: readonly number[] = NO_SELECTORS;
  /** Resumes that were refused since the tables were copied. */
  #refusals = 0;
  #gdt = NOTHING;
  #ldt = NOTHING;
  /** All is to be copied anew. */
  #isDirty = true;
  /** What was written to the frames of the tables since they were copied. */
  #writes: Write[] = [];
  #wasLong = false;
  /** Shadow.changes when the tables were looked up: the pages that they lie in may have moved since. */
  #seen = -1;
  #root = -1;
  /** Words of GDTR and LDTR, and what they were. */
  #registers: WordWatch | undefined;

  constructor(memory: GuestMemory, structures: HostStructures, shadow: Shadow) {
    this.#memory = memory;
    this.#structures = structures;
    this.#shadow = shadow;
    this.#walk = new GuestWalk(memory);
    memory.setWatcher(WATCH_DESCRIPTORS, this);
  }

  /** Counts the changes of the copies. */
  version = 0;

  written(gpa: number, before: Uint8Array): void {
    // While nothing runs directly, there may be any number of writes.
    if (this.#isDirty) return;
    this.#writes.push({ gpa, bytes: before.length });
    this.#isDirty = this.#writes.length > MOST_WRITES;
  }

  /** Makes the copies what the guest's tables are now, by the registers in `view`. */
  update(view: CpuView, paging: GuestPaging, pdptes: readonly number[], isLong: boolean): void {
    const { changes } = this.#shadow;
    const isSame = !this.#registersChanged(view) && !this.#isDirty && this.#wasLong === isLong;
    const isThere = isSame && this.#seen === changes && this.#root === paging.root;
    if (isThere && this.#writes.length === 0) return;
    this.#seen = changes;
    this.#root = paging.root;
    const stays =
      isThere ||
      (isSame &&
        this.#stayed(this.#gdt, paging, pdptes) &&
        this.#stayed(this.#ldt, paging, pdptes));
    if (stays) {
      for (const write of this.#writes) {
        this.#copyWritten(write, gdtOffset, this.#gdt);
        this.#copyWritten(write, ldtOffset, this.#ldt);
      }
      this.#writes = [];
      return;
    }
    this.#isDirty = false;
    this.#writes = [];
    this.version++;
    const gdtOld = this.#gdt;
    const ldtOld = this.#ldt;
    const isOther = this.#wasLong !== isLong;
    this.#wasLong = isLong;
    const old = [...this.#gdt.gfns, ...this.#ldt.gfns];
    const gdtBytes = Math.min(view.u32('GDTR_LIMIT') + 1, GUEST_GDT_BYTES);
    this.#gdt = this.#copy(0, view.u64('GDTR_BASE'), gdtBytes, paging, pdptes);
    const { access, base, limit } = view.segment('ldtr');
    const ldtBytes = (access & UNUSABLE) !== 0 ? 0 : Math.min(limit, 0xffff) + 1;
    this.#ldt = this.#copy(IN_LDT, base, ldtBytes, paging, pdptes);
    this.#inUse = NO_SELECTORS;
    this.#refusals = 0;
    this.#watchInsteadOf(old);
    this.#write(gdtOffset, this.#gdt, gdtOld, isOther);
    this.#write(ldtOffset, this.#ldt, ldtOld, isOther);
  }

  /** The host could not load the guest's segment registers. True if it is to try again. */
  refused(view: CpuView): boolean {
    this.#refusals++;
    if (this.#refusals < PATIENCE) return false;
    this.#inUse = selectorsOf(view);
    this.#isDirty = true;
    return true;
  }

  /** GDTR or LDTR are not what they were when this was asked last. */
  #registersChanged(view: CpuView): boolean {
    this.#registers ??= watchTables(view);
    return this.#registers.changed();
  }

  /** Bytes of the LDT. */
  get ldtBytes(): number {
    return this.#ldt.bytes;
  }

  /** The segment that `selector` names in the guest's own tables. */
  segment(selector: number): SegmentState {
    const { entries } = (selector & 4) !== 0 ? this.#ldt : this.#gdt;
    return describe(selector, entries[selector >> 3] ?? 0n);
  }

  /** Watches the frames of the tables, and no more those that were theirs; follows their pages. */
  #watchInsteadOf(old: readonly number[]): void {
    const gfns = [...this.#gdt.gfns, ...this.#ldt.gfns];
    for (const gfn of old) {
      if (gfn !== NO_FRAME && !gfns.includes(gfn)) this.#shadow.unprotect(gfn, WATCH_DESCRIPTORS);
    }
    for (const gfn of gfns) {
      if (gfn !== NO_FRAME) this.#shadow.protect(gfn, WATCH_DESCRIPTORS);
    }
    this.#shadow.followed.clear();
    for (const { pages } of [this.#gdt, this.#ldt]) {
      for (const page of pages) this.#shadow.followed.add(page);
    }
  }

  /** A copy of the table that selectors with the TI bit `table` are for. */
  #copy(
    table: number,
    base: bigint,
    bytes: number,
    paging: GuestPaging,
    pdptes: readonly number[],
  ): Source {
    const pages = pagesOf(base, bytes);
    this.#look(pages, paging, pdptes);
    const gfns = this.#found.slice(0, pages.length);
    const areAccessed = this.#foundAccessed.slice(0, pages.length);
    const entries = new BigUint64Array(bytes >> 3);
    const data = new Uint8Array(entries.buffer);
    const start = Number(base & 0xfffn);
    gfns.forEach((gfn, n) => {
      const at = Math.max(n * PAGE_SIZE - start, 0);
      const end = Math.min((n + 1) * PAGE_SIZE - start, data.length);
      if (gfn !== NO_FRAME && at < end) {
        const from = (start + at) % PAGE_SIZE;
        data.set(this.#memory.page(gfn * PAGE_SIZE).subarray(from, from + end - at), at);
      }
      // An entry that crosses a page end is left to the emulator.
      if (at % ENTRY_BYTES !== 0 && at < data.length) entries[Math.floor(at / ENTRY_BYTES)] = 0n;
      if (areAccessed[n]) return;
      const first = Math.ceil(at / ENTRY_BYTES);
      const behind = Math.max(Math.ceil(end / ENTRY_BYTES), first);
      const kept = this.#inUse
        .filter((used) => (used & IN_LDT) === table)
        .map((used) => used >> 3)
        .filter((entry) => entry >= first && entry < behind)
        .map((entry) => [entry, entries[entry] ?? 0n] as const);
      entries.fill(0n, first, behind);
      for (const [entry, value] of kept) entries[entry] = value;
    });
    const words = new Uint32Array(entries.buffer);
    return { base, bytes, pages, gfns, areAccessed, entries, words, used: usedOf(words) };
  }

  /** Takes over the entries of a table in which something was written. */
  #copyWritten({ gpa, bytes }: Write, offsetOf: (view: ViewName) => number, table: Source): void {
    const start = Number(table.base & 0xfffn);
    table.gfns.forEach((gfn, n) => {
      if (gfn !== Math.floor(gpa / PAGE_SIZE)) return;
      const at = n * PAGE_SIZE - start + (gpa % PAGE_SIZE);
      const last = Math.min(Math.floor((at + bytes - 1) / ENTRY_BYTES), table.entries.length - 1);
      for (let entry = Math.max(Math.floor(at / ENTRY_BYTES), 0); entry <= last; entry++) {
        const offset = start + entry * ENTRY_BYTES - n * PAGE_SIZE;
        // Those that are hidden, because their page is not accessed or ends in them, stay so.
        if (offset < 0 || offset > PAGE_SIZE - ENTRY_BYTES) continue;
        if (!table.areAccessed[n] && table.entries[entry] === 0n) continue;
        const value = this.#memory.readU64(gfn * PAGE_SIZE + offset);
        if (table.entries[entry] === value) continue;
        table.entries[entry] = value;
        table.used = Math.max(table.used, entry * 2 + 2);
        this.#writeEntry(offsetOf, entry, value);
        this.version++;
      }
    });
  }

  /** Writes an entry for both views. */
  #writeEntry(offsetOf: (view: ViewName) => number, entry: number, value: bigint): void {
    for (const view of VIEWS) {
      const at = offsetOf(view) + entry * ENTRY_BYTES;
      this.#structures.write(at, changed(value, view, this.#wasLong));
    }
  }

  /** The pages of a table are the frames that they were when it was copied. */
  #stayed(
    { pages, gfns, areAccessed }: Source,
    paging: GuestPaging,
    pdptes: readonly number[],
  ): boolean {
    this.#look(pages, paging, pdptes);
    return gfns.every(
      (gfn, n) => gfn === this.#found[n] && areAccessed[n] === this.#foundAccessed[n],
    );
  }

  /** Finds the frame of each of `pages`, which follow one another: one walk does for all in a large page. */
  #look(pages: readonly number[], paging: GuestPaging, pdptes: readonly number[]): void {
    let reach = 0;
    let gfn = NO_FRAME;
    let isAccessed = false;
    for (let n = 0; n < pages.length; n++) {
      const page = pages[n] as number;
      if (page < reach && this.#memory.holds(gfn + 1)) gfn++;
      else {
        gfn = this.#frameOf(page, paging, pdptes);
        reach = gfn === NO_FRAME || paging.mode === 'off' ? 0 : this.#walk.end(page);
        isAccessed = gfn !== NO_FRAME && (paging.mode === 'off' || this.#walk.isAccessed);
      }
      this.#found[n] = gfn;
      this.#foundAccessed[n] = isAccessed;
    }
  }

  /** The frame of the guest at `page`, or NO_FRAME where it cannot read descriptors. */
  #frameOf(page: number, paging: GuestPaging, pdptes: readonly number[]): number {
    if (paging.mode === 'off') return this.#memory.holds(page) ? page : NO_FRAME;
    if (!this.#walk.walk(page, paging, pdptes)) return NO_FRAME;
    if (paging.implicitSmap && (this.#walk.rights & RIGHT_USER) !== 0) return NO_FRAME;
    return this.#memory.holds(this.#walk.gfn) ? this.#walk.gfn : NO_FRAME;
  }

  /** Writes for both views what differs from the table `before`, or all entries that are not 0. */
  #write(
    offsetOf: (view: ViewName) => number,
    { words, entries, used }: Source,
    before: Source,
    all: boolean,
  ): void {
    const old = before.words;
    for (let n = 0; n < Math.max(used, before.used); n += 2) {
      const low = n < words.length ? words[n] : 0;
      const high = n < words.length ? words[n + 1] : 0;
      const isZero = low === 0 && high === 0;
      const isSame = n < old.length ? low === old[n] && high === old[n + 1] : isZero;
      if (isSame && (!all || isZero)) continue;
      this.#writeEntry(offsetOf, n >> 1, entries[n >> 1] ?? 0n);
    }
  }
}

/** How many of `words` there are up to the last that is not 0. */
function usedOf(words: Uint32Array): number {
  let used = words.length;
  while (used > 0 && words[used - 1] === 0) used--;
  return used;
}

/** What ES, CS, SS, DS, FS and GS hold. */
function selectorsOf(view: CpuView): number[] {
  return LOADABLE_SEGMENTS.map((name) => view.segment(name).selector);
}

/** The pages that `bytes` at `base` lie in. */
function pagesOf(base: bigint, bytes: number): readonly number[] {
  if (bytes === 0) return [];
  const count = Number(((base + BigInt(bytes - 1)) >> 12n) - (base >> 12n)) + 1;
  return Array.from({ length: count }, (_, n) => pageNumber(base + BigInt(n * PAGE_SIZE)));
}

/** GDTR and LDTR in `view`. */
function watchTables(view: CpuView): WordWatch {
  const { layout } = view;
  const ldtr = SEGMENT_NAMES.indexOf('ldtr') * layout('SEG_BYTES');
  const offsets = [0, 4, layout('SEG_LIMIT'), layout('SEG_ACCESS')];
  return view.watch([
    ['GDTR_BASE', 0],
    ['GDTR_BASE', 4],
    ['GDTR_LIMIT', 0],
    ...offsets.map((offset) => ['SEGS', ldtr + offset] as const),
  ]);
}

/** A descriptor of the guest as `view` has it: LAR, LSL, VERR and VERW find there as much as may be right. */
function changed(entry: bigint, view: ViewName, isLong: boolean): bigint {
  if (entry === 0n) return 0n;
  const visible = isLong || (entry & SYSTEM) === 0n ? entry : entry & ~LONG;
  const shown = mustTrap(entry, view) ? visible & ~PRESENT : visible;
  return view === 'kernel' ? shown | DPL3 : shown;
}

/** The guest must not use the descriptor by itself. LDTs and TSSs need no more: at CPL 3 nothing can load them. */
function mustTrap(entry: bigint, view: ViewName): boolean {
  if ((entry & SYSTEM) === 0n) return (entry & GATE) !== 0n;
  if ((entry & ACCESSED) === 0n) return true;
  return view === 'kernel' && (entry & CODE) !== 0n && (entry & DPL3) === DPL3;
}

/** What a segment register holds after loading `entry` (SDM 3A 3.4.5). */
function describe(selector: number, entry: bigint): SegmentState {
  const base = ((entry >> 16n) & 0xff_ffffn) | ((entry >> 32n) & 0xff00_0000n);
  const raw = Number((entry & 0xffffn) | ((entry >> 32n) & 0xf_0000n));
  const limit = (entry & GRANULAR) !== 0n ? raw * 4096 + 4095 : raw;
  const access = Number((entry >> 40n) & 0xf0ffn) | 1;
  return { selector, base, limit, access };
}
