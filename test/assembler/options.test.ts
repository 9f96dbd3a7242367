/** What the command line says beside the source: macros, files before it, warnings. */

import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { AssemblyError } from '../../src/assembler/diagnostics.ts';
import type { AssembleOptions } from '../../src/assembler/options.ts';

const run = (source: string, options: Partial<AssembleOptions> = {}) =>
  assemble(source, { file: 'a.asm', ...options });

const bytes = (source: string, options: Partial<AssembleOptions>): number[] => [
  ...run(source, options).bytes,
];

describe('macros and files', () => {
  it('undefines what is predefined', () => {
    const source = '%ifdef X\ndb 1\n%endif\n%ifndef __NASM_MAJOR__\ndb 2\n%endif\n';
    const undefines = ['X', '__?NASM_MAJOR?__', '__NASM_MAJOR__'];
    expect(bytes(source, { defines: { X: '1' }, undefines })).toEqual([2]);
  });

  it('reads files before the source, in order', () => {
    const readFile = (path: string) => ({ path, text: `%define ${path} ${path.length}\ndb 9\n` });
    const { bytes: made, listing } = run('db aa, b\n', { readFile, preIncludes: ['aa', 'b'] });
    expect([...made]).toEqual([9, 9, 2, 1]);
    expect(listing()).toBe('     1 00000002 0201                    db aa, b\n');
  });

  it('tells of a file before the source that is not there', () => {
    expect(() => run('nop\n', { preIncludes: ['x'] })).toThrow(/unable to open include file `x'/);
  });
});

const SOURCE = 'db 300\nresb 1\n';

/** Classes of the warnings, or of the errors that they became. */
function classes(source: string, warnings: readonly string[] = []): string[] {
  const classOf = ({ message }: { message: string }): string =>
    /\[-w\+(.*)\]$/.exec(message)?.[1] ?? message;
  try {
    return run(source, { warnings }).warnings.map(classOf);
  } catch (error) {
    if (error instanceof AssemblyError) return error.diagnostics.map(classOf);
    throw error;
  }
}

describe('warnings', () => {
  it.each([
    [[], ['number-overflow', 'zeroing']],
    [['-zeroing'], ['number-overflow']],
    [['no-number'], ['zeroing']],
    [['-all', '+zeroing'], ['zeroing']],
    [['none'], []],
    [['error=zeroing'], ['number-overflow', 'error=zeroing']],
    [
      ['+error', '-error=zeroing'],
      ['error=number-overflow', 'zeroing'],
    ],
    [['error', '-all'], []],
  ])('%j', (options, expected) => {
    expect(classes(SOURCE, options)).toEqual(expected);
  });

  it('are set in the source, for a part of it', () => {
    const quiet = '[warning push]\n[warning -all]\ndb 300\n[warning pop]\n';
    expect(classes(`${quiet}resb 1\n`)).toEqual(['zeroing']);
    expect(classes(`[warning error]\n${quiet}resb 1\n`)).toEqual(['error=zeroing']);
  });
});
