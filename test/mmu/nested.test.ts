/**
 * Accesses through random paging structures over random extended page tables, which are edited between one and the next:
 * the processor against the reference, which walks in both dimensions.
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
  type World,
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
  eptEdit,
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
  /** What is edited then, with the INVEPT that follows, and the kind of a second access. */
  readonly later: {
    readonly edits: readonly EptEdit[];
    readonly isSingle: boolean;
    readonly kind: Kind;
  };
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
    later: fc.record({
      edits: fc.array(eptEdit, { maxLength: 2 }),
      isSingle: fc.boolean(),
      kind: fc.constantFrom<Kind>(...KINDS),
    }),
  });

/** Runs a case and says what became of its accesses, as far as they tell anything. */
function check(rig: Rig, setting: Setting, test: Case, isTlbDisabled: boolean): string[] {
  const { bits, paths, page, offset, kind, size, later } = test;
  const base =
    setting === UNPAGED ? page : addressOf(setting, paths[0] ?? { indices: [], entries: [] });
  const gva = base + BigInt(offset);
  const isShown = showsTables([...test.ept.edits, ...later.edits]);
  if (!isTlbDisabled && isShown) return [];
  rig.clear(isTlbDisabled);
  const edits = [...test.ept.edits, ...editsOf(setting, test)];
  const nested = new EptRig(rig, { ...test.ept, edits });
  const guest = guestPokes(rig);
  for (const one of paths.toReversed()) writePath(guest, setting, one);
  mapCode(guest, setting, bits.cpl ?? 0);
  const state = stateOf(setting, { ...bits, pdptes: pdptesAt(rig, hostOf(ROOT)) });
  const world = { rig, setting, state, nested };
  rig.load(state, setting.isLong);
  nested.enter();
  const first = access(world, gva, kind, size, isTlbDisabled);
  if (first === undefined) return [];
  nested.edit(later.edits);
  rig.processor.dropEpt(later.isSingle ? nested.eptp : 0n);
  const second = access(world, gva, later.kind, size, isTlbDisabled);
  return second === undefined ? [first] : [first, second];
}

/** Makes an access and says what became of it; undefined if it was not made, for it would tell nothing. */
function access(
  world: World & { readonly nested: EptRig },
  gva: bigint,
  kind: Kind,
  size: Size,
  isTlbDisabled: boolean,
): string | undefined {
  const { rig, setting, nested } = world;
  if (kind === 'fetch' && !setting.isLong && gva + BigInt(size) > 0x1_0000_0000n) return undefined;
  writeCode(rig, kind, size, nested.codeFrame);
  if (kind === 'fetch' && !placeNop(world, gva, size)) return undefined;
  if (kind !== 'fetch' && findsCode(world, kind, size) === false) return undefined;
  const references = { ...nested.references };
  const wanted = expectAccess(world, gva, kind, size);
  const stands = codeStands(world, kind, size);
  const isDone = wanted.vector === undefined && wanted.exit === undefined;
  const before = readCounters(rig.processor.view);
  const got = runAccess(world, gva, kind, isDone && stands ? 2 : 1);
  expect(got).toEqual(wanted);
  if (!rig.actual.equals(rig.expected)) expect(rig.actual.difference(rig.expected)).toBe('');
  expect(rig.processor.view.u32('PML_INDEX')).toBe(nested.logIndex);
  if (stands && !isTlbDisabled) {
    const after = readCounters(rig.processor.view);
    expect({
      guest: Number(after.guestEntryReads - before.guestEntryReads) + references.guest,
      ept: Number(after.eptEntryReads - before.eptEntryReads) + references.ept,
    }).toEqual(nested.references);
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
  const seen = new Set<string>();

  it.each([
    ['with the TLB', false],
    ['without it', true],
  ])('does what the reference does, %s', { timeout: FUZZ_TIMEOUT }, (_, isTlbDisabled) => {
    fc.assert(
      fc.property(caseOf(setting), (test) => {
        for (const one of check(rig, setting, test, isTlbDisabled)) seen.add(one);
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
