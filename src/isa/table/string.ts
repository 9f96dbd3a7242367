/**
 * String instructions without ports: movs, cmps, stos, lods, scas (SDM 2A-2B). The byte form has no
 * operand size; source and destination are implied, so no row has operands.
 */

import { type Insn, insn } from '../row.ts';

const movs = {
  uop: 'movs',
  flags: 'r:d',
  rep: 'rep',
  sdm: '2B MOVS/MOVSB/MOVSW/MOVSD/MOVSQ',
} as const;
const cmps = {
  uop: 'cmps',
  flags: 'w:oszapc r:d',
  rep: 'repz',
  sdm: '2A CMPS/CMPSB/CMPSW/CMPSD/CMPSQ',
} as const;
const stos = {
  uop: 'stos',
  flags: 'r:d',
  rep: 'rep',
  sdm: '2B STOS/STOSB/STOSW/STOSD/STOSQ',
} as const;
const lods = {
  uop: 'lods',
  flags: 'r:d',
  rep: 'rep',
  sdm: '2A LODS/LODSB/LODSW/LODSD/LODSQ',
} as const;
const scas = {
  uop: 'scas',
  flags: 'w:oszapc r:d',
  rep: 'repz',
  sdm: '2B SCAS/SCASB/SCASW/SCASD/SCASQ',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const STRING: readonly Insn[] = [
  insn('movsb', '', 'A4',       movs),
  insn('movsw', '', 'o16 A5',   movs),
  insn('movsd', '', 'o32 A5',   movs),
  insn('movsq', '', 'REX.W A5', movs),
  insn('cmpsb', '', 'A6',       cmps),
  insn('cmpsw', '', 'o16 A7',   cmps),
  insn('cmpsd', '', 'o32 A7',   cmps),
  insn('cmpsq', '', 'REX.W A7', cmps),
  insn('stosb', '', 'AA',       stos),
  insn('stosw', '', 'o16 AB',   stos),
  insn('stosd', '', 'o32 AB',   stos),
  insn('stosq', '', 'REX.W AB', stos),
  insn('lodsb', '', 'AC',       lods),
  insn('lodsw', '', 'o16 AD',   lods),
  insn('lodsd', '', 'o32 AD',   lods),
  insn('lodsq', '', 'REX.W AD', lods),
  insn('scasb', '', 'AE',       scas),
  insn('scasw', '', 'o16 AF',   scas),
  insn('scasd', '', 'o32 AF',   scas),
  insn('scasq', '', 'REX.W AF', scas),
];
