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
  para: { cpu: 'para', memory: 'direct' },
  'para-shadow': { cpu: 'para', memory: 'shadow' },
};

/**
 * Of `bench --paging`. The native build runs under trap, which has all of a guest in shadow page tables: built whole at each
 * load of CR3; filled on demand; on demand, and out of sync between a write and the flush that makes it valid. The
 * build for Xen's PV ABI says what it changes, in batches of as many entries, under direct paging; and in shadow page tables.
 */
export const PAGING: Setups = {
  [BARE]: { cpu: 'bare' },
  eager: { cpu: 'trap', shadowFill: 'eager', shadowSync: 'write' },
  lazy: { cpu: 'trap', shadowFill: 'lazy', shadowSync: 'write' },
  'out-of-sync': { cpu: 'trap', shadowFill: 'lazy', shadowSync: 'flush' },
  ...Object.fromEntries(
    [1, 16, 512].map((batch) => [`direct-${batch}`, { cpu: 'para', memory: 'direct', batch }]),
  ),
  'para-shadow': { cpu: 'para', memory: 'shadow' },
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
