/**
 * Benchmark guests: guests/bench-NAME/main.asm, whose header says what one operation is
 * (`; bench: ops=1000000 unit=int80`) and how much RAM it needs (`; ram: 128`). A guest prints a line
 * when its work begins and one when it has ended: what counts is what happens between them.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../base/assert.ts';
import type { Image } from '../image/image.ts';
import { loadImage } from '../image/load.ts';
import type { Machine, RunEnd } from '../machine/machine.ts';
import { Board, type BoardOptions, type ByteSink } from '../pc/board.ts';
import { Pc } from '../pc/pc.ts';
import type { FullTechnique } from '../vmm/monitor.ts';
import { DomainBoard } from '../vmm/para/domain-board.ts';
import { createVirtualMachine, createVirtualMachines } from '../vmm/virtual-machine.ts';
import type { FullVmOptions, ParaVmOptions } from '../vmm/vm-options.ts';
import { FileError, readText } from './files.ts';
import { type GuestFile, readGuest } from './guest-file.ts';

const GUESTS = fileURLToPath(new URL('../../guests', import.meta.url));
const PREFIX = 'bench-';
const SUFFIX_32 = '-32'; // of those that are 32-bit kernels
const DEFAULT_RAM_MIB = 64;
const NEWLINE = 0x0a;

/** A benchmark guest, assembled for what it is to run on. */
export interface BenchGuest {
  readonly name: string;
  readonly ops: number;
  readonly unit: string;
  readonly ramMib: number;
  readonly setup: BenchSetup;
  readonly file: GuestFile;
  /** What it must print; undefined where it does a part of its work only. */
  readonly expected: string | undefined;
}

/** What a benchmark runs on: native builds on a machine or a VM, those for Xen's PV ABI in a domain. */
export type BenchSetup = NativeSetup | ParaSetup;

interface NativeSetup extends Pick<FullVmOptions, 'shadowFill' | 'shadowSync' | 'patchJumps'> {
  readonly cpu: 'bare' | FullTechnique;
}

interface ParaSetup extends Pick<ParaVmOptions, 'cpu' | 'memory' | 'shadowFill' | 'shadowSync'> {
  /** Most entries of page tables that the guest writes by one call. */
  readonly batch?: number;
}

const BARE: BenchSetup = { cpu: 'bare' };

/** What a run has cost in what does not depend on the host. */
interface BenchCounts {
  /** Exits to the VMM, hypercalls among them; 0 if they were not counted. */
  readonly exits: number;
  /** Entries of page tables written by hypercalls; undefined where there are no such calls. */
  readonly entries: number | undefined;
}

/** One run of a benchmark. */
export interface BenchRun extends BenchCounts {
  readonly seconds: number;
  readonly instructions: number;
}

/** What a VMM should not make dearer: nothing but computation. */
export const CPU_BENCHMARKS: readonly string[] = ['crc32', 'sieve', 'quicksort', 'chase'];

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
  'forks',
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

/** The benchmark can be built for the setup: 32-bit kernels are not for Xen's PV ABI, nor those that say so. */
export function isBuiltFor(name: string, { cpu }: BenchSetup): boolean {
  const folder = folderOf(name);
  const isNative =
    folder.endsWith(SUFFIX_32) || /^; para: none/m.test(readText(guestSource(folder)));
  return cpu !== 'para' || !isNative;
}

/** Reads a benchmark and assembles it for `setup`; `share` of its work is done (quick runs). */
export function readBench(name: string, share = 1, setup = BARE): BenchGuest {
  const folder = folderOf(name);
  const path = guestSource(folder);
  const source = readText(path);
  const [, ops = '0', unit = ''] = /^; bench: ops=(\d+) unit=(\S+)/m.exec(source) ?? [];
  const [, work = ops] = /^%define N (\d+)/m.exec(source) ?? [];
  const ramMib = Number(/^; ram: (\d+)/m.exec(source)?.[1] ?? DEFAULT_RAM_MIB);
  const count = Math.max(1, Math.round(Number(work) * share));
  const defines = { RAM_MIB: String(ramMib), N: String(count), ...definesOf(setup) };
  return {
    name: folder,
    ops: (Number(ops) / Number(work)) * count,
    unit,
    ramMib,
    setup,
    file: readGuest(path, { defines }),
    expected: share === 1 ? readText(join(GUESTS, folder, 'expected.txt')) : undefined,
  };
}

function definesOf(setup: BenchSetup): Readonly<Record<string, string>> {
  if (setup.cpu !== 'para') return {};
  return { PARA: '', ...(setup.batch !== undefined && { BATCH: String(setup.batch) }) };
}

/** Runs a benchmark once; throws if it does not give the right result. */
export function runBench(
  module: WebAssembly.Module,
  bench: BenchGuest,
  countExits = false,
): BenchRun {
  const marks: (BenchCounts & { readonly at: number; readonly instructions: bigint })[] = [];
  let output = '';
  const { machine, counts } = createMachine(module, bench, countExits, (byte) => {
    // The work is between the end of the first line and the beginning of the last.
    if (byte === NEWLINE || output.endsWith('\n')) {
      marks.push({ at: performance.now(), instructions: machine.instructions, ...counts() });
    }
    output += String.fromCharCode(byte);
  });
  const end = machine.run();
  const [first, last] = marks;
  if (!isSuccess(end) || !first || !last || output !== (bench.expected ?? output)) {
    throw new FileError(bench.name, 'BENCH', `the benchmark failed (${end.kind}): ${output}`);
  }
  return {
    seconds: (last.at - first.at) / 1000,
    instructions: Number(last.instructions - first.instructions),
    exits: last.exits - first.exits,
    entries: last.entries === undefined ? undefined : last.entries - (first.entries ?? 0),
  };
}

interface BenchMachine {
  readonly machine: Machine;
  /** What has been counted so far. */
  readonly counts: () => BenchCounts;
}

/** A machine with the benchmark loaded. Counting exits of a VM costs time. */
function createMachine(
  module: WebAssembly.Module,
  { ramMib, setup, file: { image } }: BenchGuest,
  countExits: boolean,
  com1: ByteSink,
): BenchMachine {
  const options = { ramBytes: ramMib * 2 ** 20, com1 };
  if (setup.cpu === 'para') return createDomain(module, { ...options, ...setup }, image, com1);
  let exits = 0;
  const counts = (): BenchCounts => ({ exits, entries: undefined });
  const count = { exits: { sink: () => exits++, now: () => 0 } };
  const machine = createBoard(module, setup, { ...options, ...(countExits && count) });
  loadImage(machine, image);
  return { machine, counts };
}

/** The machine of a board. */
function createBoard(
  module: WebAssembly.Module,
  { cpu, ...tuning }: NativeSetup,
  options: BoardOptions & Pick<FullVmOptions, 'ramBytes' | 'exits'>,
): Machine {
  if (cpu === 'bare') return new Pc(module, options).machine;
  const { machine } = createVirtualMachine(module, { ...options, ...tuning, cpu });
  new Board(machine, options);
  return machine;
}

function createDomain(
  module: WebAssembly.Module,
  options: ParaVmOptions,
  { pv }: Image,
  com1: ByteSink,
): BenchMachine {
  const [vm] = createVirtualMachines(module, [options]);
  assert(vm !== undefined && pv !== undefined, 'a VM for a PV kernel');
  const { machine, domain, direct } = vm;
  new DomainBoard(machine, domain, { com1 }).boot(pv);
  const counts = (): BenchCounts => ({
    exits: domain.exits,
    entries: direct && direct.mmuUpdateEntries + direct.vaMappings,
  });
  return { machine, counts };
}

function isSuccess(end: RunEnd): boolean {
  return end.kind === 'off' || (end.kind === 'exit' && end.status === 1);
}
