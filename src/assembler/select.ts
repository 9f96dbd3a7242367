/**
 * Which row encodes an instruction, where several fit. NASM takes the first fitting template of its
 * own table; the same choice follows from these rules, in this order:
 *
 *   1. rows with an 8-byte address before others where one was asked for;
 *   2. rows whose immediate holds the value (in a sign-extended byte, judged by the low bits of the
 *      operand size; a symbolic value needs the widest field) before rows that cut it off;
 *   3. the shortest encoding;
 *   4. the narrower immediate (6683C07F, not 66057F00, for `add ax, 127`);
 *   5. the row that comes first in the table (which has the ModRM.rm form first for reg, reg).
 *
 * In 64-bit mode an encoding that is all of another instruction's is passed over (90 is nop, so
 * `xchg eax, eax` is 87C0).
 */

import { type Encoded, type EncodeOptions, encode, existsIn } from '../isa/encode.ts';
import {
  accepts,
  type ImmediateValue,
  type MemoryValue,
  memorySize,
  type OperandValue,
} from '../isa/operand-value.ts';
import type { CodeMode, Insn, Operand } from '../isa/row.ts';
import { generationOf, NEWEST_GENERATION } from '../isa/table/generation.ts';
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
  /** `short` or `near` before it. */
  readonly distance: 'short' | 'near' | undefined;
  /** Where it stands in the line. */
  readonly column: number;
}

interface Candidate {
  readonly encoded: Encoded;
  /** It has the 8-byte address that was asked for. */
  readonly hasWideAddress: boolean;
  readonly fits: boolean;
  readonly immediateBits: number;
}

/** What a row is chosen by, besides the operands. */
export interface SelectOptions extends EncodeOptions {
  /** Newest generation of processors whose instructions may be used. */
  readonly generation: number;
  /** Branches get a bnd prefix, where they can have one. */
  readonly bnd: boolean;
}

/** Picks the row and encodes it. Throws LineError with NASM's message where none fits. */
export function select(
  mnemonic: string,
  values: readonly OperandValue[],
  traits: readonly Traits[],
  options: SelectOptions,
): Encoded {
  const shaped = rowsOfShape(mnemonic, values, options.mode);
  const fitting = shaped.filter((row) => takes(row, values, traits, options.mode));
  if (fitting.length === 0) throw new LineError(whyNone(mnemonic, values, traits, options));
  const { generation } = options;
  const rows =
    generation === NEWEST_GENERATION
      ? fitting
      : fitting.filter((row) => generationOf(row) <= generation);
  if (rows.length < fitting.length) {
    const around = jumpAround(shaped, rows, values, traits, options);
    if (around) return around;
    if (rows.length === 0) throw new LineError('no instruction for this cpu level');
  }
  checkMemorySize(rows, values, traits, options.mode);
  const [only] = rows;
  if (only && rows.length === 1) {
    const encoded = encodeRow(only, values, options);
    if (!encoded) throw clash(options);
    return encoded;
  }
  return choose(rows, values, traits, options);
}

function encodeRow(
  row: Insn,
  values: readonly OperandValue[],
  options: SelectOptions,
): Encoded | undefined {
  const { prefixes, mode } = options;
  if (!options.bnd || prefixes.repeat || !takesBnd(row)) return encode(row, values, options);
  return encode(row, values, { mode, prefixes: { ...prefixes, repeat: 'F2' } });
}

/** Near branches and returns; a jmp that is short loses the prefix. */
function takesBnd(row: Insn): boolean {
  if (row.uop === 'ret') return true;
  const [target] = row.operands;
  if (!isBranch(row) || !hasNearForm(row) || target?.kind === 'far') return false;
  return !isShortJump(row);
}

function isShortJump({ uop, operands: [target] }: Insn): boolean {
  return uop === 'jmp' && target?.kind === 'rel' && target.bits === 8;
}

/** True if the source may write bnd or nobnd before an instruction that got this row. */
export function mayHaveBnd(row: Insn, target: Traits | undefined): boolean {
  return takesBnd(row) || (isShortJump(row) && target?.distance !== 'short');
}

/**
 * A conditional jump that is too far for the processors that have only its short form: the opposite
 * condition jumps over a plain jump. Undefined for everything else.
 */
function jumpAround(
  shaped: readonly Insn[],
  rows: readonly Insn[],
  values: readonly OperandValue[],
  traits: readonly Traits[],
  options: SelectOptions,
): Encoded | undefined {
  const [target] = traits;
  const short = shaped.find(({ operands: [first] }) => first?.kind === 'rel' && first.bits === 8);
  if (!short || target?.distance !== undefined) return undefined;
  if (rows.length > 0 && target?.reachable?.(SHORT_JUMP_LENGTH)) return undefined;
  const { mode } = options;
  const condition = encode(short, values, options);
  const jump = encode(nearJump(mode), values, { mode, prefixes: {} });
  if (!condition || !jump) return undefined;
  const bytes = new Uint8Array([...condition.bytes, ...jump.bytes]);
  const length = condition.bytes.length;
  bytes[length - 2] = (bytes[length - 2] as number) ^ 1;
  bytes[length - 1] = jump.bytes.length;
  const fields = jump.fields.map((field) => ({ ...field, offset: field.offset + length }));
  return { row: jump.row, bytes, fields };
}

const SHORT_JUMP_LENGTH = 2;

function nearJump(mode: CodeMode): Insn {
  const width = mode === 16 ? 16 : 32;
  return ROWS.find(
    (row) =>
      row.uop === 'jmp' && existsIn(row, mode) && (row.operands[0] as Operand).bits === width,
  ) as Insn;
}

/** Registers that the mode does not have, or ah to dh beside registers that need REX. */
function clash({ mode }: EncodeOptions): LineError {
  return new LineError(
    mode === 64
      ? 'cannot use high byte register in rex instruction'
      : 'invalid operands in non-64-bit mode',
  );
}

function choose(
  rows: readonly Insn[],
  values: readonly OperandValue[],
  traits: readonly Traits[],
  options: SelectOptions,
): Encoded {
  let best: Candidate | undefined;
  let clashes = false;
  for (const row of rows) {
    const encoded = encodeRow(row, values, options);
    if (!encoded) {
      clashes = true;
      continue;
    }
    if (options.mode === 64 && row.operands.length > 0 && isAnother(encoded)) continue;
    if (!isReachable(encoded, traits)) continue;
    const candidate = rate(encoded, values, traits, options.mode);
    if (!best || isBetter(candidate, best)) best = candidate;
  }
  if (best) return best.encoded;
  if (clashes) throw clash(options);
  throw new LineError('invalid combination of opcode and operands');
}

const BY_SHAPE = new Map<string, readonly Insn[]>();

/** Rows of a mode that operands of these kinds and register widths can meet; found once for each shape. */
function rowsOfShape(
  mnemonic: string,
  values: readonly OperandValue[],
  mode: CodeMode,
): readonly Insn[] {
  let shape = `${mnemonic} ${mode}`;
  for (const value of values)
    shape += value.kind === 'reg' ? ` ${value.class}${value.bits}` : value.kind;
  const known = BY_SHAPE.get(shape);
  if (known) return known;
  const rows = (BY_MNEMONIC.get(mnemonic) as readonly Insn[]).filter(
    (row) =>
      row.operands.length === values.length &&
      row.operands.every((operand, i) => hasShape(operand, values[i] as OperandValue)) &&
      existsIn(row, mode),
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

function takes(
  row: Insn,
  values: readonly OperandValue[],
  traits: readonly Traits[],
  mode: CodeMode,
): boolean {
  const { operands } = row;
  if (operands.length !== values.length) return false;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i] as Operand;
    const value = values[i] as OperandValue;
    if (!accepts(operand, value)) return false;
    if (value.kind === 'mem' && !takesMemory(row, i, value, traits[i] as Traits)) return false;
    if (value.kind === 'farptr' && operand.bits - 16 !== (value.bits ?? mode)) return false;
    if (value.kind === 'imm' && !takesNumber(row, i, value, traits[i] as Traits, mode))
      return false;
  }
  return true;
}

/**
 * A lone far pointer in memory is a branch target, which has to say that it is far; one that is loaded says
 * neither that nor a size. `near` is for branches; an address alone (lea) may have any such word.
 */
function takesMemory(
  row: Insn,
  index: number,
  { bits, far }: MemoryValue,
  { distance }: Traits,
): boolean {
  const { operands } = row;
  const operand = operands[index] as Operand;
  if (index > 0 && isAddress(operand)) return true;
  if (distance === 'short' || (distance === 'near' && !isBranch(row))) return false;
  if (operand.kind !== 'far') return true;
  return operands.length === 1 ? far : !far && bits === undefined;
}

function takesNumber(
  row: Insn,
  index: number,
  value: ImmediateValue,
  { strict }: Traits,
  mode: CodeMode,
): boolean {
  const { kind } = row.operands[index] as Operand;
  if (kind === 'rel') return takesTarget(row, value, strict, mode);
  if (value.distance !== undefined) return false;
  return kind === 'one' ? !strict : takesSize(row, index, value, mode);
}

/** A branch has the mode's operand size unless the source says another; jcc lets it say so after `near`. */
function takesTarget(
  row: Insn,
  { bits, distance }: ImmediateValue,
  strict: boolean,
  mode: CodeMode,
): boolean {
  const { operands, encoding } = row;
  const width = (operands.find(({ kind }) => kind === 'rel') as Operand).bits;
  if (!hasNearForm(row)) return bits === undefined && distance === undefined;
  if (width === 8 || distance === 'short') {
    const may = distance === 'short' || (distance === undefined && !strict);
    return width === 8 && bits === undefined && may;
  }
  if (encoding.map === '0F' && bits !== undefined && distance !== 'near') return false;
  return mode === 64 ? bits === undefined || bits === 64 : width === (bits ?? mode);
}

/** The branch has a wider displacement than a byte: loops and jrcxz have none, and take no `short`. */
function hasNearForm({ mnemonic }: Insn): boolean {
  const rows = BY_MNEMONIC.get(mnemonic) ?? [];
  return rows.some(({ operands: [first] }) => first?.kind === 'rel' && first.bits > 8);
}

/** An immediate's size in the source is that of its field, or of the operation that it is extended to. */
function takesSize(row: Insn, index: number, value: ImmediateValue, mode: CodeMode): boolean {
  const operand = row.operands[index] as Operand;
  const { bits } = value;
  if (isPush(row)) return takesPushed(row, bits, mode);
  if (bits === undefined) return true;
  const width = operationBits(row, value, mode);
  const isNarrowed =
    row.alias === true && !operand.signed && operand.bits > 8 && width > operand.bits;
  if (bits === operand.bits) return !isNarrowed;
  return bits === width && (operand.signed || isNarrowed);
}

function isPush({ size64, operands }: Insn): boolean {
  return size64 === 'd64' && operands.length === 1 && operands[0]?.kind === 'imm';
}

/** `push imm`: of the mode's operand size unless the source says `word`, `dword` or `qword`. */
function takesPushed(row: Insn, bits: number | undefined, mode: CodeMode): boolean {
  const width = (row.operands[0] as Operand).bits;
  const { operandSize } = row.encoding;
  if (bits === 64 && mode !== 64) return false;
  if (width === 8) return true;
  if (bits === 8) return false;
  const size = bits ?? mode;
  return operandSize === undefined ? size !== 16 : size === operandSize;
}

/** Width of the operation as the operands tell it; pushes have what the source says, or the mode's. */
function operationBits(row: Insn, { bits }: ImmediateValue, mode: CodeMode): number {
  const first = row.operands.find(({ kind }) => kind === 'gpr' || kind === 'mem');
  if (first) return first.bits;
  if (isPush(row)) return bits === undefined || bits === 8 ? mode : bits;
  return row.encoding.operandSize ?? 0;
}

/**
 * A memory operand without a size must have the same size in all rows that fit. The size of an immediate
 * stands for it, but for qword: nothing of 64 bits is stored from an instruction.
 */
function checkMemorySize(
  rows: Insn[],
  values: readonly OperandValue[],
  traits: readonly Traits[],
  mode: CodeMode,
): void {
  const told = rows.some(hasOperationImmediate) ? immediateSize(values) : undefined;
  values.forEach((value, index) => {
    if (value.kind !== 'mem' || value.bits !== undefined) return;
    keep(rows, ({ alias }) => alias !== true);
    if (told !== undefined) preferSize(rows, index, told);
    if (rows[0] && isBranch(rows[0])) preferSize(rows, index, mode);
    const size = memorySize((rows[0] as Insn).operands[index] as Operand);
    const same = rows.every((row) => memorySize(row.operands[index] as Operand) === size);
    if (same && (told !== 64 || index > 0)) return;
    throw new LineError('operation size not specified', traits[index]?.column);
  });
}

/** The immediate is an operand of the operation's size, not a count or the number of a bit. */
function hasOperationImmediate({ operands }: Insn): boolean {
  return operands.some(({ kind, signed, bits }) => kind === 'imm' && (signed || bits > 8));
}

function immediateSize(values: readonly OperandValue[]): number | undefined {
  for (const value of values) if (value.kind === 'imm' && value.bits) return value.bits;
  return undefined;
}

/** Branches, also through memory: their mnemonic has relative targets as well. */
function isBranch({ mnemonic }: Insn): boolean {
  const rows = BY_MNEMONIC.get(mnemonic) ?? [];
  return rows.some(({ operands }) => operands[0]?.kind === 'rel');
}

/** `add [rdi], dword 5` has the size of the immediate, `jmp [rdi]` that of the mode. */
function preferSize(rows: Insn[], index: number, bits: number): void {
  keep(rows, (row) => memorySize(row.operands[index] as Operand) === bits);
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
  mode: CodeMode,
): Candidate {
  let hasWideAddress = false;
  let fits = true;
  let immediateBits = 0;
  encoded.row.operands.forEach((operand, index) => {
    const value = values[index] as OperandValue;
    if (value.kind === 'mem' && value.address.displacementSize === 8)
      hasWideAddress = operand.kind === 'moffs';
    if (operand.kind !== 'imm' || value.kind !== 'imm') return;
    immediateBits = operand.bits;
    const { strict } = traits[index] as Traits;
    const width = operationBits(encoded.row, value, mode);
    if (!holds(operand, value, width, strict)) fits = false;
  });
  return { encoded, hasWideAddress, fits, immediateBits };
}

/** Rule 2: the field keeps the value. `strict` and symbols ask for a field of the full width. */
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
  if (a.hasWideAddress !== b.hasWideAddress) return a.hasWideAddress;
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
  if (rows.some((row) => !existsIn(row, mode) && takes(row, values, traits, modeOf(row, mode)))) {
    return `instruction not supported in ${mode}-bit mode`;
  }
  const unsized = values.map((value): OperandValue => {
    if (value.kind === 'mem' || value.kind === 'imm') return { ...value, bits: undefined };
    return value;
  });
  if (rows.some((row) => existsIn(row, mode) && takes(row, unsized, traits, mode))) {
    return 'mismatch in operand sizes';
  }
  return 'invalid combination of opcode and operands';
}

/** A mode in which a row exists that does not exist in `mode`. */
function modeOf({ modes }: Insn, mode: CodeMode): CodeMode {
  if (modes === 'long64') return 64;
  return mode === 64 ? 32 : mode;
}
