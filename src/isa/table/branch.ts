/**
 * Control transfer: jcc, loop, jmp, call, ret, int, iret, syscall, sysenter and their returns (SDM
 * 2A-2D). In 64-bit mode near branches are 64 bits wide whatever the prefixes say (Intel's reading;
 * AMD lets 66 through), so 66 selects rel16 and rm16 in legacy modes only.
 */

import { type Attributes, type Insn, insn } from '../row.ts';
import { CONDITIONS } from './condition.ts';
import { hex } from './sized.ts';

const f64 = 'f64';

/** Near branches whose displacement has the operand size in legacy modes and 32 bits in 64-bit mode. */
function nearRows(
  mnemonic: string,
  opcode: string,
  attributes: { uop: string; flags?: string; alias?: true; sdm: string },
): Insn[] {
  return [
    insn(mnemonic, 'rel32', `${opcode} cd`, { ...attributes, modes: 'long64', size64: f64 }),
    insn(mnemonic, 'rel16', `o16 ${opcode} cw`, { ...attributes, modes: 'legacy' }),
    insn(mnemonic, 'rel32', `o32 ${opcode} cd`, { ...attributes, modes: 'legacy' }),
  ];
}

/** Near branches through a register or memory. */
function indirectRows(mnemonic: string, digit: number, sdm: string): Insn[] {
  const attributes = { uop: `${mnemonic}Indirect`, sdm };
  return [
    insn(mnemonic, 'rm64', `FF /${digit}`, { ...attributes, modes: 'long64', size64: f64 }),
    insn(mnemonic, 'rm16', `o16 FF /${digit}`, { ...attributes, modes: 'legacy' }),
    insn(mnemonic, 'rm32', `o32 FF /${digit}`, { ...attributes, modes: 'legacy' }),
  ];
}

/** Near returns, by all their names. */
const NEAR_RETURN: readonly Insn[] = ['ret', 'retn'].flatMap((mnemonic) => {
  const ret = {
    uop: 'ret',
    ...(mnemonic === 'ret' ? {} : { alias: true as const }),
    sdm: '2B RET',
  };
  const long = { ...ret, modes: 'long64', size64: f64 } as const;
  const legacy = { ...ret, modes: 'legacy' } as const;
  return [
    insn(mnemonic, '', 'C3', long),
    insn(mnemonic, '', 'o32 C3', legacy),
    insn(mnemonic, '', 'o16 C3', legacy),
    insn(mnemonic, 'imm16', 'C2 iw', long),
    insn(mnemonic, 'imm16', 'o32 C2 iw', legacy),
    insn(mnemonic, 'imm16', 'o16 C2 iw', legacy),
  ];
});

/** A loop that counts in rCX of the address size, or of the size that the source names. */
function loopRows(mnemonic: string, opcode: string, attributes: Attributes): Insn[] {
  const named = { ...attributes, alias: true } as const;
  return [
    insn(mnemonic, 'rel8', `${opcode} cb`, attributes),
    insn(mnemonic, 'rel8, cx', `a16 ${opcode} cb`, { ...named, modes: 'legacy' }),
    insn(mnemonic, 'rel8, ecx', `a32 ${opcode} cb`, named),
    insn(mnemonic, 'rel8, rcx', `a64 ${opcode} cb`, { ...named, modes: 'long64' }),
  ];
}

/** jcc under all names of each condition. */
export const CONDITIONAL_JUMP: readonly Insn[] = CONDITIONS.flatMap((condition, code) =>
  condition.names.flatMap((name, index) => {
    const attributes = {
      uop: `j${condition.uop}`,
      flags: `r:${condition.reads}`,
      ...(index > 0 ? { alias: true as const } : {}),
      sdm: '2A Jcc',
    };
    return [
      insn(`j${name}`, 'rel8', `${hex(0x70 + code)} cb`, { ...attributes, size64: f64 }),
      ...nearRows(`j${name}`, `0F ${hex(0x80 + code)}`, attributes),
    ];
  }),
);

const loop = { size64: f64, sdm: '2A LOOP/LOOPcc' } as const;
const jrcxz = { uop: 'jrcxz', size64: f64, sdm: '2A Jcc' } as const;
const far = { touches: ['cs:w', 'cpl:w', 'descriptors:r'] } as const;
const callFar = { ...far, uop: 'callFar', sdm: '2A CALL' } as const;
const jmpFar = { touches: ['cs:w', 'descriptors:r'], uop: 'jmpFar', sdm: '2A JMP' } as const;
const retFar = { ...far, uop: 'retFar', sdm: '2B RET' } as const;
const int = {
  touches: ['idtr:r', 'rflags.if:w', 'cpl:w'],
  sdm: '2A INT n/INTO/INT3/INT1',
} as const;
const iret = {
  uop: 'iret',
  flags: 'w:oszapcd',
  touches: ['rflags.if:w', 'rflags.iopl:w', 'cs:w', 'ss:w', 'cpl:w'],
  sdm: '2A IRET/IRETD/IRETQ',
} as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const BRANCH: readonly Insn[] = [
  ...loopRows('loopne', 'E0',                  { ...loop, uop: 'loopne', flags: 'r:z' }),
  ...loopRows('loopnz', 'E0',                  { ...loop, uop: 'loopne', flags: 'r:z', alias: true }),
  ...loopRows('loope',  'E1',                  { ...loop, uop: 'loope', flags: 'r:z' }),
  ...loopRows('loopz',  'E1',                  { ...loop, uop: 'loope', flags: 'r:z', alias: true }),
  ...loopRows('loop',   'E2',                  { ...loop, uop: 'loop' }),
  insn('jcxz',   'rel8',      'a16 E3 cb',     { ...jrcxz, modes: 'legacy' }),
  insn('jecxz',  'rel8',      'a32 E3 cb',     jrcxz),
  insn('jrcxz',  'rel8',      'a64 E3 cb',     { ...jrcxz, modes: 'long64' }),

  insn('jmp',    'rel8',      'EB cb',         { uop: 'jmp', size64: f64, sdm: '2A JMP' }),
  ...nearRows('jmp',  'E9', { uop: 'jmp', sdm: '2A JMP' }),
  ...indirectRows('jmp', 4, '2A JMP'),
  ...nearRows('call', 'E8', { uop: 'call', sdm: '2A CALL' }),
  ...indirectRows('call', 2, '2A CALL'),
  ...NEAR_RETURN,

  insn('jmp',    'm16:64',    'REX.W FF /5',   jmpFar),
  insn('jmp',    'm16:32',    'o32 FF /5',     jmpFar),
  insn('jmp',    'm16:16',    'o16 FF /5',     jmpFar),
  insn('jmp',    'ptr16:16',  'o16 EA cp',     { ...jmpFar, modes: 'legacy' }),
  insn('jmp',    'ptr16:32',  'o32 EA cp',     { ...jmpFar, modes: 'legacy' }),
  insn('call',   'm16:64',    'REX.W FF /3',   callFar),
  insn('call',   'm16:32',    'o32 FF /3',     callFar),
  insn('call',   'm16:16',    'o16 FF /3',     callFar),
  insn('call',   'ptr16:16',  'o16 9A cp',     { ...callFar, modes: 'legacy' }),
  insn('call',   'ptr16:32',  'o32 9A cp',     { ...callFar, modes: 'legacy' }),
  insn('retfw',  '',          'o16 CB',        retFar),
  insn('retfd',  '',          'o32 CB',        retFar),
  insn('retfq',  '',          'REX.W CB',      retFar),
  insn('retf',   '',          'CB',            { ...retFar, alias: true }),
  insn('retfw',  'imm16',     'o16 CA iw',     retFar),
  insn('retfd',  'imm16',     'o32 CA iw',     retFar),
  insn('retfq',  'imm16',     'REX.W CA iw',   retFar),
  insn('retf',   'imm16',     'CA iw',         { ...retFar, alias: true }),

  insn('int3',   '',          'CC',            { ...int, uop: 'int3', exit: 'EXCEPTION_NMI' }),
  insn('int',    'imm8',      'CD ib',         { ...int, uop: 'int' }),
  insn('into',   '',          'CE',            { ...int, uop: 'into', flags: 'r:o', modes: 'legacy', exit: 'EXCEPTION_NMI' }),
  insn('int1',   '',          'F1',            { ...int, uop: 'int1', exit: 'EXCEPTION_NMI' }),
  insn('icebp',  '',          'F1',            { ...int, uop: 'int1', exit: 'EXCEPTION_NMI', alias: true }),
  insn('iretw',  '',          'o16 CF',        iret),
  insn('iretd',  '',          'o32 CF',        iret),
  insn('iretq',  '',          'REX.W CF',      iret),
  insn('iret',   '',          'CF',            { ...iret, alias: true }),

  insn('syscall',  '',        '0F 05',         { uop: 'syscall', modes: 'long64', feature: 'syscall', flags: 'w:oszapcd', touches: ['msr:r', 'cs:w', 'ss:w', 'cpl:w', 'rflags.if:w'], sdm: '2B SYSCALL' }),
  insn('syscall',  '',        '0F 05',         { uop: 'syscall', modes: 'legacy', alias: true, feature: 'syscall', flags: 'w:oszapcd', touches: ['msr:r', 'cs:w', 'ss:w', 'cpl:w', 'rflags.if:w'], sdm: '2B SYSCALL' }),
  insn('sysret',   '',        '0F 07',         { uop: 'sysret', modes: 'long64', feature: 'syscall', priv: 'cpl0', flags: 'w:oszapcd', touches: ['msr:r', 'cs:w', 'ss:w', 'cpl:w', 'rflags.if:w'], sdm: '2B SYSRET' }),
  insn('sysret',   '',        '0F 07',         { uop: 'sysret', modes: 'legacy', alias: true, feature: 'syscall', priv: 'cpl0', flags: 'w:oszapcd', touches: ['msr:r', 'cs:w', 'ss:w', 'cpl:w', 'rflags.if:w'], sdm: '2B SYSRET' }),
  insn('sysenter', '',        '0F 34',         { uop: 'sysenter', feature: 'sep', touches: ['msr:r', 'cs:w', 'ss:w', 'cpl:w', 'rflags.if:w'], sdm: '2B SYSENTER' }),
  insn('sysexit',  '',        '0F 35',         { uop: 'sysexit', feature: 'sep', priv: 'cpl0', touches: ['msr:r', 'cs:w', 'ss:w', 'cpl:w'], sdm: '2B SYSEXIT' }),
];
