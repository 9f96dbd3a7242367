/**
 * Shifts and rotates (SDM 2B RCL/RCR/ROL/ROR, SAL/SAR/SHL/SHR, SHLD, SHRD). Digit 6 is a second,
 * undocumented encoding of shl that all processors accept; `sal` is another name of shl.
 */

import { type Attributes, type Insn, insn } from '../row.ts';
import { sized } from './sized.ts';

const ROTATE = { flags: 'w:oc', sdm: '2B RCL/RCR/ROL/ROR' } as const;
const ROTATE_CARRY = { ...ROTATE, flags: 'w:oc r:c' } as const;
const SHIFT = { flags: 'w:oszpc u:a', sdm: '2B SAL/SAR/SHL/SHR' } as const;

function shiftRows(mnemonic: string, digit: number, attributes: Attributes): Insn[] {
  // biome-ignore format: one row per line, columns as in the SDM opcode tables.
  return [
    insn ( mnemonic, 'rm8, 1',      `D0 /${digit}`,       attributes),
    ...sized(mnemonic, 'rm*, 1',    `o* D1 /${digit}`,    attributes),
    insn ( mnemonic, 'rm8, cl',     `D2 /${digit}`,       attributes),
    ...sized(mnemonic, 'rm*, cl',   `o* D3 /${digit}`,    attributes),
    insn ( mnemonic, 'rm8, imm8',   `C0 /${digit} ib`,    attributes),
    ...sized(mnemonic, 'rm*, imm8', `o* C1 /${digit} ib`, attributes),
  ];
}

function doubleShiftRows(mnemonic: string, opcodes: readonly [string, string]): Insn[] {
  const sdm = `2B ${mnemonic.toUpperCase()}`;
  const attributes = { uop: mnemonic, flags: SHIFT.flags, sdm };
  return [
    ...sized(mnemonic, 'rm*, r*, imm8', `o* 0F ${opcodes[0]} /r ib`, attributes),
    ...sized(mnemonic, 'rm*, r*, cl', `o* 0F ${opcodes[1]} /r`, attributes),
  ];
}

export const SHIFTS: readonly Insn[] = [
  ...shiftRows('rol', 0, { uop: 'rol', ...ROTATE }),
  ...shiftRows('ror', 1, { uop: 'ror', ...ROTATE }),
  ...shiftRows('rcl', 2, { uop: 'rcl', ...ROTATE_CARRY }),
  ...shiftRows('rcr', 3, { uop: 'rcr', ...ROTATE_CARRY }),
  ...shiftRows('shl', 4, { uop: 'shl', ...SHIFT }),
  ...shiftRows('sal', 4, { uop: 'shl', ...SHIFT, alias: true }),
  ...shiftRows('shr', 5, { uop: 'shr', ...SHIFT }),
  ...shiftRows('shl', 6, { uop: 'shl', ...SHIFT, decodeOnly: true }),
  ...shiftRows('sar', 7, { uop: 'sar', ...SHIFT }),
  ...doubleShiftRows('shld', ['A4', 'A5']),
  ...doubleShiftRows('shrd', ['AC', 'AD']),
];
