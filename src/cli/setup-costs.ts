/**
 * `bench --techniques` and `bench --paging`: what an operation of a benchmark costs under each of some setups, in exits
 * and host time. The setups take turns, so that a machine whose speed varies does the same to all.
 */

import { type BenchSetup, readBench, runBench } from '../node/index.ts';

/** A setup and what it is called. */
export interface NamedSetup {
  readonly name: string;
  readonly setup: BenchSetup;
}

/** One benchmark; the times are medians. */
export interface BenchCosts {
  readonly name: string;
  readonly unit: string;
  readonly setups: readonly SetupCost[];
}

export interface SetupCost {
  readonly setup: string;
  readonly exitsPerOp: number;
  readonly nsPerOp: number;
  /** Speed as a part of the bare machine's; undefined if that was not measured. */
  readonly ofBare: number | undefined;
}

export const BARE = 'bare';

/** What is done while exits are counted: their number does not vary. */
const COUNTING_SHARE = 1 / 100;
/** What tells how long all of it will take. */
const TRIAL_SHARE = 1 / 50;
/** A run does all of the work, but for what would take longer. */
const MAX_SECONDS = 1.5;

/** Measures the benchmarks `names`, each time in `runs` runs with `share` of the work at most. */
export function measureSetups(
  module: WebAssembly.Module,
  names: readonly string[],
  setups: readonly NamedSetup[],
  runs: number,
  share: number,
): readonly BenchCosts[] {
  return names.map((name) => {
    const { name: fullName, unit, ops } = readBench(name);
    const counted = readBench(name, COUNTING_SHARE);
    const trial = readBench(name, TRIAL_SHARE);
    const plans = setups.map(({ name: setup, setup: machine }) => {
      const exitsPerOp = runBench(module, counted, machine, true).exits / counted.ops;
      const whole = (runBench(module, trial, machine).seconds / trial.ops) * ops;
      const bench = readBench(name, Math.min(share, MAX_SECONDS / whole));
      return { setup, machine, exitsPerOp, bench, times: [] as number[] };
    });
    for (let run = 0; run < runs; run++) {
      for (const { machine, bench, times } of plans) {
        times.push((runBench(module, bench, machine).seconds * 1e9) / bench.ops);
      }
    }
    const costs = plans.map(({ setup, exitsPerOp, times }) => {
      return { setup, exitsPerOp, nsPerOp: median(times) };
    });
    const bare = costs.find(({ setup }) => setup === BARE);
    const compared = costs.map((cost) => ({
      ...cost,
      ofBare: bare && bare.nsPerOp / cost.nsPerOp,
    }));
    return { name: fullName, unit, setups: compared };
  });
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

/** A table: a row for each benchmark; exits, nanoseconds and the part of the bare machine's speed of each setup. */
export function formatSetups(costs: readonly BenchCosts[], setups: readonly NamedSetup[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const isCompared = setups.some(({ name }) => name === BARE);
  // The bare machine has no exits.
  const columns = setups.flatMap(({ name }) =>
    name === BARE
      ? ['bare ns']
      : [`${name} exits`, `${name} ns`, ...(isCompared ? ['of bare'] : [])],
  );
  const rows = costs.map(({ name, unit, setups: cells }) => [
    name,
    ...cells.flatMap(({ setup, exitsPerOp, nsPerOp, ofBare }) => {
      const ns = nsPerOp.toFixed(1);
      if (setup === BARE) return [ns];
      return [exitsPerOp.toFixed(2), ns, ...(ofBare === undefined ? [] : [ofBare.toFixed(3)])];
    }),
    unit,
  ]);
  const rule = `|---|${'--:|'.repeat(columns.length)}---|\n`;
  return line(['benchmark', ...columns, 'per']) + rule + rows.map(line).join('');
}
