/**
 * `bench --techniques` and `bench --paging`: what an operation of a benchmark costs under each of some setups, in exits
 * and host time. The setups take turns, so that a machine whose speed varies does the same to all.
 */

import { type BenchSetup, isBuiltFor, readBench, runBench } from '../node/index.ts';

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
  /** Hypercalls count as exits. */
  readonly exitsPerOp: number;
  /** Entries of page tables written by hypercalls; undefined where there are no such calls. */
  readonly entriesPerOp: number | undefined;
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
    const plans = setups
      .filter(({ setup }) => isBuiltFor(name, setup))
      .map(({ name: setup, setup: machine }) => {
        const counted = readBench(name, COUNTING_SHARE, machine);
        const { exits, entries } = runBench(module, counted, true);
        const trial = readBench(name, TRIAL_SHARE, machine);
        const whole = (runBench(module, trial).seconds / trial.ops) * ops;
        const bench = readBench(name, Math.min(share, MAX_SECONDS / whole), machine);
        const exitsPerOp = exits / counted.ops;
        const entriesPerOp = entries && entries / counted.ops;
        return { setup, exitsPerOp, entriesPerOp, bench, times: [] as number[] };
      });
    for (let run = 0; run < runs; run++) {
      for (const { bench, times } of plans) {
        times.push((runBench(module, bench).seconds * 1e9) / bench.ops);
      }
    }
    const costs = plans.map(({ setup, exitsPerOp, entriesPerOp, times }) => {
      return { setup, exitsPerOp, entriesPerOp, nsPerOp: median(times) };
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

const HEAD =
  '| benchmark | per | setup | exits | entries | ns | of bare |\n|---|---|---|--:|--:|--:|--:|\n';

/** A table: a row for each benchmark and setup. */
export function formatSetups(costs: readonly BenchCosts[]): string {
  const rows = costs.flatMap(({ name, unit, setups }) =>
    setups.map((cost, n) => {
      const cells = [cost.setup, ...formatCost(cost)];
      return `| ${[n === 0 ? name : '', n === 0 ? unit : '', ...cells].join(' | ')} |\n`;
    }),
  );
  return HEAD + rows.join('');
}

/** The bare machine has no exits. */
function formatCost({ setup, exitsPerOp, entriesPerOp, nsPerOp, ofBare }: SetupCost): string[] {
  return [
    setup === BARE ? '' : exitsPerOp.toFixed(2),
    entriesPerOp?.toFixed(2) ?? '',
    nsPerOp.toFixed(1),
    setup === BARE ? '' : (ofBare?.toFixed(3) ?? ''),
  ];
}
