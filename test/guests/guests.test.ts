/**
 * Every guest gives the serial output that QEMU and Bochs give (test/interop). The processor has all
 * features, as theirs have. Benchmark guests do a part of their work, enough to see them end well.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { BootArguments } from '../../src/image/boot-arguments.ts';
import { loadImage } from '../../src/image/load.ts';
import { FEATURE_NAMES } from '../../src/machine/features.ts';
import type { RunEnd } from '../../src/machine/machine.ts';
import { benchNames, readBench } from '../../src/node/bench-guest.ts';
import { type GuestFile, readGuest } from '../../src/node/guest-file.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';

const GUESTS = fileURLToPath(new URL('../../guests', import.meta.url));
const SUCCESS: RunEnd = { kind: 'exit', status: 1 };
const BENCH_SHARE = 1 / 500;
const MAX_INSTRUCTIONS = 2_000_000_000; // a guest that would run for ever fails

const module = loadProcessorModule();

interface Outcome {
  readonly end: RunEnd;
  readonly output: string;
}

/** What the header of a multiboot guest says that it is given (test/interop/guest.mjs). */
function bootArguments(folder: string): BootArguments {
  const source = readFileSync(join(folder, 'main.asm'), 'utf8');
  if (!/^%define MULTIBOOT/m.test(source)) return {};
  const modules = [...source.matchAll(/^; module: ([^,\n]*)(?:,(.*))?/gm)];
  return {
    program: 'main.bin',
    commandLine: /^; append: (.*)/m.exec(source)?.[1] ?? '',
    modules: modules.map(([, name = '', text = '']) => ({
      name,
      text,
      bytes: readFileSync(join(folder, name)),
    })),
  };
}

interface Environment {
  readonly ramMib: number;
  readonly input?: Iterable<number>;
  readonly args?: BootArguments;
}

function run({ image }: GuestFile, { ramMib, input = [], args = {} }: Environment): Outcome {
  const sent: number[] = [];
  const pc = new Pc(module, {
    ramBytes: ramMib * 2 ** 20,
    features: new Set(FEATURE_NAMES),
    com1: (byte) => sent.push(byte),
    maxInstructions: MAX_INSTRUCTIONS,
  });
  loadImage(pc.machine, image, args);
  pc.com1.openInput();
  const bytes = input[Symbol.iterator]();
  for (;;) {
    const end = pc.machine.run();
    if (end.kind !== 'input') return { end, output: Buffer.from(sent).toString('latin1') };
    const { done, value } = bytes.next();
    pc.com1.supply(done ? undefined : value);
  }
}

const isBench = (name: string): boolean => name.startsWith('bench-');
const names = readdirSync(GUESTS).filter((name) => existsSync(join(GUESTS, name, 'expected.txt')));

test.each(names.filter((name) => !isBench(name)))('%s', (name) => {
  const file = (base: string): string => join(GUESTS, name, base);
  const input = existsSync(file('input.txt')) ? readFileSync(file('input.txt')) : [];
  const args = bootArguments(join(GUESTS, name));
  const { end, output } = run(readGuest(file('main.asm')), { ramMib: 64, input, args });
  expect(output).toBe(readFileSync(file('expected.txt'), 'latin1'));
  expect(end).toEqual(SUCCESS);
});

describe('processes', () => {
  const path = join(GUESTS, 'processes', 'main.asm');
  const guest = readGuest(path);

  test('runs on the 8259 and the PIT as it does on the APICs', () => {
    const input = readFileSync(join(GUESTS, 'processes', 'input.txt'));
    const { output } = run(readGuest(path, { defines: { TIMER_PIT: '' } }), { ramMib: 64, input });
    expect(output).toBe(readFileSync(join(GUESTS, 'processes', 'expected.txt'), 'latin1'));
  });

  test.each(['hog', 'nap'])('Ctrl-C ends %s, which the shell waits for', (name) => {
    const blanks = ' '.repeat(100); // while they are typed the program starts
    const { output, end } = run(guest, {
      ramMib: 64,
      input: Buffer.from(`run ${name}\n${blanks}\x03\nexit\n`),
    });
    expect(output).toContain(`> run ${name}\n[2] killed\n> `);
    expect(end).toEqual(SUCCESS);
  });

  test('no endless loop keeps the shell or another program from the processor', () => {
    const typed = 'run hog &\nrun hog &\nrun primes\nkill 2\nkill 3\nexit\n';
    const { output, end } = run(guest, { ramMib: 64, input: Buffer.from(typed) });
    expect(output).toContain('primes below 100000: 9592\n> kill 2\n[2] killed\n> kill 3\n');
    expect(end).toEqual(SUCCESS);
  });
});

describe('benchmarks', () => {
  test('the 32-bit ones come last', () => {
    const widths = benchNames().map((name) => (name.endsWith('-32') ? 32 : 64));
    expect(widths).toEqual([...widths].sort((a, b) => b - a));
  });

  test.each(benchNames())('%s', (name) => {
    const { file, ramMib } = readBench(name, BENCH_SHARE);
    const { end, output } = run(file, { ramMib });
    const [first, last] = output.trimEnd().split('\n');
    expect(readFileSync(join(GUESTS, name, 'expected.txt'), 'latin1')).toContain(first);
    expect(last).toMatch(
      name.endsWith('-32') ? /^result 0x[0-9a-f]{8}$/ : /^result 0x[0-9a-f]{16}$/,
    );
    expect(end).toEqual(SUCCESS);
  });
});
