/**
 * System instructions: descriptor-table registers, control and debug registers, MSRs, counters, cache
 * and TLB control, monitor and mwait, protection keys, random numbers (SDM 2A-2D). Rules that are not
 * a CPL comparison (CR4 enables, #UD at CPL > 0 of monitor, mwait) are the handler's.
 */

import { type Insn, insn } from '../row.ts';
import { sized } from './sized.ts';

const cpl0 = 'cpl0';
const umip = 'umip';
const legacy = { modes: 'legacy' } as const;
const long = { modes: 'long64', size64: 'f64' } as const;
const sgdt = {
  uop: 'sgdt',
  priv: umip,
  touches: ['gdtr:r'],
  exit: 'GDTR_IDTR',
  sdm: '2B SGDT',
} as const;
const sidt = {
  uop: 'sidt',
  priv: umip,
  touches: ['idtr:r'],
  exit: 'GDTR_IDTR',
  sdm: '2B SIDT',
} as const;
const lgdt = {
  uop: 'lgdt',
  priv: cpl0,
  touches: ['gdtr:w'],
  exit: 'GDTR_IDTR',
  sdm: '2A LGDT/LIDT',
} as const;
const lidt = {
  uop: 'lidt',
  priv: cpl0,
  touches: ['idtr:w'],
  exit: 'GDTR_IDTR',
  sdm: '2A LGDT/LIDT',
} as const;
const sldt = {
  uop: 'sldt',
  priv: umip,
  touches: ['ldtr:r'],
  exit: 'LDTR_TR',
  sdm: '2B SLDT',
} as const;
const str = { uop: 'str', priv: umip, touches: ['tr:r'], exit: 'LDTR_TR', sdm: '2B STR' } as const;
const smsw = { uop: 'smsw', priv: umip, touches: ['cr0:r'], sdm: '2B SMSW' } as const;
const fromCr = {
  uop: 'movFromCr',
  priv: cpl0,
  touches: ['cr:r'],
  exit: 'CR_ACCESS',
  sdm: '2B MOV Control Registers',
} as const;
const toCr = {
  uop: 'movToCr',
  priv: cpl0,
  touches: ['cr:w'],
  exit: 'CR_ACCESS',
  sdm: '2B MOV Control Registers',
} as const;
const fromDr = {
  uop: 'movFromDr',
  priv: cpl0,
  touches: ['dr:r'],
  exit: 'DR_ACCESS',
  sdm: '2B MOV Debug Registers',
} as const;
const toDr = {
  uop: 'movToDr',
  priv: cpl0,
  touches: ['dr:w'],
  exit: 'DR_ACCESS',
  sdm: '2B MOV Debug Registers',
} as const;
const invpcid = {
  uop: 'invpcid',
  priv: cpl0,
  feature: 'invpcid',
  touches: ['tlb:w'],
  exit: 'INVPCID',
  sdm: '2A INVPCID',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const SYSTEM: readonly Insn[] = [
  insn('sgdt',   'm16&64',       '0F 01 /0',        { ...sgdt, ...long }),
  insn('sgdt',   'm16&32',       '0F 01 /0',        { ...sgdt, ...legacy }),
  insn('sidt',   'm16&64',       '0F 01 /1',        { ...sidt, ...long }),
  insn('sidt',   'm16&32',       '0F 01 /1',        { ...sidt, ...legacy }),
  insn('lgdt',   'm16&64',       '0F 01 /2',        { ...lgdt, ...long }),
  insn('lgdt',   'm16&32',       '0F 01 /2',        { ...lgdt, ...legacy }),
  insn('lidt',   'm16&64',       '0F 01 /3',        { ...lidt, ...long }),
  insn('lidt',   'm16&32',       '0F 01 /3',        { ...lidt, ...legacy }),
  insn('sldt',   'r32m16',       'o32 0F 00 /0',    sldt),
  insn('sldt',   'r16m16',       'o16 0F 00 /0',    sldt),
  insn('sldt',   'r64',          'o32 0F 00 /0',    { ...sldt, modes: 'long64', alias: true }),
  insn('sldt',   'r64m16',       'REX.W 0F 00 /0',  { ...sldt, decodeOnly: true }),
  insn('str',    'r32m16',       'o32 0F 00 /1',    str),
  insn('str',    'r16m16',       'o16 0F 00 /1',    str),
  insn('str',    'r64m16',       'REX.W 0F 00 /1',  str),
  insn('lldt',   'r16m16',       '0F 00 /2',        { uop: 'lldt', priv: cpl0, touches: ['ldtr:w', 'descriptors:r'], exit: 'LDTR_TR', sdm: '2A LLDT' }),
  insn('ltr',    'r16m16',       '0F 00 /3',        { uop: 'ltr', priv: cpl0, touches: ['tr:w', 'descriptors:r'], exit: 'LDTR_TR', sdm: '2A LTR' }),
  insn('smsw',   'r32m16',       'o32 0F 01 /4',    smsw),
  insn('smsw',   'r16m16',       'o16 0F 01 /4',    smsw),
  insn('smsw',   'r64m16',       'REX.W 0F 01 /4',  smsw),
  insn('lmsw',   'r16m16',       '0F 01 /6',        { uop: 'lmsw', priv: cpl0, touches: ['cr0:w'], exit: 'CR_ACCESS', sdm: '2A LMSW' }),
  insn('clts',   '',             '0F 06',           { uop: 'clts', priv: cpl0, touches: ['cr0:w'], exit: 'CR_ACCESS', sdm: '2A CLTS' }),

  insn('mov',    'r64, cr',      '0F 20 /r',        { ...fromCr, ...long }),
  insn('mov',    'r32, cr',      '0F 20 /r',        { ...fromCr, ...legacy }),
  insn('mov',    'cr, r64',      '0F 22 /r',        { ...toCr, ...long }),
  insn('mov',    'cr, r32',      '0F 22 /r',        { ...toCr, ...legacy }),
  insn('mov',    'r64, dr',      '0F 21 /r',        { ...fromDr, ...long }),
  insn('mov',    'r32, dr',      '0F 21 /r',        { ...fromDr, ...legacy }),
  insn('mov',    'dr, r64',      '0F 23 /r',        { ...toDr, ...long }),
  insn('mov',    'dr, r32',      '0F 23 /r',        { ...toDr, ...legacy }),

  insn('invlpg', 'm',            '0F 01 /7',        { uop: 'invlpg', priv: cpl0, touches: ['tlb:w'], exit: 'INVLPG', sdm: '2A INVLPG' }),
  insn('invpcid', 'r64, m128',   '66 0F38 82 /r',   { ...invpcid, ...long, decodeOnly: true }),
  insn('invpcid', 'r64, m128',   '66 REX.W 0F38 82 /r', { ...invpcid, ...long, alias: true }),
  insn('invpcid', 'r32, m128',   '66 0F38 82 /r',   { ...invpcid, ...legacy }),
  insn('invd',   '',             '0F 08',           { uop: 'invd', priv: cpl0, touches: ['cache:w'], exit: 'INVD', sdm: '2A INVD' }),
  insn('wbinvd', '',             '0F 09',           { uop: 'wbinvd', priv: cpl0, touches: ['cache:w'], exit: 'WBINVD', sdm: '2D WBINVD' }),
  insn('clflush', 'm8',          'NP 0F AE /7',     { uop: 'clflush', sdm: '2A CLFLUSH' }),
  insn('clflushopt', 'm8',       '66 0F AE /7',     { uop: 'clflush', feature: 'clflushopt', sdm: '2A CLFLUSHOPT' }),

  insn('rdmsr',  '',             '0F 32',           { uop: 'rdmsr', priv: cpl0, touches: ['msr:r'], exit: 'MSR_READ', sdm: '2B RDMSR' }),
  insn('wrmsr',  '',             '0F 30',           { uop: 'wrmsr', priv: cpl0, touches: ['msr:w'], exit: 'MSR_WRITE', sdm: '2D WRMSR' }),
  insn('rdtsc',  '',             '0F 31',           { uop: 'rdtsc', priv: 'tsd', touches: ['tsc:r'], exit: 'RDTSC', sdm: '2B RDTSC' }),
  insn('rdtscp', '',             '0F 01 F9',        { uop: 'rdtscp', priv: 'tsd', feature: 'rdtscp', touches: ['tsc:r', 'msr:r'], exit: 'RDTSCP', sdm: '2B RDTSCP' }),
  insn('rdpmc',  '',             '0F 33',           { uop: 'rdpmc', priv: 'pce', touches: ['pmc:r'], exit: 'RDPMC', sdm: '2B RDPMC' }),
  insn('cpuid',  '',             '0F A2',           { uop: 'cpuid', priv: 'cpuid', touches: ['cpuid:r'], exit: 'CPUID', sdm: '2A CPUID' }),
  insn('hlt',    '',             'F4',              { uop: 'hlt', priv: cpl0, touches: ['halt:w'], exit: 'HLT', sdm: '2A HLT' }),
  insn('monitor', '',            'NP 0F 01 C8',     { uop: 'monitor', feature: 'monitor', touches: ['halt:w'], exit: 'MONITOR_INSTRUCTION', sdm: '2B MONITOR' }),
  insn('monitor', 'rax, ecx, edx', 'NP 0F 01 C8',   { uop: 'monitor', alias: true, modes: 'long64', feature: 'monitor', touches: ['halt:w'], exit: 'MONITOR_INSTRUCTION', sdm: '2B MONITOR' }),
  insn('monitor', 'eax, ecx, edx', 'NP 0F 01 C8',   { uop: 'monitor', alias: true, modes: 'legacy', feature: 'monitor', touches: ['halt:w'], exit: 'MONITOR_INSTRUCTION', sdm: '2B MONITOR' }),
  insn('mwait',  '',             'NP 0F 01 C9',     { uop: 'mwait', feature: 'monitor', touches: ['halt:w'], exit: 'MWAIT_INSTRUCTION', sdm: '2B MWAIT' }),
  insn('mwait',  'eax, ecx',     'NP 0F 01 C9',     { uop: 'mwait', alias: true, feature: 'monitor', touches: ['halt:w'], exit: 'MWAIT_INSTRUCTION', sdm: '2B MWAIT' }),
  insn('rdpkru', '',             'NP 0F 01 EE',     { uop: 'rdpkru', feature: 'pku', touches: ['pkru:r'], sdm: '2B RDPKRU' }),
  insn('wrpkru', '',             'NP 0F 01 EF',     { uop: 'wrpkru', feature: 'pku', touches: ['pkru:w'], sdm: '2D WRPKRU' }),
  ...sized('rdrand', 'r*',       'NP o* 0F C7 /6',  { uop: 'rdrand', flags: 'w:c 0:oszap', feature: 'rdrand', exit: 'RDRAND', sdm: '2B RDRAND' }),
  ...sized('rdseed', 'r*',       'NP o* 0F C7 /7',  { uop: 'rdseed', flags: 'w:c 0:oszap', feature: 'rdseed', exit: 'RDSEED', sdm: '2B RDSEED' }),
];
