/**
 * Decoding: bytes in, row and operand values out, by walking the decode tables (SDM 2A chapter 2). Pure;
 * the processor's own decoder walks the same tables by the same rules:
 *
 * - legacy prefixes in any order; the last of F2 and F3 and the last segment override count, but in
 *   64-bit code es, cs, ss and ds overrides change nothing;
 * - REX counts only directly before the opcode; 66, F2, F3, LOCK or REX before VEX is #UD;
 * - LOCK is #UD on all rows and forms that do not allow it; more than 15 bytes are #GP;
 * - what is no instruction is as long as its opcode says, but for VEX prefixes that may not be.
 *
 * What depends on register numbers (cr5, mov cs) or machine state is the processor's business.
 */

import { decodeOperands, skipAddress, skipOperands } from './decode-operand.ts';
import { readOpcode, readPrefixes } from './decode-prefix.ts';
import {
  type DecodeTables,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_FLAGS,
  MODE_MASK,
  MODRM,
  NONE,
  OPERAND_BYTES,
  PREFIX,
  SIZE_MASK,
  SLOT,
} from './decode-table.ts';
import {
  addressSizeOf,
  begin,
  type Decoding,
  MAX_LENGTH,
  operandSizeOf,
  REX_B,
  REX_W,
} from './decoding.ts';
import { SHAPE } from './opcode-shape.ts';
import type { OperandValue } from './operand-value.ts';
import type { CodeMode } from './row.ts';

/** What stands before the opcode. */
export interface DecodedPrefixes {
  readonly operandSize: boolean; // 66
  readonly addressSize: boolean; // 67
  readonly lock: boolean;
  readonly repeat: 'F2' | 'F3' | undefined;
  /** Number of the segment that overrides the default, where it has an effect. */
  readonly segment: number | undefined;
  /** Number of the last segment that overrides nothing: es, cs, ss and ds in 64-bit code. */
  readonly idleSegment: number | undefined;
  /** REX byte, or 0. With VEX: its W, R, X, B bits, not inverted. */
  readonly rex: number;
}

export interface Decoded {
  readonly ok: true;
  /** Index into the rows that the tables were built from. */
  readonly row: number;
  /** In the row's order. Relative operands hold their displacement, from the end of the instruction. */
  readonly operands: readonly OperandValue[];
  readonly length: number;
  readonly prefixes: DecodedPrefixes;
  /** Effective sizes in bits. */
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
}

/** invalid: #UD. too-long: #GP(0). truncated: more bytes than there are would be needed to tell. */
export interface DecodeFailure {
  readonly ok: false;
  readonly reason: 'invalid' | 'too-long' | 'truncated';
}

/** What can be said of an instruction without its operands. */
export type Measured = Pick<Decoded, 'ok' | 'row' | 'length'>;

/** Decodes the instruction at `offset`. */
export function decode(
  bytes: Uint8Array,
  offset: number,
  mode: CodeMode,
  tables: DecodeTables,
): Decoded | DecodeFailure {
  const decoding = begin(bytes, offset, mode);
  const entry = readEntry(decoding, tables);
  const operands = entry ? decodeOperands(decoding, entry) : [];
  const failure = failureOf(decoding, entry);
  if (failure !== undefined || entry === undefined) return failure ?? INVALID;
  return {
    ok: true,
    row: rowOf(entry),
    operands,
    length: decoding.cursor.length,
    prefixes: {
      operandSize: decoding.operandPrefix,
      addressSize: decoding.addressPrefix,
      lock: decoding.lock,
      repeat: decoding.repeat,
      segment: decoding.segment,
      idleSegment: decoding.idleSegment,
      rex: decoding.rex,
    },
    operandSize: operandSizeOf(decoding, entry[ENTRY.FLAGS] ?? 0),
    addressSize: addressSizeOf(decoding),
  };
}

/** Which instruction is at `offset`, and how long it is: `decode` for who needs no more. */
export function measure(
  bytes: Uint8Array,
  offset: number,
  mode: CodeMode,
  tables: DecodeTables,
): Measured | DecodeFailure {
  const decoding = begin(bytes, offset, mode);
  const entry = readEntry(decoding, tables);
  if (entry !== undefined) skipOperands(decoding, entry);
  const failure = failureOf(decoding, entry);
  if (failure !== undefined || entry === undefined) return failure ?? INVALID;
  return { ok: true, row: rowOf(entry), length: decoding.cursor.length };
}

/** Reads up to the opcode or its ModRM; where there is no instruction, to the end of what may be none. */
function readEntry(decoding: Decoding, tables: DecodeTables): Uint8Array | undefined {
  readPrefixes(decoding);
  if (!readOpcode(decoding)) return undefined;
  const entry = findEntry(decoding, tables);
  if (entry === undefined) skipShape(decoding, tables);
  return entry;
}

const INVALID: DecodeFailure = { ok: false, reason: 'invalid' };
const TOO_LONG: DecodeFailure = { ok: false, reason: 'too-long' };
const TRUNCATED: DecodeFailure = { ok: false, reason: 'truncated' };

function failureOf(decoding: Decoding, entry: Uint8Array | undefined): DecodeFailure | undefined {
  const { cursor } = decoding;
  if (cursor.length > MAX_LENGTH) return TOO_LONG;
  if (cursor.overrun) return TRUNCATED;
  return entry !== undefined && isAllowed(decoding, entry) ? undefined : INVALID;
}

function rowOf(entry: Uint8Array): number {
  return (entry[ENTRY.ROW] ?? 0) | ((entry[ENTRY.ROW + 1] ?? 0) << 8);
}

/** Moves past what an opcode that is no instruction has behind it. */
function skipShape(decoding: Decoding, { shapes }: DecodeTables): void {
  const { cursor, map, opcode } = decoding;
  const shape = shapes[(map & 3) * 256 + opcode] ?? 0;
  if ((shape & SHAPE.MODRM) !== 0) {
    decoding.modrm = cursor.u8();
    if (decoding.modrm < 0xc0) skipAddress(decoding);
  }
  const sized = operandSizeOf(decoding, 0) === 16 ? 2 : 4;
  cursor.at += (shape & SHAPE.BYTES) + ((shape & SHAPE.SIZED) !== 0 ? sized : 0);
}

/** The first candidate that matches; its ModRM byte, if it has one, is consumed. */
function findEntry(decoding: Decoding, tables: DecodeTables): Uint8Array | undefined {
  const at = decoding.map * 256 + decoding.opcode;
  const first = tables.index[at] ?? 0;
  const end = tables.index[at + 1] ?? 0;
  if (first === end) return undefined;
  const hasModrm = tables.entries[first * ENTRY_BYTES + ENTRY.MODRM] !== MODRM.NONE;
  if (hasModrm) decoding.modrm = decoding.cursor.peek();
  for (let i = first; i < end; i++) {
    const entry = tables.entries.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES);
    if (!matches(decoding, entry)) continue;
    if (hasModrm) decoding.cursor.at++;
    return entry;
  }
  return undefined;
}

function matches(decoding: Decoding, entry: Uint8Array): boolean {
  const { mode, rex, vex, vexL } = decoding;
  const flags = entry[ENTRY.FLAGS] ?? 0;
  const addressSize = addressSizeOf(decoding);
  return (
    ((entry[ENTRY.MODES] ?? 0) & MODE_MASK[mode]) !== 0 &&
    ((entry[ENTRY.OPERAND_SIZES] ?? 0) & SIZE_MASK[operandSizeOf(decoding, flags)]) !== 0 &&
    ((entry[ENTRY.ADDRESS_SIZES] ?? 0) & SIZE_MASK[addressSize]) !== 0 &&
    matchesPrefix(decoding, entry[ENTRY.PREFIX] ?? 0) &&
    matchesModrm(decoding, entry) &&
    !((flags & ENTRY_FLAGS.NO_REX_B) !== 0 && (rex & REX_B) !== 0) &&
    !vexL &&
    !(vex && (flags & ENTRY_FLAGS.VEX_W0) !== 0 && (rex & REX_W) !== 0) &&
    !(vex && (flags & ENTRY_FLAGS.VEX_W1) !== 0 && (rex & REX_W) === 0)
  );
}

function matchesPrefix({ operandPrefix, repeat }: Decoding, prefix: number): boolean {
  switch (prefix) {
    case PREFIX.NP:
      return repeat === undefined && !operandPrefix;
    case PREFIX.NFX:
      return repeat === undefined;
    case PREFIX.P66:
      return repeat === undefined && operandPrefix;
    case PREFIX.F2:
      return repeat === 'F2';
    case PREFIX.F3:
      return repeat === 'F3';
    default:
      return true;
  }
}

function matchesModrm({ modrm }: Decoding, entry: Uint8Array): boolean {
  const form = entry[ENTRY.MODRM];
  const isRegister = modrm >= 0xc0;
  if (form === MODRM.MEMORY && isRegister) return false;
  if (form === MODRM.REGISTER && !isRegister) return false;
  const reg = entry[ENTRY.REG];
  const rm = entry[ENTRY.RM];
  return (reg === NONE || reg === ((modrm >> 3) & 7)) && (rm === NONE || rm === (modrm & 7));
}

/** LOCK needs a memory destination of a row that has it; VEX.vvvv must name an operand or nothing. */
function isAllowed({ lock, modrm, vex, vvvv }: Decoding, entry: Uint8Array): boolean {
  const hasMemory = entry[ENTRY.MODRM] !== MODRM.NONE && modrm < 0xc0;
  const canLock = ((entry[ENTRY.FLAGS] ?? 0) & ENTRY_FLAGS.LOCK) !== 0 && hasMemory;
  if (lock && !canLock) return false;
  return !vex || vvvv === 0 || usesVvvv(entry);
}

function usesVvvv(entry: Uint8Array): boolean {
  for (let at: number = ENTRY.OPERANDS; at < ENTRY.PRIVILEGE; at += OPERAND_BYTES) {
    if (entry[at] !== 0 && entry[at + 1] === SLOT.vvvv) return true;
  }
  return false;
}
