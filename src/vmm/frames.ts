/**
 * The machine's frames: one pool, from which VMs and the VMM take theirs. They are handed out in a shuffled
 * order, so that GPA is never HPA by luck.
 */

import { assert } from '../base/assert.ts';
import { randomSource } from '../isa/random.ts';

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;

/** What a frame is for; a number from 1 up is that VM's memory. */
export const FRAME_FREE = 0;
export const FRAME_VMM = -1;

/** No frames are left. */
export class OutOfFrames extends Error {
  override readonly name = 'OutOfFrames';
  readonly code = 'OUT_OF_FRAMES';
}

export class FramePool {
  /** Free frames, the next one last. */
  #free: number[] = [];
  /** owner[frames]: who has it. */
  readonly #owner: Int16Array;

  /** A pool of the frames 1 to `count` - 1: frame 0 stays unused, so that 0 can say that there is none. */
  constructor(count: number, seed: number) {
    this.#owner = new Int16Array(count);
    for (let frame = 1; frame < count; frame++) this.#free.push(frame);
    const random = randomSource(seed);
    for (let n = this.#free.length - 1; n > 0; n--) {
      const other = random(n + 1);
      const frame = this.#free[n] ?? 0;
      this.#free[n] = this.#free[other] ?? 0;
      this.#free[other] = frame;
    }
  }

  get left(): number {
    return this.#free.length;
  }

  /** A frame for `owner`, with what it held before; throws OutOfFrames. */
  take(owner: number): number {
    const frame = this.#free.pop();
    if (frame === undefined) throw new OutOfFrames('the machine has no memory left');
    this.#owner[frame] = owner;
    return frame;
  }

  /**
   * The first of `count` free frames that follow one another, all below `end`, for `owner`: a multiple of `count`, which
   * is a power of 2. Undefined if there are none.
   */
  takeRun(owner: number, count: number, end: number): number | undefined {
    const limit = Math.min(end, this.#owner.length);
    for (let first = count; first + count <= limit; first += count) {
      if (!this.#isFree(first, count)) continue;
      const isOther = (frame: number): boolean => frame < first || frame >= first + count;
      this.#free = this.#free.filter(isOther);
      for (let n = 0; n < count; n++) this.#owner[first + n] = owner;
      return first;
    }
    return undefined;
  }

  release(frame: number): void {
    assert(this.ownerOf(frame) !== FRAME_FREE, `frame ${frame} is released twice`);
    this.#owner[frame] = FRAME_FREE;
    this.#free.push(frame);
  }

  /** The frame, which somebody has, is another one's from now on. */
  transfer(frame: number, owner: number): void {
    assert(this.ownerOf(frame) !== FRAME_FREE, `frame ${frame} is transferred, which is free`);
    this.#owner[frame] = owner;
  }

  ownerOf(frame: number): number {
    return this.#owner[frame] ?? FRAME_FREE;
  }

  #isFree(first: number, count: number): boolean {
    for (let n = 0; n < count; n++) {
      if (this.#owner[first + n] !== FRAME_FREE) return false;
    }
    return true;
  }
}
