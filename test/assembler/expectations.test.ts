import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { AssemblyError } from '../../src/assembler/diagnostics.ts';
import type { ReadFile } from '../../src/assembler/options.ts';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'sources');

const objects = join(here, 'objects');
/** Where make-expectations.mjs ran nasm. */
const OBJECT_DIRECTORY = '/tmp/expectations/';

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function hexOf(line: string, mode: string): string {
  try {
    return toHex(assemble(`bits ${mode}\n${line}`, { file: 'line.asm' }).bytes);
  } catch (error) {
    if (error instanceof AssemblyError) return 'error';
    throw error;
  }
}

function check(line: string, mode: string, expected: string): string[] {
  const got = hexOf(line, mode);
  return got === expected ? [] : [`${mode}: ${line}: ${got}, nasm has ${expected}`];
}

const linesOf = (file: string): string[] =>
  readFileSync(join(here, file), 'utf8').trimEnd().split('\n');

const MODES = ['64', '32', '16'];

/** A line of rows.txt: bytes in each mode, `-` for none, `=` for those of the mode before; the source. */
function checkRow(entry: string): string[] {
  const [, ...cells] = /^(\S+) (\S+) (\S+) (.*)$/.exec(entry) as RegExpExecArray;
  const line = cells.pop() as string;
  return MODES.flatMap((mode, column) => {
    if (cells[column] === '=') cells[column] = cells[column - 1] as string;
    const expected = cells[column] as string;
    return expected === '-' ? [] : check(line, mode, expected);
  });
}

function checkCases(file: string): string[] {
  const [first = '', ...entries] = linesOf(file);
  return entries.flatMap((entry) => {
    const blank = entry.indexOf(' ');
    return check(entry.slice(blank + 1), first.slice('bits '.length), entry.slice(0, blank));
  });
}

const readFile: ReadFile = (path) => {
  const file = join(sources, path);
  return existsSync(file) ? { path, bytes: readFileSync(file) } : undefined;
};

describe('bytes as nasm makes them', () => {
  it('for every row with sample operands in each mode', () => {
    expect(linesOf('rows.txt').flatMap(checkRow)).toEqual([]);
  });

  const cases = readdirSync(here).filter((name) => name.endsWith('.cases'));
  it.each(cases)('for %s, and what nasm refuses', (name) => {
    expect(checkCases(name.replace('.cases', '.txt'))).toEqual([]);
  });

  const names = readdirSync(sources).filter((name) => name.endsWith('.asm'));
  it.each(names)('for %s, with the listing', (name) => {
    const expected = (extension: string): string =>
      readFileSync(join(sources, name.replace('.asm', extension)), 'utf8');
    const assembly = assemble(readFileSync(join(sources, name), 'utf8'), { file: name, readFile });
    expect(toHex(assembly.bytes)).toBe(expected('.hex').replace(/\n/g, ''));
    expect(assembly.listing()).toBe(expected('.lst'));
  });

  const objectNames = readdirSync(objects).filter((name) => name.endsWith('.asm'));
  it.each(objectNames)('for the object %s', (name) => {
    const format = name.includes('.elf64.') ? 'elf64' : 'elf32';
    const debug = name.includes('.debug.') ? ({ debug: 'dwarf' } as const) : {};
    const options = { file: name, format, directory: OBJECT_DIRECTORY, ...debug } as const;
    const { bytes } = assemble(readFileSync(join(objects, name), 'utf8'), options);
    const expected = readFileSync(join(objects, name.replace('.asm', '.hex')), 'utf8');
    expect(toHex(bytes)).toBe(expected.replace(/\n/g, ''));
  });
});
