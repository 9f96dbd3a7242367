/** Names for addresses: which symbol an address belongs to, and where symbols come from. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readElf } from '../../src/elf/elf-file.ts';
import { assembledSymbols } from '../../src/symbols/assembled-symbols.ts';
import { elfCode } from '../../src/symbols/elf-code.ts';
import { elfSymbols } from '../../src/symbols/elf-symbols.ts';
import { readSymbolFile } from '../../src/symbols/symbol-file.ts';
import { type CodeSymbol, SymbolTable } from '../../src/symbols/symbol-table.ts';
import { strings, symbolBytes, writeElf } from '../elf/elf-writer.ts';

const table = (...symbols: CodeSymbol[]): SymbolTable => new SymbolTable(symbols);
const names = (symbols: SymbolTable, ...addresses: bigint[]) =>
  addresses.map((address) => symbols.name(address));

describe('an address belongs to', () => {
  test('the nearest symbol at or below it', () => {
    const symbols = table({ name: 'b', address: 0x20n }, { name: 'a', address: 0x10n });
    expect(names(symbols, 0xfn, 0x10n, 0x1fn, 0x20n, 0x21n)).toEqual([
      undefined,
      'a',
      'a+0xf',
      'b',
      'b+0x1',
    ]);
  });

  test('no symbol behind the end of one with a size', () => {
    const symbols = table({ name: 'f', address: 0x10n, size: 8n });
    expect(names(symbols, 0x17n, 0x18n)).toEqual(['f+0x7', undefined]);
  });

  test('no symbol behind the end of the section, or 64 KiB away', () => {
    const symbols = table(
      { name: 'last', address: 0x10n, sectionEnd: 0x18n },
      { name: 'far', address: 0x100000n },
    );
    expect(names(symbols, 0x17n, 0x18n, 0x10ffffn, 0x110000n)).toEqual([
      'last+0x7',
      undefined,
      'far+0xffff',
      undefined,
    ]);
  });

  test('the innermost of symbols within one another, and the outer behind it', () => {
    const symbols = table(
      { name: 'outer', address: 0x10n, size: 0x20n },
      { name: 'inner', address: 0x14n, size: 4n },
      { name: 'deep', address: 0x16n, size: 1n },
    );
    expect(names(symbols, 0x13n, 0x16n, 0x17n, 0x18n, 0x2fn, 0x30n)).toEqual([
      'outer+0x3',
      'deep',
      'inner+0x3',
      'outer+0x8',
      'outer+0x1f',
      undefined,
    ]);
  });

  test('the most telling of symbols at one place', () => {
    const at = { address: 0x10n };
    expect(table({ ...at, name: 'main.end' }, { ...at, name: 'next' }).name(0x10n)).toBe('next');
    expect(table({ ...at, name: 'l' }, { ...at, name: 'f', size: 1n }).name(0x10n)).toBe('f');
    const local = { ...at, name: 'static', isLocal: true } as const;
    expect(table(local, { ...at, name: 'global' }).name(0x10n)).toBe('global');
    expect(table({ ...at, name: 'first' }, { ...at, name: 'second' }).name(0x10n)).toBe('first');
  });

  test('the symbol of the address that it is linked for, where it lies elsewhere', () => {
    const loaded = [{ physical: 0x100000n, virtual: 0xc0100000n, size: 0x100n }];
    const symbols = new SymbolTable([{ name: 'start', address: 0xc0100010n }], loaded);
    expect(names(symbols, 0xc0100012n, 0x100012n, 0x10000fn, 0x100100n)).toEqual([
      'start+0x2',
      'start+0x2',
      undefined,
      undefined,
    ]);
  });

  test('addresses go up to 2^64', () => {
    const top = 2n ** 64n - 1n;
    expect(table({ name: 'top', address: top }).name(top)).toBe('top');
  });
});

describe('symbols of', () => {
  test('an ELF file', () => {
    const file = readFileSync(new URL('../image/kernels/multiboot.elf', import.meta.url));
    const symbols = elfSymbols(readElf(file));
    const [crash] = symbols.symbols.filter(({ name }) => name === 'crash_outer');
    expect(crash).toMatchObject({ kind: 'code', isLocal: false });
    expect(symbols.name((crash?.address ?? 0n) + 1n)).toBe('crash_outer+0x1');
    expect(symbols.symbols.find(({ name }) => name === 'zeroed')?.kind).toBe('data');
    expect(symbols.symbols.some(({ name }) => name === 'VIRTUAL' || name === 'kernel.c')).toBe(
      false,
    );
  });

  test('an object file, section by section', () => {
    const { bytes, at } = strings(['.text', '.text.f', 'a', 'f']);
    const [text = 0, textF = 0, a = 0, f = 0] = at;
    const code = { type: 1, flags: 6, bytes: [0x90, 0xc3] };
    const table = [
      { name: a, value: 1, shndx: 1 },
      { name: f, value: 0, shndx: 2 },
    ];
    const file = writeElf({
      type: 1,
      shstrndx: 4,
      sections: [
        { name: text, ...code },
        { name: textF, ...code },
        { type: 2, link: 4, entsize: 16, bytes: symbolBytes(32, table) },
        { type: 3, bytes },
      ],
    });
    const groups = elfCode(readElf(file));
    expect(groups.map(({ parts }) => parts.map(({ name }) => name))).toEqual([
      ['.text'],
      ['.text.f'],
    ]);
    expect(groups.map(({ symbols }) => [...symbols.labels()])).toEqual([[[1n, 'a']], [[0n, 'f']]]);
  });

  test('an assembled source, less its constants', () => {
    const symbols = assembledSymbols([
      ['main', { value: 0x10n, section: '.text' }],
      ['text', { value: 0x20n, section: '.data' }],
      ['PORT', { value: 0x18n, section: undefined }],
    ]);
    expect(names(symbols, 0x18n, 0x20n)).toEqual(['main+0x8', 'text']);
    expect(symbols.symbols.map(({ kind }) => kind)).toEqual(['code', 'data']);
  });
});

describe('a symbol file', () => {
  const parse = (text: string): SymbolTable => readSymbolFile(new TextEncoder().encode(text));

  test.each([
    ['nm', '00100000 T main\n00100010 t helper\n         U printf\n00102000 B buffer\n'],
    [
      'nm -S',
      '0000000000100000 0000000000000010 T main\n00100010 t helper\n00102000 00000004 B buffer\n',
    ],
    [
      'System.map',
      'ffffffff81000000 A version\r\n100000 T main\r\n0x100010 t helper\r\n102000 b buffer',
    ],
    ['kallsyms', '100000 T main\t[module]\n100010 t helper\t[module]\n102000 d buffer\n\n'],
  ])('as of %s', (_, text) => {
    const symbols = parse(text);
    expect(names(symbols, 0x100008n, 0x100010n, 0x102000n)).toEqual([
      'main+0x8',
      'helper',
      'buffer',
    ]);
    expect(symbols.symbols.map(({ kind }) => kind)).toEqual(['code', 'code', 'data']);
  });

  test('of addresses and names alone', () => {
    expect(parse('100000 main\n').symbols).toMatchObject([{ name: 'main', kind: undefined }]);
  });

  test('that is an ELF file', () => {
    const file = readFileSync(new URL('../image/kernels/pvh.elf', import.meta.url));
    expect(readSymbolFile(file).symbols.some(({ name }) => name === 'pvh_main')).toBe(true);
  });

  test.each([
    ['', 'line 1: the file has no symbols'],
    [
      '100000 T main\nmain T 100000 extra more\n',
      "line 2: 'main T 100000 extra more' is not ADDRESS TYPE NAME",
    ],
    ['10000000000000000 T main\n', 'line 1: '],
    ['100000\n', 'line 1: '],
    [`100000 T ${'x '.repeat(10_000)}\n`, 'line 1: '],
  ])('%j is refused', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
