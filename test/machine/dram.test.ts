/** DRAM whose rows disturb one another, by itself: what guests do with it is in test/vmm/rowhammer.test.ts. */

import { describe, expect, test } from 'vitest';
import type { DirtyFrames } from '../../src/machine/dirty-frames.ts';
import { CachedLines } from '../../src/machine/dram/cached-lines.ts';
import {
  checkDram,
  DRAM_DEFAULTS,
  DramError,
  DramGeometry,
  type DramOptions,
} from '../../src/machine/dram/geometry.ts';
import { DramRows, REFRESH_NS } from '../../src/machine/dram/rows.ts';
import { type WeakCell, weakCells } from '../../src/machine/dram/weak-cells.ts';
import { MachineMemory } from '../../src/machine/memory.ts';

const OPTIONS: DramOptions = { banks: 4, rows: 16, threshold: 100, seed: 1 };
const ROW_BYTES = 1024;
const MEMORY_BYTES = OPTIONS.banks * OPTIONS.rows * ROW_BYTES;

/** Rows of a memory that holds `fill` everywhere, and what was told of writes to it. */
class Bed {
  readonly written: number[] = [];
  readonly memory: MachineMemory;
  readonly rows: DramRows;

  constructor(options: DramOptions = OPTIONS, fill = 0) {
    const ram = new Uint8Array(MEMORY_BYTES).fill(fill);
    this.memory = new MachineMemory(ram, {} as DirtyFrames, (hpa) => this.written.push(hpa));
    this.rows = new DramRows(options, this.memory);
  }

  /** Activates the row of `bank` 0 by turns with those given, `times` each. */
  hammer(rows: readonly number[], times: number, now = 0): void {
    for (let n = 0; n < times; n++) {
      for (const row of rows) this.rows.access(addressOf(row), now);
    }
  }

  /** Bits that are not those of `fill`, by address. */
  changed(fill = 0): [address: number, bits: number][] {
    return [...this.memory.bytes]
      .map((byte, at): [number, number] => [at, byte ^ fill])
      .filter(([, bits]) => bits !== 0);
  }
}

/** HPA of the row of bank 0. */
const addressOf = (row: number): number => row * OPTIONS.banks * ROW_BYTES;
const cellsOf = (row: number, options = OPTIONS): readonly WeakCell[] =>
  weakCells(options, row * options.banks, ROW_BYTES);

/** A row with a cell that is charged while it holds 0, and rows on both sides of it. */
const VICTIM = Array.from({ length: OPTIONS.rows - 2 }, (_, n) => n + 1).find((row) =>
  cellsOf(row).some(({ charged }) => charged === 0),
) as number;
const ANTI_CELLS = cellsOf(VICTIM).filter(({ charged }) => charged === 0);
const BESIDE = [VICTIM - 1, VICTIM + 1];
/** More than any cell stands, from two sides. */
const ENOUGH = OPTIONS.threshold;

describe('geometry', () => {
  const geometry = new DramGeometry(OPTIONS, MEMORY_BYTES);

  test('consecutive rows are in consecutive banks', () => {
    expect(geometry.rowBytes).toBe(ROW_BYTES);
    const places = [0, ROW_BYTES - 1, ROW_BYTES, 4 * ROW_BYTES, 7 * ROW_BYTES + 5].map((hpa) => {
      const number = geometry.numberOf(hpa);
      return [geometry.bankOf(number), geometry.rowOf(number)];
    });
    expect(places).toEqual([[0, 0], [0, 0], [1, 0], [0, 1], [3, 1]]); // biome-ignore format: pairs
    expect(geometry.addressOf(geometry.numberOf(5 * ROW_BYTES + 7))).toBe(5 * ROW_BYTES);
  });

  test('rows are as large as they must be to hold all memory', () => {
    expect(new DramGeometry(OPTIONS, MEMORY_BYTES + 1).rowBytes).toBe(2 * ROW_BYTES);
    expect(new DramGeometry({ banks: 64, rows: 65_536 }, 2 ** 20).rowBytes).toBe(64);
    const large = new DramGeometry({ banks: 8, rows: 1024 }, 2 ** 31);
    expect(large.numberOf(2 ** 31 + 5)).toBe(2 ** 31 / large.rowBytes);
  });

  test.each([
    [{ banks: 0 }, 'banks must be a whole number from 1 to 64'],
    [{ rows: 2 }, 'rows must be a whole number from 3 to 1048576'],
    [{ threshold: 1.5 }, 'threshold must be a whole number from 1 to 2147483648'],
    [{ seed: -1 }, 'seed must be a whole number from 0 to 4294967295'],
    [{ banks: 64, rows: 2 ** 20 }, 'all banks together can have 4194304 rows'],
  ])('%o is refused', (options, message) => {
    expect(() => checkDram({ ...DRAM_DEFAULTS, ...options })).toThrow(new DramError(message));
  });
});

describe('weak cells', () => {
  const ROWS = 2000;
  const all = Array.from({ length: ROWS }, (_, row) => cellsOf(row));
  const cells = all.flat();

  test('are within their row, of both kinds, and stand the threshold at least', () => {
    for (const { byte, bit, threshold } of cells) {
      expect(byte).toBeLessThan(ROW_BYTES);
      expect(bit).toBeLessThan(8);
      expect(threshold).toBeGreaterThanOrEqual(OPTIONS.threshold);
      expect(threshold).toBeLessThan(2 * OPTIONS.threshold);
    }
    const anti = cells.filter(({ charged }) => charged === 0).length;
    expect(anti / cells.length).toBeCloseTo(0.5, 1);
    expect(all.some((row) => row.length === 0)).toBe(true);
    expect(new Set(cells.map(({ byte }) => byte)).size).toBeGreaterThan(ROW_BYTES * 0.9);
  });

  test('are what the seed says', () => {
    expect(cellsOf(5)).toEqual(cellsOf(5));
    const other = Array.from({ length: 8 }, (_, row) => cellsOf(row, { ...OPTIONS, seed: 2 }));
    expect(other).not.toEqual(all.slice(0, 8));
  });
});

describe('rows', () => {
  test('a cell loses its charge at its threshold, not before', () => {
    for (const cell of ANTI_CELLS) {
      const bed = new Bed();
      const place = [addressOf(VICTIM) + cell.byte, 1 << cell.bit];
      bed.hammer([VICTIM - 1, VICTIM + 5], cell.threshold - 1);
      expect(bed.changed()).not.toContainEqual(place);
      bed.hammer([VICTIM - 1], 1);
      expect(bed.changed()).toContainEqual(place);
      expect(bed.written).toContain(place[0]);
      expect(bed.rows.counters.flips).toBe(bed.written.length);
    }
  });

  test('both neighbours count', () => {
    const bed = new Bed();
    bed.hammer(BESIDE, ENOUGH);
    const inVictim = bed
      .changed()
      .filter(([at]) => Math.floor(at / ROW_BYTES) * ROW_BYTES === addressOf(VICTIM));
    expect(inVictim.length).toBe(new Set(ANTI_CELLS.map(({ byte }) => byte)).size);
    expect(bed.rows.counters.activations).toBe(2 * ENOUGH);
  });

  test('a bit changes one way only', () => {
    const ones = new Bed(OPTIONS, 0xff);
    ones.hammer(BESIDE, ENOUGH);
    const trueCells = cellsOf(VICTIM).filter(({ charged }) => charged === 1);
    const at = addressOf(VICTIM);
    const expected = new Uint8Array(ROW_BYTES).fill(0xff);
    for (const { byte, bit } of trueCells) expected[byte] = (expected[byte] ?? 0) & ~(1 << bit);
    expect(ones.memory.read(at, ROW_BYTES)).toEqual(expected);
  });

  test('one side alone, below the threshold, does nothing', () => {
    const bed = new Bed();
    bed.hammer([VICTIM - 1, VICTIM + 5], OPTIONS.threshold - 1);
    expect(bed.changed()).toEqual([]);
  });

  test('an open row is not activated again', () => {
    const bed = new Bed();
    bed.hammer([VICTIM - 1], 10 * ENOUGH);
    expect(bed.rows.counters.activations).toBe(1);
    expect(bed.changed()).toEqual([]);
  });

  test('rows of other banks close nothing', () => {
    const bed = new Bed();
    for (let n = 0; n < 10 * ENOUGH; n++) {
      bed.rows.access(addressOf(VICTIM - 1), 0);
      bed.rows.access(addressOf(VICTIM + 1) + ROW_BYTES, 0);
    }
    expect(bed.rows.counters.activations).toBe(2);
  });

  test('a row that is activated itself is charged again', () => {
    const bed = new Bed();
    for (let n = 0; n < 4; n++) {
      bed.hammer(BESIDE, OPTIONS.threshold / 2 - 1);
      bed.rows.access(addressOf(VICTIM), 0);
    }
    expect(
      bed.changed().filter(([at]) => at >= addressOf(VICTIM) && at < addressOf(VICTIM) + ROW_BYTES),
    ).toEqual([]);
  });

  test('a refresh charges every row once in 64 ms, each at its own time', () => {
    const phase = (VICTIM / OPTIONS.rows) * REFRESH_NS;
    const flipsWith = (first: number, second: number): number => {
      const bed = new Bed();
      bed.hammer(BESIDE, ENOUGH / 2, first);
      bed.hammer(BESIDE, ENOUGH / 2, second);
      const { byte, bit } = ANTI_CELLS[0] as WeakCell;
      return ((bed.memory.bytes[addressOf(VICTIM) + byte] ?? 0) >> bit) & 1;
    };
    expect(flipsWith(phase, phase + REFRESH_NS - 1)).toBe(1);
    expect(flipsWith(phase - 1, phase)).toBe(0);
    expect(flipsWith(phase, phase + REFRESH_NS)).toBe(0);
    expect(flipsWith(phase + 5, phase + 10 * REFRESH_NS + 5)).toBe(0);
  });

  test('the first and the last row have one neighbour', () => {
    const bed = new Bed();
    bed.hammer([0, OPTIONS.rows - 1], 10);
    expect(bed.rows.save().disturbed.map(([number, , count]) => [number, count])).toEqual([
      [OPTIONS.banks, 10],
      [(OPTIONS.rows - 2) * OPTIONS.banks, 10],
    ]);
  });

  test('what is saved goes on', () => {
    const one = new Bed();
    one.hammer(BESIDE, ENOUGH / 2);
    const other = new Bed();
    const rows = new DramRows(OPTIONS, other.memory, structuredClone(one.rows.save()));
    one.hammer(BESIDE, ENOUGH / 2);
    for (let n = 0; n < ENOUGH / 2; n++) for (const row of BESIDE) rows.access(addressOf(row), 0);
    expect(other.changed()).toEqual(one.changed());
    expect(rows.save()).toEqual(one.rows.save());
  });
});

describe('lines', () => {
  test('the first access after a flush fetches the line', () => {
    const lines = new CachedLines(() => {});
    expect(lines.fetch(0x1000)).toBe(false);
    for (const hpa of [0x1000, 0x17ff, 0x1800, 0x1fff, 0xffff_f7c0]) {
      lines.flush(hpa);
      expect(lines.fetch(hpa ^ 0x40)).toBe(false);
      expect(lines.fetch(hpa ^ 0x3f)).toBe(true);
      expect(lines.fetch(hpa)).toBe(false);
    }
  });

  test('a frame is forgotten when all its lines have long been cached', () => {
    const forgotten: number[] = [];
    const lines = new CachedLines((frame) => forgotten.push(frame));
    lines.flush(0x5000);
    lines.flush(0x6000);
    lines.fetch(0x6000);
    for (let n = 0; n < 10_000; n++) {
      lines.fetch(0x5040);
      lines.fetch(0x6000);
    }
    expect(forgotten).toEqual([6]);
    expect(lines.save()).toEqual([[5, 1, 0, 10_000]]);
    expect(new CachedLines(() => {}, lines.save()).fetch(0x5000)).toBe(true);
  });
});
