/**
 * The loop of a fuzz test. Case n of a run that began with seed s is the case of seed s + n: FUZZ_SEED
 * repeats one, and resumes a run at the seed last shown. FUZZ_RUNS asks for a long run, which shows its
 * progress on stderr.
 */

import { setImmediate } from 'node:timers/promises';

/** A case that takes more time, in ms, and CPU time too, hangs for all that anybody cares. */
const CASE_LIMIT = 2000;
/** Cases between pauses, in which the test runner may report. */
const CHUNK = 500;
const SHOWN_EVERY = 10_000;

const FIRST = Number(process.env['FUZZ_SEED'] ?? 1);
const ASKED = Number(process.env['FUZZ_RUNS'] ?? 0);
/** Time that a test may take, in ms. */
export const FUZZ_TIMEOUT = ASKED > 0 ? 24 * 3600 * 1000 : 120_000;

export interface FuzzOptions {
  readonly name: string;
  /** Cases in `make test`. */
  readonly runs: number;
  /** One in how many of FUZZ_RUNS. */
  readonly share: number;
  /** In place of CASE_LIMIT, for cases that are large. */
  readonly limit?: number;
}

/** Calls `check` with one seed after another. */
export async function fuzz(
  { name, runs, share, limit = CASE_LIMIT }: FuzzOptions,
  check: (seed: number) => void,
): Promise<void> {
  const count = ASKED > 0 ? Math.ceil(ASKED / share) : runs;
  let shown = Date.now();
  // CPU time is dear to ask for.
  let used = process.cpuUsage();
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    check(FIRST + n);
    const took = Math.round(performance.now() - began);
    if (took > limit) {
      const { user, system } = process.cpuUsage(used);
      if ((user + system) / 1000 > limit) {
        throw new Error(`${name}: seed ${FIRST + n} took ${took} ms`);
      }
    }
    if (n % CHUNK === 0) {
      await setImmediate();
      used = process.cpuUsage();
      if (ASKED > 0 && Date.now() - shown > SHOWN_EVERY) {
        shown = Date.now();
        process.stderr.write(`${name}: ${n} of ${count}, seed ${FIRST + n}\n`);
      }
    }
  }
  if (ASKED > 0) process.stderr.write(`${name}: ${count} done, from seed ${FIRST}\n`);
}
