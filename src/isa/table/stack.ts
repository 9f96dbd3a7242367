/**
 * Stack: push, pop, pushf, popf, enter, leave (SDM 2A-2B). In 64-bit mode all default to 64 bits and
 * 66 makes them 16; 32 bits exist in legacy modes only. Segment registers are in segment.ts.
 */

import { type Insn, insn } from '../row.ts';

const d64 = 'd64';
const push = { uop: 'push', size64: d64, sdm: '2B PUSH' } as const;
const pop = { uop: 'pop', size64: d64, sdm: '2B POP' } as const;
const pushf = {
  uop: 'pushf',
  size64: d64,
  flags: 'r:oszapcd',
  touches: ['rflags.if:r', 'rflags.iopl:r'],
  sdm: '2B PUSHF/PUSHFD/PUSHFQ',
} as const;
const popf = {
  uop: 'popf',
  size64: d64,
  flags: 'w:oszapcd',
  touches: ['rflags.if:w', 'rflags.iopl:w'],
  sdm: '2B POPF/POPFD/POPFQ',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const STACK: readonly Insn[] = [
  insn('push',   'r16',        'o16 50+r',   push),
  insn('push',   'r32',        'o32 50+r',   { ...push, modes: 'legacy' }),
  insn('push',   'r64',        '50+r',       { ...push, modes: 'long64' }),
  insn('push',   'rm16',       'o16 FF /6',  push),
  insn('push',   'rm32',       'o32 FF /6',  { ...push, modes: 'legacy' }),
  insn('push',   'rm64',       'FF /6',      { ...push, modes: 'long64' }),
  insn('push',   'simm8',      '6A ib',      push),
  insn('push',   'imm16',      'o16 68 iw',  push),
  insn('push',   'imm32',      'o32 68 id',  { ...push, modes: 'legacy' }),
  insn('push',   'simm32',     '68 id',      { ...push, modes: 'long64' }),
  insn('pop',    'r16',        'o16 58+r',   pop),
  insn('pop',    'r32',        'o32 58+r',   { ...pop, modes: 'legacy' }),
  insn('pop',    'r64',        '58+r',       { ...pop, modes: 'long64' }),
  insn('pop',    'rm16',       'o16 8F /0',  pop),
  insn('pop',    'rm32',       'o32 8F /0',  { ...pop, modes: 'legacy' }),
  insn('pop',    'rm64',       '8F /0',      { ...pop, modes: 'long64' }),

  insn('pushfw', '',           'o16 9C',     pushf),
  insn('pushfd', '',           'o32 9C',     { ...pushf, modes: 'legacy' }),
  insn('pushfq', '',           '9C',         { ...pushf, modes: 'long64' }),
  insn('pushf',  '',           '9C',         { ...pushf, alias: true }),
  insn('popfw',  '',           'o16 9D',     popf),
  insn('popfd',  '',           'o32 9D',     { ...popf, modes: 'legacy' }),
  insn('popfq',  '',           '9D',         { ...popf, modes: 'long64' }),
  insn('popf',   '',           '9D',         { ...popf, alias: true }),

  insn('enter',  'imm16, imm8', 'C8 iw ib',  { uop: 'enter', size64: d64, sdm: '2A ENTER' }),
  insn('leave',  '',           'C9',         { uop: 'leave', size64: d64, sdm: '2A LEAVE' }),
];
