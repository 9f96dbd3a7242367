/**
 * What is known of one instruction while it is decoded: the bytes read so far, the prefixes and the
 * opcode, and the sizes that follow from them.
 */

import { ENTRY_FLAGS } from './decode-table.ts';
import type { CodeMode } from './row.ts';

/** Longest instruction in bytes. */
export const MAX_LENGTH = 15;

/** Reads forward; past the end it yields zeros and remembers that it did. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly start: number;
  at: number;

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes;
    this.start = start;
    this.at = start;
  }

  /** Next byte, not consumed. */
  peek(): number {
    return this.bytes[this.at] ?? 0;
  }

  u8(): number {
    return this.bytes[this.at++] ?? 0;
  }

  /** Little-endian unsigned number of `size` bytes. */
  unsigned(size: number): bigint {
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.u8()) << BigInt(8 * i);
    return value;
  }

  signed(size: number): bigint {
    return BigInt.asIntN(8 * size, this.unsigned(size));
  }

  get length(): number {
    return this.at - this.start;
  }

  get overrun(): boolean {
    return this.at > this.bytes.length;
  }
}

/** State of one instruction while it is decoded. */
export interface Decoding {
  readonly cursor: Cursor;
  readonly mode: CodeMode;
  operandPrefix: boolean;
  addressPrefix: boolean;
  lock: boolean;
  repeat: 'F2' | 'F3' | undefined;
  segment: number | undefined;
  idleSegment: number | undefined;
  rex: number;
  vex: boolean;
  vexL: boolean;
  vvvv: number;
  /** Map number as in the tables. */
  map: number;
  opcode: number;
  /** ModRM byte, 0 where the row has none. */
  modrm: number;
}

export const REX_W = 8;
export const REX_R = 4;
export const REX_X = 2;
export const REX_B = 1;

/** Nothing read yet. */
export function begin(bytes: Uint8Array, offset: number, mode: CodeMode): Decoding {
  return {
    cursor: new Cursor(bytes, offset),
    mode,
    operandPrefix: false,
    addressPrefix: false,
    lock: false,
    repeat: undefined,
    segment: undefined,
    idleSegment: undefined,
    rex: 0,
    vex: false,
    vexL: false,
    vvvv: 0,
    map: 0,
    opcode: 0,
    modrm: 0,
  };
}

/** Effective operand size in bits for a candidate with these ENTRY_FLAGS. */
export function operandSizeOf(
  { mode, rex, operandPrefix, vex }: Decoding,
  flags: number,
): 16 | 32 | 64 {
  if (mode === 64 && (flags & ENTRY_FLAGS.FORCE64) !== 0) return 64;
  if ((rex & REX_W) !== 0) return 64;
  if (operandPrefix && !vex) return mode === 16 ? 32 : 16;
  if (mode === 64 && (flags & ENTRY_FLAGS.DEFAULT64) !== 0) return 64;
  return mode === 16 ? 16 : 32;
}

/** Effective address size in bits. */
export function addressSizeOf({ mode, addressPrefix }: Decoding): 16 | 32 | 64 {
  if (!addressPrefix) return mode;
  return mode === 32 ? 16 : 32;
}
