/**
 * Loads, far transfers and questions about selectors, on random descriptor tables: the processor against the model
 * of the manual's checks in model/. SEGMENT_RUNS=10 asks for ten times as many cases and shows what they were,
 * SEGMENT_SEED for others.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caseOf } from './cases.ts';
import { check } from './check.ts';
import { Machine, MODES } from './machine.ts';
import { PLANS } from './plans.ts';

/** Times the cases of an ordinary run. */
const RUNS = Number(process.env['SEGMENT_RUNS'] ?? 1);
const SEED = Number(process.env['SEGMENT_SEED'] ?? 1);
const TIMEOUT = 120_000 * RUNS;

describe.each(PLANS)('$name', ({ operation, direction, cases, outcomes }) => {
  const machine = new Machine();

  it.each(MODES)(
    'does what the model does, in %s mode',
    (mode) => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(caseOf(mode, operation, direction), ([scene, one]) => {
          const name = check(machine, scene, one);
          seen.set(name, (seen.get(name) ?? 0) + 1);
        }),
        { numRuns: RUNS * cases, seed: SEED },
      );
      if (process.env['SEGMENT_RUNS']) process.stderr.write(`${mode}: ${showCounts(seen)}\n`);
      expect(outcomes(mode).filter((name) => !seen.has(name))).toEqual([]);
    },
    TIMEOUT,
  );
});

/** How often each outcome was met. */
function showCounts(seen: ReadonlyMap<string, number>): string {
  const counts = [...seen].sort(([, a], [, b]) => b - a).map(([name, count]) => `${count} ${name}`);
  return counts.join(', ');
}
