/**
 * Instructions that do not exist in 64-bit mode (SDM 2A-2D, "Invalid in 64-bit mode"): decimal
 * adjustment, pusha, popa, bound, arpl, les, lds, salc. Forms of other instructions that do not exist there
 * stand with the others.
 */

import { type Insn, insn } from '../row.ts';

const modes = 'legacy';
const adjust = { modes, sdm: '2A AAA, AAD, AAM, AAS, DAA, DAS' } as const;
const pusha = { modes, uop: 'pusha', sdm: '2B PUSHA/PUSHAD' } as const;
const popa = { modes, uop: 'popa', sdm: '2B POPA/POPAD' } as const;
const bound = { modes, uop: 'bound', exit: 'EXCEPTION_NMI', sdm: '2A BOUND' } as const;
const loadFar = {
  modes,
  touches: ['sreg:w', 'descriptors:r'],
  sdm: '2A LDS/LES/LFS/LGS/LSS',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const LEGACY: readonly Insn[] = [
  insn('daa',    '',               '27',          { ...adjust, uop: 'daa', flags: 'w:szapc r:ac u:o' }),
  insn('das',    '',               '2F',          { ...adjust, uop: 'das', flags: 'w:szapc r:ac u:o' }),
  insn('aaa',    '',               '37',          { ...adjust, uop: 'aaa', flags: 'w:ac r:a u:oszp' }),
  insn('aas',    '',               '3F',          { ...adjust, uop: 'aas', flags: 'w:ac r:a u:oszp' }),
  insn('aam',    'imm8',           'D4 ib',       { ...adjust, uop: 'aam', flags: 'w:szp u:oac' }),
  insn('aad',    'imm8',           'D5 ib',       { ...adjust, uop: 'aad', flags: 'w:szp u:oac' }),
  insn('aam',    '',               'D4 0A',       { ...adjust, uop: 'aam', flags: 'w:szp u:oac', alias: true }),
  insn('aad',    '',               'D5 0A',       { ...adjust, uop: 'aad', flags: 'w:szp u:oac', alias: true }),
  insn('salc',   '',               'D6',          { modes, uop: 'salc', flags: 'r:c', sdm: '2D appendix A' }),

  insn('pushaw', '',               'o16 60',      pusha),
  insn('pushad', '',               'o32 60',      pusha),
  insn('pusha',  '',               '60',          { ...pusha, alias: true }),
  insn('popaw',  '',               'o16 61',      popa),
  insn('popad',  '',               'o32 61',      popa),
  insn('popa',   '',               '61',          { ...popa, alias: true }),
  insn('bound',  'r16, m16&16',    'o16 62 /r',   bound),
  insn('bound',  'r32, m32&32',    'o32 62 /r',   bound),
  insn('arpl',   'r16m16, r16',    '63 /r',       { modes, uop: 'arpl', flags: 'w:z', sdm: '2A ARPL' }),
  insn('les',    'r16, m16:16',    'o16 C4 /r',   { ...loadFar, uop: 'les' }),
  insn('les',    'r32, m16:32',    'o32 C4 /r',   { ...loadFar, uop: 'les' }),
  insn('lds',    'r16, m16:16',    'o16 C5 /r',   { ...loadFar, uop: 'lds' }),
  insn('lds',    'r32, m16:32',    'o32 C5 /r',   { ...loadFar, uop: 'lds' }),
];
