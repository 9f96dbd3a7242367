/** General registers as instructions read and write them. */

import type { RegisterValue } from '../../../isa/operand-value.ts';
import type { GuestCode } from './guest.ts';

type Registers = Pick<GuestCode, 'gpr'>;

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;

/** The low `bits` of a general register. */
export function readGpr({ gpr }: Registers, number: number, bits: number): bigint {
  return BigInt.asUintN(bits, gpr[number] ?? 0n);
}

/** Writes the low `bits`, 8 only of the first four: 32 clear the upper half, fewer keep the rest. */
export function writeGpr({ gpr }: Registers, number: number, bits: number, value: bigint): void {
  const old = gpr[number] ?? 0n;
  const kept = bits >= 32 ? 0n : (old >> BigInt(bits)) << BigInt(bits);
  gpr[number] = kept | BigInt.asUintN(bits, value);
}

export function readOperand(guest: Registers, { number, bits }: RegisterValue): bigint {
  return readGpr(guest, number, bits);
}

export function writeOperand(
  guest: Registers,
  { number, bits }: RegisterValue,
  value: bigint,
): void {
  writeGpr(guest, number, bits, value);
}

/** The low half, as a number. */
export function readU32(guest: Registers, number: number): number {
  return Number(readGpr(guest, number, 32));
}

/** EDX:EAX, as RDMSR, WRMSR and RDTSC use them. */
export function readPair(guest: Registers): bigint {
  return (readGpr(guest, RDX, 32) << 32n) | readGpr(guest, RAX, 32);
}

export function writePair(guest: Registers, value: bigint): void {
  writeGpr(guest, RAX, 32, value);
  writeGpr(guest, RDX, 32, value >> 32n);
}
