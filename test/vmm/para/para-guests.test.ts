/**
 * Guests built with PARA: they print under direct paging and under shadow paging what their native builds print, or what
 * expected-para.txt says where Xen's ABI makes a difference.
 */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RunEnd } from '../../../src/machine/machine.ts';
import { guestSource } from '../../../src/node/bench-guest.ts';
import { readGuest } from '../../../src/node/guest-file.ts';
import { DomainBoard } from '../../../src/vmm/para/domain-board.ts';
import { createVirtualMachines } from '../../../src/vmm/virtual-machine.ts';
import type { MemoryTechnique } from '../../../src/vmm/vm-options.ts';
import { module, runGuest } from '../lockstep.ts';

const MAX_INSTRUCTIONS = 200_000_000; // a guest that would run for ever fails
const MIB = 2 ** 20;

const POWEROFF: RunEnd = { kind: 'off', by: 'SCHEDOP_shutdown' };

function fileOf(name: string, base: string): URL {
  return new URL(`../../../guests/${name}/${base}`, import.meta.url);
}

function run(
  name: string,
  memory: MemoryTechnique,
  defines: Readonly<Record<string, string>> = {},
): { end: RunEnd; output: string } {
  const source = guestSource(name);
  const ramMib = Number(/^; ram: (\d+)/m.exec(readFileSync(source, 'utf8'))?.[1] ?? 64);
  const { image } = readGuest(source, { defines: { PARA: '', ...defines } });
  const [vm] = createVirtualMachines(module, [
    { cpu: 'para', memory, ramBytes: ramMib * MIB, maxInstructions: MAX_INSTRUCTIONS },
  ]);
  const { machine, domain } = vm!;
  const sent: number[] = [];
  const board = new DomainBoard(machine, domain, { com1: (byte) => sent.push(byte) });
  board.boot(image.pv!);
  board.com1.openInput();
  const input = fileOf(name, 'input.txt');
  const bytes = (existsSync(input) ? readFileSync(input) : [])[Symbol.iterator]();
  for (;;) {
    const end = machine.run();
    if (end.kind !== 'input') return { end, output: Buffer.from(sent).toString('latin1') };
    const { done, value } = bytes.next();
    board.com1.supply(done ? undefined : value);
  }
}

function expected(name: string): string {
  const para = fileOf(name, 'expected-para.txt');
  return readFileSync(existsSync(para) ? para : fileOf(name, 'expected.txt'), 'latin1');
}

describe.each(['direct', 'shadow'] as const)('with %s', (memory) => {
  test.each(['hello', 'exceptions', 'paging', 'interrupts', 'user', 'processes'])('%s', (name) => {
    const { end, output } = run(name, memory);
    expect(output).toBe(expected(name));
    expect(end).toEqual(POWEROFF);
  });

  test('probe, but for where the VMM is', () => {
    const others = (text: string): string[] =>
      text.split('\n').filter((line) => !/: s[gi]dt: base/.test(line));
    expect(others(run('probe', memory).output)).toEqual(others(expected('probe')));
  });
});

/** Benchmarks, with how much of their work is enough. */
const BENCHMARKS: readonly (readonly [string, number])[] = [
  ['syscall', 100],
  ['int80', 100],
  ['pagefault', 100],
  ['mapunmap', 100],
  ['remap', 3],
  ['pteflush', 100],
  ['switch', 100],
  ['quicksort', 1000],
  ['sieve', 1],
  ['forks', 2],
];

describe.each(['direct', 'shadow'] as const)('benchmarks with %s', (memory) => {
  test.each(BENCHMARKS)('%s', (name, work) => {
    const defines = { N: String(work) };
    const native = readGuest(guestSource(`bench-${name}`), { defines });
    const { end, output } = run(`bench-${name}`, memory, defines);
    expect(output).toBe(runGuest(native, 'bare', MAX_INSTRUCTIONS).output);
    expect(end).toEqual(POWEROFF);
  });

  test.each([1, 16])('forks, with batches of %i', (batch) => {
    const { output } = run('bench-forks', memory, { N: '2', BATCH: String(batch) });
    expect(output).toBe(run('bench-forks', memory, { N: '2' }).output);
  });
});
