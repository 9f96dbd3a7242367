/**
 * Disassembly against committed texts, which nasm assembled to the same bytes when they were made
 * (make-expectations.mjs), and back through our own assembler.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { disassemble, instructionSet } from '../../src/disassembler/disassemble.ts';
import { formatListing } from '../../src/disassembler/listing.ts';
import { ROWS } from '../../src/isa/table.ts';

const SET = instructionSet(ROWS);
const ORIGIN = 0x100000n;

const FILES = [64, 32, 16].flatMap((mode) => [`rows${mode}.txt`, `random${mode}.txt`]);

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
      [0x1002n, 'inside'],
    ]);
    const lines = disassemble(code, SET, { mode: 64, origin: 0x1000n, symbols });
    expect(lines.map(({ label, text }) => [label, text])).toEqual([
      ['start', 'nop'],
      [undefined, 'jmp short start'],
      [undefined, 'call done'],
      ['done', 'ret'],
    ]);
  });

  it('comments what a db line means', () => {
    const [line] = disassemble(Uint8Array.from([0x4d, 0x89, 0xc0]), SET, { mode: 64, origin: 0n });
    expect(line?.text).toBe('mov r8,r8');
    const [odd] = disassemble(Uint8Array.from([0x03, 0xc1]), SET, { mode: 64, origin: 0n });
    expect([odd?.text, odd?.comment]).toEqual(['db 0x3,0xc1', 'add eax,ecx']);
  });
});
