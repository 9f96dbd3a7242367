/**
 * Lists of sensitive unprivileged instructions of the x86, for comparison only: nothing is classified by them.
 *
 * HISTORICAL is Robin and Irvine's (2000), by their groups: 18 mnemonics, though always cited as seventeen. Each stands
 * for its entry in the manual. LATER are those that their list leaves out or that came after it.
 */

import type { Insn, OperandKind } from '../../isa/row.ts';

export interface ListEntry {
  readonly name: string;
  readonly mnemonics: readonly string[];
  /** Only forms with an operand of this kind: segment registers, far pointers. */
  readonly operand?: OperandKind;
}

function entry(name: string, mnemonics = name.toLowerCase(), operand?: OperandKind): ListEntry {
  return { name, mnemonics: mnemonics.split(' '), ...(operand && { operand }) };
}

/** "Sensitive register instructions". */
const REGISTER: readonly ListEntry[] = [
  entry('SGDT'),
  entry('SIDT'),
  entry('SLDT'),
  entry('SMSW'),
  entry('PUSHF', 'pushf pushfw pushfd pushfq'),
  entry('POPF', 'popf popfw popfd popfq'),
];

/** "Protection system references". */
const PROTECTION: readonly ListEntry[] = [
  entry('LAR'),
  entry('LSL'),
  entry('VERR'),
  entry('VERW'),
  entry('POP', 'pop', 'sreg'),
  entry('PUSH', 'push', 'sreg'),
  entry('CALL', 'call', 'far'),
  entry('JMP', 'jmp', 'far'),
  entry('INT', 'int int3 into'),
  entry('RET', 'retf retfw retfd retfq'),
  entry('STR'),
  entry('MOV', 'mov', 'sreg'),
];

export const HISTORICAL: readonly ListEntry[] = [...REGISTER, ...PROTECTION];

export const LATER: readonly ListEntry[] = [
  entry('IRET', 'iret iretw iretd iretq'),
  ...['LDS', 'LES', 'LSS', 'LFS', 'LGS', 'INT1', 'CPUID', 'RDTSC', 'RDTSCP', 'RDPMC'].map((name) =>
    entry(name),
  ),
  ...['SYSCALL', 'SYSENTER', 'RDFSBASE', 'RDGSBASE', 'WRFSBASE', 'WRGSBASE'].map((name) =>
    entry(name),
  ),
  ...['RDPKRU', 'WRPKRU', 'RDRAND', 'RDSEED'].map((name) => entry(name)),
];

export function isOf({ mnemonics, operand }: ListEntry, row: Insn): boolean {
  if (!mnemonics.includes(row.mnemonic)) return false;
  return operand === undefined || row.operands.some(({ kind }) => kind === operand);
}

/** The entry of `list` that `row` belongs to. */
export function entryOf(list: readonly ListEntry[], row: Insn): ListEntry | undefined {
  return list.find((one) => isOf(one, row));
}
