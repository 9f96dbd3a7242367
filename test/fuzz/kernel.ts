/**
 * Kernels made at random: sensitive and privileged instructions, jumps into and over them, reads of the code and writes
 * to it, in all code modes, with interrupts; and how they are run, on any engine.
 */

import { existsIn } from '../../src/isa/encode.ts';
import { pick, type RandomSource, randomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { sampleEncodings } from '../../src/isa/sample.ts';
import { ROWS } from '../../src/isa/table.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Host } from '../../src/vmm/host.ts';
import type { CpuTechnique } from '../../src/vmm/monitor.ts';
import { createEngine, framesOf, type VirtualEngine } from '../../src/vmm/virtual-machine.ts';
import { codeMode, number, valid } from './code.ts';
import { ALIAS, BareMachine, CODE, CODE_BYTES, DATA, DEVICE } from './machine.ts';

export const RAM = 2 ** 20;
/** Instructions that each kernel runs for. */
export const LENGTH = 100;
const PLACES = [CODE, CODE + 0x80, ALIAS, ALIAS + 0x40, ALIAS + 0xff8, DATA, DATA + 0xffc, DEVICE];
const GUEST_PLACES = PLACES.map(BigInt) as [bigint, ...bigint[]];
const IF = 0x200n;
const TF = 0x100n;
/** ACTIVITY after a triple fault. */
export const SHUTDOWN = 2;

/** Reads and writes through rdi, rsi, rbx and rsp: they meet code often. */
const ACCESSES: readonly [readonly number[], ...(readonly number[])[]] = [
  [0xaa],
  [0xab],
  [0x88, 0x03],
  [0x89, 0x03],
  [0x66, 0xff, 0x03],
  [0x50],
  [0x58],
  [0xc6, 0x07, 0x90],
  [0xc6, 0x03, 0xfa],
  [0x8a, 0x03],
  [0x8b, 0x07],
  [0xac],
  [0xa4],
];

function sensitive(mode: CodeMode): readonly Uint8Array[] {
  const rows = ROWS.filter((row) => row.touches !== undefined || row.priv !== undefined);
  return rows.flatMap((row, n) =>
    existsIn(row, mode) ? sampleEncodings(row, n + 1, 4, mode) : [],
  );
}
const SENSITIVE: Readonly<Record<CodeMode, readonly Uint8Array[]>> = {
  64: sensitive(64),
  32: sensitive(32),
  16: sensitive(16),
};

export interface Kernel {
  readonly mode: CodeMode;
  readonly code: Uint8Array;
  readonly regs: readonly bigint[];
  readonly rflags: bigint;
  /** Instructions between interrupts, 0 for none. */
  readonly period: number;
  readonly seed: number;
}

/** A short jump, a call or a return: wherever it leads. */
function transfer(random: RandomSource): Uint8Array {
  const distance = random(96) - 48;
  const near = [...new Uint8Array(new Int32Array([random(0x140) - 0xa0]).buffer)];
  return Uint8Array.from(
    pick(random, [
      [0xeb, distance],
      [0x70 | random(16), distance],
      [0xe3, distance],
      [0xe8, ...near],
      [0xe9, ...near],
      [0xff, 0xe3],
      [0xc3],
    ]),
  );
}

function piece(random: RandomSource, mode: CodeMode): Uint8Array {
  switch (random(8)) {
    case 0:
    case 1:
      return transfer(random);
    case 2:
      return Uint8Array.from(pick(random, ACCESSES));
    case 3:
    case 4:
      return valid(random, mode);
    default:
      return SENSITIVE[mode][random(SENSITIVE[mode].length)] ?? Uint8Array.of(0xfa);
  }
}

/** Pieces one after another, some cut short, with a loop around them. */
export function makeKernel(seed: number): Kernel {
  const random = randomSource(seed);
  const mode = codeMode(random);
  const code = new Uint8Array(CODE_BYTES);
  const size = pick(random, [0x80, 0x200, 0x1200]);
  const start = pick(random, [0, 0, 0xfc0]);
  for (let at = start; at < start + size; ) {
    const bytes = piece(random, mode);
    const length = random(8) === 0 ? random(bytes.length) : bytes.length;
    code.set(bytes.subarray(0, length), at);
    at += length;
  }
  code.set([0xe9, ...new Uint8Array(new Int32Array([-size - 5]).buffer)], start + size);
  return {
    mode,
    code,
    regs: Array.from({ length: 16 }, () => number(random, GUEST_PLACES)),
    rflags: 2n | (random(4) === 0 ? 0n : IF) | (random(16) === 0 ? TF : 0n),
    period: pick(random, [0, 0, 1, 7, 50]),
    seed,
  };
}

function begin(machine: BareMachine, kernel: Kernel): void {
  const { processor, engine } = machine;
  machine.restore(0, kernel.mode);
  engine.memory.write(CODE, kernel.code);
  kernel.regs.forEach((value, n) => {
    processor.view.gpr[n] = value;
  });
  // The stack is in memory, most of the time.
  if (kernel.seed % 4 !== 0) processor.view.gpr[4] = BigInt(DATA + 0x800);
  processor.view.setU64('RIP', BigInt(kernel.seed % 3 === 0 ? CODE + 0xfc0 : CODE));
  processor.rflags = kernel.rflags;
  processor.stateChanged();
}

/** Runs to virtual time `end`; `slice` says for how long at once. The time at which `stops` said so, or `end`. */
export function run(
  machine: BareMachine,
  kernel: Kernel,
  end: number,
  slice: () => number,
  stops: () => boolean,
): number {
  begin(machine, kernel);
  const { processor, engine } = machine;
  let due = kernel.period || end + 1;
  machine.acknowledge = () => {
    processor.setInterruptLine(false);
    return 0x20;
  };
  for (let turn = 0; turn < 5000; turn++) {
    const now = Number(processor.time);
    if (now >= end || stops()) return now;
    const next = Math.min(due, end);
    const reason = engine.run(Math.min(slice(), next - now));
    if (reason === 'shutdown' || reason === 'absent') return Number(processor.time);
    if (reason === 'halt' && processor.time < next) {
      processor.advanceTime(BigInt(next) - processor.time);
    }
    while (processor.time >= due) {
      processor.setInterruptLine(true);
      due += kernel.period;
    }
  }
  return Number(processor.time);
}

export function hypervisor(cpu: CpuTechnique): BareMachine {
  const options = { cpu, ramBytes: RAM };
  const host = new Host(loadProcessorModule(), framesOf(options));
  const made: VirtualEngine[] = [];
  const machine = new BareMachine(RAM, (devices) => {
    const engine = createEngine(host, options, devices);
    made.push(engine);
    return engine;
  });
  machine.replaced = () => made[0]?.shadow.clear();
  return machine;
}
