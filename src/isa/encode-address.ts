/**
 * ModRM, SIB and displacement of a memory operand (SDM 2A 2.1.5 Addressing-Mode Encoding of ModR/M and
 * SIB Bytes, 2.2.1.6 RIP-Relative Addressing), and the fields of an encoding that hold numbers.
 */

import type { Address } from './operand-value.ts';
import type { CodeMode } from './row.ts';

/** A part of the instruction that holds an operand's number. */
export interface Field {
  readonly offset: number;
  readonly size: number;
  readonly operand: number;
  /**
   * `relative` counts from the end of the instruction: patch it with target - end. `selector` stands behind
   * the offset of a far pointer.
   */
  readonly kind: 'immediate' | 'displacement' | 'relative' | 'selector';
  /** Immediate that the processor sign-extends. */
  readonly signed: boolean;
}

const RM_SIB = 4;
const NO_INDEX = 4;
const NO_BASE = 5;

/** Appends ModRM with `reg` (shifted to its place), SIB and displacement. */
export function pushAddress(
  bytes: number[],
  fields: Field[],
  reg: number,
  address: Address,
  operand: number,
  mode: CodeMode,
): void {
  const { base, displacement, ripRelative } = address;
  const size = displacementBytes(address);
  const mod = !base || size === 0 ? 0 : size === 1 ? 0x40 : 0x80;
  if (address.bits === 16) bytes.push(mod | reg | rm16(address));
  else pushWide(bytes, mod | reg, address, mode);
  if (size === 0) return;
  const kind = ripRelative ? 'relative' : 'displacement';
  fields.push({ offset: bytes.length, size, operand, kind, signed: true });
  pushNumber(bytes, ripRelative ? 0n : displacement, size);
}

/** ModRM and SIB of 32- and 64-bit addresses. */
function pushWide(bytes: number[], modReg: number, address: Address, mode: CodeMode): void {
  const { base, index, scale, ripRelative } = address;
  if (!base && !index && (ripRelative || mode !== 64)) bytes.push(modReg | NO_BASE);
  else if (base && !index && (base.number & 7) !== RM_SIB) bytes.push(modReg | (base.number & 7));
  else {
    const sib = (index ? index.number & 7 : NO_INDEX) << 3;
    bytes.push(modReg | RM_SIB, (Math.log2(scale) << 6) | sib | (base ? base.number & 7 : NO_BASE));
  }
}

const BP = 5;
const RM_PLAIN_16 = 6;
/** rm of a base with and without an index, by `base` or `base + index` (SDM 2A Table 2-1). */
const RM_16: Readonly<Record<string, number>> = {
  '3+6': 0,
  '3+7': 1,
  '5+6': 2,
  '5+7': 3,
  '6': 4,
  '7': 5,
  '5': RM_PLAIN_16,
  '3': 7,
};

/** True for a base and index that 16-bit addressing has: bx or bp first, then si or di. */
export function existsIn16(base: number, index: number | undefined): boolean {
  return (index === undefined ? `${base}` : `${base}+${index}`) in RM_16;
}

function rm16({ base, index }: Address): number {
  if (!base) return RM_PLAIN_16;
  return RM_16[index ? `${base.number}+${index.number}` : `${base.number}`] as number;
}

/** Bytes of displacement: none, one, or as many as the address size has (four at most). */
function displacementBytes(address: Address): number {
  const { base, index, displacement, displacementSize, movable, bits } = address;
  const full = bits === 16 ? 2 : 4;
  if (!base) return full;
  if (displacementSize !== undefined) return displacementSize === 1 ? 1 : full;
  if (movable) return full;
  const needed = bits === 16 ? base.number === BP && !index : (base.number & 7) === NO_BASE;
  if (displacement === 0n && !needed) return 0;
  const low = BigInt.asIntN(8 * full, displacement);
  return low >= -128n && low <= 127n ? 1 : full;
}

/** Appends `value` little-endian. */
export function pushNumber(bytes: number[], value: bigint, size: number): void {
  let rest = BigInt.asUintN(8 * size, value);
  if (size <= 4) {
    let small = Number(rest);
    for (let i = 0; i < size; i++, small = Math.floor(small / 256)) bytes.push(small & 0xff);
    return;
  }
  for (let i = 0; i < size; i++, rest >>= 8n) bytes.push(Number(rest & 0xffn));
}
