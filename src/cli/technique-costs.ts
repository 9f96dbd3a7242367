/** `bench --techniques`: what an operation of a benchmark costs under each technique, in exits and host time. */

import { CPU_TECHNIQUES } from '../index.ts';
import { type BenchGuest, type BenchTechnique, readBench, runBench } from '../node/index.ts';
import { UsageError } from './usage-error.ts';

const TECHNIQUES: readonly BenchTechnique[] = ['bare', ...CPU_TECHNIQUES];

/** Of the work of the bare machine, what a VM does: each exit takes microseconds. */
const VM_SHARE = 1 / 5;
/** What it does while exits are counted: their number does not vary. */
const COUNTING_SHARE = 1 / 100;

/** One benchmark; the times are medians. */
export interface TechniqueCosts {
  readonly name: string;
  readonly unit: string;
  readonly techniques: readonly TechniqueCost[];
}

export interface TechniqueCost {
  readonly technique: BenchTechnique;
  readonly exitsPerOp: number;
  readonly nsPerOp: number;
  /** Speed as a part of the bare machine's; undefined if that was not measured. */
  readonly ofBare: number | undefined;
}

/** The value of `--techniques`; nothing means all of them. */
export function parseTechniques(text: string): readonly BenchTechnique[] {
  if (text === '') return TECHNIQUES;
  return text.split(',').map((name) => {
    const known = TECHNIQUES.find((technique) => technique === name);
    if (known !== undefined) return known;
    throw new UsageError(`--techniques: '${name}' is not one of ${TECHNIQUES.join(', ')}`);
  });
}

/** Measures the benchmarks `names`, each time in `runs` runs with `share` of the work. */
export function measureTechniques(
  module: WebAssembly.Module,
  names: readonly string[],
  techniques: readonly BenchTechnique[],
  runs: number,
  share: number,
): readonly TechniqueCosts[] {
  return names.map((name) => {
    const whole = readBench(name, share);
    const part = readBench(name, share * VM_SHARE);
    const counted = readBench(name, COUNTING_SHARE);
    const costs = techniques.map((technique) => ({
      technique,
      exitsPerOp: runBench(module, counted, technique, true).exits / counted.ops,
      nsPerOp: medianNsPerOp(module, technique === 'bare' ? whole : part, technique, runs),
    }));
    const bare = costs.find(({ technique }) => technique === 'bare');
    const compared = costs.map((cost) => ({
      ...cost,
      ofBare: bare && bare.nsPerOp / cost.nsPerOp,
    }));
    return { name: whole.name, unit: whole.unit, techniques: compared };
  });
}

function medianNsPerOp(
  module: WebAssembly.Module,
  bench: BenchGuest,
  technique: BenchTechnique,
  runs: number,
): number {
  const times = Array.from({ length: runs }, () => runBench(module, bench, technique).seconds);
  const median = times.sort((a, b) => a - b)[runs >> 1] ?? 0;
  return (median * 1e9) / bench.ops;
}

/** A table: a row for each benchmark; exits, nanoseconds and the part of the bare machine's speed of each technique. */
export function formatTechniques(
  costs: readonly TechniqueCosts[],
  techniques: readonly BenchTechnique[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const isCompared = techniques.includes('bare');
  // The bare machine has no exits.
  const columns = techniques.flatMap((name) =>
    name === 'bare'
      ? ['bare ns']
      : [`${name} exits`, `${name} ns`, ...(isCompared ? ['of bare'] : [])],
  );
  const rows = costs.map(({ name, unit, techniques: cells }) => [
    name,
    ...cells.flatMap(({ technique, exitsPerOp, nsPerOp, ofBare }) => {
      const ns = nsPerOp.toFixed(1);
      if (technique === 'bare') return [ns];
      return [exitsPerOp.toFixed(2), ns, ...(ofBare === undefined ? [] : [ofBare.toFixed(3)])];
    }),
    unit,
  ]);
  const rule = `|---|${'--:|'.repeat(columns.length)}---|\n`;
  return line(['benchmark', ...columns, 'per']) + rule + rows.map(line).join('');
}
