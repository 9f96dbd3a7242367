/**
 * The listing file in NASM's format (FACTS C.7): line number, offset, up to nine bytes in hex, the
 * source line; more bytes continue below under the same number.
 */

import type { PlacedPiece } from './output.ts';

/** A source line as it was read, in order; expansions have a level above 0. */
export interface ListedLine {
  readonly number: number;
  readonly text: string;
  readonly level: number;
  /** The source has turned the listing off. */
  readonly hidden: boolean;
  pieces: PlacedPiece[];
  /** Messages at this line, as `warning: ...`. */
  messages: string[];
}

const HEX_WIDTH = 18;
const OFFSET_WIDTH = 8;

const hex = (value: number | bigint, width: number): string =>
  value.toString(16).toUpperCase().padStart(width, '0');

export function formatListing(lines: readonly ListedLine[]): string {
  const out: string[] = [];
  for (const line of lines) if (!line.hidden) formatLine(out, line);
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

/** One row of hex: where it starts, and what it shows. */
interface Row {
  offset: number;
  text: string;
}

function formatLine(out: string[], line: ListedLine): void {
  const number = String(line.number).padStart(6);
  const level = line.level > 0 ? `${line.level < 10 ? ' ' : ''}<${line.level}>` : undefined;
  const rows = layOut(line.pieces);
  const [first, ...rest] = rows;
  out.push(`${number} ${columns(first)}${level ?? '    '} ${line.text}`);
  for (const row of rest) out.push(`${number} ${columns(row)}${level ?? ''}`);
  for (const message of line.messages) {
    out.push(`${number}          ${'*'.repeat(HEX_WIDTH)} ${level ?? '    '}  ${message}`);
  }
}

function columns(row: Row | undefined): string {
  if (!row) return ' '.repeat(OFFSET_WIDTH + 2 + HEX_WIDTH);
  return `${hex(BigInt.asUintN(32, BigInt(row.offset)), OFFSET_WIDTH)} ${row.text.padEnd(HEX_WIDTH + 1)}`;
}

/** Pieces with repetitions written out. */
function* unrolled(pieces: readonly PlacedPiece[]): Generator<PlacedPiece> {
  for (const [index, placed] of pieces.entries()) {
    const { piece } = placed;
    if (piece.kind !== 'again') {
      yield placed;
      continue;
    }
    const repeated = pieces.slice(index - piece.pieces, index);
    for (let i = 1; i <= piece.count; i++) {
      for (const { offset, piece: part } of unrolled(repeated)) {
        yield { offset: offset + i * piece.size, piece: part };
      }
    }
  }
}

function layOut(pieces: readonly PlacedPiece[]): Row[] {
  const rows: Row[] = [];
  for (const { offset, piece } of unrolled(pieces)) {
    switch (piece.kind) {
      case 'bytes':
        piece.bytes.forEach((byte, index) => {
          put(rows, offset + index, hex(byte, 2));
        });
        break;
      case 'address':
        put(rows, offset, addressText(piece.value, piece.size, piece.relative));
        break;
      case 'reserve':
        put(rows, offset, piece.size > 8 ? tagText('res', piece.size) : '??'.repeat(piece.size));
        break;
      case 'tag':
        // A tag that needs a row of its own shows the offset of the row above.
        put(rows, rows.at(-1)?.offset ?? offset, tagText(piece.tag, piece.count));
    }
  }
  return rows;
}

function put(rows: Row[], offset: number, text: string): void {
  const row = rows.at(-1);
  if (row && row.text.length + text.length <= HEX_WIDTH) {
    row.text += text;
    return;
  }
  if (row) row.text += '-';
  rows.push({ offset, text });
}

function addressText(value: bigint, size: number, relative: boolean): string {
  let text = '';
  let rest = BigInt.asUintN(8 * size, value);
  for (let i = 0; i < size; i++, rest >>= 8n) text += hex(rest & 0xffn, 2);
  return relative ? `(${text})` : `[${text}]`;
}

const tagText = (tag: string, count: number): string => `<${tag} ${hex(count, 1)}h>`;
