/**
 * Benchmark guests: guests/bench-NAME/main.asm, whose header says what one operation is
 * (`; bench: ops=1000000 unit=int80`) and how much RAM it needs (`; ram: 128`). A guest prints a line
 * when its work begins and one when it has ended: what counts is what happens between them.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadImage } from '../image/load.ts';
import type { Machine, RunEnd } from '../machine/machine.ts';
import { Board, type BoardOptions } from '../pc/board.ts';
import { Pc } from '../pc/pc.ts';
import type { FullTechnique } from '../vmm/monitor.ts';
import { createVirtualMachine } from '../vmm/virtual-machine.ts';
import type { FullVmOptions } from '../vmm/vm-options.ts';
import { FileError, readText } from './files.ts';
import { type GuestFile, readGuest } from './guest-file.ts';

const GUESTS = fileURLToPath(new URL('../../guests', import.meta.url));
const PREFIX = 'bench-';
const SUFFIX_32 = '-32'; // of those that are 32-bit kernels
const DEFAULT_RAM_MIB = 64;
const NEWLINE = 0x0a;

/** A benchmark guest, assembled. */
export interface BenchGuest {
  readonly name: string;
  readonly ops: number;
  readonly unit: string;
  readonly ramMib: number;
  readonly file: GuestFile;
  /** What it must print; undefined where it does a part of its work only. */
  readonly expected: string | undefined;
}

/** What a benchmark runs on. */
export interface BenchSetup
  extends Pick<FullVmOptions, 'shadowFill' | 'shadowSync' | 'patchJumps'> {
  readonly cpu: 'bare' | FullTechnique;
}

const BARE: BenchSetup = { cpu: 'bare' };

/** One run of a benchmark. */
export interface BenchRun {
  readonly seconds: number;
  readonly instructions: number;
  /** Exits to the VMM; 0 if they were not counted. */
  readonly exits: number;
}

/**
 * Adams and Agesen's nanobenchmarks (A Comparison of Software and Hardware Techniques for x86 Virtualization,
 * ASPLOS 2006): one operation each that costs a VMM something.
 */
export const NANOBENCHMARKS: readonly string[] = [
  'syscall',
  'nano-in',
  'nano-cr8wr',
  'nano-callret',
  'nano-pgfault',
  'nano-divzero',
  'nano-ptemod',
];

/** What a VMM's shadow page tables make dear: writes to page tables, page faults, flushes, loads of CR3. */
export const PAGING_BENCHMARKS: readonly string[] = [
  'nano-ptemod',
  'pteflush',
  'mapunmap',
  'remap',
  'pagefault',
  'switch',
];

/** Code and data on one page, each beside the same with its data apart: what that costs where code runs from copies. */
export const MIXED_BENCHMARKS: readonly string[] = [
  'mixed-counter',
  'mixed-table',
  'mixed-jumps',
  'mixed-sort',
  'mixed-rewrite',
].flatMap((name) => [name, `${name}-apart`]);

/** Names of the guests that come with the package: the 64-bit ones, then the 32-bit ones. */
export function benchNames(): string[] {
  const names = readdirSync(GUESTS).filter((name) => name.startsWith(PREFIX));
  const is32Bit = (name: string): boolean => name.endsWith(SUFFIX_32);
  return [...names.filter((name) => !is32Bit(name)).sort(), ...names.filter(is32Bit).sort()];
}

/** The path of the source of a guest that comes with the package. */
export function guestSource(name: string): string {
  return join(GUESTS, name, 'main.asm');
}

/** The folder of a benchmark, named with or without the prefix. */
function folderOf(name: string): string {
  const folder = benchNames().find((known) => known === name || known === PREFIX + name);
  if (folder !== undefined) return folder;
  throw new FileError(name, 'ENOENT', `no such benchmark; there are: ${benchNames().join(' ')}`);
}

/** Reads and assembles a benchmark; `share` of its work is done (quick runs). */
export function readBench(name: string, share = 1): BenchGuest {
  const folder = folderOf(name);
  const path = guestSource(folder);
  const source = readText(path);
  const [, ops = '0', unit = ''] = /^; bench: ops=(\d+) unit=(\S+)/m.exec(source) ?? [];
  const [, work = ops] = /^%define N (\d+)/m.exec(source) ?? [];
  const ramMib = Number(/^; ram: (\d+)/m.exec(source)?.[1] ?? DEFAULT_RAM_MIB);
  const count = Math.max(1, Math.round(Number(work) * share));
  const defines = { RAM_MIB: String(ramMib), N: String(count) };
  return {
    name: folder,
    ops: (Number(ops) / Number(work)) * count,
    unit,
    ramMib,
    file: readGuest(path, { defines }),
    expected: share === 1 ? readText(join(GUESTS, folder, 'expected.txt')) : undefined,
  };
}

/** Runs a benchmark once; throws if it does not give the right result. */
export function runBench(
  module: WebAssembly.Module,
  bench: BenchGuest,
  setup: BenchSetup = BARE,
  countExits = false,
): BenchRun {
  const marks: { at: number; instructions: bigint; exits: number }[] = [];
  let output = '';
  let exits = 0;
  const machine = createBoard(module, setup, countExits ? () => exits++ : undefined, {
    ramBytes: bench.ramMib * 2 ** 20,
    com1: (byte) => {
      // The work is between the end of the first line and the beginning of the last.
      if (byte === NEWLINE || output.endsWith('\n')) {
        marks.push({ at: performance.now(), instructions: machine.instructions, exits });
      }
      output += String.fromCharCode(byte);
    },
  });
  loadImage(machine, bench.file.image);
  const end = machine.run();
  const [first, last] = marks;
  if (!isSuccess(end) || !first || !last || output !== (bench.expected ?? output)) {
    throw new FileError(bench.name, 'BENCH', `the benchmark failed (${end.kind}): ${output}`);
  }
  return {
    seconds: (last.at - first.at) / 1000,
    instructions: Number(last.instructions - first.instructions),
    exits: last.exits - first.exits,
  };
}

/** A machine on a board; `exit` hears of exits, which costs time. */
function createBoard(
  module: WebAssembly.Module,
  { cpu, ...tuning }: BenchSetup,
  exit: (() => void) | undefined,
  options: BoardOptions & { readonly ramBytes: number },
): Machine {
  if (cpu === 'bare') return new Pc(module, options).machine;
  const exits = exit && { sink: exit, now: () => 0 };
  const vm = { ...options, ...tuning, cpu, ...(exits && { exits }) };
  const { machine } = createVirtualMachine(module, vm);
  new Board(machine, options);
  return machine;
}

function isSuccess(end: RunEnd): boolean {
  return end.kind === 'exit' && end.status === 1;
}
