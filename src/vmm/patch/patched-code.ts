/**
 * The CPU technique *patch*: kernel code is run from executable copies (code-copy.ts) in which execution meets nothing
 * sensitive.
 *
 * A frame of the guest is in one of two states. As *code* it is watched, and where the kernel's view lets it be fetched
 * from, its copy is mapped, for execution only: a protection key keeps data accesses off. As *data* it is mapped
 * itself, and not for execution. Frames are data until something is fetched from them. The guest's user view,
 * devices and the VMM always find the guest's own bytes.
 */

import type { CodeMode } from '../../isa/row.ts';
import type { MachineMemory } from '../../machine/memory.ts';
import type { ExitCause } from '../exits/full-exit-log.ts';
import { FRAME_VMM, type FramePool, PAGE_SIZE } from '../frames.ts';
import { type GuestMemory, WATCH_CODE, type Watcher } from '../guest-memory.ts';
import type { GuestPaging } from '../shadow/guest-paging.ts';
import { GuestWalk } from '../shadow/guest-walk.ts';
import type { ExecutableFrames, Shadow } from '../shadow/shadow.ts';
import type { Vcpu } from '../vcpu.ts';
import {
  CodeCopy,
  type CopyCounters,
  type PatchJumps,
  SITE_ENTANGLED,
  SITE_NONE,
  SITE_REPLACED,
} from './code-copy.ts';
import { InterpretedStretch } from './interpreted-stretch.ts';

export interface PatchCounters extends CopyCounters {
  /** How often a frame has become code, and data again. */
  toCode: number;
  toData: number;
  /** How often execution has met the filler, and stretches that were interpreted, for that or for accesses to code. */
  fillers: number;
  stretches: number;
}

/** A page of code by its linear address, and what runs in its place. */
interface RecentPage {
  readonly page: number;
  readonly paging: GuestPaging;
  readonly copy: CodeCopy;
}

interface CodeFrame {
  readonly copies: Map<CodeMode, CodeCopy>;
  /** The copy that is mapped; undefined while the frame is data. */
  active: CodeCopy | undefined;
  /** Low half of the virtual time when it last became data. */
  released: number;
  /** Writes that the VMM has seen since it became code. */
  writes: number;
  /** Long stretches that it is still to be data in. */
  lent: number;
}

const LONGEST = 15;
const NO_PDPTES: readonly number[] = [];
const PATCHED: ExitCause = { kind: 'patched' };
/**
 * A frame that was written to so often while it was code is made data for the next long stretches: writes to code come
 * to the VMM one by one, and cost more than that it becomes code again.
 */
const OFTEN = 8;
const LONG = 64;
const LOANS = 64;
/** Nanoseconds of virtual time that make the two exits for a change of state worth while. */
const RELEASE_AFTER = 10_000;

export class PatchedCode implements Watcher, ExecutableFrames {
  readonly counters: PatchCounters = {
    copies: 0,
    scans: 0,
    sites: 0,
    entangled: 0,
    shownBytes: 0,
    hiddenBytes: 0,
    toCode: 0,
    toData: 0,
    fillers: 0,
    stretches: 0,
  };
  readonly #vcpu: Vcpu;
  readonly #memory: GuestMemory;
  readonly #machine: MachineMemory;
  readonly #pool: FramePool;
  readonly #shadow: Shadow;
  readonly #walk: GuestWalk;
  readonly #stretch: InterpretedStretch;
  readonly #frames = new Map<number, CodeFrame>();
  /** Those that are data in long stretches. */
  readonly #lent = new Map<number, CodeFrame>();
  /** Copies that may exist. */
  readonly #limit: number;
  readonly #jumps: PatchJumps;
  #recent: RecentPage | undefined;
  #used = 0;
  #mode: CodeMode = 64;

  constructor(
    vcpu: Vcpu,
    memory: GuestMemory,
    machine: MachineMemory,
    pool: FramePool,
    shadow: Shadow,
    limit: number,
    jumps: PatchJumps,
  ) {
    this.#jumps = jumps;
    this.#vcpu = vcpu;
    this.#memory = memory;
    this.#machine = machine;
    this.#pool = pool;
    this.#shadow = shadow;
    this.#limit = limit;
    this.#walk = new GuestWalk(memory);
    this.#stretch = new InterpretedStretch(vcpu.timeLow);
    memory.setWatcher(WATCH_CODE, this);
    shadow.setExecutable(this);
  }

  /** The kernel is about to run: its copies must be those for its code mode. */
  prepare(): void {
    const mode = this.#vcpu.codeMode;
    if (mode === this.#mode) return;
    this.#mode = mode;
    for (const [gfn, frame] of this.#frames)
      if (frame.active !== undefined) this.#retire(gfn, frame);
  }

  /** Execution has met the filler at RIP, under `paging`: undefined if it can go on now, or why it cannot. */
  trapped(paging: GuestPaging): ExitCause | undefined {
    this.counters.fillers++;
    const address = this.#vcpu.codeAddress(0);
    const offset = address % PAGE_SIZE;
    if (this.#isRecent(address - offset, paging, offset)) return PATCHED;
    const gfn = this.#frameAt(address, paging);
    const copy = this.#frames.get(gfn)?.active;
    if (copy !== undefined) this.#recent = { page: address - offset, paging, copy };
    if (copy === undefined || copy.isEntry(offset)) return PATCHED;
    if (copy.site(offset) === SITE_NONE) copy.scan(offset);
    switch (copy.site(offset)) {
      case SITE_NONE:
        return undefined;
      case SITE_ENTANGLED:
        return this.#interpret('entangled');
      default:
        return PATCHED;
    }
  }

  /** The page whose filler was met last has a site at `offset`. Should it be another page by now, no harm is done. */
  #isRecent(page: number, paging: GuestPaging, offset: number): boolean {
    const recent = this.#recent;
    if (recent === undefined || recent.page !== page || recent.paging !== paging) return false;
    return recent.copy.site(offset) === SITE_REPLACED;
  }

  /** A data access to code that cannot run from a copy meanwhile is to be emulated. */
  accessed(): ExitCause {
    return this.#interpret('code');
  }

  /** Watcher: a frame that is code was written. */
  written(gpa: number, before: Uint8Array): void {
    const gfn = Math.floor(gpa / PAGE_SIZE);
    const frame = this.#frames.get(gfn);
    if (frame?.active === undefined) return;
    frame.active.written(gpa % PAGE_SIZE, before.length);
    frame.writes++;
    if (frame.writes !== OFTEN) return;
    frame.lent = LOANS;
    this.#lent.set(gfn, frame);
  }

  // --- For the shadow page tables ----------------------------------------------------------------

  copyOf(gfn: number): number | undefined {
    return this.#frames.get(gfn)?.active?.frame;
  }

  fetched(gfn: number): void {
    const frame = this.#frame(gfn);
    if (frame.active !== undefined) return;
    frame.active = this.#copy(gfn, frame);
    frame.active.resume();
    frame.writes = 0;
    this.#shadow.protect(gfn, WATCH_CODE);
    this.#shadow.unmap(gfn);
    this.counters.toCode++;
  }

  release(gfn: number): boolean {
    const frame = this.#frames.get(gfn);
    if (frame?.active === undefined) return true;
    const now = this.#vcpu.timeLow();
    const isRecent = frame.released !== 0 && (now - frame.released) >>> 0 < RELEASE_AFTER;
    // User code is never interpreted.
    const isUser = this.#vcpu.viewName === 'user';
    if (!isUser && (isRecent || this.#runsFrom(gfn))) return false;
    frame.released = now;
    this.#retire(gfn, frame);
    return true;
  }

  /** The guest's memory has been replaced by another. */
  clear(): void {
    this.#reset();
  }

  /** The instruction at RIP may lie in `gfn`, and runs from the copy. */
  #runsFrom(gfn: number): boolean {
    const { paging } = this.#vcpu;
    return [0, LONGEST - 1].some((n) => this.#frameAt(this.#vcpu.codeAddress(n), paging) === gfn);
  }

  /** A stretch of interpretation. */
  #interpret(kind: 'entangled' | 'code'): ExitCause {
    this.counters.stretches++;
    const instructions = this.#stretch.next();
    if (instructions >= LONG) this.#lend();
    return { kind, instructions };
  }

  /** Makes code data that is written to often, for the stretch which begins now. */
  #lend(): void {
    for (const [gfn, frame] of this.#lent) {
      if (frame.active === undefined) continue;
      this.#retire(gfn, frame);
      frame.lent--;
      if (frame.lent === 0) this.#lent.delete(gfn);
    }
  }

  /** Makes code data. */
  #retire(gfn: number, frame: CodeFrame): void {
    this.#recent = undefined;
    frame.active?.suspend();
    frame.active = undefined;
    this.#shadow.unprotect(gfn, WATCH_CODE);
    this.#shadow.unmap(gfn);
    this.counters.toData++;
  }

  #frame(gfn: number): CodeFrame {
    const known = this.#frames.get(gfn);
    if (known !== undefined) return known;
    const frame = { copies: new Map(), active: undefined, released: 0, writes: 0, lent: 0 };
    this.#frames.set(gfn, frame);
    return frame;
  }

  /** The copy for the code mode, made if need be. */
  #copy(gfn: number, frame: CodeFrame): CodeCopy {
    const known = frame.copies.get(this.#mode);
    if (known !== undefined) return known;
    if (this.#used === this.#limit) this.#reset();
    const place = this.#pool.take(FRAME_VMM);
    this.#used++;
    const original = this.#memory.frame(gfn);
    const { counters } = this;
    const copy = new CodeCopy(this.#machine, place, original, this.#mode, this.#jumps, counters);
    frame.copies.set(this.#mode, copy);
    return copy;
  }

  /** Gives all copies back. */
  #reset(): void {
    for (const [gfn, frame] of this.#frames) {
      if (frame.active !== undefined) this.#retire(gfn, frame);
      for (const copy of frame.copies.values()) this.#pool.release(copy.frame);
      frame.copies.clear();
    }
    this.#used = 0;
  }

  /** The frame of the guest at the linear address `address`, which has just been fetched from; -1 if there is none. */
  #frameAt(address: number, paging: GuestPaging): number {
    const page = Math.floor(address / PAGE_SIZE);
    if (paging.mode === 'off') return page;
    const pdptes = paging.mode === 'pae' ? this.#vcpu.pdptes : NO_PDPTES;
    return this.#walk.walk(page, paging, pdptes) ? this.#walk.gfn : -1;
  }
}
