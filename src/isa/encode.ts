/**
 * Encoding: operand values and a row in, bytes out (SDM 2A 2.1-2.3 Instruction Format). Pure, and no
 * mnemonic is known here; which of several fitting rows is taken is the assembler's business
 * (assembler/select.ts).
 *
 * Fields whose value may still change when sections are placed (immediates, displacements) are listed
 * with their offset, so that a caller can patch or relocate them.
 */

import { assert } from '../base/assert.ts';
import { type Field, pushAddress, pushNumber } from './encode-address.ts';
import type { MemoryValue, OperandValue, RegisterValue } from './operand-value.ts';
import type { CodeMode, Insn, OperandSize } from './row.ts';

/** Prefixes that the source asks for beyond what the operands need. */
export interface Prefixes {
  readonly repeat?: 'F2' | 'F3';
  readonly lock?: boolean;
  /** REX even where nothing needs it. */
  readonly rex?: boolean;
  /** Segment register number. */
  readonly segment?: number;
  readonly operandSize?: 16 | 32 | 64 | undefined;
  readonly addressSize?: 16 | 32 | 64 | undefined;
}

export interface EncodeOptions {
  readonly mode: CodeMode;
  readonly prefixes: Prefixes;
}

export interface Encoded {
  readonly row: Insn;
  /** Immediates and displacements filled in, relative fields 0. */
  readonly bytes: Uint8Array;
  readonly fields: readonly Field[];
}

/** True if `row` exists in a code mode. */
export function existsIn(row: Insn, mode: CodeMode): boolean {
  return row.modes === 'any' || row.modes === (mode === 64 ? 'long64' : 'legacy');
}

/** Encodes `row`; the operands must be accepted by it. Undefined if registers and REX or the mode clash. */
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
  return { row, bytes: new Uint8Array(bytes), fields };
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
  let required = rex !== 0 || prefixes.rex === true;
  for (const value of values) {
    if (value.kind !== 'reg') continue;
    if (value.rex === 'forbidden') forbidden = true;
    if (value.rex === 'required') required = true;
  }
  if (mode !== 64 && (rex & (REX_R | REX_X | REX_B)) !== 0) return undefined;
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
function isWide({ encoding }: Insn): boolean {
  return encoding.vexW === 1 || encoding.sizeToken === 64;
}

/** The row is 64 bits wide without REX.W: `o64 push rax`, `o64 push 5`, `o64 mov cr0, rax` say nothing new. */
function isWideItself({ operands, size64 }: Insn): boolean {
  if (size64 === 'd64' && operands.length === 1 && operands[0]?.kind === 'imm') return true;
  return operands.some(({ kind, bits }) => kind === 'gpr' && bits === 64);
}

const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

function legacyPrefixes(
  row: Insn,
  values: readonly OperandValue[],
  { mode, prefixes }: EncodeOptions,
): number[] {
  const addressSize = addressBits(row, values, prefixes, mode);
  const { operandSize: asked } = prefixes;
  const operandSize = asked === 64 ? undefined : (asked ?? operandBits(row, values));
  return prefixBytes(prefixes, operandSize, addressSize, mode);
}

/** Operand size that the row's prefix must make, or that the source gives a stack operation (push word 5). */
function operandBits(row: Insn, values: readonly OperandValue[]): 16 | 32 | undefined {
  const { sizeToken, operandSize } = row.encoding;
  if (sizeToken === 16 || sizeToken === 32) return sizeToken;
  if (operandSize !== undefined || row.size64 !== 'd64') return undefined;
  const sized = values.find((value) => value.kind === 'imm' && value.bits !== undefined);
  return sized?.bits === 16 || sized?.bits === 32 ? sized.bits : undefined;
}

function addressBits(
  row: Insn,
  values: readonly OperandValue[],
  prefixes: Prefixes,
  mode: CodeMode,
): 16 | 32 | 64 {
  if (row.encoding.addressSize) return row.encoding.addressSize;
  for (const value of values) if (value.kind === 'mem') return value.address.bits;
  return prefixes.addressSize ?? mode;
}

/** The prefixes alone, for a source line that has nothing else. */
export function encodePrefixes(prefixes: Prefixes, mode: CodeMode): number[] {
  return prefixBytes(prefixes, prefixes.operandSize, prefixes.addressSize ?? mode, mode);
}

/** Prefixes in NASM's order: repeat, lock, segment, operand size, address size. */
function prefixBytes(
  prefixes: Prefixes,
  operandSize: OperandSize | undefined,
  addressSize: OperandSize,
  mode: CodeMode,
): number[] {
  const bytes: number[] = [];
  if (prefixes.repeat) bytes.push(prefixes.repeat === 'F2' ? 0xf2 : 0xf3);
  if (prefixes.lock) bytes.push(0xf0);
  if (prefixes.segment !== undefined) bytes.push(SEGMENT_PREFIX[prefixes.segment] as number);
  if (operandSize === (mode === 16 ? 32 : 16)) bytes.push(0x66);
  if (addressSize !== mode) bytes.push(0x67);
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

function pushModrm(bytes: number[], fields: Field[], parts: Parts, mode: CodeMode): void {
  const reg = (parts.reg & 7) << 3;
  const { rm } = parts;
  if (typeof rm === 'number') bytes.push(0xc0 | reg | (rm & 7));
  else if (rm.kind === 'reg') bytes.push(0xc0 | reg | (rm.number & 7));
  else pushAddress(bytes, fields, reg, rm.address, parts.rmOperand, mode);
}

const IMMEDIATE_BYTES = { ib: 1, iw: 2, id: 4, io: 8, cb: 1, cw: 2, cd: 4 } as const;

function pushImmediates(
  bytes: number[],
  fields: Field[],
  row: Insn,
  values: readonly OperandValue[],
): void {
  if (row.encoding.implied !== undefined) bytes.push(row.encoding.implied);
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
      const selector = { offset: offset + size, size: 2, operand: index } as const;
      fields.push({ ...selector, kind: 'selector', signed: false });
      pushNumber(bytes, value.selector, 2);
    } else if (value.kind === 'imm') {
      const size = IMMEDIATE_BYTES[code as keyof typeof IMMEDIATE_BYTES];
      const kind = operand.kind === 'rel' ? 'relative' : 'immediate';
      fields.push({ offset, size, operand: index, kind, signed: operand.signed });
      pushNumber(bytes, kind === 'relative' ? 0n : value.value, size);
    }
  });
}

/** Writes `value` little-endian into a field of encoded bytes. */
export function patchField(bytes: Uint8Array, field: Field, value: bigint): void {
  let rest = BigInt.asUintN(8 * field.size, value);
  for (let i = 0; i < field.size; i++, rest >>= 8n) {
    bytes[field.offset + i] = Number(rest & 0xffn);
  }
}
