/** Bytes of sections. Only the last pass writes; the passes before it count. */

import type { SectionBase } from './base.ts';
import type { Section } from './section.ts';

/** Largest output, and the largest size of any section. */
export const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** A part of what one source line produced, as the listing shows it. */
export type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Number that a relocation will change: `[...]`, or `(...)` if it is relative. */
  | {
      readonly kind: 'address';
      readonly value: bigint;
      readonly size: number;
      readonly relative: boolean;
    }
  | { readonly kind: 'reserve'; readonly size: number }
  /** `<rep 14h>`, `<bin 3h>`. */
  /** The `pieces` before it, which made `size` bytes, `count` times more. */
  | {
      readonly kind: 'again';
      readonly pieces: number;
      readonly size: number;
      readonly count: number;
    }
  | { readonly kind: 'tag'; readonly tag: string; readonly count: number };

export interface PlacedPiece {
  readonly offset: number;
  readonly piece: Piece;
}

/** Growing contents of the progbits sections. */
export class Output {
  /** Numbers written that a relocation will change. */
  relocationCount = 0;
  readonly #contents = new Map<Section, Uint8Array>();

  /** Contents of a section, `size` bytes. */
  contents(section: Section, size: number): Uint8Array {
    return this.#buffer(section, size).subarray(0, size);
  }

  write(section: Section, offset: number, bytes: Uint8Array): void {
    this.#buffer(section, offset + bytes.length).set(bytes, offset);
  }

  /** Repeats the `length` bytes before `offset` until `count` copies more are there. */
  repeat(section: Section, offset: number, length: number, count: number): void {
    const end = offset + length * count;
    const buffer = this.#buffer(section, end);
    for (let at = offset, have = length; at < end; at += have, have *= 2) {
      buffer.copyWithin(at, offset - length, offset - length + Math.min(have, end - at));
    }
  }

  #buffer(section: Section, size: number): Uint8Array {
    const known = this.#contents.get(section);
    if (known && known.length >= size) return known;
    const grown = new Uint8Array(Math.max(size, 2 * (known?.length ?? 0), 4096));
    if (known) grown.set(known);
    this.#contents.set(section, grown);
    return grown;
  }
}

/** Address of a section once it has been placed. */
export function addressOf({ section, address }: SectionBase): bigint {
  return address === 'run' ? section.runAddress : section.loadAddress;
}
