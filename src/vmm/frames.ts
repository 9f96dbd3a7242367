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
  readonly #free: number[] = [];
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

  release(frame: number): void {
    assert(this.ownerOf(frame) !== FRAME_FREE, `frame ${frame} is released twice`);
    this.#owner[frame] = FRAME_FREE;
    this.#free.push(frame);
  }

  ownerOf(frame: number): number {
    return this.#owner[frame] ?? FRAME_FREE;
  }
}
