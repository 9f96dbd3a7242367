/**
 * Effective addresses and numbers as NASM text: `[fs:rax+rcx*4-0x8]`, `[rel start]`, `[nosplit rax*2+0x0]`.
 */

import type { Address } from './operand-value.ts';
import { registerName, segmentName } from './register-name.ts';
import type { CodeMode } from './row.ts';

/** What refers to an address: memory, or a branch, maybe of another operand size than the mode's. */
export type TargetUse = 'memory' | 'branch' | 'branch16' | 'branch32';

const WIDTHS = { branch16: 16, branch32: 32 } as const;

/** The address `ahead` bytes behind `address`. */
export function targetOf(address: bigint, ahead: bigint, use: TargetUse, mode: CodeMode): bigint {
  const width = use === 'branch16' || use === 'branch32' ? WIDTHS[use] : mode;
  return BigInt.asUintN(width, address + ahead);
}

/** Where an instruction stands, and how addresses that it refers to are written. */
export interface Place {
  readonly mode: CodeMode;
  /** Text for the address `ahead` bytes behind the start of the instruction. */
  target(ahead: bigint, use: TargetUse): string;
}

/** Place that shows targets as symbols or as absolute numbers. */
export function placeAt(
  address: bigint,
  mode: CodeMode,
  symbol: (address: bigint) => string | undefined = () => undefined,
): Place {
  return {
    mode,
    target: (ahead, use) => {
      const target = targetOf(address, ahead, use, mode);
      return symbol(target) ?? hex(target);
    },
  };
}

/** `0x1f`, `-0x8`. */
export function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

const SIZE_WORDS = { 1: 'byte ', 2: 'word ', 4: 'dword ', 8: 'qword ' } as const;

/** Text of a memory operand in brackets, in an instruction of `length` bytes. */
export function formatAddress(
  address: Address,
  segment: number | undefined,
  place: Place,
  length: number,
): string {
  const { displacement, displacementSize, ripRelative } = address;
  const prefix = segment === undefined ? '' : `${segmentName(segment)}:`;
  const size = displacementSize ? SIZE_WORDS[displacementSize] : '';
  if (ripRelative) {
    return `[rel ${prefix}${place.target(displacement + BigInt(length), 'memory')}]`;
  }
  const registers = registerTerms(address);
  if (registers === '') {
    return `[${prefix}${size}${hex(BigInt.asUintN(address.bits, displacement))}]`;
  }
  const split = address.base ? '' : 'nosplit ';
  const shown = displacement !== 0n || displacementSize !== undefined || !address.base;
  const sign = displacement < 0n ? '' : '+';
  const tail = shown ? `${sign}${hex(displacement)}` : '';
  return `[${prefix}${split}${size}${registers}${tail}]`;
}

function registerTerms({ base, index, scale }: Address): string {
  const terms = base ? [registerName(base)] : [];
  if (index) {
    const unscaled = base && scale === 1;
    terms.push(unscaled ? registerName(index) : `${registerName(index)}*${scale}`);
  }
  return terms.join('+');
}
