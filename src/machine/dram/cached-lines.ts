/**
 * Which lines of memory are in no cache: those that CLFLUSH has put out and no access has fetched since. All others are
 * taken to be in a cache, which is as large as memory. A frame is known here from the first flush of one of its lines
 * until all have long been cached again.
 */

export const LINE_BYTES = 64;

const FRAME_SHIFT = 12;
const LINE_SHIFT = 6;
const LINES = 64;
const LINES_IN_HALF = 32;
/** Accesses to a frame with all lines cached, one after another, after which it is forgotten. */
const PATIENCE = 4096;

/** Number of the line of `hpa`. */
export const lineOf = (hpa: number): number => hpa >>> LINE_SHIFT;

/** Lines of a frame, a bit each, and how many accesses in a row have found none of them flushed. */
interface FlushedFrame {
  readonly lines: [low: number, high: number];
  idle: number;
}

/** By frame number: lines 31:0, lines 63:32, idle accesses. */
export type CachedLinesState = readonly (readonly [
  frame: number,
  low: number,
  high: number,
  idle: number,
])[];

export class CachedLines {
  readonly #frames: Map<number, FlushedFrame>;
  readonly #forgotten: (frame: number) => void;

  /** `forgotten` hears which frames need not be told of any more. */
  constructor(forgotten: (frame: number) => void, state: CachedLinesState = []) {
    this.#forgotten = forgotten;
    this.#frames = new Map(
      state.map(([frame, low, high, idle]) => [frame, { lines: [low, high], idle }]),
    );
  }

  /** Puts the line at `hpa` out of the caches. */
  flush(hpa: number): void {
    const frame = hpa >>> FRAME_SHIFT;
    let found = this.#frames.get(frame);
    if (found === undefined) {
      found = { lines: [0, 0], idle: 0 };
      this.#frames.set(frame, found);
    }
    const line = lineOf(hpa) % LINES;
    const half = line < LINES_IN_HALF ? 0 : 1;
    found.lines[half] |= 1 << (line % LINES_IN_HALF);
    found.idle = 0;
  }

  /** An access to the line at `hpa`: true if it was in no cache; it is now. */
  fetch(hpa: number): boolean {
    const frame = hpa >>> FRAME_SHIFT;
    const found = this.#frames.get(frame);
    if (found === undefined) return false;
    const line = lineOf(hpa) % LINES;
    const half = line < LINES_IN_HALF ? 0 : 1;
    const bit = 1 << (line % LINES_IN_HALF);
    if ((found.lines[half] & bit) !== 0) {
      found.lines[half] &= ~bit;
      found.idle = 0;
      return true;
    }
    this.#forget(frame, found);
    return false;
  }

  #forget(frame: number, found: FlushedFrame): void {
    found.idle++;
    if (found.idle < PATIENCE || (found.lines[0] | found.lines[1]) !== 0) return;
    this.#frames.delete(frame);
    this.#forgotten(frame);
  }

  save(): CachedLinesState {
    return [...this.#frames].map(([frame, { lines, idle }]) => [frame, ...lines, idle]);
  }
}
