/** `trapline bench`: guest MIPS and nanoseconds per operation of the benchmark guests, and start-up. */

import { spawnSync } from 'node:child_process';
import type { Options } from 'yargs';
import {
  type BenchRun,
  benchNames,
  CPU_BENCHMARKS,
  guestSource,
  loadProcessorModule,
  MIXED_BENCHMARKS,
  NANOBENCHMARKS,
  PAGING_BENCHMARKS,
  readBench,
  runBench,
} from '../../node/index.ts';
import { PAGING, parseSetups, TECHNIQUES } from '../bench-setups.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { print, printJson } from '../output.ts';
import { formatSetups, measureSetups, type NamedSetup } from '../setup-costs.ts';
import { STATUS_OK } from '../status.ts';
import { UsageError } from '../usage-error.ts';
import { parseCount } from '../values.ts';

const OPTIONS = {
  runs: { type: 'string', default: '5', requiresArg: true, describe: 'runs of each benchmark' },
  techniques: {
    type: 'string',
    describe: 'what each operation costs bare and in VMs (all, or a list as trap,interpret)',
  },
  paging: {
    type: 'string',
    describe:
      'what page tables cost in VMs: shadows built at each load of CR3 (eager), on demand (lazy), and out-of-sync; direct paging by batches (all, or a list)',
  },
  quick: { type: 'boolean', default: false, describe: 'a twentieth of the work: rough numbers' },
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { guests: string[] | undefined };

/** One line of the report; times are of the run with that rank. */
interface Result {
  readonly name: string;
  readonly unit: string;
  readonly instructions: number;
  readonly best: Speed;
  readonly median: Speed;
}

interface Speed {
  readonly seconds: number;
  readonly mips: number;
  readonly nsPerOp: number;
}

const QUICK_SHARE = 1 / 20;

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('guests', { type: 'string', array: true, describe: 'benchmarks (default: all)' })
      .options(OPTIONS)
      .example('$0 --runs 3 int80 syscall', 'two of the benchmarks')
      .example('$0 --techniques', 'exits and host time of what costs a VMM something')
      .example('$0 --paging', 'the same of what shadow page tables make dear'),
  run: ({ guests = [], runs, techniques, paging, quick, json }) => {
    const count = parseCount('runs', runs);
    const module = loadProcessorModule();
    const share = quick ? QUICK_SHARE : 1;
    const compare = (chosen: readonly NamedSetup[], usual: readonly string[]): number => {
      const names = guests.length > 0 ? guests : usual;
      const costs = measureSetups(module, names, chosen, count, share);
      if (json) printJson({ results: costs });
      else print(formatSetups(costs));
      return STATUS_OK;
    };
    if (techniques !== undefined && paging !== undefined) {
      throw new UsageError('--techniques and --paging: one at a time');
    }
    if (techniques !== undefined) {
      const chosen = parseSetups('techniques', techniques, TECHNIQUES);
      return compare(chosen, [...CPU_BENCHMARKS, ...NANOBENCHMARKS, ...MIXED_BENCHMARKS]);
    }
    if (paging !== undefined) {
      return compare(parseSetups('paging', paging, PAGING), PAGING_BENCHMARKS);
    }
    const names = guests.length > 0 ? guests : benchNames();
    const benches = names.map((name) => readBench(name, share));
    if (!json) print(HEAD);
    const results = benches.map(({ ops, ...bench }) => {
      const result = summarize(
        bench.name,
        bench.unit,
        ops,
        () => runBench(module, { ops, ...bench }),
        count,
      );
      if (!json) print(formatResult(result));
      return result;
    });
    const startUp = measureStartUp(count);
    if (json) printJson({ results, startUp });
    else print(`\nhello from cold: best ${ms(startUp.bestMs)}, median ${ms(startUp.medianMs)}\n`);
    return STATUS_OK;
  },
};

const ms = (value: number): string => `${value.toFixed(0)} ms`;

function summarize(
  name: string,
  unit: string,
  ops: number,
  run: () => BenchRun,
  count: number,
): Result {
  const runs = Array.from({ length: count }, run).sort((a, b) => a.seconds - b.seconds);
  const [best, median] = [runs[0], runs[count >> 1]];
  if (!best || !median) throw new UsageError('--runs: at least one');
  const speed = ({ seconds, instructions }: BenchRun): Speed => ({
    seconds,
    mips: instructions / seconds / 1e6,
    nsPerOp: (seconds * 1e9) / ops,
  });
  const { instructions } = best;
  return { name, unit, instructions, best: speed(best), median: speed(median) };
}

const HEAD =
  '| benchmark | best s | median s | best MIPS | median MIPS | best ns | median ns | per |\n' +
  '|---|--:|--:|--:|--:|--:|--:|---|\n';

function formatResult({ name, unit, best, median }: Result): string {
  const cells = [
    name,
    ...[best, median].map(({ seconds }) => seconds.toFixed(3)),
    ...[best, median].map(({ mips }) => mips.toFixed(0)),
    ...[best, median].map(({ nsPerOp }) => nsPerOp.toFixed(1)),
    unit,
  ];
  return `| ${cells.join(' | ')} |\n`;
}

interface StartUp {
  readonly bestMs: number;
  readonly medianMs: number;
}

/** Boots guests/hello in processes of their own, Node's start included. */
function measureStartUp(count: number): StartUp {
  const [, main = ''] = process.argv;
  const hello = guestSource('hello');
  const times = Array.from({ length: count }, () => {
    const started = performance.now();
    const { status } = spawnSync(process.execPath, [main, 'run', hello], { stdio: 'ignore' });
    if (status !== 1) throw new Error(`hello ended with status ${status}`);
    return performance.now() - started;
  }).sort((a, b) => a - b);
  return { bestMs: times[0] ?? 0, medianMs: times[count >> 1] ?? 0 };
}
