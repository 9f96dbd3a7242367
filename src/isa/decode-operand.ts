/**
 * The operands of a decoded instruction: registers, effective addresses, immediates (SDM 2A 2.1.5
 * Addressing-Mode Encoding, 2.2.1 REX Prefixes).
 */

import {
  ENTRY,
  IMMEDIATE,
  MODRM,
  NONE,
  OPERAND_BYTES,
  OPERAND_KIND,
  SLOT,
} from './decode-table.ts';
import { addressSizeOf, type Decoding, REX_B, REX_R, REX_X } from './decoding.ts';
import type {
  Address,
  ImmediateValue,
  MemoryValue,
  OperandValue,
  RegisterValue,
} from './operand-value.ts';

type RegisterClass = RegisterValue['class'];

/** Reads what follows ModRM and yields the operands in the entry's order. */
export function decodeOperands(decoding: Decoding, entry: Uint8Array): OperandValue[] {
  const form = entry[ENTRY.MODRM];
  const isMemory = (form === MODRM.ANY || form === MODRM.MEMORY) && decoding.modrm < 0xc0;
  const address = isMemory ? decodeAddress(decoding) : undefined;
  const operands: OperandValue[] = [];
  for (let i = 0; i < (entry[ENTRY.OPERAND_COUNT] ?? 0); i++) {
    const at = ENTRY.OPERANDS + i * OPERAND_BYTES;
    const [kind = 0, slot = 0, width = NONE, extra = NONE] = entry.subarray(at, at + OPERAND_BYTES);
    if (slot === SLOT.rm && address) operands.push(memory(address, kind, extra));
    else if (slot === SLOT.imm) operands.push(decodeImmediate(decoding, kind, width, entry));
    else if (slot === SLOT.moffs) operands.push(memory(decodeMoffs(decoding), kind, extra));
    else operands.push(decodeRegister(decoding, kind, slot, width, extra));
  }
  return operands;
}

/** Moves past what follows ModRM. */
export function skipOperands(decoding: Decoding, entry: Uint8Array): void {
  const { cursor } = decoding;
  const form = entry[ENTRY.MODRM];
  if ((form === MODRM.ANY || form === MODRM.MEMORY) && decoding.modrm < 0xc0) skipAddress(decoding);
  const end = ENTRY.OPERANDS + (entry[ENTRY.OPERAND_COUNT] ?? 0) * OPERAND_BYTES;
  for (let at: number = ENTRY.OPERANDS; at < end; at += OPERAND_BYTES) {
    const slot = entry[at + 1];
    if (slot === SLOT.moffs) cursor.at += addressSizeOf(decoding) / 8;
    else if (slot === SLOT.imm) cursor.at += immediateBytes(entry, at);
  }
}

/** Bytes of the immediate that the operand at `at` of the entry is. */
function immediateBytes(entry: Uint8Array, at: number): number {
  if (entry[at] === OPERAND_KIND.far) return farBytes(entry) + 2;
  return 1 << (entry[at + 2] ?? 0);
}

/** Bytes of a far pointer's offset. */
function farBytes(entry: Uint8Array): 2 | 4 {
  return entry[ENTRY.IMMEDIATE] === IMMEDIATE.FAR16 ? 2 : 4;
}

const BITS_OF_WIDTH = [8, 16, 32, 64, 128, 48, 80, 32];

/** A far pointer's size is that of its offset. */
function memory(address: Address, kind: number, width: number): MemoryValue {
  const far = kind === OPERAND_KIND.far;
  const bits = BITS_OF_WIDTH[width];
  return { kind: 'mem', bits: far && bits ? bits - 16 : bits, far, address };
}

const CLASSES: Readonly<Record<number, RegisterClass>> = {
  [OPERAND_KIND.sreg]: 'sreg',
  [OPERAND_KIND.cr]: 'cr',
  [OPERAND_KIND.dr]: 'dr',
};

function decodeRegister(
  decoding: Decoding,
  kind: number,
  slot: number,
  width: number,
  fixed: number,
): OperandValue {
  if (kind === OPERAND_KIND.one) return immediate(1n);
  const registerClass = CLASSES[kind] ?? 'gpr';
  const bits = BITS_OF_WIDTH[width] ?? 0;
  if (slot === SLOT.fixed) {
    return { kind: 'reg', class: registerClass, number: fixed, bits, rex: 'any' };
  }
  const number = registerNumber(decoding, slot);
  if (registerClass === 'gpr') return generalRegister(decoding, number, bits);
  const kept = registerClass === 'sreg' ? number & 7 : number;
  return { kind: 'reg', class: registerClass, number: kept, bits, rex: 'any' };
}

function registerNumber({ modrm, rex, opcode, vvvv, mode }: Decoding, slot: number): number {
  if (slot === SLOT.vvvv) return mode === 64 ? vvvv : vvvv & 7;
  if (slot === SLOT.reg) return ((modrm >> 3) & 7) | (rex & REX_R ? 8 : 0);
  return ((slot === SLOT.opcode ? opcode : modrm) & 7) | (rex & REX_B ? 8 : 0);
}

/** Byte registers 4-7 are ah, ch, dh, bh without REX and spl, bpl, sil, dil with it. */
function generalRegister({ rex }: Decoding, number: number, bits: number): RegisterValue {
  const ambiguous = bits === 8 && number >= 4 && number < 8;
  const need = !ambiguous ? 'any' : rex === 0 ? 'forbidden' : 'required';
  return { kind: 'reg', class: 'gpr', number, bits, rex: need };
}

function immediate(value: bigint): ImmediateValue {
  return { kind: 'imm', value, bits: undefined, exact: true, distance: undefined };
}

function decodeImmediate(
  { cursor }: Decoding,
  kind: number,
  width: number,
  entry: Uint8Array,
): OperandValue {
  if (kind === OPERAND_KIND.far) {
    const size = farBytes(entry);
    const offset = cursor.unsigned(size);
    return { kind: 'farptr', offset, selector: cursor.unsigned(2), bits: 8 * size };
  }
  const size = 1 << width;
  const signed =
    kind === OPERAND_KIND.rel || ((entry[ENTRY.IMMEDIATE] ?? 0) & IMMEDIATE.SIGNED) !== 0;
  return immediate(signed ? cursor.signed(size) : cursor.unsigned(size));
}

function decodeMoffs(decoding: Decoding): Address {
  const bits = addressSizeOf(decoding);
  const displacement = decoding.cursor.unsigned(bits / 8);
  return { ...NO_ADDRESS, bits, displacement, displacementSize: bits === 64 ? 8 : undefined };
}

const NO_ADDRESS = {
  base: undefined,
  index: undefined,
  scale: 1,
  displacement: 0n,
  displacementSize: undefined,
  movable: false,
  ripRelative: false,
} as const;

const NONE_BASE = 5;
const NO_INDEX = 4;
const SIB = 4;
/** In 16-bit addressing, rm of an address without a register. */
const ABSOLUTE_16 = 6;

/** Moves past SIB and displacement, behind a ModRM that names memory. */
export function skipAddress(decoding: Decoding): void {
  const { cursor, modrm } = decoding;
  const mod = modrm >> 6;
  const isNarrow = addressSizeOf(decoding) === 16;
  const full = isNarrow ? 2 : 4;
  let base = modrm & 7;
  if (!isNarrow && base === SIB) base = cursor.u8() & 7;
  const isAbsolute = mod === 0 && base === (isNarrow ? ABSOLUTE_16 : NONE_BASE);
  if (isAbsolute || mod === 2) cursor.at += full;
  else cursor.at += mod;
}

/** Behind ModRM; `displacementSize` is given only where the instruction has more bytes of it than it needs. */
export function decodeAddress(decoding: Decoding): Address {
  const bits = addressSizeOf(decoding);
  if (bits === 16) return decodeAddress16(decoding);
  const { cursor, modrm, rex, mode } = decoding;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  const register = (number: number): RegisterValue => generalRegister(decoding, number, bits);
  const high = rex & REX_B ? 8 : 0;
  if (rm !== SIB) {
    const absolute = mod === 0 && rm === NONE_BASE;
    const base = absolute ? undefined : register(rm | high);
    const ripRelative = absolute && mode === 64;
    return { ...NO_ADDRESS, bits, base, ripRelative, ...displacementOf(decoding, mod, base) };
  }
  const sib = cursor.u8();
  const base = mod === 0 && (sib & 7) === NONE_BASE ? undefined : register((sib & 7) | high);
  const number = ((sib >> 3) & 7) | (rex & REX_X ? 8 : 0);
  const index = number === NO_INDEX ? undefined : register(number);
  const scale = (index ? 1 << (sib >> 6) : 1) as 1 | 2 | 4 | 8;
  return { ...NO_ADDRESS, bits, base, index, scale, ...displacementOf(decoding, mod, base) };
}

type Displacement = Pick<Address, 'displacement' | 'displacementSize'>;

function displacementOf(
  decoding: Decoding,
  mod: number,
  base: RegisterValue | undefined,
): Displacement {
  if (base === undefined) {
    return { displacement: decoding.cursor.signed(4), displacementSize: undefined };
  }
  const least = (base.number & 7) === NONE_BASE ? 1 : 0;
  return shortDisplacement(decoding, mod, 4, least);
}

/** Displacement behind a base, `full` bytes unless `mod` shortens it; `least` is what it needs at 0. */
function shortDisplacement(
  { cursor }: Decoding,
  mod: number,
  full: 2 | 4,
  least: number,
): Displacement {
  if (mod === 0) return { displacement: 0n, displacementSize: undefined };
  const size = mod === 1 ? 1 : full;
  const displacement = cursor.signed(size);
  const fits = displacement >= -128n && displacement <= 127n;
  const fewest = fits ? (displacement === 0n ? least : 1) : full;
  return { displacement, displacementSize: size === fewest ? undefined : size };
}

const BX = 3;
const BP = 5;
const SI = 6;
const DI = 7;
/** Base and index of rm 0-7 (SDM 2A Table 2-1). */
const PAIRS_16: readonly (readonly [base: number, index?: number])[] = [
  [BX, SI],
  [BX, DI],
  [BP, SI],
  [BP, DI],
  [SI],
  [DI],
  [BP],
  [BX],
];

function decodeAddress16(decoding: Decoding): Address {
  const { cursor, modrm } = decoding;
  const mod = modrm >> 6;
  if (mod === 0 && (modrm & 7) === ABSOLUTE_16) {
    return { ...NO_ADDRESS, bits: 16, displacement: cursor.unsigned(2) };
  }
  const [base = 0, index] = PAIRS_16[modrm & 7] ?? [];
  const least = base === BP && index === undefined ? 1 : 0;
  return {
    ...NO_ADDRESS,
    bits: 16,
    base: generalRegister(decoding, base, 16),
    index: index === undefined ? undefined : generalRegister(decoding, index, 16),
    ...shortDisplacement(decoding, mod, 2, least),
  };
}
