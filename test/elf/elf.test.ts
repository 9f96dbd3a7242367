/** ELF files: what binutils has written is read right, and what is damaged is refused with its place. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { executableParts } from '../../src/elf/code.ts';
import { ElfError } from '../../src/elf/elf-error.ts';
import { readElf } from '../../src/elf/elf-file.ts';
import { findNote } from '../../src/elf/notes.ts';
import { readSections } from '../../src/elf/sections.ts';
import { readSymbols } from '../../src/elf/symbols.ts';
import { strings, symbolBytes, type WrittenElf, writeElf } from './elf-writer.ts';

const kernel = (name: string): Uint8Array =>
  readFileSync(new URL(`../image/kernels/${name}.elf`, import.meta.url));

describe('a file that ld has linked', () => {
  test('ELF32: segments, sections, symbols, note', () => {
    const elf = readElf(kernel('pvh'));
    expect([elf.bits, elf.codeBits]).toEqual([32, 32]);
    expect(elf.segments.map(({ type, paddr }) => [type, paddr])).toEqual([
      [1, 0x100000n],
      [1, expect.anything()],
      [4, 0x100000n],
    ]);
    const [text, data] = elf.segments;
    expect(BigInt(text?.bytes.length ?? 0)).toBe(text?.memsz);
    expect(data?.bytes.length).toBe(4);
    const sections = readSections(elf);
    expect(sections.list.map(({ name }) => name)).toEqual([
      '',
      '.note',
      '.text',
      '.data',
      '.bss',
      '.symtab',
      '.strtab',
      '.shstrtab',
    ]);
    const symbols = readSymbols(elf, sections);
    const start = symbols.find(({ name }) => name === 'pvh_start');
    expect(start?.section?.name).toBe('.text');
    const note = findNote(elf, 'Xen', 18);
    expect(new DataView(Uint8Array.from(note?.descriptor ?? []).buffer).getUint32(0, true)).toBe(
      Number(start?.value),
    );
    expect(findNote(elf, 'Xen', 1)).toBeUndefined();
    expect(findNote(elf, 'GNU', 18)).toBeUndefined();
  });

  test('ELF64: addresses of 64 bits, and code by section', () => {
    const elf = readElf(kernel('long64-high'));
    expect([elf.bits, elf.codeBits]).toEqual([64, 64]);
    expect(elf.header.entry).toBe(0xffffffff80100000n);
    expect(elf.segments[0]).toMatchObject({ vaddr: 0xffffffff80100000n, paddr: 0x100000n });
    const [text, ...others] = executableParts(elf, readSections(elf));
    expect(text).toMatchObject({ name: '.text', origin: 0xffffffff80100000n });
    expect(others).toEqual([]);
  });
});

const { bytes: names, at: nameAt } = strings(['.text', '.symtab', '.strtab', 'start']);

/** A section of code with a symbol, whose parts can be changed. */
function withSymbol(change: {
  symtab?: Record<string, number>;
  symbol?: Record<string, number>;
  shstrndx?: number;
  name?: number;
}): Uint8Array {
  const symbol = { name: nameAt[3] ?? 0, value: 0x1000, info: 0x12, shndx: 1, ...change.symbol };
  return writeElf({
    shstrndx: change.shstrndx ?? 3,
    sections: [
      { name: change.name ?? nameAt[0] ?? 0, type: 1, flags: 6, addr: 0x1000, bytes: [0xf4] },
      { type: 2, link: 3, entsize: 16, bytes: symbolBytes(32, [symbol]), ...change.symtab },
      { type: 3, bytes: names },
    ],
  });
}

const symbolsOf = (file: Uint8Array) => {
  const elf = readElf(file);
  return readSymbols(elf, readSections(elf));
};

describe('symbols', () => {
  test('have name, value, type, binding and section', () => {
    const [, start] = symbolsOf(withSymbol({}));
    expect(start).toMatchObject({ name: 'start', value: 0x1000n, type: 2, binding: 1 });
    expect(start?.section?.name).toBe('.text');
  });

  test('come from .dynsym where there is no .symtab', () => {
    expect(symbolsOf(withSymbol({ symtab: { type: 11 } })).at(-1)?.name).toBe('start');
  });

  test('that are undefined or absolute lie in no section', () => {
    for (const shndx of [0, 0xfff1, 99]) {
      expect(symbolsOf(withSymbol({ symbol: { shndx } })).at(-1)?.section).toBeUndefined();
    }
  });

  test('are none in a file without sections', () => {
    expect(symbolsOf(writeElf({}))).toEqual([]);
  });
});

describe('a damaged file', () => {
  const good = (): Uint8Array =>
    writeElf({ segments: [{ type: 1, memsz: 4, bytes: [1, 2, 3, 4] }] });
  const patched = (at: number, ...bytes: number[]): Uint8Array => {
    const file = good();
    file.set(bytes, at);
    return file;
  };

  // biome-ignore format: one case per line.
  test.each<[what: string, file: Uint8Array, code: string, offset: number]>([
    ['another magic',            patched(0, 0x7e),                            'MAGIC',     0],
    ['no bytes',                 new Uint8Array(),                            'MAGIC',     0],
    ['a class that is none',     patched(4, 3),                               'IDENT',     4],
    ['big endian',               patched(5, 2),                               'IDENT',     5],
    ['another version',          patched(6, 0),                               'IDENT',     6],
    ['another machine',          patched(18, 40),                             'MACHINE',   18],
    ['half a header',            good().subarray(0, 51),                      'TRUNCATED', 51],
    ['half a program header',    good().subarray(0, 60),                      'TRUNCATED', 60],
    ['program headers beyond it', patched(28, 0xff, 0xff, 0xff, 0xff),        'TRUNCATED', 92],
    ['short program headers',    patched(42, 31, 0),                          'TABLE',     52],
    ['half a segment',           good().subarray(0, 86),                      'TRUNCATED', 52],
    ['more in file than memory', patched(52 + 20, 3),                         'SEGMENT',   52],
  ])('%s', (_, file, code, offset) => {
    expect(() => readElf(file)).toThrow(ElfError);
    expect(() => readElf(file)).toThrow(expect.objectContaining({ code, offset }));
    expect(() => readElf(file)).toThrow(`at offset 0x${offset.toString(16)}: `);
  });

  test.each<[what: string, change: Parameters<typeof withSymbol>[0], code: string]>([
    ['a section beyond the file', { symtab: { size: 0x10000 } }, 'TRUNCATED'],
    ['a section name outside its table', { name: 0x1000 }, 'SECTION'],
    ['a symbol name outside its table', { symbol: { name: 0x1000 } }, 'SYMBOL'],
    ['no string table', { symtab: { link: 9 } }, 'SYMBOL'],
    ['short symbols', { symtab: { entsize: 8 } }, 'TABLE'],
  ])('%s', (_, change, code) => {
    expect(() => symbolsOf(withSymbol(change))).toThrow(expect.objectContaining({ code }));
  });

  test('a table of more records than are taken', () => {
    const table = { type: 2, link: 3, entsize: 16, bytes: new Uint8Array(16 * (2 ** 20 + 1)) };
    const file = writeElf({ sections: [{ type: 1, bytes: [] }, table, { type: 3, bytes: names }] });
    expect(() => symbolsOf(file)).toThrow('more than 1048576 symbols');
  });
});

describe('notes', () => {
  const note = (name: string, type: number, descriptor: number[]): number[] => {
    const words = Uint32Array.of(name.length + 1, descriptor.length, type);
    const pad = (bytes: number[]) => [...bytes, ...Array(-bytes.length & 3).fill(0)];
    const text = [...new TextEncoder().encode(name), 0];
    return [...new Uint8Array(words.buffer), ...pad(text), ...pad(descriptor)];
  };
  const withNotes = (bytes: ArrayLike<number>): WrittenElf => ({
    segments: [{ type: 4, memsz: 0, bytes }],
  });

  test('are found behind others, padded to 4 bytes', () => {
    const bytes = [
      ...note('GNU', 3, [1, 2, 3, 4, 5]),
      ...note('Xenix', 18, [9]),
      ...note('Xen', 18, [7]),
    ];
    const found = findNote(readElf(writeElf(withNotes(bytes))), 'Xen', 18);
    expect([...(found?.descriptor ?? [])]).toEqual([7]);
  });

  test('that are cut off or too many are refused', () => {
    const cut = note('Xen', 18, [1, 2, 3, 4]).slice(0, -4);
    expect(() => findNote(readElf(writeElf(withNotes(cut))), 'Xen', 18)).toThrow(
      'the note is cut off',
    );
    const many = new Uint8Array(16 * 65537);
    expect(() => findNote(readElf(writeElf(withNotes(many))), 'Xen', 18)).toThrow('too many notes');
  });
});
