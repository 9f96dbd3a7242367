/**
 * Instructions without effect, and the three that are defined to be undefined (SDM 2A-2D). Opcodes 0F 0D
 * and 0F 18 - 0F 1F are reserved for hints: whatever is not yet a prefetch or endbr64 does nothing.
 */

import { type Insn, insn } from '../row.ts';
import { hex, sized } from './sized.ts';

const nop = { uop: 'nop', sdm: '2B NOP' } as const;
const prefetch = { uop: 'nop', sdm: '2B PREFETCHh' } as const;
const fence = { uop: 'nop' } as const;
const ud = { uop: 'ud2', sdm: '2D UD' } as const;

const RESERVED_NOPS = [0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f];

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const NOP: readonly Insn[] = [
  insn('nop',         '',    '90',             nop),
  insn('pause',       '',    'F3 90',          { uop: 'pause', exit: 'PAUSE_INSTRUCTION', sdm: '2B PAUSE' }),
  ...sized('nop',     'rm*', 'o* 0F 1F /0',    nop),
  insn('endbr64',     '',    'F3 0F 1E FA',    { uop: 'nop', sdm: '2A ENDBR64' }),
  insn('endbr32',     '',    'F3 0F 1E FB',    { uop: 'nop', sdm: '2A ENDBR32' }),
  insn('prefetchw',   'm8',  '0F 0D /1',       { uop: 'nop', feature: '3dnowprefetch', sdm: '2B PREFETCHW' }),
  insn('prefetchnta', 'm8',  '0F 18 /0',       prefetch),
  insn('prefetcht0',  'm8',  '0F 18 /1',       prefetch),
  insn('prefetcht1',  'm8',  '0F 18 /2',       prefetch),
  insn('prefetcht2',  'm8',  '0F 18 /3',       prefetch),
  ...RESERVED_NOPS.flatMap((opcode) =>
    sized('nop', 'rm*, r*', `o* 0F ${hex(opcode)} /r`, { ...nop, decodeOnly: true }),
  ),
  insn('lfence',      '',    'NP 0F AE /5',    { ...fence, sdm: '2A LFENCE' }),
  insn('mfence',      '',    'NP 0F AE /6',    { ...fence, sdm: '2B MFENCE' }),
  insn('sfence',      '',    'NP 0F AE /7',    { ...fence, sdm: '2B SFENCE' }),
  insn('ud2',         '',    '0F 0B',          ud),
  ...sized('ud1',     'r*, rm*', 'o* 0F B9 /r', ud),
  ...sized('ud0',     'r*, rm*', 'o* 0F FF /r', ud),
  insn('ud1',         '',    '0F B9',          { ...ud, alias: true }),
  insn('ud0',         '',    '0F FF',          { ...ud, alias: true }),
];
