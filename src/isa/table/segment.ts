/**
 * Segment registers, their bases, and descriptor inspection (SDM 2A-2D). A selector in memory is 16
 * bits at every operand size; a register destination is written at the operand size.
 */

import { type Insn, insn } from '../row.ts';
import { sized } from './sized.ts';

const fromSreg = { uop: 'movFromSreg', touches: ['sreg:r'], sdm: '2B MOV' } as const;
const toSreg = { uop: 'movToSreg', touches: ['sreg:w', 'descriptors:r'], sdm: '2B MOV' } as const;
const pushSreg = { uop: 'pushSreg', size64: 'd64', touches: ['sreg:r'], sdm: '2B PUSH' } as const;
const popSreg = {
  uop: 'popSreg',
  size64: 'd64',
  touches: ['sreg:w', 'descriptors:r'],
  sdm: '2B POP',
} as const;
const loadFar = { touches: ['sreg:w', 'descriptors:r'], sdm: '2A LDS/LES/LFS/LGS/LSS' } as const;
const legacy = 'legacy';
const lar = {
  uop: 'lar',
  flags: 'w:z',
  touches: ['descriptors:r', 'cpl:r'],
  sdm: '2A LAR',
} as const;
const lsl = {
  uop: 'lsl',
  flags: 'w:z',
  touches: ['descriptors:r', 'cpl:r'],
  sdm: '2A LSL',
} as const;
const verify = { flags: 'w:z', touches: ['descriptors:r', 'cpl:r'], sdm: '2D VERR/VERW' } as const;
const base = { modes: 'long64', feature: 'fsgsbase' } as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const SEGMENT: readonly Insn[] = [
  insn('mov',   'r32m16, sreg',  'o32 8C /r',       fromSreg),
  insn('mov',   'r16m16, sreg',  'o16 8C /r',       fromSreg),
  insn('mov',   'r64, sreg',     'o32 8C /r',       { ...fromSreg, modes: 'long64', alias: true }),
  insn('mov',   'r64m16, sreg',  'REX.W 8C /r',     { ...fromSreg, decodeOnly: true }),
  insn('mov',   'm64, sreg',     'REX.W 8C /r',     { ...fromSreg, alias: true }),
  insn('mov',   'sreg, r16m16',  '8E /r',           toSreg),
  insn('mov',   'sreg, r32',     '8E /r',           { ...toSreg, alias: true }),
  insn('mov',   'sreg, r64',     'o32 8E /r',       { ...toSreg, modes: 'long64', alias: true }),
  insn('mov',   'sreg, m64',     'REX.W 8E /r',     { ...toSreg, alias: true }),
  insn('push',  'fs',            '0F A0',           pushSreg),
  insn('push',  'gs',            '0F A8',           pushSreg),
  insn('push',  'es',            '06',              { ...pushSreg, modes: legacy }),
  insn('push',  'cs',            '0E',              { ...pushSreg, modes: legacy }),
  insn('push',  'ss',            '16',              { ...pushSreg, modes: legacy }),
  insn('push',  'ds',            '1E',              { ...pushSreg, modes: legacy }),
  insn('pop',   'fs',            '0F A1',           popSreg),
  insn('pop',   'gs',            '0F A9',           popSreg),
  insn('pop',   'es',            '07',              { ...popSreg, modes: legacy }),
  insn('pop',   'ss',            '17',              { ...popSreg, modes: legacy }),
  insn('pop',   'ds',            '1F',              { ...popSreg, modes: legacy }),
  insn('lss',   'r16, m16:16',   'o16 0F B2 /r',    { ...loadFar, uop: 'lss' }),
  insn('lss',   'r32, m16:32',   'o32 0F B2 /r',    { ...loadFar, uop: 'lss' }),
  insn('lss',   'r64, m16:64',   'REX.W 0F B2 /r',  { ...loadFar, uop: 'lss' }),
  insn('lfs',   'r16, m16:16',   'o16 0F B4 /r',    { ...loadFar, uop: 'lfs' }),
  insn('lfs',   'r32, m16:32',   'o32 0F B4 /r',    { ...loadFar, uop: 'lfs' }),
  insn('lfs',   'r64, m16:64',   'REX.W 0F B4 /r',  { ...loadFar, uop: 'lfs' }),
  insn('lgs',   'r16, m16:16',   'o16 0F B5 /r',    { ...loadFar, uop: 'lgs' }),
  insn('lgs',   'r32, m16:32',   'o32 0F B5 /r',    { ...loadFar, uop: 'lgs' }),
  insn('lgs',   'r64, m16:64',   'REX.W 0F B5 /r',  { ...loadFar, uop: 'lgs' }),

  insn('lar',   'r16, rm16',     'o16 0F 02 /r',    lar),
  insn('lar',   'r32, r32m16',   'o32 0F 02 /r',    lar),
  insn('lar',   'r64, r32m16',   'REX.W 0F 02 /r',  lar),
  insn('lar',   'r32, rm16',     'o32 0F 02 /r',    { ...lar, alias: true }),
  insn('lar',   'r64, rm16',     'REX.W 0F 02 /r',  { ...lar, alias: true }),
  insn('lar',   'r64, r64m16',   'REX.W 0F 02 /r',  { ...lar, alias: true }),
  insn('lar',   'r32, r64m16',   'o32 0F 02 /r',    { ...lar, alias: true, modes: 'long64' }),
  insn('lar',   'r16, r32m16',   'o16 0F 02 /r',    { ...lar, alias: true }),
  insn('lar',   'r16, r64m16',   'o16 0F 02 /r',    { ...lar, alias: true, modes: 'long64' }),
  insn('lsl',   'r16, rm16',     'o16 0F 03 /r',    lsl),
  insn('lsl',   'r32, r32m16',   'o32 0F 03 /r',    lsl),
  insn('lsl',   'r64, r32m16',   'REX.W 0F 03 /r',  lsl),
  insn('lsl',   'r32, rm16',     'o32 0F 03 /r',    { ...lsl, alias: true }),
  insn('lsl',   'r64, rm16',     'REX.W 0F 03 /r',  { ...lsl, alias: true }),
  insn('lsl',   'r64, r64m16',   'REX.W 0F 03 /r',  { ...lsl, alias: true }),
  insn('lsl',   'r32, r64m16',   'o32 0F 03 /r',    { ...lsl, alias: true, modes: 'long64' }),
  insn('lsl',   'r16, r32m16',   'o16 0F 03 /r',    { ...lsl, alias: true }),
  insn('lsl',   'r16, r64m16',   'o16 0F 03 /r',    { ...lsl, alias: true, modes: 'long64' }),
  insn('verr',  'r16m16',        '0F 00 /4',        { ...verify, uop: 'verr' }),
  insn('verw',  'r16m16',        '0F 00 /5',        { ...verify, uop: 'verw' }),

  ...sized('rdfsbase', 'r*',     'F3 o* 0F AE /0',  { ...base, uop: 'rdfsbase', touches: ['fs_base:r'], sdm: '2B RDFSBASE/RDGSBASE' }, [32, 64]),
  ...sized('rdgsbase', 'r*',     'F3 o* 0F AE /1',  { ...base, uop: 'rdgsbase', touches: ['gs_base:r'], sdm: '2B RDFSBASE/RDGSBASE' }, [32, 64]),
  ...sized('wrfsbase', 'r*',     'F3 o* 0F AE /2',  { ...base, uop: 'wrfsbase', touches: ['fs_base:w'], sdm: '2D WRFSBASE/WRGSBASE' }, [32, 64]),
  ...sized('wrgsbase', 'r*',     'F3 o* 0F AE /3',  { ...base, uop: 'wrgsbase', touches: ['gs_base:w'], sdm: '2D WRFSBASE/WRGSBASE' }, [32, 64]),
  insn('swapgs', '',             '0F 01 F8',        { uop: 'swapgs', modes: 'long64', priv: 'cpl0', touches: ['gs_base:w', 'msr:w'], sdm: '2B SWAPGS' }),
];
