/** Single accesses through random paging structures: the processor against the reference walker. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import {
  codeStands,
  expectAccess,
  KINDS,
  type Kind,
  placeNop,
  runAccess,
  SIZES,
  type Size,
  writeCode,
} from './access.ts';
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

const RUNS = Number(process.env['MMU_RUNS'] ?? 1200);

interface Case {
  readonly bits: Partial<PagingState>;
  readonly paths: readonly Path[];
  readonly page: bigint;
  readonly offset: number;
  readonly kind: Kind;
  readonly size: Size;
}

const caseOf = (setting: Setting): fc.Arbitrary<Case> =>
  fc.record({
    bits: stateBits,
    paths: fc.array(pathOf(setting), { minLength: 1, maxLength: 4 }),
    page: fc.constantFrom(...UNPAGED_PAGES),
    offset: fc.oneof(fc.constantFrom(0, 8, 0xff8, 0xff9, 0xffc, 0xffe, 0xfff), fc.nat(0xfff)),
    kind: fc.constantFrom<Kind>(...KINDS, 'fetch'),
    size: fc.constantFrom(...SIZES.filter((size) => setting.isLong || size < 8)),
  });

/** 32-bit code that is fetched across 4 GiB is a matter of its segment. */
function isOutsideSegment(setting: Setting, gva: bigint, { kind, size }: Case): boolean {
  return kind === 'fetch' && !setting.isLong && gva + BigInt(size) > 0x1_0000_0000n;
}

/** Runs a case and says what became of it; undefined if it tells nothing. */
function check(rig: Rig, setting: Setting, test: Case, isTlbDisabled: boolean): string | undefined {
  const { bits, paths, page, offset, kind, size } = test;
  const base =
    setting === UNPAGED ? page : addressOf(setting, paths[0] ?? { indices: [], entries: [] });
  const gva = base + BigInt(offset);
  if (isOutsideSegment(setting, gva, test)) return undefined;
  rig.clear(isTlbDisabled);
  for (const one of paths.toReversed()) writePath(rig, setting, one);
  mapCode(rig, setting, bits.cpl ?? 0);
  writeCode(rig, kind, size);
  const state = stateOf(setting, { ...bits, pdptes: pdptesAt(rig, ROOT) });
  const world = { rig, setting, state };
  rig.load(state, setting.isLong);
  if (kind === 'fetch' && !placeNop(world, gva, size)) return undefined;
  const wanted = expectAccess(world, gva, kind, size);
  const fuel = wanted.vector === undefined && codeStands(world, kind, size) ? 2 : 1;
  const got = runAccess(world, gva, kind, fuel);
  expect(got).toEqual(wanted);
  if (!rig.actual.equals(rig.expected)) expect(rig.actual.difference(rig.expected)).toBe('');
  return `${kind} ${wanted.vector === 14 ? wanted.error : (wanted.vector ?? 'done')}`;
}

/** Error codes that the cases of a setting must meet, or they are too tame. */
const ABSENT = [0, 2, 4, 6, 16, 20];
const DENIED = [1, 3, 5, 7, 17, 21];
const RESERVED = [9, 11, 13, 15, 25, 29];
const KEYS = [33, 35, 37, 39];
const PLANS: readonly { setting: Setting; codes: readonly number[] }[] = [
  { setting: FOUR_LEVEL, codes: [...ABSENT, ...DENIED, ...RESERVED, ...KEYS] },
  { setting: COMPATIBILITY, codes: [...ABSENT, ...DENIED, ...RESERVED, ...KEYS] },
  { setting: PAE, codes: [...ABSENT, ...DENIED, ...RESERVED] },
  { setting: PSE, codes: [...ABSENT, ...DENIED, ...RESERVED] },
  { setting: NO_PSE, codes: [...ABSENT, ...DENIED] },
  { setting: UNPAGED, codes: [] },
];

describe.each(PLANS)(
  'an access under $setting.name, through random tables',
  ({ setting, codes }) => {
    const rig = new Rig();
    const seen = new Set<string | undefined>();

    it.each([
      ['with the TLB', false],
      ['without it', true],
    ])('does what the reference does, %s', (_, isTlbDisabled) => {
      fc.assert(
        fc.property(caseOf(setting), (test) => {
          seen.add(check(rig, setting, test, isTlbDisabled));
        }),
        { numRuns: RUNS },
      );
    });

    it('meets all error codes, and no others', () => {
      const met = new Set([...seen].map((name) => name?.split(' ')[1]));
      expect(codes.filter((code) => !met.has(`${code}`))).toEqual([]);
      const known = new Set(['done', '13', undefined, ...codes.map(String)]);
      expect([...met].filter((code) => !known.has(code))).toEqual([]);
      expect(KINDS.filter((kind) => !seen.has(`${kind} done`))).toEqual([]);
    });
  },
);
