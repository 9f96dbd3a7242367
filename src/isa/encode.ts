/**
 * Encoding: operand values and a row in, bytes out (SDM 2A 2.1-2.3 Instruction Format). Also whether a
 * row takes given operands. Pure, and no mnemonic is known here; which of several fitting rows is taken
 * is the assembler's business (assembler/select.ts).
 *
 * Fields whose value may still change when sections are placed (immediates, displacements) are listed
 * with their offset, so that a caller can patch or relocate them. Left out: 16-bit addressing.
 */

import { assert } from '../base/assert.ts';
import type { Insn, Operand } from './row.ts';

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
  readonly displacementSize: 1 | 4 | 8 | undefined;
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

/** Prefixes that the source asks for beyond what the operands need. */
export interface Prefixes {
  readonly repeat?: 'F2' | 'F3';
  readonly lock?: boolean;
  /** Segment register number. */
  readonly segment?: number;
  readonly operandSize?: 16 | 32 | 64;
  readonly addressSize?: 16 | 32 | 64;
}

export interface EncodeOptions {
  readonly mode: 32 | 64;
  readonly prefixes: Prefixes;
}

/** A part of the instruction that holds an operand's number. */
export interface Field {
  readonly offset: number;
  readonly size: number;
  readonly operand: number;
  /** `relative` counts from the end of the instruction: patch it with target - end. */
  readonly kind: 'immediate' | 'displacement' | 'relative';
  /** Immediate that the processor sign-extends. */
  readonly signed: boolean;
}

export interface Encoded {
  readonly row: Insn;
  /** Immediates and displacements filled in, relative fields 0. */
  readonly bytes: Uint8Array;
  readonly fields: readonly Field[];
}

/** True if `row` exists in a code mode. */
export function existsIn(row: Insn, mode: 32 | 64): boolean {
  if (row.modes === undefined || row.modes === 'any') return true;
  return row.modes === (mode === 64 ? 'long64' : 'legacy');
}

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
  if (value.far && operand.kind !== 'far') return false;
  const { address } = value;
  if (operand.kind === 'moffs') {
    const plain = !address.base && !address.index && !address.ripRelative;
    const width = (address.displacementSize ?? 4) * 8;
    if (!plain || width !== address.bits) return false;
  }
  if (value.bits === undefined || operand.memoryBits === 0) return true;
  return memorySize(operand) === value.bits;
}

/** Size of a memory operand as the source names it: that of the offset for far pointers. */
export function memorySize(operand: Operand): number {
  return operand.kind === 'far' ? operand.memoryBits - 16 : operand.memoryBits;
}

/** Encodes `row`; the operands must be accepted by it. Undefined if registers and REX clash. */
export function encode(
  row: Insn,
  values: readonly OperandValue[],
  options: EncodeOptions,
): Encoded | undefined {
  const parts = placeOperands(row, values);
  const rex = rexOf(row, values, parts, options);
  if (rex === undefined) return undefined;
  const bytes = legacyPrefixes(row, values, options);
  if (row.encoding.vex) pushVex(bytes, row, parts, rex);
  else pushOpcode(bytes, row, parts, rex);
  const fields: Field[] = [];
  if (row.encoding.modrm) pushModrm(bytes, fields, parts, options.mode);
  pushImmediates(bytes, fields, row, values);
  return { row, bytes: Uint8Array.from(bytes), fields };
}

/** Where each operand went. */
interface Parts {
  reg: number;
  rm: RegisterValue | MemoryValue | number;
  rmOperand: number;
  opcode: number;
  vvvv: number;
}

function placeOperands(row: Insn, values: readonly OperandValue[]): Parts {
  const { encoding } = row;
  const parts: Parts = {
    reg: encoding.reg ?? 0,
    rm: encoding.rm ?? -1,
    rmOperand: -1,
    opcode: 0,
    vvvv: 0,
  };
  // ModRM.reg is taken by an opcode digit or by a control, debug or segment register: then a general
  // register goes to ModRM.rm.
  const special = row.operands.some((o) => o.slot === 'reg' && o.kind !== 'gpr');
  const taken = encoding.reg !== undefined || special;
  row.operands.forEach((operand, index) => {
    const value = values[index] as OperandValue;
    const slot = operand.slot === 'reg' && operand.kind === 'gpr' && taken ? 'rm' : operand.slot;
    if (slot === 'rm') {
      parts.rm = value as RegisterValue | MemoryValue;
      parts.rmOperand = index;
    } else if (value.kind === 'reg') {
      if (slot === 'reg') parts.reg = value.number;
      else if (slot === 'opcode') parts.opcode = value.number;
      else if (slot === 'vvvv') parts.vvvv = value.number;
    }
  });
  // `imul r, imm`: a register alone in ModRM is both source and destination. `lfence`: rm is 0.
  if (parts.rm === -1) parts.rm = encoding.reg === undefined ? parts.reg : 0;
  return parts;
}

const REX_W = 8;
const REX_R = 4;
const REX_X = 2;
const REX_B = 1;

/** REX payload with 0x40 where the prefix is needed, 0 where not. */
function rexOf(
  row: Insn,
  values: readonly OperandValue[],
  parts: Parts,
  { mode, prefixes }: EncodeOptions,
): number | undefined {
  const asked = prefixes.operandSize === 64 && !isWideItself(row);
  let rex = isWide(row) || asked ? REX_W : 0;
  if (parts.reg >= 8) rex |= REX_R;
  if (parts.opcode >= 8) rex |= REX_B;
  rex |= rmBits(parts.rm);
  let forbidden = mode !== 64;
  let required = rex !== 0;
  for (const value of values) {
    if (value.kind !== 'reg') continue;
    if (value.rex === 'forbidden') forbidden = true;
    if (value.rex === 'required') required = true;
  }
  if (!required || row.encoding.vex) return rex;
  return forbidden ? undefined : rex | 0x40;
}

/** REX.B and REX.X for what ModRM.rm names. */
function rmBits(rm: Parts['rm']): number {
  if (typeof rm === 'number') return rm >= 8 ? REX_B : 0;
  if (rm.kind === 'reg') return rm.number >= 8 ? REX_B : 0;
  const { base, index } = rm.address;
  return ((base?.number ?? 0) >= 8 ? REX_B : 0) | ((index?.number ?? 0) >= 8 ? REX_X : 0);
}

/** The row asks for REX.W or VEX.W; rows that are 64 bits wide by themselves do not. */
function isWide(row: Insn): boolean {
  return row.encoding.vexW === 1 || row.opcodeText.includes('REX.W');
}

/** The row is 64 bits wide without REX.W: `o64 push rax`, `o64 push 5`, `o64 mov cr0, rax` say nothing new. */
function isWideItself({ operands, size64 }: Insn): boolean {
  if (size64 === 'd64' && operands.length === 1 && operands[0]?.kind === 'imm') return true;
  return operands.some(({ kind, bits }) => kind === 'gpr' && bits === 64);
}

const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Prefixes in NASM's order: repeat, lock, segment, operand size, address size. */
function legacyPrefixes(
  row: Insn,
  values: readonly OperandValue[],
  { mode, prefixes }: EncodeOptions,
): number[] {
  const narrow = prefixes.operandSize === 16 || isNarrow(row, values);
  const addressSize = addressBits(row, values, prefixes, mode);
  const operandSize = narrow ? { operandSize: 16 as const } : {};
  return encodePrefixes({ ...prefixes, ...operandSize, addressSize }, mode);
}

/** The row asks for 66, or the source makes a stack operation 16 bits wide (push word 5). */
function isNarrow(row: Insn, values: readonly OperandValue[]): boolean {
  if (row.opcodeText.includes('o16')) return true;
  if (row.encoding.operandSize !== undefined || row.size64 !== 'd64') return false;
  return values.some((value) => value.kind === 'imm' && value.bits === 16);
}

function addressBits(
  row: Insn,
  values: readonly OperandValue[],
  prefixes: Prefixes,
  mode: 32 | 64,
): 16 | 32 | 64 {
  if (row.encoding.addressSize) return row.encoding.addressSize;
  for (const value of values) if (value.kind === 'mem') return value.address.bits;
  return prefixes.addressSize ?? mode;
}

/** The prefixes alone, for a source line that has nothing else. */
export function encodePrefixes(prefixes: Prefixes, mode: 32 | 64): number[] {
  const bytes: number[] = [];
  if (prefixes.repeat) bytes.push(prefixes.repeat === 'F2' ? 0xf2 : 0xf3);
  if (prefixes.lock) bytes.push(0xf0);
  if (prefixes.segment !== undefined) bytes.push(SEGMENT_PREFIX[prefixes.segment] as number);
  if (prefixes.operandSize === 16) bytes.push(0x66);
  if ((prefixes.addressSize ?? mode) !== mode) bytes.push(0x67);
  return bytes;
}

const MANDATORY = { any: undefined, NP: undefined, '66': 0x66, F2: 0xf2, F3: 0xf3 } as const;
const MAP_BYTES = { '': [], '0F': [0x0f], '0F38': [0x0f, 0x38], '0F3A': [0x0f, 0x3a] } as const;

function pushOpcode(bytes: number[], row: Insn, parts: Parts, rex: number): void {
  const { encoding } = row;
  const mandatory = MANDATORY[encoding.prefix];
  if (mandatory !== undefined) bytes.push(mandatory);
  if (rex !== 0) bytes.push(rex);
  bytes.push(...MAP_BYTES[encoding.map], encoding.opcode + (parts.opcode & 7));
}

const VEX_PREFIX = { any: 0, NP: 0, '66': 1, F3: 2, F2: 3 } as const;
const VEX_MAP = { '': 0, '0F': 1, '0F38': 2, '0F3A': 3 } as const;

/** Two- or three-byte VEX prefix; R, X, B and vvvv are stored inverted (SDM 2A 2.3.5). */
function pushVex(bytes: number[], row: Insn, parts: Parts, rex: number): void {
  const { encoding } = row;
  const wide = (rex & REX_W) !== 0;
  const low = ((~parts.vvvv & 15) << 3) | VEX_PREFIX[encoding.prefix];
  const r = rex & REX_R ? 0 : 0x80;
  if (encoding.map === '0F' && !wide && (rex & (REX_X | REX_B)) === 0) {
    bytes.push(0xc5, r | low);
  } else {
    const x = rex & REX_X ? 0 : 0x40;
    const b = rex & REX_B ? 0 : 0x20;
    bytes.push(0xc4, r | x | b | VEX_MAP[encoding.map], (wide ? 0x80 : 0) | low);
  }
  bytes.push(encoding.opcode);
}

function pushModrm(bytes: number[], fields: Field[], parts: Parts, mode: 32 | 64): void {
  const reg = (parts.reg & 7) << 3;
  const { rm } = parts;
  if (typeof rm === 'number') bytes.push(0xc0 | reg | (rm & 7));
  else if (rm.kind === 'reg') bytes.push(0xc0 | reg | (rm.number & 7));
  else pushAddress(bytes, fields, reg, rm.address, parts.rmOperand, mode);
}

const RM_SIB = 4;
const NO_INDEX = 4;
const NO_BASE = 5;

function pushAddress(
  bytes: number[],
  fields: Field[],
  reg: number,
  address: Address,
  operand: number,
  mode: 32 | 64,
): void {
  const { base, index, scale, displacement, ripRelative } = address;
  const size = displacementBytes(address);
  const mod = !base || size === 0 ? 0 : size === 1 ? 0x40 : 0x80;
  if (!base && !index && (ripRelative || mode === 32)) bytes.push(reg | NO_BASE);
  else if (base && !index && (base.number & 7) !== RM_SIB)
    bytes.push(mod | reg | (base.number & 7));
  else {
    const sib = (index ? index.number & 7 : NO_INDEX) << 3;
    bytes.push(
      mod | reg | RM_SIB,
      (Math.log2(scale) << 6) | sib | (base ? base.number & 7 : NO_BASE),
    );
  }
  if (size === 0) return;
  const kind = ripRelative ? 'relative' : 'displacement';
  fields.push({ offset: bytes.length, size, operand, kind, signed: true });
  pushNumber(bytes, ripRelative ? 0n : displacement, size);
}

/** Bytes of displacement: none, one or four. */
function displacementBytes(address: Address): number {
  const { base, displacement, displacementSize, movable } = address;
  if (!base) return 4;
  if (displacementSize !== undefined) return displacementSize === 1 ? 1 : 4;
  if (movable) return 4;
  if (displacement === 0n && (base.number & 7) !== NO_BASE) return 0;
  const low = BigInt.asIntN(32, displacement);
  return low >= -128n && low <= 127n ? 1 : 4;
}

const IMMEDIATE_BYTES = { ib: 1, iw: 2, id: 4, io: 8, cb: 1, cw: 2, cd: 4 } as const;

function pushImmediates(
  bytes: number[],
  fields: Field[],
  row: Insn,
  values: readonly OperandValue[],
): void {
  let next = 0;
  row.operands.forEach((operand, index) => {
    if (operand.slot !== 'imm' && operand.slot !== 'moffs') return;
    const code = row.encoding.immediates[next++];
    assert(code !== undefined, `row '${row.mnemonic} ${row.operandText}' lacks an immediate`);
    const value = values[index] as OperandValue;
    const offset = bytes.length;
    if (value.kind === 'mem') {
      const size = value.address.bits / 8;
      fields.push({ offset, size, operand: index, kind: 'displacement', signed: false });
      pushNumber(bytes, value.address.displacement, size);
    } else if (value.kind === 'farptr') {
      const size = (operand.bits - 16) / 8;
      fields.push({ offset, size, operand: index, kind: 'immediate', signed: false });
      pushNumber(bytes, value.offset, size);
      pushNumber(bytes, value.selector, 2);
    } else if (value.kind === 'imm') {
      const size = IMMEDIATE_BYTES[code as keyof typeof IMMEDIATE_BYTES];
      const kind = operand.kind === 'rel' ? 'relative' : 'immediate';
      fields.push({ offset, size, operand: index, kind, signed: operand.signed });
      pushNumber(bytes, kind === 'relative' ? 0n : value.value, size);
    }
  });
}

function pushNumber(bytes: number[], value: bigint, size: number): void {
  let rest = BigInt.asUintN(8 * size, value);
  if (size <= 4) {
    let small = Number(rest);
    for (let i = 0; i < size; i++, small = Math.floor(small / 256)) bytes.push(small & 0xff);
    return;
  }
  for (let i = 0; i < size; i++, rest >>= 8n) bytes.push(Number(rest & 0xffn));
}

/** Writes `value` little-endian into a field of encoded bytes. */
export function patchField(bytes: Uint8Array, field: Field, value: bigint): void {
  let rest = BigInt.asUintN(8 * field.size, value);
  for (let i = 0; i < field.size; i++, rest >>= 8n) {
    bytes[field.offset + i] = Number(rest & 0xffn);
  }
}
