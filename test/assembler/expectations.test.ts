import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { AssemblyError } from '../../src/assembler/diagnostics.ts';
import type { ReadFile } from '../../src/assembler/options.ts';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'sources');

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function hexOf(line: string): string {
  try {
    return toHex(assemble(`bits 64\n${line}`, { file: 'line.asm' }).bytes);
  } catch (error) {
    if (error instanceof AssemblyError) return 'error';
    throw error;
  }
}

function mismatches(file: string): string[] {
  const lines = readFileSync(join(here, file), 'utf8').trimEnd().split('\n');
  return lines.flatMap((entry) => {
    const blank = entry.indexOf(' ');
    const line = entry.slice(blank + 1);
    const got = hexOf(line);
    return got === entry.slice(0, blank)
      ? []
      : [`${line}: ${got}, nasm has ${entry.slice(0, blank)}`];
  });
}

const readFile: ReadFile = (path) => {
  const file = join(sources, path);
  return existsSync(file) ? { path, bytes: readFileSync(file) } : undefined;
};

describe('bytes as nasm makes them', () => {
  it('for every row with sample operands', () => {
    expect(mismatches('rows.txt')).toEqual([]);
  });

  it('for operand and expression forms, and what nasm refuses', () => {
    expect(mismatches('operands.txt')).toEqual([]);
  });

  const names = readdirSync(sources).filter((name) => name.endsWith('.asm'));
  it.each(names)('for %s, with the listing', (name) => {
    const expected = (extension: string): string =>
      readFileSync(join(sources, name.replace('.asm', extension)), 'utf8');
    const assembly = assemble(readFileSync(join(sources, name), 'utf8'), { file: name, readFile });
    expect(toHex(assembly.bytes)).toBe(expected('.hex').replace(/\n/g, ''));
    expect(assembly.listing()).toBe(expected('.lst'));
  });
});
