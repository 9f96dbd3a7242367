/**
 * Disassembly of code into NASM source that assembles to the same bytes: linear sweep, one line an
 * instruction, `db` for what is no instruction or has no spelling (pieces.ts). Symbols become labels, at which the sweep
 * begins anew, since data may stand before them, and take the place of addresses that the text refers to.
 */

import { decode } from '../isa/decode.ts';
import { buildDecodeTables } from '../isa/decode-table.ts';
import { formatInstruction, indexRows } from '../isa/format.ts';
import { hex, type Place, placeAt, targetOf } from '../isa/format-address.ts';
import type { CodeMode, Insn } from '../isa/row.ts';
import { labelNames } from './labels.ts';
import { cut, type Piece } from './pieces.ts';
import { type InstructionSet, sizedOperands } from './spelling.ts';

/** Bytes that lie together. */
export interface CodePart {
  /** Address of the first byte. */
  readonly origin: bigint;
  readonly bytes: Uint8Array;
}

export interface PartsOptions {
  readonly mode: CodeMode;
  readonly symbols?: ReadonlyMap<bigint, string>;
}

export interface DisassembleOptions extends PartsOptions {
  /** Address of the first byte. */
  readonly origin: bigint;
}

/** One instruction, a prefix that stands apart from the one behind it, or bytes that are none. */
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

interface PlacedPiece extends Piece {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** Disassembles all of `bytes`. */
export function disassemble(
  bytes: Uint8Array,
  set: InstructionSet,
  options: DisassembleOptions,
): Line[] {
  return disassembleParts([{ bytes, origin: options.origin }], set, options).flat();
}

/** The bytes of the instruction that `bytes` begin with, and what they mean: to be read, not assembled. */
export function firstInstruction(
  bytes: Uint8Array,
  set: InstructionSet,
  { mode, origin, symbols = new Map() }: DisassembleOptions,
): Pick<Line, 'bytes' | 'text'> | undefined {
  if (bytes.length === 0) return undefined;
  const decoded = decode(bytes, 0, mode, set.tables);
  const row = decoded.ok ? set.rows[decoded.row] : undefined;
  const own = bytes.subarray(0, decoded.ok ? decoded.length : 1);
  if (!decoded.ok || row === undefined) return { bytes: own, text: dataText(own) };
  const place = placeAt(origin, mode, (target) => symbols.get(target));
  return { bytes: own, text: formatInstruction(row, decoded, place, set.index) };
}

/** Disassembles parts of one program, which refer to one another by their labels. */
export function disassembleParts(
  parts: readonly CodePart[],
  set: InstructionSet,
  { mode, symbols = new Map() }: PartsOptions,
): Line[][] {
  const labels = labelNames(symbolsWithin(parts, symbols), set.index);
  return parts.map((part) =>
    sweep(part, set, mode, labels).map((piece) => describe(piece, mode, set, symbols, labels)),
  );
}

/** Symbols that can be labels of the output. */
function symbolsWithin(
  parts: readonly CodePart[],
  symbols: ReadonlyMap<bigint, string>,
): ReadonlyMap<bigint, string> {
  const isWithin = (address: bigint): boolean =>
    parts.some(({ origin, bytes }) => address >= origin && address < origin + BigInt(bytes.length));
  return new Map([...symbols].filter(([address]) => isWithin(address)));
}

/** Instruction after instruction from label to label; one byte is skipped where there is none. */
function sweep(
  { origin, bytes }: CodePart,
  set: InstructionSet,
  mode: CodeMode,
  labels: ReadonlyMap<bigint, string>,
): PlacedPiece[] {
  const pieces: PlacedPiece[] = [];
  const ends = [...labels.keys()].map((address) => Number(address - origin));
  ends.push(bytes.length);
  ends.sort((a, b) => a - b);
  let at = 0;
  for (const end of ends.filter((one) => one > 0 && one <= bytes.length)) {
    const stretch = bytes.subarray(0, end);
    while (at < end) {
      for (const piece of cut(stretch, at, mode, set)) {
        const own = bytes.subarray(at, at + piece.length);
        pieces.push({ ...piece, address: origin + BigInt(at), bytes: own });
        at += piece.length;
      }
    }
  }
  return pieces;
}

function describe(
  { address, bytes: own, decoded, spelling, prefix }: PlacedPiece,
  mode: CodeMode,
  set: InstructionSet,
  symbols: ReadonlyMap<bigint, string>,
  labels: ReadonlyMap<bigint, string>,
): Line {
  const line = { address, bytes: own, label: labels.get(address) };
  const row = decoded && set.rows[decoded.row];
  if (!decoded || !row) return { ...line, text: prefix ?? dataText(own), comment: undefined };
  const plain = placeAt(address, mode, (target) => symbols.get(target));
  const meaning = formatInstruction(row, decoded, plain, set.index);
  if (!spelling) return { ...line, text: prefix ?? dataText(own), comment: meaning };
  const operands = sizedOperands(row, decoded, mode);
  const place = sourcePlace(address, mode, labels);
  const text = formatInstruction(row, { ...decoded, operands }, place, set.index, spelling);
  return { ...line, text, comment: /\$[+-]/.test(text) ? meaning : undefined };
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
