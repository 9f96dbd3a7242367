/**
 * Port input and output (SDM 2A-2B IN, INS, OUT, OUTS). There is no 64-bit form: REX.W changes nothing.
 */

import { type Insn, insn } from '../row.ts';

const io = { priv: 'io', exit: 'IO_INSTRUCTION' } as const;
const input = { ...io, uop: 'input', touches: ['io:r'], sdm: '2A IN' } as const;
const output = { ...io, uop: 'output', touches: ['io:w'], sdm: '2B OUT' } as const;
const ins = {
  ...io,
  uop: 'ins',
  flags: 'r:d',
  rep: 'rep',
  touches: ['io:r'],
  sdm: '2A INS/INSB/INSW/INSD',
} as const;
const outs = {
  ...io,
  uop: 'outs',
  flags: 'r:d',
  rep: 'rep',
  touches: ['io:w'],
  sdm: '2B OUTS/OUTSB/OUTSW/OUTSD',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const IO: readonly Insn[] = [
  insn('in',    'al, imm8',  'E4 ib',     input),
  insn('in',    'ax, imm8',  'o16 E5 ib', input),
  insn('in',    'eax, imm8', 'o32 E5 ib', input),
  insn('in',    'al, dx',    'EC',        input),
  insn('in',    'ax, dx',    'o16 ED',    input),
  insn('in',    'eax, dx',   'o32 ED',    input),
  insn('out',   'imm8, al',  'E6 ib',     output),
  insn('out',   'imm8, ax',  'o16 E7 ib', output),
  insn('out',   'imm8, eax', 'o32 E7 ib', output),
  insn('out',   'dx, al',    'EE',        output),
  insn('out',   'dx, ax',    'o16 EF',    output),
  insn('out',   'dx, eax',   'o32 EF',    output),
  insn('insb',  '',          '6C',        ins),
  insn('insw',  '',          'o16 6D',    ins),
  insn('insd',  '',          'o32 6D',    ins),
  insn('outsb', '',          '6E',        outs),
  insn('outsw', '',          'o16 6F',    outs),
  insn('outsd', '',          'o32 6F',    outs),
];
