/**
 * Room in RAM for what a loader hands over beside the image, and the bytes that go there. Nothing is
 * written before all has found its place.
 */

import { EXTENDED_MEMORY, type MemoryRange } from '../machine/memory-map.ts';
import { ImageError } from './image.ts';

/** Bytes for one place in RAM. */
export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const PAGE = 4096;
const ALIGNMENT = 16;
const NO_END = Number.POSITIVE_INFINITY;

/**
 * Boot data goes below 1 MiB, as with QEMU and GRUB, since kernels take the memory behind them for their
 * own: above the tables that the processor uses at entry, below the stack.
 */
const LOW_START = 0x9000;
const LOW_END = 0x70000;

/** Free RAM around an image. */
export class BootArea {
  readonly #imageEnd: number;
  #free: readonly Range[];
  #pieces: readonly Piece[] = [];

  /** `image` are the ranges that the image takes. */
  constructor(map: readonly MemoryRange[], image: readonly Range[]) {
    const available = map.filter(({ type }) => type === 1);
    const taken = image.toSorted((a, b) => a.start - b.start);
    this.#free = available.flatMap(({ base, length }) =>
      gaps({ start: base, end: base + length }, taken),
    );
    this.#imageEnd = Math.max(EXTENDED_MEMORY, ...image.map(({ end }) => end));
  }

  /** What has been put so far. */
  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Puts boot data; returns its address. `what` names it if there is no room. */
  put(what: string, bytes: Uint8Array): number {
    return this.#put(this.#low(bytes.length) ?? refuse(what, bytes), bytes);
  }

  /** As `put`, of bytes that depend on where they lie; undefined if there is no room for them. */
  tryPut(length: number, make: (address: number) => Uint8Array): number | undefined {
    const address = this.#low(length);
    return address === undefined ? undefined : this.#put(address, make(address));
  }

  /** Puts a zero-terminated string. */
  putString(what: string, text: string): number {
    return this.put(what, new TextEncoder().encode(`${text}\0`));
  }

  /** Puts whole pages behind the image, or else where there is room for them. */
  putPages(what: string, bytes: Uint8Array): number {
    const find = (from: number) => this.#find(bytes.length, PAGE, from, NO_END);
    const address = find(this.#imageEnd) ?? find(EXTENDED_MEMORY) ?? find(LOW_START);
    return this.#put(address ?? refuse(what, bytes), bytes);
  }

  /** Puts tables of the processor: below all else where they can. */
  putTables(what: string, bytes: Uint8Array): number {
    return this.#put(
      this.#find(bytes.length, ALIGNMENT, PAGE, NO_END) ?? refuse(what, bytes),
      bytes,
    );
  }

  #put(address: number, bytes: Uint8Array): number {
    const taken = { start: address, end: address + Math.max(bytes.length, 1) };
    this.#free = this.#free.flatMap((range) => gaps(range, [taken]));
    this.#pieces = [...this.#pieces, { address, bytes }];
    return address;
  }

  #low(length: number): number | undefined {
    const low = this.#find(length, ALIGNMENT, LOW_START, LOW_END);
    return low ?? this.#find(length, ALIGNMENT, EXTENDED_MEMORY, NO_END);
  }

  #find(length: number, alignment: number, from: number, to: number): number | undefined {
    for (const { start, end } of this.#free) {
      const address = Math.ceil(Math.max(start, from) / alignment) * alignment;
      if (address + Math.max(length, 1) <= Math.min(end, to)) return address;
    }
    return undefined;
  }
}

/** What `taken`, which is sorted and does not overlap, leaves of `range`. */
function gaps(range: Range, taken: readonly Range[]): Range[] {
  let start = range.start;
  const parts = taken.map((one) => {
    const gap = { start, end: Math.min(one.start, range.end) };
    start = Math.max(start, one.end);
    return gap;
  });
  return [...parts, { start, end: range.end }].filter((gap) => gap.start < gap.end);
}

function refuse(what: string, { length }: Uint8Array): never {
  throw new ImageError('TOO_LARGE', `there is no room in RAM for ${what} (${length} bytes)`);
}
