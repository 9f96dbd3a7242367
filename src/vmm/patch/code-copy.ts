/**
 * The executable copy of one frame of code, for one code mode. A byte of it is either *shown*, as it is in the guest's
 * frame, or the filler, at which execution traps.
 *
 * Invariant: an instruction that begins at any shown byte, met in the middle of another or not, either does on the
 * host what it should or traps, and all of its bytes are shown. So wherever execution goes, nothing sensitive
 * runs unseen, and no instruction runs that the guest does not have.
 * An instruction that cannot be shown under this rule is a *site*: the VMM runs it, each time.
 */

import type { CodeMode } from '../../isa/row.ts';
import type { MachineMemory } from '../../machine/memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import { FILLER, LOOK_LEAVES, LOOK_LENGTH, LOOK_SAFETY_SHIFT, lookAt } from './code-look.ts';
import { PLAIN, SENSITIVE } from './direct-safety.ts';

/** Kinds of sites. */
export const SITE_NONE = 0;
/** The instruction is privileged, sensitive, none at all, or crosses the end of the page. */
export const SITE_REPLACED = 1;
/** It is harmless, but somebody who jumps into its middle would find what is not. */
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
  readonly #counters: CopyCounters;
  /** Length of the instruction that begins at each shown byte; 0 where the filler is. */
  readonly #shown = new Uint8Array(PAGE_SIZE);
  readonly #sites = new Uint8Array(PAGE_SIZE);
  /** What lookAt said; 0: not asked yet. */
  readonly #looks = new Uint8Array(PAGE_SIZE);
  /** The original's words, and while the copy is put away what they were. */
  readonly #words: Uint32Array;
  #before: Uint32Array | undefined;

  /** A copy in `frame` of the machine's frame `original`. */
  constructor(
    machine: MachineMemory,
    frame: number,
    original: number,
    mode: CodeMode,
    counters: CopyCounters,
  ) {
    this.frame = frame;
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

  isShown(offset: number): boolean {
    return this.#shown[offset] !== 0;
  }

  /** Shows the code from `offset` on, up to a site, or to where it does not go on. */
  scan(offset: number): void {
    this.#counters.scans++;
    for (let at = offset; at < PAGE_SIZE; ) {
      if (this.#shown[at] !== 0 || this.#sites[at] !== SITE_NONE) return;
      const look = this.#look(at);
      const length = look & LOOK_LENGTH;
      if (length === 0 || safetyIn(look) !== PLAIN) {
        this.#sites[at] = SITE_REPLACED;
        this.#counters.sites++;
        return;
      }
      if (!this.#show(at)) {
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
    this.#hide(this.#startOf(offset), end);
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

  /** Shows the instruction at `at` and what the invariant asks for; false, and nothing is done, if that cannot be. */
  #show(at: number): boolean {
    let end = at + 1;
    for (let n = at; n < end; n++) {
      if (this.#shown[n] !== 0) continue;
      const look = this.#look(n);
      const length = look & LOOK_LENGTH;
      if (length === 0 || safetyIn(look) === SENSITIVE) return false;
      end = Math.max(end, n + length);
    }
    for (let n = at; n < end; n++) {
      if (this.#shown[n] !== 0) continue;
      this.#shown[n] = this.#look(n) & LOOK_LENGTH;
      this.#counters.shownBytes++;
    }
    this.#machine.write(this.frame * PAGE_SIZE + at, this.#original.subarray(at, end));
    return true;
  }

  /** The start of the bytes before `offset` that may not be shown without those from `offset` on. */
  #startOf(offset: number): number {
    let start = offset;
    for (let n = offset - 1; n >= 0 && n >= start - LOOK_LENGTH; n--) {
      const length = this.#shown[n] ?? 0;
      if (length !== 0 && n + length > start) start = n;
    }
    return start;
  }

  #hide(start: number, end: number): void {
    let isChanged = false;
    for (let n = start; n < end; n++) {
      if (this.#shown[n] === 0) continue;
      this.#shown[n] = 0;
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
