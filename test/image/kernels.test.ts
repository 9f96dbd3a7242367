/**
 * ELF kernels (kernels/make.mjs) print what they print under QEMU's -kernel, less the lines that differ by
 * intent: the map above 1 MiB (there is neither SeaBIOS nor a ROM here), and symbols, which QEMU does not give.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readElf } from '../../src/elf/elf-file.ts';
import { explainEnd } from '../../src/explain/run-end.ts';
import type { BootArguments } from '../../src/image/boot-arguments.ts';
import type { ImageOptions } from '../../src/image/image.ts';
import { loadImage } from '../../src/image/load.ts';
import { parseImage } from '../../src/image/parse.ts';
import type { RunEnd } from '../../src/machine/machine.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';
import { elfSymbols } from '../../src/symbols/elf-symbols.ts';

const module = loadProcessorModule();
const read = (name: string): Uint8Array =>
  readFileSync(new URL(`kernels/${name}`, import.meta.url));

interface Booted {
  readonly pc: Pc;
  readonly end: RunEnd;
  readonly output: string;
}

function boot(name: string, args: BootArguments, options: ImageOptions = {}): Booted {
  const sent: number[] = [];
  const pc = new Pc(module, {
    ramBytes: 64 * 2 ** 20,
    maxInstructions: 1_000_000,
    com1: (byte) => sent.push(byte),
    console: (byte) => sent.push(byte),
  });
  loadImage(pc.machine, parseImage(read(`${name}.elf`), options), args);
  const end = pc.machine.run();
  return { pc, end, output: Buffer.from(sent).toString('latin1') };
}

const DIFFERENT = /^(?:range (?:00100000|03fe0000|fffc0000|00000000 length 00000000)|symbols)/;
const comparable = (lines: readonly string[]): string[] =>
  lines.filter((line) => !DIFFERENT.test(line));

const expected: Record<string, string[]> = JSON.parse(
  Buffer.from(read('expected.json')).toString('latin1'),
);

describe('as under QEMU', () => {
  test.each(Object.keys(expected))('%s', (name) => {
    const text = name.startsWith('pvh') ? '' : 'with text';
    const { end, output } = boot(name, {
      program: `${name}.elf`,
      commandLine: 'one two',
      modules: [{ name: 'kernel.ld', text, bytes: read('kernel.ld') }],
    });
    expect(end).toEqual({ kind: 'exit', status: 1 });
    expect(comparable(output.split('\n'))).toEqual(comparable(expected[name] ?? []));
    expect(output).toContain('range 00100000 length 03f00000 type 00000001\n');
  });
});

test('an ELF kernel finds its symbols and sections by the boot information', () => {
  const { output } = boot('multiboot', { program: 'multiboot.elf' });
  const lines = output.split('\n').filter((line) => line.startsWith('symbols'));
  const names = ['', '.multiboot', '.text', '.data', '.bss', '.symtab', '.strtab', '.shstrtab'];
  expect(lines).toEqual(['symbols: right', ...names.map((name) => `symbols: section ${name}`)]);
});

test('an ELF64 multiboot kernel is entered in 32-bit mode, and gets its sections', () => {
  const { output, end } = boot('multiboot64', { program: 'multiboot64.elf' });
  expect(end).toEqual({ kind: 'exit', status: 1 });
  expect(output).toContain('command line: multiboot64.elf\n');
  expect(output).toContain('symbols: of ELF64\n');
});

test('a PVH module may have a command line, and there may be none', () => {
  const modules = [
    { name: 'a', text: 'first', bytes: Uint8Array.of(1, 2, 3, 4) },
    { name: 'b', text: '', bytes: Uint8Array.of(5) },
  ];
  expect(boot('pvh', { modules }).output).toContain(
    'command line: \nmodule: first\nbytes 00000004 first 04030201\nmodule: (no command line)\nbytes 00000001 first 00000005\n',
  );
});

describe('ELF64 in 64-bit mode', () => {
  test.each(['long64', 'long64-high'])('%s', (name) => {
    const { output, end } = boot(name, {});
    expect(end).toEqual({ kind: 'exit', status: 1 });
    expect(output).toBe('ELF64 00000000600df00d 0000000000100000 0000000000000008 ');
  });
});

test('a plain ELF32 file is entered in 32-bit mode where that is asked for', () => {
  const { pc } = boot('plain32', {}, { format: 'elf' });
  expect(pc.machine.processor.view.segment('cs').access & 0x4000).toBe(0x4000);
});

describe('an abnormal end names the code', () => {
  test.each(['multiboot', 'multiboot-high', 'pvh'])('of %s', (name) => {
    const { pc, end } = boot(name, { commandLine: 'crash' });
    const symbols = elfSymbols(readElf(read(`${name}.elf`)));
    const lines = explainEnd(pc.machine, end, symbols);
    expect(lines[0]).toMatch(/^triple fault at 0008:[0-9a-f]{8} \(crash_inner\), after/);
    expect(lines).toContainEqual(expect.stringMatching(/^ {5}at 0008:[0-9a-f]{8} \(crash_inner\)/));
    expect(lines).toContainEqual(expect.stringMatching(/^CODE=0f 0b {2}ud2$/));
    expect(lines).toContainEqual(expect.stringMatching(/^EIP=[0-9a-f]{8} EFL=/));
    const stack = lines.slice(lines.indexOf('on the stack, pointing into code:') + 1);
    expect(stack[0]).toMatch(/^ {2}SP\+0x00: [0-9a-f]{8} \(crash_outer\+0x[0-9a-f]+\)$/);
  });
});
