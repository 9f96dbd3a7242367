/**
 * VMX instructions (SDM 3C chapter 31, VMX Instruction Reference). That they do not exist outside VMX operation and in
 * compatibility mode, which comes before privilege, is the handler's.
 */

import { type Insn, insn } from '../row.ts';

const legacy = { modes: 'legacy' } as const;
const long = { modes: 'long64', size64: 'f64' } as const;
const read = { feature: 'vmx', touches: ['vmx:r'] } as const;
const write = { feature: 'vmx', touches: ['vmx:w'] } as const;
const vmread = {
  ...read,
  uop: 'vmread',
  flags: 'w:oszapc',
  exit: 'VMREAD',
  sdm: '3C VMREAD',
} as const;
const vmwrite = {
  ...write,
  uop: 'vmwrite',
  flags: 'w:oszapc',
  exit: 'VMWRITE',
  sdm: '3C VMWRITE',
} as const;
const invept = {
  feature: 'vmx',
  touches: ['tlb:w'],
  uop: 'invept',
  flags: 'w:oszapc',
  exit: 'INVEPT',
  sdm: '3C INVEPT',
} as const;
const invvpid = {
  feature: 'vmx',
  touches: ['tlb:w'],
  uop: 'invvpid',
  flags: 'w:oszapc',
  exit: 'INVVPID',
  sdm: '3C INVVPID',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const VMX: readonly Insn[] = [
  insn('vmxon',    'm',          'F3 0F C7 /6',   { ...write, uop: 'vmxon', flags: 'w:oszapc', exit: 'VMXON', sdm: '3C VMXON' }),
  insn('vmxoff',   '',           'NP 0F 01 C4',   { ...write, uop: 'vmxoff', flags: 'w:oszapc', exit: 'VMXOFF', sdm: '3C VMXOFF' }),
  insn('vmclear',  'm',          '66 0F C7 /6',   { ...write, uop: 'vmclear', flags: 'w:oszapc', exit: 'VMCLEAR', sdm: '3C VMCLEAR' }),
  insn('vmptrld',  'm',          'NP 0F C7 /6',   { ...write, uop: 'vmptrld', flags: 'w:oszapc', exit: 'VMPTRLD', sdm: '3C VMPTRLD' }),
  insn('vmptrst',  'm',          'NP 0F C7 /7',   { ...read, uop: 'vmptrst', flags: 'w:oszapc', exit: 'VMPTRST', sdm: '3C VMPTRST' }),
  insn('vmread',   'rm64, r64',  'NP 0F 78 /r',   { ...vmread, ...long }),
  insn('vmread',   'rm32, r32',  'NP 0F 78 /r',   { ...vmread, ...legacy }),
  insn('vmwrite',  'r64, rm64',  'NP 0F 79 /r',   { ...vmwrite, ...long }),
  insn('vmwrite',  'r32, rm32',  'NP 0F 79 /r',   { ...vmwrite, ...legacy }),
  insn('vmlaunch', '',           'NP 0F 01 C2',   { ...write, uop: 'vmlaunch', flags: 'w:oszapc', exit: 'VMLAUNCH', sdm: '3C VMLAUNCH/VMRESUME' }),
  insn('vmresume', '',           'NP 0F 01 C3',   { ...write, uop: 'vmresume', flags: 'w:oszapc', exit: 'VMRESUME', sdm: '3C VMLAUNCH/VMRESUME' }),
  insn('vmcall',   '',           'NP 0F 01 C1',   { ...write, uop: 'vmcall', flags: 'w:oszapc', exit: 'VMCALL', sdm: '3C VMCALL' }),
  insn('invept',   'r64, m128',  '66 0F38 80 /r', { ...invept, ...long }),
  insn('invept',   'r32, m128',  '66 0F38 80 /r', { ...invept, ...legacy }),
  insn('invvpid',  'r64, m128',  '66 0F38 81 /r', { ...invvpid, ...long }),
  insn('invvpid',  'r32, m128',  '66 0F38 81 /r', { ...invvpid, ...legacy }),
];
