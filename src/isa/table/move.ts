/**
 * Data movement between general registers and memory: mov, movzx, movsx, movbe, movnti, lea, xchg,
 * bswap, cmovcc, setcc, xlatb (SDM 2A-2D). Segment, control and debug registers are elsewhere.
 */

import { type Insn, insn } from '../row.ts';
import { CONDITIONS } from './condition.ts';
import { hex, sized } from './sized.ts';

const mov = { uop: 'mov', sdm: '2B MOV' } as const;
const movzx = { uop: 'movzx', sdm: '2B MOVZX' } as const;
const movsx = { uop: 'movsx', sdm: '2B MOVSX/MOVSXD' } as const;
const movbe = { uop: 'movbe', feature: 'movbe', sdm: '2B MOVBE' } as const;
const xchg = { uop: 'xchg', sdm: '2D XCHG' } as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const MOVE: readonly Insn[] = [
  insn ('mov',    'rm8, r8',      '88 /r',             mov),
  ...sized('mov', 'rm*, r*',      'o* 89 /r',          mov),
  insn ('mov',    'r8, rm8',      '8A /r',             mov),
  ...sized('mov', 'r*, rm*',      'o* 8B /r',          mov),
  insn ('mov',    'al, moffs8',   'A0 mo',             mov),
  ...sized('mov', 'a*, moffs*',   'o* A1 mo',          mov),
  insn ('mov',    'moffs8, al',   'A2 mo',             mov),
  ...sized('mov', 'moffs*, a*',   'o* A3 mo',          mov),
  insn ('mov',    'r8, imm8',     'B0+r ib',           mov),
  insn ('mov',    'r16, imm16',   'o16 B8+r iw',       mov),
  insn ('mov',    'r32, imm32',   'o32 B8+r id',       mov),
  insn ('mov',    'r64, imm32',   'o32 B8+r id',       { ...mov, modes: 'long64', alias: true }),
  insn ('mov',    'rm8, imm8',    'C6 /0 ib',          mov),
  ...sized('mov', 'rm*, imm*',    'o* C7 /0 i*',       mov),
  insn ('mov',    'r64, imm64',   'REX.W B8+r io',     mov),

  ...sized('movzx',  'r*, rm8',   'o* 0F B6 /r',       movzx),
  ...sized('movzx',  'r*, rm16',  'o* 0F B7 /r',       movzx, [32, 64]),
  insn ('movzx',  'r16, rm16',    'o16 0F B7 /r',      { ...movzx, decodeOnly: true }),
  ...sized('movsx',  'r*, rm8',   'o* 0F BE /r',       movsx),
  ...sized('movsx',  'r*, rm16',  'o* 0F BF /r',       movsx, [32, 64]),
  insn ('movsx',  'r16, rm16',    'o16 0F BF /r',      { ...movsx, decodeOnly: true }),
  insn ('movsxd', 'r64, rm32',    'REX.W 63 /r',       { ...movsx, modes: 'long64' }),
  insn ('movsxd', 'r32, rm32',    'o32 63 /r',         { ...movsx, modes: 'long64', decodeOnly: true }),
  insn ('movsxd', 'r16, rm16',    'o16 63 /r',         { ...movsx, modes: 'long64', decodeOnly: true }),
  insn ('movsx',  'r64, rm32',    'REX.W 63 /r',       { ...movsx, modes: 'long64', alias: true }),
  ...sized('movbe',  'r*, m*',    'NP o* 0F38 F0 /r',  movbe),
  ...sized('movbe',  'm*, r*',    'NP o* 0F38 F1 /r',  movbe),
  insn ('movnti', 'm32, r32',     'NP 0F C3 /r',       { uop: 'movnti', sdm: '2B MOVNTI' }),
  insn ('movnti', 'm64, r64',     'NP REX.W 0F C3 /r', { uop: 'movnti', sdm: '2B MOVNTI' }),
  ...sized('lea',    'r*, m',     'o* 8D /r',          { uop: 'lea', sdm: '2A LEA' }),

  ...sized('xchg', 'a*, r*',      'o* 90+r',           xchg),
  ...sized('xchg', 'r*, a*',      'o* 90+r',           { ...xchg, alias: true }),
  insn ('xchg',   'r8, rm8',      '86 /r',             { ...xchg, lock: true }),
  ...sized('xchg', 'r*, rm*',     'o* 87 /r',          { ...xchg, lock: true }),
  insn ('xchg',   'rm8, r8',      '86 /r',             { ...xchg, lock: true, alias: true }),
  ...sized('xchg', 'rm*, r*',     'o* 87 /r',          { ...xchg, lock: true, alias: true }),

  ...sized('bswap', 'r*',         'o* 0F C8+r',        { uop: 'bswap', sdm: '2A BSWAP' }, [32, 64]),
  insn ('bswap',  'r16',          'o16 0F C8+r',       { uop: 'bswap', decodeOnly: true, sdm: '2A BSWAP' }),
  insn ('xlatb',  '',             'D7',                { uop: 'xlatb', sdm: '2D XLAT/XLATB' }),
  insn ('xlat',   '',             'D7',                { uop: 'xlatb', alias: true, sdm: '2D XLAT/XLATB' }),
];

/** cmovcc and setcc, under all names of each condition. */
export const CONDITIONAL_MOVE: readonly Insn[] = CONDITIONS.flatMap((condition, code) =>
  condition.names.flatMap((name, index) => {
    const shared = {
      flags: `r:${condition.reads}`,
      ...(index > 0 ? { alias: true as const } : {}),
    };
    const cmov = { ...shared, uop: `cmov${condition.uop}`, sdm: '2A CMOVcc' };
    const set = { ...shared, uop: `set${condition.uop}`, sdm: '2B SETcc' };
    return [
      ...sized(`cmov${name}`, 'r*, rm*', `o* 0F ${hex(0x40 + code)} /r`, cmov),
      insn(`set${name}`, 'rm8', `0F ${hex(0x90 + code)} /r`, set),
    ];
  }),
);
