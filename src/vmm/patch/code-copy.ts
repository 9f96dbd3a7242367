/**
 * The executable copy of one frame of code, for one code mode. A byte of it is either *shown*, as it is in the guest's
 * frame, or the filler, at which execution traps. An *entry* is a shown byte at which an instruction may begin.
 *
 * Invariant: an instruction that begins at an entry either does on the host what it should or traps, and all of its bytes
 * are shown. Every shown byte is an entry (jumps `any`): so wherever execution goes, nothing sensitive runs unseen, and
 * no instruction runs that the guest does not have. Or only those are where an instruction begins that execution or a
 * branch of the page has led to (jumps `aligned`): then most code can be shown, and computed jumps are trusted to
 * lead to no other byte, as in code that a compiler has made.
 * An instruction that cannot be shown under this rule is a *site*: the VMM runs it, each time.
 */

import type { CodeMode } from '../../isa/row.ts';
import type { MachineMemory } from '../../machine/memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import {
  branchTarget,
  FILLER,
  LOOK_LEAVES,
  LOOK_LENGTH,
  LOOK_SAFETY_SHIFT,
  lookAt,
} from './code-look.ts';
import { PLAIN, SENSITIVE } from './direct-safety.ts';

/** Which bytes of code a jump may lead to: every one, or those where instructions begin. */
export const PATCH_JUMPS = ['any', 'aligned'] as const;
export type PatchJumps = (typeof PATCH_JUMPS)[number];

/** Kinds of sites. */
export const SITE_NONE = 0;
/** The instruction is privileged, sensitive, none at all, or crosses the end of the page. */
export const SITE_REPLACED = 1;
/** It is harmless, but somebody who jumps into its middle would find what is not, or does jump there. */
export const SITE_ENTANGLED = 2;

/** A write changes how instructions look that begin this much before it, and perhaps which are entangled. */
const LOOK_REACH = 14;
const SITE_REACH = 64;

/** Bytes of what is compared at a time. */
const WORD = 4;

export interface CopyCounters {
  /** Made so far. */
  copies: number;
  /** Stretches of code that were looked at. */
  scans: number;
  /** Sites found, of the one kind and the other. */
  sites: number;
  entangled: number;
  /** Bytes that were shown, and hidden again because of writes. */
  shownBytes: number;
  hiddenBytes: number;
}

export class CodeCopy {
  /** The machine's frame that it lies in. */
  readonly frame: number;
  readonly #mode: CodeMode;
  readonly #machine: MachineMemory;
  readonly #original: Uint8Array;
  readonly #isStrict: boolean;
  readonly #counters: CopyCounters;
  /** 1 where the original's byte is, 0 where the filler is. */
  readonly #shown = new Uint8Array(PAGE_SIZE);
  /** Length of the instruction that begins at each entry; 0 elsewhere. */
  readonly #entries = new Uint8Array(PAGE_SIZE);
  /** 1 where branches of the page lead to. */
  readonly #targets = new Uint8Array(PAGE_SIZE);
  readonly #sites = new Uint8Array(PAGE_SIZE);
  /** What lookAt said; 0: not asked yet. */
  readonly #looks = new Uint16Array(PAGE_SIZE);
  /** The original's words, and while the copy is put away what they were. */
  readonly #words: Uint32Array;
  #before: Uint32Array | undefined;

  /** A copy in `frame` of the machine's frame `original`. */
  constructor(
    machine: MachineMemory,
    frame: number,
    original: number,
    mode: CodeMode,
    jumps: PatchJumps,
    counters: CopyCounters,
  ) {
    this.frame = frame;
    this.#isStrict = jumps === 'any';
    this.#machine = machine;
    this.#mode = mode;
    this.#counters = counters;
    const start = original * PAGE_SIZE;
    this.#original = machine.bytes.subarray(start, start + PAGE_SIZE);
    const { buffer, byteOffset } = this.#original;
    this.#words = new Uint32Array(buffer, byteOffset, PAGE_SIZE / WORD);
    machine.fill(frame * PAGE_SIZE, PAGE_SIZE, FILLER);
    counters.copies++;
  }

  /** SITE_ of the byte at `offset`. */
  site(offset: number): number {
    return this.#sites[offset] ?? SITE_NONE;
  }

  isEntry(offset: number): boolean {
    return this.#entries[offset] !== 0;
  }

  /** Shows the code from `offset` on, up to a site, or to where it does not go on. */
  scan(offset: number): void {
    this.#counters.scans++;
    for (let at = offset; at < PAGE_SIZE; ) {
      if (this.#entries[at] !== 0 || this.#sites[at] !== SITE_NONE) return;
      const look = this.#look(at);
      const length = look & LOOK_LENGTH;
      if (length === 0 || safetyIn(look) !== PLAIN) {
        this.#sites[at] = SITE_REPLACED;
        this.#counters.sites++;
        return;
      }
      if (this.#isStrict ? !this.#showStrictly(at) : !this.#showAligned(at)) {
        // How far the VMM will go from there is not known.
        this.#sites[at] = SITE_ENTANGLED;
        this.#counters.entangled++;
        return;
      }
      if ((look & LOOK_LEAVES) !== 0) return;
      at += length;
    }
  }

  /** `length` bytes of the original from `offset` on have changed. */
  written(offset: number, length: number): void {
    const end = offset + length;
    this.#looks.fill(0, Math.max(offset - LOOK_REACH, 0), end);
    this.#sites.fill(SITE_NONE, Math.max(offset - SITE_REACH, 0), end);
    this.#hide(this.#startOf(offset), this.#endOf(end));
  }

  /** The copy is not used from now on, and not told of writes. */
  suspend(): void {
    this.#before = this.#words.slice();
  }

  /** It is used again. */
  resume(): void {
    const before = this.#before;
    this.#before = undefined;
    if (before === undefined) return;
    for (let n = 0; n < before.length; n++) {
      const first = n;
      while (n < before.length && before[n] !== this.#words[n]) n++;
      if (n > first) this.written(first * WORD, (n - first) * WORD);
    }
  }

  /** Shows the instruction at `at` and what follows from jumps to any byte of it; false if that cannot be. */
  #showStrictly(at: number): boolean {
    let end = at + 1;
    for (let n = at; n < end; n++) {
      if (this.#entries[n] !== 0) continue;
      const look = this.#look(n);
      const length = look & LOOK_LENGTH;
      if (length === 0 || safetyIn(look) === SENSITIVE) return false;
      end = Math.max(end, n + length);
    }
    for (let n = at; n < end; n++) this.#entries[n] = this.#look(n) & LOOK_LENGTH;
    this.#show(at, end);
    return true;
  }

  /** Shows the instruction at `at`; false if something leads into its middle. */
  #showAligned(at: number): boolean {
    const look = this.#look(at);
    const end = at + (look & LOOK_LENGTH);
    if (this.#shown[at] !== 0) this.#entangle(at);
    for (let n = at + 1; n < end; n++) {
      if (this.#entries[n] !== 0 || this.#targets[n] !== 0) return false;
    }
    this.#entries[at] = end - at;
    this.#show(at, end);
    const target = branchTarget(this.#original, at, look);
    if (target === undefined || target < 0 || target >= PAGE_SIZE) return true;
    this.#targets[target] = 1;
    if (this.#shown[target] !== 0 && this.#entries[target] === 0) this.#entangle(target);
    return true;
  }

  /** Something leads to `offset`, in the middle of an instruction that is shown: it is a site from now on. */
  #entangle(offset: number): void {
    const start = this.#startOf(offset);
    this.#hide(start, start + (this.#entries[start] ?? 0));
    this.#sites[start] = SITE_ENTANGLED;
    this.#counters.entangled++;
  }

  /** Puts the original's bytes into the copy. */
  #show(start: number, end: number): void {
    for (let n = start; n < end; n++) {
      if (this.#shown[n] === 0) this.#counters.shownBytes++;
      this.#shown[n] = 1;
    }
    this.#machine.write(this.frame * PAGE_SIZE + start, this.#original.subarray(start, end));
  }

  /** The start of the bytes before `offset` that may not be shown without those from `offset` on. */
  #startOf(offset: number): number {
    let start = offset;
    for (let n = offset - 1; n >= 0 && n >= start - LOOK_LENGTH; n--) {
      const length = this.#entries[n] ?? 0;
      if (length !== 0 && n + length > start) start = n;
    }
    return start;
  }

  /** The end of the bytes from `end` on that belong to no instruction if those before `end` are not shown. */
  #endOf(end: number): number {
    let last = end;
    while (last < PAGE_SIZE && this.#shown[last] !== 0 && this.#entries[last] === 0) last++;
    return last;
  }

  #hide(start: number, end: number): void {
    let isChanged = false;
    for (let n = start; n < end; n++) {
      if (this.#shown[n] === 0) continue;
      this.#shown[n] = 0;
      this.#entries[n] = 0;
      this.#counters.hiddenBytes++;
      isChanged = true;
    }
    if (isChanged) this.#machine.fill(this.frame * PAGE_SIZE + start, end - start, FILLER);
  }

  #look(at: number): number {
    const known = this.#looks[at] ?? 0;
    if (known !== 0) return known;
    const look = lookAt(this.#original, at, this.#mode);
    this.#looks[at] = look;
    return look;
  }
}

function safetyIn(look: number): number {
  return (look >> LOOK_SAFETY_SHIFT) & 3;
}
