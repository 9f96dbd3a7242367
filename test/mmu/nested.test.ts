/**
 * Single accesses through random paging structures over random extended page tables: the processor against the
 * reference, which walks in both dimensions.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCounters } from '../../src/machine/counters.ts';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import { FUZZ_TIMEOUT } from '../fuzz/progress.ts';
import {
  codeStands,
  expectAccess,
  findsCode,
  KINDS,
  type Kind,
  placeNop,
  type Result,
  runAccess,
  SIZES,
  type Size,
  writeCode,
} from './access.ts';
import {
  EPT_ALL,
  EPT_R,
  EPT_W,
  EPT_X,
  type EptCase,
  type EptEdit,
  EptRig,
  eptCase,
  guestPokes,
  hostOf,
  LEAF,
  MIB2,
  showsTables,
} from './ept-tables.ts';
import { Rig } from './rig.ts';
import {
  COMPATIBILITY,
  FOUR_LEVEL,
  NO_PSE,
  PAE,
  PSE,
  ROOT,
  type Setting,
  stateOf,
  UNPAGED,
} from './settings.ts';
import {
  addressOf,
  mapCode,
  type Path,
  pathOf,
  pdptesAt,
  stateBits,
  UNPAGED_PAGES,
  writePath,
} from './tables.ts';

const FUZZ = Number(process.env['FUZZ_RUNS'] ?? 0);
const RUNS = Number(process.env['MMU_RUNS'] ?? (FUZZ > 0 ? Math.ceil(FUZZ / 500) : 600));
/** FUZZ_SEED begins elsewhere. */
const SEED =
  process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) };

interface Case {
  readonly bits: Partial<PagingState>;
  readonly paths: readonly Path[];
  readonly ept: EptCase;
  /** Rights that the page under test has, if it is of the lowest 2 MiB. */
  readonly rights: bigint | undefined;
  readonly page: bigint;
  readonly offset: number;
  readonly kind: Kind;
  readonly size: Size;
}

const caseOf = (setting: Setting): fc.Arbitrary<Case> =>
  fc.record({
    bits: stateBits,
    paths: fc.array(pathOf(setting), { minLength: 1, maxLength: 3 }),
    ept: eptCase,
    rights: fc.constantFrom(undefined, 0n, EPT_R, EPT_R, EPT_X, EPT_R | EPT_W, EPT_R | EPT_X),
    page: fc.constantFrom(...UNPAGED_PAGES),
    offset: fc.oneof(fc.constantFrom(0, 8, 0xff8, 0xff9, 0xffc, 0xffe, 0xfff), fc.nat(0xfff)),
    kind: fc.constantFrom<Kind>(...KINDS, 'fetch'),
    size: fc.constantFrom(...SIZES.filter((size) => setting.isLong || size < 8)),
  });

/** Runs a case and says what became of it; undefined if it tells nothing. */
function check(rig: Rig, setting: Setting, test: Case, isTlbDisabled: boolean): string | undefined {
  const { bits, paths, page, offset, kind, size } = test;
  const base =
    setting === UNPAGED ? page : addressOf(setting, paths[0] ?? { indices: [], entries: [] });
  const gva = base + BigInt(offset);
  if (!isTlbDisabled && showsTables(test.ept)) return undefined;
  if (kind === 'fetch' && !setting.isLong && gva + BigInt(size) > 0x1_0000_0000n) return undefined;
  rig.clear(isTlbDisabled);
  const ept = new EptRig(rig, {
    ...test.ept,
    edits: [...test.ept.edits, ...editsOf(setting, test)],
  });
  const guest = guestPokes(rig);
  for (const one of paths.toReversed()) writePath(guest, setting, one);
  mapCode(guest, setting, bits.cpl ?? 0);
  writeCode(rig, kind, size, ept.codeFrame);
  const state = stateOf(setting, { ...bits, pdptes: pdptesAt(rig, hostOf(ROOT)) });
  const world = { rig, setting, state, nested: ept };
  rig.load(state, setting.isLong);
  ept.enter();
  if (kind === 'fetch' && !placeNop(world, gva, size)) return undefined;
  if (kind !== 'fetch' && findsCode(world, kind, size) === false) return undefined;
  const wanted = expectAccess(world, gva, kind, size);
  const stands = codeStands(world, kind, size);
  const isDone = wanted.vector === undefined && wanted.exit === undefined;
  const before = readCounters(rig.processor.view);
  const got = runAccess(world, gva, kind, isDone && stands ? 2 : 1);
  expect(got).toEqual(wanted);
  if (!rig.actual.equals(rig.expected)) expect(rig.actual.difference(rig.expected)).toBe('');
  expect(rig.processor.view.u32('PML_INDEX')).toBe(ept.logIndex);
  if (stands && !isTlbDisabled) {
    const after = readCounters(rig.processor.view);
    expect({
      guest: Number(after.guestEntryReads - before.guestEntryReads),
      ept: Number(after.eptEntryReads - before.eptEntryReads),
    }).toEqual(ept.references);
  }
  return outcomeOf(kind, wanted);
}

/** Gives the page under test its rights. */
function editsOf(setting: Setting, { rights, paths, page }: Case): readonly EptEdit[] {
  const gpa = setting === UNPAGED ? page : paths[0]?.entries.at(-1)?.frame;
  if (rights === undefined || gpa === undefined || gpa >= MIB2) return [];
  const value = (hostOf(gpa) & ~0xfffn) | (LEAF & ~EPT_ALL) | rights;
  return [{ level: 3, index: Number(gpa >> 12n), value }];
}

function outcomeOf(kind: Kind, { exit, vector }: Result): string {
  if (exit) return `exit ${exit.reason} ${exit.qualification.toString(16)}`;
  return vector === undefined ? `${kind} done` : `vector ${vector}`;
}

/**
 * Qualifications of violations that the cases of a setting must meet, or they are too tame: by reads, writes and fetches
 * of the page, with no rights and with others than those needed; by reads of tables, with flags or without, and writes.
 */
const OF_PAGES = ['181', '182', '184', '1a1', '18a', '18c'];
const OF_TABLES = ['81', '83', '8b', 'ab'];
const ALL = [FOUR_LEVEL, COMPATIBILITY, PAE, PSE, NO_PSE, UNPAGED];

describe.each(ALL)('an access under $name over EPT', (setting) => {
  const rig = new Rig();
  const seen = new Set<string | undefined>();

  it.each([
    ['with the TLB', false],
    ['without it', true],
  ])('does what the reference does, %s', { timeout: FUZZ_TIMEOUT }, (_, isTlbDisabled) => {
    fc.assert(
      fc.property(caseOf(setting), (test) => {
        seen.add(check(rig, setting, test, isTlbDisabled));
      }),
      { numRuns: RUNS, ...SEED },
    );
  });

  it('meets all exits', () => {
    const violations = setting === UNPAGED ? OF_PAGES : [...OF_PAGES, ...OF_TABLES];
    const wanted = [...violations.map((bits) => `exit 48 ${bits}`), 'exit 49 0', 'exit 62 0'];
    const done = KINDS.map((kind) => `${kind} done`);
    expect([...wanted, ...done].filter((one) => !seen.has(one))).toEqual([]);
  });
});
