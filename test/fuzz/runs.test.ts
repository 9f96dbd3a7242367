/**
 * Random programs, some of which write their own code: the same state must come out whether they run in one
 * go, in slices, by single steps, or without the TLB; interrupts of a timer included.
 */

import { describe, expect, it } from 'vitest';
import { pick, type RandomSource, randomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { codeMode, number, valid } from './code.ts';
import { ALIAS, BareMachine, CODE, CODE_BYTES, DATA, DEVICE } from './machine.ts';
import { FUZZ_TIMEOUT, fuzz } from './progress.ts';

/** Instructions that each program runs for. */
const LENGTH = 300n;
const PLACES = [CODE, CODE + 0x80, ALIAS, ALIAS + 0x40, ALIAS + 0xff8, DATA, DATA + 0xffc, DEVICE];
const GUEST_PLACES = PLACES.map(BigInt) as [bigint, ...bigint[]];
/** Short stores through rdi, rbx, rsp: they meet code often. */
const STORES = [
  [0xaa],
  [0xab],
  [0x88, 0x03],
  [0x89, 0x03],
  [0x66, 0xff, 0x03],
  [0x50],
  [0xc6, 0x07, 0x90],
];
const IF = 0x200n;
const TF = 0x100n;

interface Way {
  readonly name: string;
  readonly slice: (random: RandomSource) => number;
  readonly noTlb?: boolean;
}
const WHOLE: Way = { name: 'in one go', slice: () => 1 << 20 };
const SLICED: Way = {
  name: 'in slices',
  slice: (random) => 1 + random(pick(random, [3, 20, 100])),
};
const STEPPED: Way = { name: 'by single steps', slice: () => 1 };
const UNCACHED: Way = { name: 'without the TLB', slice: () => 1 << 20, noTlb: true };

interface Program {
  readonly cpl: 0 | 3;
  readonly mode: CodeMode;
  readonly code: Uint8Array;
  readonly regs: readonly bigint[];
  readonly rflags: bigint;
  /** Instructions between interrupts, 0 for none. */
  readonly period: bigint;
  /** Vector whose handler faults at once, 0 for none. */
  readonly broken: number;
  readonly seed: number;
}

/** Instructions at multiples of 16, some of them with others behind them, in a small loop. */
function makeProgram(seed: number): Program {
  const random = randomSource(seed);
  const mode = codeMode(random);
  const code = new Uint8Array(CODE_BYTES);
  const size = pick(random, [0x100, 0x400, 0x1200]);
  for (let at = 0; at < size; at += 16) {
    for (let end = 0; end < 16; ) {
      const bytes =
        random(4) === 0 ? Uint8Array.from(pick(random, STORES as never)) : valid(random, mode);
      code.set(bytes.subarray(0, 16 - end), at + end);
      end += bytes.length;
    }
  }
  code.set([0xe9, ...new Uint8Array(new Int32Array([-size - 5]).buffer)], size);
  return {
    cpl: random(2) === 0 ? 0 : 3,
    mode,
    code,
    regs: Array.from({ length: 16 }, () => number(random, GUEST_PLACES)),
    rflags: 2n | (random(4) === 0 ? 0n : IF) | (random(16) === 0 ? TF : 0n),
    period: pick(random, [0n, 0n, 1n, 7n, 50n]),
    broken: random(8) === 0 ? pick(random, [6, 13, 14, 32]) : 0,
    seed,
  };
}

function start(machine: BareMachine, program: Program, noTlb: boolean): void {
  const { processor } = machine;
  machine.restore(program.cpl, program.mode);
  processor.view.setU32('TLB_DISABLED', noTlb ? 1 : 0);
  processor.memory.write(CODE, program.code);
  if (program.broken > 0) machine.breakHandler(program.broken);
  program.regs.forEach((value, n) => {
    processor.view.gpr[n] = value;
  });
  processor.rflags = program.rflags;
  processor.stateChanged();
}

/** Runs to `LENGTH` as `way` says; interrupts come at the same times in every way. */
function run(machine: BareMachine, program: Program, way: Way): string {
  start(machine, program, way.noTlb === true);
  const { processor } = machine;
  const random = randomSource(program.seed + 1);
  let due = program.period || LENGTH + 1n;
  machine.acknowledge = () => {
    processor.setInterruptLine(false);
    return 0x20;
  };
  for (let turn = 0; processor.time < LENGTH && turn < 5000; turn++) {
    const end = due < LENGTH ? due : LENGTH;
    const reason = processor.run(Math.min(way.slice(random), Number(end - processor.time)));
    if (reason === 'shutdown') break;
    if (reason === 'halt' && processor.time < end) processor.advanceTime(end - processor.time);
    if (processor.time >= due) {
      processor.setInterruptLine(true);
      due += program.period;
      while (due <= processor.time) due += program.period;
    }
  }
  return machine.state();
}

function check(machine: BareMachine, seed: number): void {
  const program = makeProgram(seed);
  const wanted = run(machine, program, WHOLE);
  const ram = machine.processor.memory.bytes.slice();
  // At CPL 0 a program may change page tables and, lawfully, see it or not until it invalidates.
  const ways = program.cpl === 3 ? [SLICED, STEPPED, UNCACHED] : [SLICED, STEPPED];
  for (const way of ways) {
    const got = run(machine, program, way);
    if (got !== wanted) expect(got, `seed ${seed}, ${way.name}`).toBe(wanted);
    if (!Buffer.from(ram).equals(machine.processor.memory.bytes)) {
      const at = ram.findIndex((byte, n) => byte !== machine.processor.memory.bytes[n]);
      expect.fail(`seed ${seed}, ${way.name}: RAM differs at ${at.toString(16)}`);
    }
  }
}

describe('a random program', () => {
  const machine = new BareMachine();

  it(
    'does not depend on how it is run',
    async () => {
      await fuzz({ name: 'programs', runs: 1000, share: 100 }, (seed) => check(machine, seed));
      expect(machine.isContained()).toBe(true);
    },
    FUZZ_TIMEOUT,
  );
});
