/**
 * Which spelling of an instruction gives its bytes back when it is assembled. NASM takes, among the
 * rows that fit a text, the one whose immediate holds the value, then the shortest, then the one with
 * the narrower immediate, then the first; `strict` names the width of an immediate. What has no spelling
 * (a longer encoding than needed, prefixes in another order or without meaning) is left to `db`.
 */

import { type Decoded, decode } from '../isa/decode.ts';
import type { DecodeTables } from '../isa/decode-table.ts';
import { type Encoded, encode, existsIn, patchField } from '../isa/encode.ts';
import { plainSpelling, type RowIndex, type Spelling } from '../isa/format.ts';
import { accepts, type ImmediateValue, type OperandValue } from '../isa/operand-value.ts';
import type { CodeMode, Insn, Operand } from '../isa/row.ts';

/** The instruction set that a disassembly is made with. */
export interface InstructionSet {
  readonly rows: readonly Insn[];
  readonly index: RowIndex;
  readonly tables: DecodeTables;
}

/** Operands with the size that a pushed immediate needs to say: `push word 5`. */
export function sizedOperands(
  row: Insn,
  { operands }: Decoded,
  mode: CodeMode,
): readonly OperandValue[] {
  const [value] = operands;
  const { operandSize } = row.encoding;
  if (!isPush(row) || value?.kind !== 'imm' || operandSize === undefined) return operands;
  return operandSize === mode ? operands : [{ ...value, bits: operandSize }];
}

function isPush({ size64, operands }: Insn): boolean {
  return size64 === 'd64' && operands.length === 1 && operands[0]?.kind === 'imm';
}

/** The spelling whose text assembles to `bytes`, or undefined. */
export function findSpelling(
  row: Insn,
  decoded: Decoded,
  bytes: Uint8Array,
  mode: CodeMode,
  set: InstructionSet,
): Spelling | undefined {
  const plain = plainSpelling(row, decoded, mode);
  if (!isSpeakable(row, decoded, plain)) return undefined;
  const rivals = (set.index.get(row.mnemonic) ?? []).filter((rival) =>
    takes(rival, row, decoded, mode),
  );
  return [undefined, ...strictSizes(row)]
    .map((strictBits) => ({ ...plain, strictBits }))
    .find((spelling) => {
      const chosen = choose(rivals, decoded.operands, spelling, mode, set);
      return chosen !== undefined && equal(chosen, bytes);
    });
}

const SREG_COUNT = 6;
const R12 = 12;

/** False for operands and prefixes that NASM has no word for, drops or refuses. */
function isSpeakable(row: Insn, { operands }: Decoded, { prefixes }: Spelling): boolean {
  if (operands.some(hasNoName)) return false;
  if (prefixes.repeat === 'F2' && !row.rep) return false;
  return prefixes.operandSize !== 64 || row.operands.length === 0;
}

/** Segment registers that do not exist, and `r12*1` alone, which NASM makes a base. */
function hasNoName(value: OperandValue): boolean {
  if (value.kind === 'reg') return value.class === 'sreg' && value.number >= SREG_COUNT;
  if (value.kind !== 'mem') return false;
  const { base, index, scale } = value.address;
  return !base && index?.number === R12 && scale === 1;
}

/** Sizes to try after `strict`: for a sign-extended field that of the operation, then its own. */
function strictSizes(row: Insn): number[] {
  const immediate = row.operands.find(({ kind }) => kind === 'imm');
  if (!immediate) return [];
  return immediate.signed ? [operationBits(row) || 64, immediate.bits] : [immediate.bits];
}

/** Width of the operation as the operands tell it; 0 if they do not. */
function operationBits(row: Insn): number {
  const first = row.operands.find(({ kind }) => kind === 'gpr' || kind === 'mem');
  return first?.bits ?? row.encoding.operandSize ?? 0;
}

/** True if `rival` takes the operands of `row` as they are written. */
function takes(rival: Insn, row: Insn, { operands }: Decoded, mode: CodeMode): boolean {
  if (rival.decodeOnly || !existsIn(rival, mode)) return false;
  if (rival.operands.length !== operands.length) return false;
  return rival.operands.every((operand, at) => {
    const value = operands[at];
    if (!value || !accepts(operand, value)) return false;
    return operand.kind !== 'rel' || operand.bits === row.operands[at]?.bits;
  });
}

/** Bytes that the text with these operands assembles to. */
function choose(
  rivals: readonly Insn[],
  operands: readonly OperandValue[],
  spelling: Spelling,
  mode: CodeMode,
  set: InstructionSet,
): Uint8Array | undefined {
  let best: Encoded | undefined;
  for (const rival of rivals) {
    if (!holdsImmediates(rival, rivals, operands, spelling.strictBits, mode)) continue;
    const encoded = encode(rival, operands, { mode, prefixes: spelling.prefixes });
    if (!encoded || isAnother(encoded, mode, set)) continue;
    if (!best || isBetter(encoded, best)) best = encoded;
  }
  return best && patchRelative(best, operands);
}

function holdsImmediates(
  rival: Insn,
  rivals: readonly Insn[],
  operands: readonly OperandValue[],
  strictBits: number | undefined,
  mode: CodeMode,
): boolean {
  const width = operationBits(rival) || mode;
  return rival.operands.every((operand, at) => {
    const value = operands[at];
    if (operand.kind === 'one') return strictBits === undefined;
    if (operand.kind !== 'imm' || value?.kind !== 'imm') return true;
    if (strictBits !== undefined) return isStrictField(rival, rivals, at, strictBits);
    return isPushedAt(rival, value, mode) && holds(operand, value, value.bits ?? width);
  });
}

/** `strict dword` asks for a field of that size or, if no row has one, for the full field. */
function isStrictField(
  rival: Insn,
  rivals: readonly Insn[],
  at: number,
  strictBits: number,
): boolean {
  const width = (row: Insn): number => row.operands[at]?.bits ?? 0;
  if (isNarrowed(rival, at)) return false;
  if (rivals.some((row) => width(row) === strictBits)) return width(rival) === strictBits;
  return width(rival) === Math.max(...rivals.map(width));
}

/** `mov rax, imm32` by its 32-bit row: not what a size before the immediate asks for. */
function isNarrowed(row: Insn, at: number): boolean {
  const operand = row.operands[at];
  if (operand === undefined || row.alias !== true || operand.signed) return false;
  return operand.bits > 8 && operationBits(row) > operand.bits;
}

/** False for `push` at another size than that of the value, or of the mode where it has none. */
function isPushedAt(rival: Insn, { bits }: ImmediateValue, mode: CodeMode): boolean {
  const { operandSize } = rival.encoding;
  return !isPush(rival) || operandSize === undefined || operandSize === (bits ?? mode);
}

function holds({ bits, signed }: Operand, { value }: ImmediateValue, width: number): boolean {
  if (bits >= width) return true;
  if (!signed) return BigInt.asUintN(bits, value) === value;
  return BigInt.asIntN(bits, value) === BigInt.asIntN(width, value);
}

/** A one-byte encoding that belongs to another instruction: in 64-bit code 90 is not xchg eax, eax. */
function isAnother(
  { row, bytes }: Encoded,
  mode: CodeMode,
  { rows, tables }: InstructionSet,
): boolean {
  if (mode !== 64 || bytes.length !== 1) return false;
  const owner = decode(bytes, 0, mode, tables);
  return !owner.ok || rows[owner.row]?.uop !== row.uop;
}

function isBetter(a: Encoded, b: Encoded): boolean {
  if (a.bytes.length !== b.bytes.length) return a.bytes.length < b.bytes.length;
  return immediateBits(a.row) < immediateBits(b.row);
}

function immediateBits({ operands }: Insn): number {
  return operands.find(({ kind }) => kind === 'imm')?.bits ?? 0;
}

/** Puts displacements from the end of the instruction, which is what decoded operands hold. */
function patchRelative({ bytes, fields }: Encoded, operands: readonly OperandValue[]): Uint8Array {
  for (const field of fields) {
    const value = operands[field.operand];
    if (field.kind !== 'relative' || !value) continue;
    if (value.kind === 'imm') patchField(bytes, field, value.value);
    if (value.kind === 'mem') patchField(bytes, field, value.address.displacement);
  }
  return bytes;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
