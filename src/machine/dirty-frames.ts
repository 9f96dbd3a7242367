/**
 * Which frames of RAM were written: a flag for each, which the processor sets (asm/layout.ts,
 * FRAME_FLAGS) and whoever wants to know clears. The write TLB remembers that it has set a flag:
 * for a cleared one to be set again, `Processor.stateChanged` must follow `clear`. `restart` needs no such thing, and
 * takes frames that can be written without a look for written ones.
 */

import type { Layout } from './cpu-view.ts';

const FRAME_SHIFT = 12;
const TLB_WORDS = 4;

export class DirtyFrames {
  readonly #flags: Uint8Array;
  /** The same flags, four at a time. */
  readonly #words: Int32Array;
  readonly #bit: number;
  /** The write TLB: entries of four words, of which the first two are the tag (0: none) and the last is the frame. */
  readonly #writeTlb: Uint32Array;

  constructor(layout: Layout, buffer: ArrayBuffer, ramBytes: number) {
    const words = Math.ceil((ramBytes >>> FRAME_SHIFT) / 4);
    this.#bit = layout('FRAME_DIRTY');
    this.#flags = new Uint8Array(buffer, layout('FRAME_FLAGS'), words * 4);
    this.#words = new Int32Array(buffer, layout('FRAME_FLAGS'), words);
    const tlb = layout('TLB_WRITE');
    this.#writeTlb = new Uint32Array(buffer, tlb, (layout('TLB_FETCH') - tlb) / 4);
  }

  /** The frame of HPA `hpa` was written. */
  has(hpa: number): boolean {
    return ((this.#flags[hpa >>> FRAME_SHIFT] ?? 0) & this.#bit) !== 0;
  }

  /** HPA of all frames that were written, in ascending order. */
  list(): number[] {
    const found: number[] = [];
    const words = this.#words;
    const any = this.#bit * 0x01010101;
    for (let n = 0; n < words.length; n++) {
      if (((words[n] ?? 0) & any) === 0) continue;
      for (let frame = n * 4; frame < n * 4 + 4; frame++) {
        const hpa = frame * 2 ** FRAME_SHIFT;
        if (this.has(hpa)) found.push(hpa);
      }
    }
    return found;
  }

  /** Clears the flags of the frames from HPA `first` up to `end`. */
  clear(first: number, end: number): void {
    for (let frame = first >>> FRAME_SHIFT; frame < end >>> FRAME_SHIFT; frame++) {
      this.#flags[frame] = (this.#flags[frame] ?? 0) & ~this.#bit;
    }
  }

  /**
   * Forgets what was written, of all frames or of those with the numbers `frames`; what the write TLB lets be written from
   * now on counts as written. Changes no translation.
   */
  restart(frames?: Iterable<number>): void {
    if (frames === undefined) this.#clearAll();
    else for (const frame of frames) this.#flags[frame] = (this.#flags[frame] ?? 0) & ~this.#bit;
    const tlb = this.#writeTlb;
    for (let n = 0; n < tlb.length; n += TLB_WORDS) {
      if (((tlb[n] ?? 0) | (tlb[n + 1] ?? 0)) === 0) continue;
      const frame = tlb[n + 3] ?? 0;
      if (frame < this.#flags.length) this.#flags[frame] = (this.#flags[frame] ?? 0) | this.#bit;
    }
  }

  #clearAll(): void {
    const words = this.#words;
    const others = ~(this.#bit * 0x01010101);
    for (let n = 0; n < words.length; n++) words[n] = (words[n] ?? 0) & others;
  }
}
