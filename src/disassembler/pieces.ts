/**
 * Code cut into pieces that have a line each: instructions, single bytes that are none, and prefixes that
 * add nothing to the instruction behind them. Those stand apart where the whole has no spelling, for NASM
 * writes a prefix once and segments before 66, while compilers pad code by nops with 66 66 2E before them.
 */

import { type Decoded, decode } from '../isa/decode.ts';
import type { Spelling } from '../isa/format.ts';
import type { CodeMode } from '../isa/row.ts';
import { findSpelling, type InstructionSet, sizedOperands } from './spelling.ts';

export interface Piece {
  readonly length: number;
  /** The instruction that begins here; undefined for none. */
  readonly decoded: Decoded | undefined;
  /** How the instruction is written; undefined: as data. */
  readonly spelling: Spelling | undefined;
  /** The piece is but a prefix, and this the word for it. */
  readonly prefix: string | undefined;
}

/** The pieces of one instruction, or of one byte that is none, at `at`. */
export function cut(
  bytes: Uint8Array,
  at: number,
  mode: CodeMode,
  set: InstructionSet,
): readonly Piece[] {
  const decoded = decode(bytes, at, mode, set.tables);
  const row = decoded.ok ? set.rows[decoded.row] : undefined;
  if (!decoded.ok || row === undefined) {
    return [{ length: 1, decoded: undefined, spelling: undefined, prefix: undefined }];
  }
  const { length } = decoded;
  const own = bytes.subarray(at, at + length);
  const operands = sizedOperands(row, decoded, mode);
  const spelling = findSpelling(row, { ...decoded, operands }, own, mode, set);
  const whole = { length, decoded, spelling, prefix: undefined };
  const split = spelling ? undefined : splitPrefix(bytes, at, decoded, mode, set);
  return split ?? [whole];
}

/** The first byte of `whole`, if that is a prefix that adds nothing, and the pieces of the rest. The first tells all. */
function splitPrefix(
  bytes: Uint8Array,
  at: number,
  whole: Decoded,
  mode: CodeMode,
  set: InstructionSet,
): readonly Piece[] | undefined {
  const prefix = prefixWord(bytes[at] ?? 0, mode);
  if (prefix === undefined) return undefined;
  const next = decode(bytes, at + 1, mode, set.tables);
  if (!next.ok || !isSame(whole, next, set)) return undefined;
  const rest = cut(bytes, at + 1, mode, set);
  if (!rest.every((piece) => piece.spelling ?? piece.prefix)) return undefined;
  const inner = rest.map((piece) => (piece.prefix ? { ...piece, decoded: undefined } : piece));
  return [{ length: 1, decoded: whole, spelling: undefined, prefix }, ...inner];
}

const WORDS: ReadonlyMap<number, string> = new Map([
  [0x26, 'es'],
  [0x2e, 'cs'],
  [0x36, 'ss'],
  [0x3e, 'ds'],
]);

/** The word for a prefix of operand size, address size or segment. */
function prefixWord(byte: number, mode: CodeMode): string | undefined {
  if (byte === 0x66) return mode === 16 ? 'o32' : 'o16';
  if (byte === 0x67) return mode === 32 ? 'a16' : 'a32';
  return WORDS.get(byte);
}

/** Both do the same: an instruction, and what is left of it without its first prefix. */
function isSame(a: Decoded, b: Decoded, { rows }: InstructionSet): boolean {
  if (rows[a.row]?.uop === 'nop' && rows[b.row]?.uop === 'nop') return true;
  return (
    a.row === b.row &&
    a.operandSize === b.operandSize &&
    a.addressSize === b.addressSize &&
    a.prefixes.segment === b.prefixes.segment &&
    a.prefixes.repeat === b.prefixes.repeat &&
    a.prefixes.lock === b.prefixes.lock
  );
}
