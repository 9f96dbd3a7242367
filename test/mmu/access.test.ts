/** Single accesses through random paging structures: the processor against the reference walker. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PagingState } from '../../src/machine/ref/walk.ts';
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
import { addressOf, mapCode, type Path, pagingState, path, writePath } from './tables.ts';

const RUNS = Number(process.env['MMU_RUNS'] ?? 2000);

interface Case {
  readonly state: PagingState;
  readonly paths: readonly Path[];
  readonly offset: number;
  readonly kind: Kind;
  readonly size: Size;
}

const testCase: fc.Arbitrary<Case> = fc.record({
  state: pagingState,
  paths: fc.array(path, { minLength: 1, maxLength: 4 }),
  offset: fc.oneof(fc.constantFrom(0, 8, 0xff8, 0xff9, 0xffc, 0xffe, 0xfff), fc.nat(0xfff)),
  kind: fc.constantFrom(...KINDS),
  size: fc.constantFrom(...SIZES),
});

/** Outcomes that must all occur, or the cases are too tame. */
const seen = new Map<string, number>();

function check(rig: Rig, test: Case, isTlbDisabled: boolean): void {
  const { state, paths, offset, kind, size } = test;
  const gva = addressOf(paths[0]?.indices ?? []) + BigInt(offset);
  rig.clear(isTlbDisabled);
  for (const one of paths.toReversed()) writePath(rig, one);
  mapCode(rig, state.cpl);
  writeCode(rig, kind, size);
  rig.load(state);
  if (kind === 'fetch' && !placeNop(rig, state, gva, size)) return;
  const wanted = expectAccess(rig, state, gva, kind, size);
  const fuel = wanted.vector === undefined && codeStands(rig, state, kind, size) ? 2 : 1;
  const got = runAccess(rig, gva, kind, fuel);
  const name = `${kind} ${wanted.vector === undefined ? 'done' : wanted.error}`;
  seen.set(name, (seen.get(name) ?? 0) + 1);
  expect(got).toEqual(wanted);
  if (!rig.actual.equals(rig.expected)) expect(rig.actual.difference(rig.expected)).toBe('');
}

describe('an access through random paging structures', () => {
  const rig = new Rig();

  it.each([
    ['with the TLB', false],
    ['without it', true],
  ])('does what the reference does, %s', (_, isTlbDisabled) => {
    fc.assert(
      fc.property(testCase, (test) => check(rig, test, isTlbDisabled)),
      { numRuns: RUNS },
    );
  });

  it('meets all error codes', () => {
    const codes = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 16, 17, 20, 21, 25, 29, 33, 35, 37, 39];
    const met = new Set([...seen.keys()].map((name) => name.split(' ')[1]));
    expect(codes.filter((code) => !met.has(`${code}`))).toEqual([]);
    expect(KINDS.filter((kind) => !seen.has(`${kind} done`))).toEqual([]);
  });
});
