/**
 * One decoded instruction as NASM text: `lock add dword [rax+rcx*4-0x8],0x5`. Pure, and made from the
 * row alone; no mnemonic is known here. Sizes of memory operands are printed where another row would
 * take them at another size.
 */

import type { Decoded } from './decode.ts';
import type { Prefixes } from './encode.ts';
import { formatAddress, hex, type Place } from './format-address.ts';
import { accepts, type ImmediateValue, memorySize, type OperandValue } from './operand-value.ts';
import { registerName, segmentName } from './register-name.ts';
import type { CodeMode, Insn, Operand } from './row.ts';

/** What the text says beyond mnemonic and operands. */
export interface Spelling {
  readonly prefixes: Prefixes;
  /** Size in bits to ask for with `strict`, for an immediate in a wider field than it needs. */
  readonly strictBits: number | undefined;
}

/** A set of rows to print from, grouped by mnemonic. */
export type RowIndex = ReadonlyMap<string, readonly Insn[]>;

/** Groups rows by mnemonic, in their order. */
export function indexRows(rows: readonly Insn[]): RowIndex {
  const index = new Map<string, Insn[]>();
  for (const row of rows) {
    const group = index.get(row.mnemonic);
    if (group) group.push(row);
    else index.set(row.mnemonic, [row]);
  }
  return index;
}

/** Text of `decoded`, an instance of `row`. */
export function formatInstruction(
  row: Insn,
  decoded: Decoded,
  place: Place,
  index: RowIndex,
  spelling: Spelling = plainSpelling(row, decoded, place.mode),
): string {
  const { operands } = decoded;
  const rivals = index.get(row.mnemonic) ?? [];
  const hasMemory = operands.some(({ kind }) => kind === 'mem');
  const words = prefixWords(row, spelling.prefixes, hasMemory);
  const texts = operands.map((value, at) => {
    const operand = row.operands[at];
    return operand ? formatOperand(operand, value, at, { decoded, place, rivals, spelling }) : '';
  });
  const head = [...words, row.mnemonic].join(' ');
  return texts.length === 0 ? head : `${head} ${texts.join(',')}`;
}

/** The spelling that shows every prefix that is not part of the row. */
export function plainSpelling(row: Insn, decoded: Decoded, mode: CodeMode): Spelling {
  const { repeat, lock, segment = decoded.prefixes.idleSegment } = decoded.prefixes;
  const { prefix } = row.encoding;
  const operandSize = extraOperandSize(row, decoded, mode);
  const addressSize = extraAddressSize(row, decoded);
  return {
    prefixes: {
      ...(repeat && repeat !== prefix && !row.encoding.vex ? { repeat } : {}),
      ...(lock ? { lock } : {}),
      ...(segment === undefined ? {} : { segment }),
      ...(operandSize ? { operandSize } : {}),
      ...(addressSize ? { addressSize } : {}),
    },
    strictBits: undefined,
  };
}

const REX_W = 8;

/** The operand size that a prefix asks for and the row does not tell. */
function extraOperandSize(
  { encoding }: Insn,
  { prefixes }: Decoded,
  mode: CodeMode,
): 16 | 32 | 64 | undefined {
  if (encoding.vex) return undefined;
  if ((prefixes.rex & REX_W) !== 0 && encoding.operandSize !== 64) return 64;
  const other = mode === 16 ? 32 : 16;
  const used = encoding.prefix === '66' || encoding.operandSize === other;
  return prefixes.operandSize && !used ? other : undefined;
}

/** The address size that no register in brackets tells. */
function extraAddressSize(
  { encoding }: Insn,
  { prefixes, operands, addressSize }: Decoded,
): 16 | 32 | 64 | undefined {
  if (!prefixes.addressSize || encoding.addressSize) return undefined;
  const told = operands.some(
    (value) => value.kind === 'mem' && (value.address.base ?? value.address.index),
  );
  return told ? undefined : addressSize;
}

function prefixWords(row: Insn, prefixes: Prefixes, hasMemory: boolean): string[] {
  const { lock, repeat, segment, operandSize, addressSize } = prefixes;
  const words: string[] = [];
  if (repeat) words.push(repeat === 'F2' ? 'repne' : row.rep === 'repz' ? 'repe' : 'rep');
  if (lock) words.push('lock');
  if (addressSize) words.push(`a${addressSize}`);
  if (operandSize) words.push(`o${operandSize}`);
  if (segment !== undefined && !hasMemory) words.push(segmentName(segment));
  return words;
}

interface Context {
  readonly decoded: Decoded;
  readonly place: Place;
  readonly rivals: readonly Insn[];
  readonly spelling: Spelling;
}

const SIZE_WORDS: Readonly<Record<number, string>> = {
  8: 'byte ',
  16: 'word ',
  32: 'dword ',
  64: 'qword ',
  128: 'oword ',
};

function formatOperand(
  operand: Operand,
  value: OperandValue,
  at: number,
  context: Context,
): string {
  const { decoded, place, rivals, spelling } = context;
  switch (value.kind) {
    case 'reg':
      return registerName(value);
    case 'mem': {
      const open = sizeIsOpen(rivals, decoded.operands, at);
      const size = open ? (SIZE_WORDS[value.bits ?? 0] ?? '') : '';
      const far = value.far && nearIsMeant(rivals, at) ? 'far ' : '';
      const { segment } = spelling.prefixes;
      return size + far + formatAddress(value.address, segment, place, decoded.length);
    }
    case 'farptr': {
      const size = sizeWord(value.bits, place.mode);
      return `${size}0x${value.selector.toString(16)}:0x${value.offset.toString(16)}`;
    }
    case 'imm':
      if (operand.kind === 'one') return '1';
      if (operand.kind === 'rel') return formatTarget(operand, value.value, context);
      return formatImmediate(value, spelling.strictBits);
  }
}

/** Size keyword where `bits` is not what the mode takes by default. */
function sizeWord(bits: number | undefined, mode: CodeMode): string {
  return bits === (mode === 16 ? 16 : 32) ? '' : (SIZE_WORDS[bits ?? 0] ?? '');
}

function formatImmediate({ value, bits }: ImmediateValue, strictBits: number | undefined): string {
  if (strictBits) return `strict ${SIZE_WORDS[strictBits] ?? ''}${hex(value)}`;
  return `${SIZE_WORDS[bits ?? 0] ?? ''}${hex(value)}`;
}

/** Branch target; `short` and `near` where the instruction has both, a size where it is not the mode's. */
function formatTarget(operand: Operand, displacement: bigint, context: Context): string {
  const { decoded, place, rivals } = context;
  const widths = new Set(
    rivals.map(({ operands }) => operands[0]?.kind === 'rel' && operands[0].bits),
  );
  const both = widths.has(8) && (widths.has(16) || widths.has(32));
  const size = operand.bits === 8 ? '' : sizeWord(operand.bits, place.mode);
  const word = both ? (operand.bits === 8 ? 'short ' : 'near ') : size === '' ? '' : 'near ';
  const ahead = displacement + BigInt(decoded.length);
  const use = size === '' ? 'branch' : operand.bits === 16 ? 'branch16' : 'branch32';
  return `${word}${size}${place.target(ahead, use)}`;
}

/** True if memory without `far` would be taken for something else than a far pointer. */
function nearIsMeant(rivals: readonly Insn[], at: number): boolean {
  return rivals.some(({ operands }) => operands[at]?.memory && operands[at].kind !== 'far');
}

/** True if rows of other memory sizes would take these operands too; aliases want theirs said. */
function sizeIsOpen(rivals: readonly Insn[], values: readonly OperandValue[], at: number): boolean {
  const sizes = new Set<number>();
  for (const { operands, alias } of rivals) {
    if (alias || operands.length !== values.length) continue;
    const fits = operands.every((operand, i) => {
      const value = values[i];
      if (!value) return false;
      return accepts(
        operand,
        value.kind === 'mem' ? { ...value, far: false, bits: undefined } : value,
      );
    });
    const operand = operands[at];
    if (fits && operand) sizes.add(memorySize(operand));
  }
  return sizes.size > 1;
}
