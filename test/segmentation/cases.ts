/** Random cases: a scene with an operation in it, at any CPL. */

import fc from 'fast-check';
import type { Setting } from './descriptors.ts';
import type { Mode } from './machine.ts';
import type { Operation } from './operations.ts';
import { type Scene, sceneOf } from './scenes.ts';

const LEVELS = [0, 1, 2, 3];

/** Where most transfers of an operation are to go that changes CPL. */
export type Direction = 'inward' | 'outward';

/** A scene with an operation in it: half of the cases go to another level, if there is a direction. */
export function caseOf(
  mode: Mode,
  operationOf: (setting: Setting) => fc.Arbitrary<Operation>,
  direction?: Direction,
): fc.Arbitrary<[Scene, Operation]> {
  const pairs = LEVELS.flatMap((cpl) => LEVELS.map((level) => ({ mode, cpl, level })));
  const cases = (settings: readonly Setting[]): fc.Arbitrary<[Scene, Operation]> =>
    fc.oneof(...settings.map((setting) => fc.tuple(sceneOf(setting), operationOf(setting))));
  const all = cases(pairs.map((pair) => ({ ...pair, isThere: false })));
  if (direction === undefined) return all;
  const away = pairs
    .filter(({ cpl, level }) => (direction === 'inward' ? level < cpl : level > cpl))
    .map((pair) => ({ ...pair, isThere: true }));
  return fc.oneof(all, cases(away));
}
