/**
 * Our decoder against iced-x86 over random bytes: what we decode has the same length and mnemonic there,
 * and what we reject is invalid there too, or an instruction that we do not have.
 */

import { Decoder, DecoderOptions, Mnemonic } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { type Decoded, decode } from '../../src/isa/decode.ts';
import { buildDecodeTables } from '../../src/isa/decode-table.ts';
import { randomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import { randomCode } from './random-code.ts';

const TABLES = buildDecodeTables(ROWS);
const CASES = 100_000;

/** iced's names where they differ from NASM's. */
const RENAMED: Readonly<Record<string, string>> = {
  sal: 'shl',
  reservednop: 'nop',
  pushf: 'pushfw',
  popf: 'popfw',
  iret: 'iretw',
  pusha: 'pushaw',
  popa: 'popaw',
  retf: 'retf',
  sysretq: 'sysret',
  sysexitq: 'sysexit',
};
const CONDITIONS: Readonly<Record<string, string>> = {
  b: 'c',
  ae: 'nc',
  e: 'z',
  ne: 'nz',
  be: 'na',
  p: 'pe',
  np: 'po',
  ge: 'nl',
  le: 'ng',
};

function nasmName(iced: string): string {
  const name = iced.toLowerCase();
  const conditional = /^(j|cmov|set)(b|ae|e|ne|be|p|np|ge|le)$/.exec(name);
  if (conditional) return `${conditional[1]}${CONDITIONS[conditional[2] ?? '']}`;
  return RENAMED[name] ?? name;
}

/** Later instructions in encodings that older processors, and we, give another meaning. */
const OLDER: Readonly<Record<string, string>> = {
  wbnoinvd: 'wbinvd',
  prefetchw: 'nop',
  prefetch: 'nop',
  prefetchwt1: 'nop',
  prefetchit0: 'nop',
  prefetchit1: 'nop',
  prefetchrst2: 'nop',
  cldemote: 'nop',
  rdsspd: 'nop',
  rdsspq: 'nop',
  endbr32: 'nop',
};
/** SSE instructions that share a string instruction's name. */
const AMBIGUOUS = new Set(['movsd', 'cmpsd']);

interface Verdict {
  readonly name: string;
  readonly length: number;
  readonly ok: boolean;
  /** The instruction is one that we have. */
  readonly ours: boolean;
}

function askIced(code: Uint8Array, bits: CodeMode): Verdict {
  const decoder = new Decoder(bits, code, DecoderOptions.None);
  const instruction = decoder.decode();
  const name = nasmName(Mnemonic[instruction.mnemonic] ?? '');
  const verdict = {
    name,
    length: instruction.length,
    ok: !instruction.isInvalid,
    ours: isOurs(name, instruction.isStringInstruction, bits),
  };
  instruction.free();
  decoder.free();
  return verdict;
}

const OURS = new Set(ROWS.map(({ mnemonic }) => mnemonic));

/** Outside 64-bit code these are #UD on Intel processors. */
const LONG_ONLY = new Set(['syscall', 'sysret']);

function isOurs(name: string, isString: boolean, bits: CodeMode): boolean {
  if (bits !== 64 && LONG_ONLY.has(name)) return false;
  return OURS.has(name) && (isString || !AMBIGUOUS.has(name));
}

/** Register numbers that the processor refuses when it runs the instruction, not its decoder. */
function namesNoRegister({ operands }: Decoded): boolean {
  return operands.some((operand, index) => {
    if (operand.kind !== 'reg') return false;
    const { number } = operand;
    if (operand.class === 'sreg') return number > 5 || (number === 1 && index === 0);
    if (operand.class === 'cr') return ![0, 2, 3, 4, 8].includes(number);
    return operand.class === 'dr' && number > 7;
  });
}

function disagreement(code: Uint8Array, bits: CodeMode): string | undefined {
  const iced = askIced(code, bits);
  const ours = decode(code, 0, bits, TABLES);
  const hex = Buffer.from(code).toString('hex');
  const theirs = `iced ${iced.ok ? iced.name : 'invalid'} ${iced.length}`;
  if (!ours.ok) {
    return iced.ok && iced.ours ? `${hex}: we say ${ours.reason}, ${theirs}` : undefined;
  }
  const name = (ROWS[ours.row]?.mnemonic ?? '').replace(/^retf.$/, 'retf');
  const sameName = iced.name === name || OLDER[iced.name] === name;
  if (iced.length === ours.length) {
    if (iced.ok ? sameName : namesNoRegister(ours)) return undefined;
  }
  return `${hex}: we say ${name} ${ours.length}, ${theirs}`;
}

describe('decoder against iced-x86', () => {
  it.each([64, 32, 16] as const)('agrees over random bytes, %i bits', (bits) => {
    const random = randomSource(bits);
    const wrong: string[] = [];
    for (let i = 0; i < CASES; i++) {
      const found = disagreement(randomCode(random), bits);
      if (found) wrong.push(found);
    }
    expect(wrong.slice(0, 40)).toEqual([]);
  });
});
