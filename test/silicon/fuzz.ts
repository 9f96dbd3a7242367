/**
 * Runs random cases on the processor at hand and on Trapline, and reports where they differ.
 *
 * Usage: fuzz HARNESS DIRECTORY [--bits 64|32] [--runs N] [--seed S]
 */

import { parseArgs } from 'node:util';
import { createExecutor } from '../../src/machine/exec.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { emulatorTarget } from '../vectors/emulator.ts';
import { type CaseInput, type Outcome, printCase } from '../vectors/format.ts';
import { CODE } from '../vectors/pages.ts';
import { compare, type Failure, report } from '../vectors/run.ts';
import { randomCase } from './fuzz-case.ts';
import { excuse, undefinedAtEnd } from './fuzz-rules.ts';
import { codeBase, INT3_PAGE, type Step, trace } from './fuzz-trace.ts';
import { runOnProcessor } from './processor.ts';
import { Rng } from './rng.ts';
import { disassemble } from './text.ts';

const BATCH = 4000;
const PF_FETCH = 0x10n;
/** Instructions and iterations after which a case counts as endless; a string ends within two pages. */
const FUEL = 0x3000;
const HIDDEN = 0x7ffffffff000n;
const DATA_SELECTORS = ['ds', 'es', 'fs', 'gs'];

const module = loadProcessorModule();
const single = emulatorTarget(createExecutor(module));
/** In one go: instructions then meet in the decoded code as they do in a machine. */
const whole = emulatorTarget(createExecutor(module, DEFAULT_FEATURES, true), FUEL, [
  [`0x${CODE.toString(16)}`, INT3_PAGE],
]);

/** The case has run into an INT3 behind it or at its target, or to where nothing is mapped: it is complete. */
function completed(input: CaseInput, outcome: Outcome): Outcome {
  const { trap, regs } = outcome;
  const start = input.regs.rip!;
  if (trap?.name === '#BP' && regs.rip !== start + BigInt(input.code.length / 2)) {
    return { ...outcome, regs: { ...regs, rip: regs.rip! - 1n }, trap: null };
  }
  const fetched = codeBase(regs.cs!) + regs.rip!;
  const isFetch = trap?.name === '#PF' && (trap.error! & PF_FETCH) !== 0n && regs.rip !== start;
  return isFetch && trap.cr2 === fetched ? { ...outcome, trap: null } : outcome;
}

/** The case ended by itself. */
function hasEnded(outcome: Outcome | string): outcome is Outcome {
  return typeof outcome !== 'string' && outcome.trap !== null;
}

/** Memory after a fault is not, but for strings. */
function isDefined(difference: string, { trap }: Outcome, steps: readonly Step[]): boolean {
  return trap === null || steps.at(-1)?.row?.rep !== undefined || !difference.startsWith('[');
}

/**
 * Without what Linux adds: the upper half of RSP is undefined to 32-bit code that has a 16-bit stack, null
 * selectors are 0, and pages of the kernel's half count as present.
 */
function withoutLinux(input: CaseInput, { regs, trap, memory }: Outcome): Outcome {
  const isHidden = trap?.name === '#PF' && trap.cr2! >= HIDDEN;
  const rsp = input.bits === 64 ? regs.rsp! : BigInt.asUintN(32, regs.rsp!);
  const nulls = DATA_SELECTORS.filter((name) => regs[name]! < 4n).map((name) => [name, 0n]);
  return {
    memory,
    trap: isHidden ? { ...trap, error: trap.error! | 1n } : trap,
    regs: { ...regs, ...Object.fromEntries(nulls), rsp },
  };
}

class Fuzzer {
  readonly excuses = new Map<string, number>();
  count = 0;

  batch(harness: string, inputs: readonly CaseInput[]): Failure[] {
    const ran = whole.run(inputs);
    const cases = inputs.flatMap((input, i) => {
      const outcome = ran[i]!;
      return hasEnded(outcome) ? [{ input, emulated: completed(input, outcome) }] : [];
    });
    const outcomes = runOnProcessor(
      harness,
      cases.map(({ input }) => input),
    );
    this.count += cases.length;
    return cases.flatMap(({ input, emulated }, i) =>
      this.check(input, withoutLinux(input, emulated), withoutLinux(input, outcomes[i]!)),
    );
  }

  check(input: CaseInput, emulated: Outcome, silicon: Outcome): Failure[] {
    if (compare({ expected: silicon, undefinedFlags: 0n }, emulated).length === 0) return [];
    const steps = trace(single, input);
    const unknown = undefinedAtEnd(steps);
    const reason =
      unknown === undefined ? 'undefined' : excuse({ input, silicon, emulated, steps });
    const test = { input, expected: silicon, undefinedFlags: unknown ?? 0n };
    const differences = compare(test, emulated).filter((text) => isDefined(text, silicon, steps));
    if (differences.length === 0) return [];
    if (reason !== undefined) {
      this.excuses.set(reason, (this.excuses.get(reason) ?? 0) + 1);
      return [];
    }
    const mnemonic = steps.at(-1)?.row?.mnemonic ?? 'invalid';
    const text = disassemble([input.code], input.bits).get(input.code)!;
    const where = `bits ${input.bits}${input.ldt ? ' ldt' : ''}`;
    return [{ test: { ...test, where, mnemonic, text, line: printCase(test) }, differences }];
  }
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      bits: { type: 'string', default: '64' },
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [harness] = positionals;
  const width = Number(values.bits);
  if (!harness || (width !== 64 && width !== 32)) {
    throw new Error('usage: fuzz.sh [--bits 64|32] [--runs N] [--seed S]');
  }
  const fuzzer = new Fuzzer();
  let failed = 0;
  for (let first = 0; first < Number(values.runs); first += BATCH) {
    const inputs = Array.from({ length: BATCH }, (_, i) =>
      randomCase(new Rng(`${values.seed} ${width} ${first + i}`), width),
    );
    const failures = fuzzer.batch(harness, inputs);
    failed += failures.length;
    if (failures.length > 0) process.stderr.write(`${report(failures, inputs.length)}\n`);
  }
  const { excuses, count } = fuzzer;
  for (const [reason, cases] of excuses) process.stderr.write(`${cases} differ: ${reason}\n`);
  process.stderr.write(`${failed} of ${count} cases differ\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

main();
