/**
 * Operand values as instructions have them, decoded or about to be encoded, and whether an operand of a
 * row takes one.
 */

import type { Operand } from './row.ts';

export interface RegisterValue {
  readonly kind: 'reg';
  readonly class: 'gpr' | 'sreg' | 'cr' | 'dr';
  readonly number: number;
  readonly bits: number;
  /** spl, bpl, sil, dil need a REX prefix; ah, ch, dh, bh (numbers 4-7) forbid one. */
  readonly rex: 'any' | 'required' | 'forbidden';
}

/** An effective address, ready to encode. */
export interface Address {
  readonly base: RegisterValue | undefined;
  readonly index: RegisterValue | undefined;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: bigint;
  /** Bytes of displacement that are asked for (8 selects a moffs row), or undefined for the fewest. */
  readonly displacementSize: 1 | 2 | 4 | 8 | undefined;
  /** The displacement may still change: neither drop nor shorten it. */
  readonly movable: boolean;
  /** `displacement` is a target address, to be reached from the end of the instruction. */
  readonly ripRelative: boolean;
  /** Address size in bits: that of the registers or of the mode. */
  readonly bits: 16 | 32 | 64;
}

export interface MemoryValue {
  readonly kind: 'mem';
  /** Size in bits, or undefined where the source does not say it. */
  readonly bits: number | undefined;
  readonly far: boolean;
  readonly address: Address;
}

export interface ImmediateValue {
  readonly kind: 'imm';
  readonly value: bigint;
  /** Size in bits that the source names. */
  readonly bits: number | undefined;
  /** `value` is final and may select a short form. */
  readonly exact: boolean;
  /** Branch targets: `short` or `near` asked for. */
  readonly distance: 'short' | 'near' | undefined;
}

export interface FarPointerValue {
  readonly kind: 'farptr';
  readonly selector: bigint;
  readonly offset: bigint;
  readonly bits: number | undefined;
}

export type OperandValue = RegisterValue | MemoryValue | ImmediateValue | FarPointerValue;

/** True if `operand` of a row takes `value`. Sizes that the source leaves open fit every row. */
export function accepts(operand: Operand, value: OperandValue): boolean {
  switch (value.kind) {
    case 'reg':
      return acceptsRegister(operand, value);
    case 'mem':
      return acceptsMemory(operand, value);
    case 'farptr':
      return (
        operand.kind === 'far' &&
        operand.slot === 'imm' &&
        (value.bits === undefined || value.bits === operand.bits - 16)
      );
    case 'imm':
      if (operand.kind === 'one') return value.exact && value.value === 1n && !value.bits;
      return operand.kind === 'imm' || operand.kind === 'rel';
  }
}

function acceptsRegister(operand: Operand, value: RegisterValue): boolean {
  if (operand.kind !== value.class || operand.slot === 'imm') return false;
  if (operand.slot === 'fixed' && operand.fixed !== value.number) return false;
  return operand.kind !== 'gpr' || operand.bits === value.bits;
}

function acceptsMemory(operand: Operand, value: MemoryValue): boolean {
  if (!operand.memory || (operand.kind === 'far' && operand.slot !== 'rm')) return false;
  if (value.far && operand.kind !== 'far' && !(operand.kind === 'mem' && operand.memoryBits === 0))
    return false;
  const { address } = value;
  if (operand.kind === 'moffs') {
    const plain = !address.base && !address.index && !address.ripRelative;
    const width = (address.displacementSize ?? (address.bits === 16 ? 2 : 4)) * 8;
    if (!plain || width !== address.bits) return false;
  }
  if (value.bits === undefined || operand.memoryBits === 0) return true;
  return memorySize(operand) === value.bits;
}

/** Size of a memory operand as the source names it: that of the offset for far pointers. */
export function memorySize(operand: Operand): number {
  return operand.kind === 'far' ? operand.memoryBits - 16 : operand.memoryBits;
}
