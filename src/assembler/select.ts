/**
 * Which row encodes an instruction, where several fit. NASM takes the first fitting template of its
 * own table; the same choice follows from these rules, in this order:
 *
 *   1. rows whose immediate holds the value (in a sign-extended byte, judged by the low bits of the
 *      operand size; a symbolic value needs the widest field) before rows that cut it off, and rows
 *      with an 8-byte address before others where one was asked for;
 *   2. the shortest encoding;
 *   3. the narrower immediate (6683C07F, not 66057F00, for `add ax, 127`);
 *   4. the row that comes first in the table (which has the ModRM.rm form first for reg, reg).
 *
 * In 64-bit mode an encoding that is all of another instruction's is passed over (90 is nop, so
 * `xchg eax, eax` is 87C0).
 */

import {
  accepts,
  type Encoded,
  type EncodeOptions,
  encode,
  existsIn,
  type ImmediateValue,
  memorySize,
  type OperandValue,
} from '../isa/encode.ts';
import type { Insn, Operand } from '../isa/row.ts';
import { ROWS } from '../isa/table.ts';
import { LineError } from './diagnostics.ts';

const BY_MNEMONIC = indexRows();
/** Opcodes of one-byte instructions without operands. */
const WHOLE = new Set(ROWS.filter(isWhole).map((row) => row.encoding.opcode));

function isWhole({ operandText, opcodeText }: Insn): boolean {
  return operandText === '' && opcodeText.length === 2;
}

function indexRows(): ReadonlyMap<string, readonly Insn[]> {
  const index = new Map<string, Insn[]>();
  for (const row of ROWS) {
    if (row.decodeOnly) continue;
    const rows = index.get(row.mnemonic);
    if (rows) rows.push(row);
    else index.set(row.mnemonic, [row]);
  }
  return index;
}

export function isMnemonic(word: string): boolean {
  return BY_MNEMONIC.has(word);
}

/** True where only an address is taken (`lea`): a plain number there is one, without brackets. */
export function takesAddress(mnemonic: string, index: number): boolean {
  const rows = BY_MNEMONIC.get(mnemonic) ?? [];
  return index > 0 && rows.every(({ operands }) => isAddress(operands[index]));
}

function isAddress(operand: Operand | undefined): boolean {
  return operand?.kind === 'mem' && operand.memoryBits === 0;
}

/** What an operand of the source is, beyond what the encoder needs to know. */
export interface Traits {
  /** Branch target that a rel8 can reach, as far as is known; undefined for other operands. */
  readonly reachable: ((length: number) => boolean) | undefined;
  readonly strict: boolean;
  /** Where it stands in the line. */
  readonly column: number;
}

interface Candidate {
  readonly encoded: Encoded;
  readonly fits: boolean;
  readonly immediateBits: number;
}

/** Picks the row and encodes it. Throws LineError with NASM's message where none fits. */
export function select(
  mnemonic: string,
  values: readonly OperandValue[],
  traits: readonly Traits[],
  options: EncodeOptions,
): Encoded {
  const shaped = rowsOfShape(mnemonic, values, options.mode);
  const fitting = shaped.filter((row) => takes(row, values, traits));
  if (fitting.length === 0) throw new LineError(whyNone(mnemonic, values, traits, options));
  checkMemorySize(fitting, values, traits);
  const [only] = fitting;
  if (only && fitting.length === 1) {
    const encoded = encode(only, values, options);
    if (!encoded) throw new LineError(HIGH_BYTE);
    return encoded;
  }
  return choose(fitting, values, traits, options);
}

const HIGH_BYTE = 'cannot use high byte register in rex instruction';

function choose(
  rows: readonly Insn[],
  values: readonly OperandValue[],
  traits: readonly Traits[],
  options: EncodeOptions,
): Encoded {
  let best: Candidate | undefined;
  let highByte = false;
  for (const row of rows) {
    const encoded = encode(row, values, options);
    if (!encoded) {
      highByte = true;
      continue;
    }
    if (options.mode === 64 && row.operands.length > 0 && isAnother(encoded)) continue;
    if (!isReachable(encoded, traits)) continue;
    const candidate = rate(encoded, values, traits);
    if (!best || isBetter(candidate, best)) best = candidate;
  }
  if (best) return best.encoded;
  if (highByte) throw new LineError(HIGH_BYTE);
  throw new LineError('invalid combination of opcode and operands');
}

const BY_SHAPE = new Map<string, readonly Insn[]>();

/** Rows of a mode that operands of these kinds and register widths can meet; found once for each shape. */
function rowsOfShape(
  mnemonic: string,
  values: readonly OperandValue[],
  mode: 32 | 64,
): readonly Insn[] {
  let shape = `${mnemonic} ${mode}`;
  for (const value of values)
    shape += value.kind === 'reg' ? ` ${value.class}${value.bits}` : value.kind;
  const known = BY_SHAPE.get(shape);
  if (known) return known;
  const rows = (BY_MNEMONIC.get(mnemonic) as readonly Insn[]).filter(
    (row) =>
      existsIn(row, mode) &&
      row.operands.length === values.length &&
      row.operands.every((operand, i) => hasShape(operand, values[i] as OperandValue)),
  );
  BY_SHAPE.set(shape, rows);
  return rows;
}

function hasShape(operand: Operand, value: OperandValue): boolean {
  if (value.kind === 'mem') return operand.memory;
  if (value.kind !== 'reg') return operand.slot === 'imm' || operand.kind === 'one';
  const { kind, bits } = operand;
  return kind === value.class && (kind !== 'gpr' || bits === value.bits);
}

function takes(row: Insn, values: readonly OperandValue[], traits: readonly Traits[]): boolean {
  const { operands } = row;
  if (operands.length !== values.length) return false;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i] as Operand;
    const value = values[i] as OperandValue;
    if (!accepts(operand, value)) return false;
    // A lone far pointer in memory is a branch target, which has to say that it is far.
    if (operand.kind === 'far' && operands.length === 1 && value.kind === 'mem' && !value.far) {
      return false;
    }
    if (value.kind !== 'imm') continue;
    const { strict } = traits[i] as Traits;
    if (operand.kind === 'rel' ? !takesTarget(operand, value, strict) : !takesSize(row, i, value)) {
      return false;
    }
    if (operand.kind === 'one' && strict) return false;
  }
  return true;
}

function takesTarget(operand: Operand, value: ImmediateValue, strict: boolean): boolean {
  if (value.bits !== undefined && value.bits !== 64) return false;
  if (value.distance === 'short') return operand.bits === 8;
  if (operand.bits === 8) return !strict && value.distance === undefined;
  return true;
}

/** An immediate's size in the source is that of its field or of the operation. */
function takesSize(row: Insn, index: number, { bits }: ImmediateValue): boolean {
  const operand = row.operands[index] as Operand;
  if (operand.kind !== 'imm') return true;
  if (bits === undefined) return !isNarrowStack(row);
  const narrowed = row.alias === true && !operand.signed && operationBits(row) > operand.bits;
  if (bits === operand.bits) return !narrowed;
  if (bits === operationBits(row)) return true;
  if (row.size64 === 'd64' && row.encoding.operandSize === undefined) {
    return bits >= 32 || (bits === 16 && operand.bits === 8);
  }
  return false;
}

/** `push imm16` is for sources that say `word`. */
function isNarrowStack({ size64, encoding }: Insn): boolean {
  return size64 === 'd64' && encoding.operandSize === 16;
}

/** Width of the operation as the operands tell it; 64 for stack operations. */
function operationBits(row: Insn): number {
  const first = row.operands.find(({ kind }) => kind === 'gpr' || kind === 'mem');
  if (first) return first.bits;
  return row.encoding.operandSize ?? (row.size64 ? 64 : 0);
}

/** A memory operand without a size must have the same size in all rows that fit. */
function checkMemorySize(
  rows: Insn[],
  values: readonly OperandValue[],
  traits: readonly Traits[],
): void {
  values.forEach((value, index) => {
    if (value.kind !== 'mem' || value.bits !== undefined) return;
    preferImmediateSize(rows, values, index);
    if (value.far) preferWidestFar(rows, index);
    const size = memorySize((rows[0] as Insn).operands[index] as Operand);
    const same = rows.every((row) => memorySize(row.operands[index] as Operand) === size);
    if (!same) throw new LineError('operation size not specified', traits[index]?.column);
  });
}

/** `add [rdi], dword 5`: the size of the immediate stands for that of the memory. */
function preferImmediateSize(rows: Insn[], values: readonly OperandValue[], index: number): void {
  const sized = values.find((value) => value.kind === 'imm' && value.bits !== undefined);
  if (!sized) return;
  const bits = (sized as ImmediateValue).bits;
  keep(rows, (row) => memorySize(row.operands[index] as Operand) === bits);
}

/** `jmp far [rdi]`: the widest far pointer. */
function preferWidestFar(rows: Insn[], index: number): void {
  const size = (row: Insn): number => memorySize(row.operands[index] as Operand);
  const widest = Math.max(...rows.map(size));
  keep(rows, (row) => size(row) === widest);
}

function keep(rows: Insn[], wanted: (row: Insn) => boolean): void {
  const kept = rows.filter(wanted);
  if (kept.length > 0) rows.splice(0, rows.length, ...kept);
}

function isAnother({ bytes }: Encoded): boolean {
  return bytes.length === 1 && WHOLE.has(bytes[0] as number);
}

function isReachable({ row, bytes }: Encoded, traits: readonly Traits[]): boolean {
  return row.operands.every((operand, index) => {
    if (operand.kind !== 'rel' || operand.bits !== 8) return true;
    const { reachable } = traits[index] as Traits;
    return reachable === undefined || reachable(bytes.length);
  });
}

function rate(
  encoded: Encoded,
  values: readonly OperandValue[],
  traits: readonly Traits[],
): Candidate {
  let fits = true;
  let immediateBits = 0;
  encoded.row.operands.forEach((operand, index) => {
    const value = values[index] as OperandValue;
    if (value.kind === 'mem' && value.address.displacementSize === 8)
      fits = operand.kind === 'moffs';
    if (operand.kind !== 'imm' || value.kind !== 'imm') return;
    immediateBits = operand.bits;
    const { strict } = traits[index] as Traits;
    if (!holds(operand, value, operationBits(encoded.row), strict)) fits = false;
  });
  return { encoded, fits, immediateBits };
}

/** Rule 1: the field keeps the value. `strict` and symbols ask for a field of the full width. */
function holds(operand: Operand, value: ImmediateValue, width: number, strict: boolean): boolean {
  const { bits } = operand;
  const full = bits >= width;
  if (!value.exact || strict) return full || (strict && value.bits === bits);
  if (full) return true;
  const { value: n } = value;
  if (!operand.signed) return width !== 64 || bits === 8 || BigInt.asUintN(bits, n) === n;
  // NASM judges a byte by the low 16 or 32 bits, whatever stands above.
  if (bits === 8) return BigInt.asIntN(8, n) === BigInt.asIntN(width === 16 ? 16 : 32, n);
  return BigInt.asIntN(bits, n) === n;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.fits !== b.fits) return a.fits;
  if (!a.fits && a.immediateBits !== b.immediateBits) return a.immediateBits > b.immediateBits;
  const length = a.encoded.bytes.length;
  const other = b.encoded.bytes.length;
  if (length !== other) return length < other;
  return a.immediateBits < b.immediateBits;
}

/** The most telling of NASM's messages for operands that no row takes. */
function whyNone(
  mnemonic: string,
  values: readonly OperandValue[],
  traits: readonly Traits[],
  { mode }: EncodeOptions,
): string {
  const rows = BY_MNEMONIC.get(mnemonic) as readonly Insn[];
  if (rows.some((row) => !existsIn(row, mode) && takes(row, values, traits))) {
    return `instruction not supported in ${mode}-bit mode`;
  }
  const unsized = values.map((value): OperandValue => {
    if (value.kind === 'mem' || value.kind === 'imm') return { ...value, bits: undefined };
    return value;
  });
  if (rows.some((row) => existsIn(row, mode) && takes(row, unsized, traits))) {
    return 'mismatch in operand sizes';
  }
  return 'invalid combination of opcode and operands';
}
