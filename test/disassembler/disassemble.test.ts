/**
 * Disassembly against committed texts, which nasm assembled to the same bytes when they were made
 * (make-expectations.mjs), and back through our own assembler.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import {
  disassemble,
  disassembleParts,
  instructionSet,
} from '../../src/disassembler/disassemble.ts';
import { formatListing, formatSections } from '../../src/disassembler/listing.ts';
import { ROWS } from '../../src/isa/table.ts';

const SET = instructionSet(ROWS);
const ORIGIN = 0x100000n;

const FILES = [64, 32, 16].flatMap((mode) => [`rows${mode}.txt`, `random${mode}.txt`]);

const int32 = (value: number): number[] => [...new Uint8Array(Int32Array.of(value).buffer)];

const squeeze = (text: string): string => text.replace(/ +;/g, ' ;');

/** The bytes in the comments of a listing. */
function bytesOf(listing: string): Uint8Array {
  const hex = [...listing.matchAll(/; [0-9a-f]{8} ([0-9a-f]+)/g)].map(([, code]) => code);
  return Uint8Array.from(Buffer.from(hex.join(''), 'hex'));
}

describe('disassembler', () => {
  it.each(FILES)('gives the text of %s', (name) => {
    const expected = readFileSync(new URL(name, import.meta.url), 'utf8');
    const mode = Number(expected.split('\n')[0]?.slice('bits '.length)) as 64 | 32 | 16;
    const bytes = bytesOf(expected);
    const options = { mode, origin: ORIGIN };
    const lines = disassemble(bytes, SET, options);
    expect(squeeze(formatListing(lines, options)).split('\n')).toEqual(expected.split('\n'));
  });

  it.each(FILES)('gives text that assembles to the bytes of %s', (name) => {
    const source = readFileSync(new URL(name, import.meta.url), 'utf8');
    const { bytes } = assemble(source, { file: name });
    expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(bytesOf(source)).toString('hex'));
  });

  it('writes symbols as labels and in place of addresses', () => {
    const code = Uint8Array.from([0x90, 0xeb, 0xfd, 0xe8, 0, 0, 0, 0, 0xc3]);
    const symbols = new Map([
      [0x1000n, 'start'],
      [0x1008n, 'done'],
      [0x2000n, 'beyond'],
    ]);
    const lines = disassemble(code, SET, { mode: 64, origin: 0x1000n, symbols });
    expect(lines.map(({ label, text }) => [label, text])).toEqual([
      ['start', 'nop'],
      [undefined, 'jmp short start'],
      [undefined, 'call done'],
      ['done', 'ret'],
    ]);
  });

  it('begins anew at a label, for what stands before it may be data', () => {
    const code = Uint8Array.from([0xc3, 0xe8, 0x90, 0x90, 0xeb, 0xfc]);
    const symbols = new Map([[0x1002n, 'start']]);
    const lines = disassemble(code, SET, { mode: 64, origin: 0x1000n, symbols });
    expect(lines.map(({ label, text }) => [label, text])).toEqual([
      [undefined, 'ret'],
      [undefined, 'db 0xe8'],
      ['start', 'nop'],
      [undefined, 'nop'],
      [undefined, 'jmp short start'],
    ]);
  });

  it('makes labels of names that NASM would read otherwise, and assembles them', () => {
    const names = ['loop', 'eax', 'word', '.local', 'fsin', 'a b', '1st', 'twice', 'twice'];
    const symbols = new Map(names.map((name, n) => [BigInt(n), name]));
    const calls = names.flatMap((_, n) => [0xe8, ...int32(-(n * 5 + 5))]);
    const code = Uint8Array.from([...names.map(() => 0x90), ...calls]);
    const options = { mode: 64, origin: 0n, symbols } as const;
    const lines = disassemble(code, SET, options);
    expect(lines.map(({ label }) => label).filter(Boolean)).toEqual([
      '$loop',
      '$eax',
      '$word',
      '..@local',
      '$fsin',
      'a_b',
      '_1st',
      'twice',
      'twice@2',
    ]);
    const { bytes } = assemble(formatListing(lines, options), { file: 'again.asm' });
    expect([...bytes]).toEqual([...code]);
  });

  it('gives the sections of a program, whose labels all may use', () => {
    const parts = [
      { origin: 0x1000n, bytes: Uint8Array.of(0xe8, 0xfb, 0x0f, 0, 0) },
      { origin: 0x2000n, bytes: Uint8Array.of(0xc3) },
    ];
    const symbols = new Map([[0x2000n, 'target']]);
    const [first = [], second = []] = disassembleParts(parts, SET, { mode: 32, symbols });
    expect([first[0]?.text, second[0]?.label]).toEqual(['call target', 'target']);
    const sections = [
      { name: '.text', origin: 0x1000n, lines: first },
      { name: '.more', origin: 0x2000n, lines: second },
    ];
    const { bytes } = assemble(formatSections(sections, 32), { file: 'again.asm' });
    expect([...bytes]).toEqual([0xe8, 0xfb, 0x0f, 0, 0, 0xc3]);
  });

  it.each([
    ['0f1f8400 00000000', ['nop dword [dword rax+rax+0x0]']],
    ['660f1f8400 00000000', ['nop word [dword rax+rax+0x0]']],
    ['2e660f1f8400 00000000', ['nop word [cs:dword rax+rax+0x0]']],
    ['662e0f1f8400 00000000', ['o16', 'nop dword [cs:dword rax+rax+0x0]']],
    ['66662e0f1f8400 00000000', ['o16', 'o16', 'nop dword [cs:dword rax+rax+0x0]']],
    ['666690', ['o16', 'o16 nop']],
    ['2e7403', ['cs jz short 0x1007']],
    ['3effe0', ['ds jmp rax']],
    ['64672ea7', ['db 0x64,0x67,0x2e,0xa7']],
    ['6689c8', ['mov ax,cx']],
    ['666689c8', ['o16', 'mov ax,cx']],
    ['48c7c110000000', ['mov rcx,strict dword 0x10']],
  ])('gives the padding and prefixes of compilers words: %s', (hex, texts) => {
    const code = Uint8Array.from(Buffer.from(hex.replace(' ', ''), 'hex'));
    const options = { mode: 64, origin: 0x1001n } as const;
    const lines = disassemble(code, SET, options);
    expect(lines.map(({ text }) => text)).toEqual(texts);
    const { bytes } = assemble(formatListing(lines, options), { file: 'padding.asm' });
    expect(Buffer.from(bytes)).toEqual(Buffer.from(code));
  });

  it('tells what an instruction means on its first prefix', () => {
    const code = Uint8Array.from([0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x40, 0]);
    const [first, second] = disassemble(code, SET, { mode: 64, origin: 0n });
    expect(first?.comment).toBe('nop word [cs:byte rax+0x0]');
    expect(second?.comment).toBeUndefined();
  });

  it('comments what a db line means', () => {
    const [line] = disassemble(Uint8Array.from([0x4d, 0x89, 0xc0]), SET, { mode: 64, origin: 0n });
    expect(line?.text).toBe('mov r8,r8');
    const [odd] = disassemble(Uint8Array.from([0x03, 0xc1]), SET, { mode: 64, origin: 0n });
    expect([odd?.text, odd?.comment]).toEqual(['db 0x3,0xc1', 'add eax,ecx']);
  });
});
