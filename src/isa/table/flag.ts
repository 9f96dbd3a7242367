/**
 * Instructions on single flags, lahf and sahf (SDM 2A-2B). pushf and popf are in stack.ts.
 */

import { type Insn, insn } from '../row.ts';

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const FLAG: readonly Insn[] = [
  insn('cmc',  '', 'F5',       { uop: 'cmc', flags: 'w:c r:c', sdm: '2A CMC' }),
  insn('clc',  '', 'F8',       { uop: 'clc', flags: '0:c', sdm: '2A CLC' }),
  insn('stc',  '', 'F9',       { uop: 'stc', flags: '1:c', sdm: '2B STC' }),
  insn('cld',  '', 'FC',       { uop: 'cld', flags: '0:d', sdm: '2A CLD' }),
  insn('std',  '', 'FD',       { uop: 'std', flags: '1:d', sdm: '2B STD' }),
  insn('cli',  '', 'FA',       { uop: 'cli', priv: 'iopl', touches: ['rflags.if:w'], sdm: '2A CLI' }),
  insn('sti',  '', 'FB',       { uop: 'sti', priv: 'iopl', touches: ['rflags.if:w'], sdm: '2B STI' }),
  insn('lahf', '', '9F',       { uop: 'lahf', flags: 'r:szapc', sdm: '2A LAHF' }),
  insn('sahf', '', '9E',       { uop: 'sahf', flags: 'w:szapc', sdm: '2B SAHF' }),
  insn('clac', '', 'NP 0F 01 CA', { uop: 'clac', feature: 'smap', touches: ['rflags.ac:w'], sdm: '2A CLAC' }),
  insn('stac', '', 'NP 0F 01 CB', { uop: 'stac', feature: 'smap', touches: ['rflags.ac:w'], sdm: '2B STAC' }),
];
