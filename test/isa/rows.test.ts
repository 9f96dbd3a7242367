/** Properties of all rows: unique encodings, and row -> bytes -> row. */

import { describe, expect, it } from 'vitest';
import { decode } from '../../src/isa/decode.ts';
import {
  buildDecodeTables,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_FLAGS,
  MODRM,
  NONE,
  PREFIX,
} from '../../src/isa/decode-table.ts';
import { existsIn } from '../../src/isa/encode.ts';
import { buildShapes, opcodesIn } from '../../src/isa/opcode-shape.ts';
import type { Insn } from '../../src/isa/row.ts';
import { sampleEncodings } from '../../src/isa/sample.ts';
import { RESERVED } from '../../src/isa/table/reserved.ts';
import { ROWS } from '../../src/isa/table.ts';

const TABLES = buildDecodeTables(ROWS);
const SAMPLES = 15;

const title = (row: Insn | undefined): string =>
  row ? `${row.mnemonic} ${row.operandText} = ${row.opcodeText}` : 'no row';

/** `a` is a special case of `b`: a fixed prefix, reg, rm, or the whole byte where b leaves it open. */
function refines(a: Insn | undefined, b: Insn): boolean {
  if (!a) return false;
  const [of, one] = [b.encoding, a.encoding];
  return (
    (one.prefix !== 'any' && of.prefix === 'any') ||
    (one.reg !== undefined && of.reg === undefined) ||
    (one.rm !== undefined && of.rm === undefined) ||
    (!one.plusR && of.plusR)
  );
}

function wrongSamples(row: Insn, number: number, mode: 64 | 32): string[] {
  return sampleEncodings(row, number + 1, SAMPLES, mode).flatMap((bytes) => {
    const decoded = decode(bytes, 0, mode, TABLES);
    const got = decoded.ok ? ROWS[decoded.row] : undefined;
    if (decoded.ok && decoded.length === bytes.length && (got === row || refines(got, row))) {
      return [];
    }
    const what = decoded.ok ? title(got) : decoded.reason;
    return [`${Buffer.from(bytes).toString('hex')} of ${title(row)} is ${what}`];
  });
}

type Entry = Uint8Array;

function masksMeet(a: Entry, b: Entry): boolean {
  const fields = [ENTRY.MODES, ENTRY.OPERAND_SIZES, ENTRY.ADDRESS_SIZES];
  return fields.every((field) => ((a[field] ?? 0) & (b[field] ?? 0)) !== 0);
}

function equalOrOpen(a: Entry, b: Entry, field: number, open: readonly number[]): boolean {
  const [one = 0, other = 0] = [a[field], b[field]];
  return one === other || open.includes(one) || open.includes(other);
}

/** True if some bytes fit both entries. */
function overlap(a: Entry, b: Entry): boolean {
  const vexW = ENTRY_FLAGS.VEX_W0 | ENTRY_FLAGS.VEX_W1;
  const wa = (a[ENTRY.FLAGS] ?? 0) & vexW;
  const wb = (b[ENTRY.FLAGS] ?? 0) & vexW;
  return (
    masksMeet(a, b) &&
    (wa === 0 || wb === 0 || wa === wb) &&
    equalOrOpen(a, b, ENTRY.PREFIX, [PREFIX.ANY]) &&
    equalOrOpen(a, b, ENTRY.MODRM, [MODRM.ANY]) &&
    equalOrOpen(a, b, ENTRY.REG, [NONE]) &&
    equalOrOpen(a, b, ENTRY.RM, [NONE])
  );
}

const rowOf = (entry: Entry): Insn => {
  const row = ROWS[(entry[ENTRY.ROW] ?? 0) | ((entry[ENTRY.ROW + 1] ?? 0) << 8)];
  if (!row) throw new Error('entry without row');
  return row;
};

/** Pairs of rows of one opcode byte that claim the same bytes, the first not as a special case. */
function conflicts(bucket: readonly Entry[]): string[] {
  return bucket.flatMap((first, at) =>
    bucket
      .slice(at + 1)
      .filter((second) => overlap(first, second) && !refines(rowOf(first), rowOf(second)))
      .map((second) => `${title(rowOf(first))} and ${title(rowOf(second))}`),
  );
}

describe('instruction rows', () => {
  it('claim different bytes', () => {
    const found: string[] = [];
    for (let at = 0; at + 1 < TABLES.index.length; at++) {
      const bucket: Entry[] = [];
      for (let i = TABLES.index[at] ?? 0; i < (TABLES.index[at + 1] ?? 0); i++) {
        bucket.push(TABLES.entries.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES));
      }
      found.push(...conflicts(bucket));
    }
    expect(found).toEqual([]);
  });

  it('have a row of the same bytes for every alias', () => {
    const missing = ROWS.filter(({ alias }) => alias).filter(
      ({ encoding, uop }) =>
        !ROWS.some(
          (row) => !row.alias && row.uop === uop && row.encoding.opcode === encoding.opcode,
        ),
    );
    expect(missing.map(title)).toEqual([]);
  });

  it.each([64, 32] as const)('decode to themselves in %i-bit code', (mode) => {
    const wrong = ROWS.flatMap((row, number) =>
      row.alias || !existsIn(row, mode) ? [] : wrongSamples(row, number, mode),
    );
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});

describe('reserved opcodes', () => {
  it.each(['', '0F'] as const)('have no row in map "%s"', (map) => {
    const reserved = new Set(Object.values(RESERVED[map]).flatMap(opcodesIn));
    const taken = ROWS.filter(
      ({ encoding }) => encoding.map === map && reserved.has(encoding.opcode),
    );
    expect(taken.map(title)).toEqual([]);
  });

  it.each(['0F38', '0F3A'] as const)('are all alike in map %s, as the rows are', (map) => {
    const alone = buildShapes([]);
    const first = map === '0F38' ? 512 : 768;
    expect(buildShapes(ROWS).subarray(first, first + 256)).toEqual(
      alone.subarray(first, first + 256),
    );
  });
});
