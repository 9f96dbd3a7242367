/** What the benchmarks can be run on, beside one another. */

import { FULL_TECHNIQUES } from '../index.ts';
import type { BenchSetup } from '../node/index.ts';
import { BARE, type NamedSetup } from './setup-costs.ts';
import { UsageError } from './usage-error.ts';

type Setups = Readonly<Record<string, BenchSetup>>;

/** Of `bench --techniques`. */
export const TECHNIQUES: Setups = {
  [BARE]: { cpu: 'bare' },
  ...Object.fromEntries(FULL_TECHNIQUES.map((cpu) => [cpu, { cpu }])),
  'patch-aligned': { cpu: 'patch', patchJumps: 'aligned' },
};

/**
 * Of `bench --paging`. The technique is trap, which runs all of a guest in shadow page tables: built whole at each load
 * of CR3; filled on demand; on demand, and out of sync between a write and the flush that makes it valid.
 */
export const PAGING: Setups = {
  [BARE]: { cpu: 'bare' },
  eager: { cpu: 'trap', shadowFill: 'eager', shadowSync: 'write' },
  lazy: { cpu: 'trap', shadowFill: 'lazy', shadowSync: 'write' },
  'out-of-sync': { cpu: 'trap', shadowFill: 'lazy', shadowSync: 'flush' },
};

/** The value of `option`: names of `setups`; nothing means all of them. */
export function parseSetups(option: string, text: string, setups: Setups): readonly NamedSetup[] {
  const names = text === '' ? Object.keys(setups) : text.split(',');
  return names.map((name) => {
    const setup = setups[name];
    if (setup !== undefined) return { name, setup };
    throw new UsageError(`--${option}: '${name}' is not one of ${Object.keys(setups).join(', ')}`);
  });
}
