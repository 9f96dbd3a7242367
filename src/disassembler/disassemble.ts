/**
 * Disassembly of a flat image into NASM source that assembles to the same bytes: linear sweep, one line
 * an instruction, `db` for what is no instruction or has no spelling. Symbols become labels where an
 * instruction starts at them and stand in place of addresses that the text refers to.
 */

import { type Decoded, decode } from '../isa/decode.ts';
import { buildDecodeTables } from '../isa/decode-table.ts';
import { formatInstruction, indexRows } from '../isa/format.ts';
import { hex, type Place, placeAt, targetOf } from '../isa/format-address.ts';
import type { CodeMode, Insn } from '../isa/row.ts';
import { findSpelling, type InstructionSet, sizedOperands } from './spelling.ts';

export interface DisassembleOptions {
  readonly mode: CodeMode;
  /** Address of the first byte. */
  readonly origin: bigint;
  readonly symbols?: ReadonlyMap<bigint, string>;
}

/** One instruction, or bytes that are none. */
export interface Line {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Labels that stand before it. */
  readonly label: string | undefined;
  /** Source text: an instruction or `db`. */
  readonly text: string;
  /** What the bytes mean, where `text` does not say it. */
  readonly comment: string | undefined;
}

/** Prepares `rows` for disassembly. */
export function instructionSet(rows: readonly Insn[]): InstructionSet {
  return { rows, index: indexRows(rows), tables: buildDecodeTables(rows) };
}

interface Piece {
  readonly at: number;
  readonly length: number;
  readonly decoded: Decoded | undefined;
}

/** Disassembles all of `bytes`. */
export function disassemble(
  bytes: Uint8Array,
  set: InstructionSet,
  options: DisassembleOptions,
): Line[] {
  const pieces = sweep(bytes, set, options.mode);
  const labels = reachableLabels(pieces, options);
  return pieces.map((piece) => describe(piece, bytes, set, options, labels));
}

/** Instruction after instruction; one byte is skipped where there is none. */
function sweep(bytes: Uint8Array, { tables }: InstructionSet, mode: CodeMode): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; ) {
    const result = decode(bytes, at, mode, tables);
    const piece = result.ok
      ? { at, length: result.length, decoded: result }
      : { at, length: 1, decoded: undefined };
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}

/** Symbols that can be labels of the output: those at the start of a line. */
function reachableLabels(
  pieces: readonly Piece[],
  { origin, symbols }: DisassembleOptions,
): ReadonlyMap<bigint, string> {
  const labels = new Map<bigint, string>();
  if (!symbols) return labels;
  for (const { at } of pieces) {
    const address = origin + BigInt(at);
    const name = symbols.get(address);
    if (name !== undefined) labels.set(address, name);
  }
  return labels;
}

function describe(
  piece: Piece,
  bytes: Uint8Array,
  set: InstructionSet,
  options: DisassembleOptions,
  labels: ReadonlyMap<bigint, string>,
): Line {
  const { at, length, decoded } = piece;
  const { mode, origin, symbols } = options;
  const address = origin + BigInt(at);
  const own = bytes.subarray(at, at + length);
  const line = { address, bytes: own, label: labels.get(address) };
  const row = decoded && set.rows[decoded.row];
  if (!decoded || !row) return { ...line, text: dataText(own), comment: undefined };
  const plain = placeAt(address, mode, (target) => symbols?.get(target));
  const meaning = formatInstruction(row, decoded, plain, set.index);
  const operands = sizedOperands(row, decoded, mode);
  const spelling = findSpelling(row, { ...decoded, operands }, own, mode, set);
  if (!spelling) return { ...line, text: dataText(own), comment: meaning };
  const place = sourcePlace(address, mode, labels);
  const text = formatInstruction(row, { ...decoded, operands }, place, set.index, spelling);
  return { ...line, text, comment: text.includes('$') ? meaning : undefined };
}

/** Targets as source needs them: NASM reaches a plain number by a branch, but not by `rel`. */
function sourcePlace(address: bigint, mode: CodeMode, labels: ReadonlyMap<bigint, string>): Place {
  return {
    mode,
    target: (ahead, use) => {
      const target = targetOf(address, ahead, use, mode);
      const label = labels.get(target);
      if (label !== undefined) return label;
      return use === 'memory' ? `$${ahead < 0n ? '' : '+'}${hex(ahead)}` : hex(target);
    },
  };
}

function dataText(bytes: Uint8Array): string {
  return `db ${Array.from(bytes, (byte) => hex(BigInt(byte))).join(',')}`;
}
