/**
 * The decode tables: rows turned into flat arrays, which the TypeScript decoder (decode.ts) walks and
 * the processor has a copy of in linear memory. All numbers are little endian.
 *
 *   index[map * 256 + byte] .. index[map * 256 + byte + 1]   candidates of an opcode byte
 *   entries[candidate * 32 ..]                               one candidate; the first that matches wins
 *
 * Maps: 0 one-byte, 1 0F, 2 0F38, 3 0F3A; 4 more with a VEX prefix. A +r row stands under all its eight
 * bytes; alias rows are left out. Candidates stand most specific first. One entry (ENTRY):
 *
 *   0 u16 row                      8 u8 flags (ENTRY_FLAGS)          12 four operands of 4 bytes:
 *   2 u8 code modes (MODE_MASK)    9 u8 immediate (IMMEDIATE)           u8 kind (OPERAND_KIND)
 *   3 u8 operand sizes            10 u8 address sizes                   u8 slot (SLOT)
 *   4 u8 prefix (PREFIX)          11 u8 number of operands              u8 register or immediate width
 *   5 u8 ModRM (MODRM)                                                  u8 slot fixed: the register,
 *   6 u8 ModRM.reg or 255         28 u8 privilege (PRIVILEGES)             else memory width
 *   7 u8 ModRM.rm or 255          29 u8 feature (FEATURES)           30 u8 1 if sensitive
 *                                                                    31 u8 basic VM-exit reason, 0: none
 *
 * Size masks: 1 for 16, 2 for 32, 4 for 64 bits. Widths are log2 of bytes, 5 six bytes, 6 ten bytes, 7
 * a far pointer of four; 255 none. The operand size that a mask is compared with is, for each candidate:
 * force64 in 64-bit code 64; REX.W (VEX.W) 64; 66 the other of 16 and 32; default64 in 64-bit code 64;
 * else the default of the code.
 */

import { assert } from '../base/assert.ts';
import { exitReason } from '../base/exit-reasons.ts';
import { buildShapes } from './opcode-shape.ts';
import type { Encoding, Insn, Operand, OperandKind, Privilege, Slot } from './row.ts';

export const ENTRY_BYTES = 32;
export const ENTRY = {
  ROW: 0,
  MODES: 2,
  OPERAND_SIZES: 3,
  PREFIX: 4,
  MODRM: 5,
  REG: 6,
  RM: 7,
  FLAGS: 8,
  IMMEDIATE: 9,
  ADDRESS_SIZES: 10,
  OPERAND_COUNT: 11,
  OPERANDS: 12,
  PRIVILEGE: 28,
  FEATURE: 29,
  SENSITIVE: 30,
  EXIT: 31,
} as const;
export const OPERAND_BYTES = 4;
export const NONE = 255;

export const MODE_MASK = { 64: 1, 32: 2, 16: 4 } as const;
export const SIZE_MASK = { 16: 1, 32: 2, 64: 4 } as const;
const ANY_SIZE = 7;

/**
 * NP: none of 66, F2, F3. NFX: neither F2 nor F3; 66 is the operand size. P66: 66 but not F2, F3. Of F2
 * and F3 the last counts. With VEX its pp field takes the place of the prefix.
 */
export const PREFIX = { ANY: 0, NP: 1, P66: 2, F3: 3, F2: 4, NFX: 5 } as const;
/** REGISTER_ALWAYS: mod is ignored and taken as 3 (mov to and from cr, dr). */
export const MODRM = { NONE: 0, ANY: 1, MEMORY: 2, REGISTER: 3, REGISTER_ALWAYS: 4 } as const;
export const ENTRY_FLAGS = {
  DEFAULT64: 1, // operand size in 64-bit code is 64 unless 66 makes it 16
  FORCE64: 2, // operand size in 64-bit code is 64
  LOCK: 4, // LOCK allowed with a memory operand
  REP: 8, // F2 and F3 repeat it
  REPZ: 16, // and test ZF
  NO_REX_B: 32, // REX.B must be 0 (nop, which with REX.B is xchg)
  VEX_W0: 64,
  VEX_W1: 128,
} as const;
/** Immediate bytes behind the instruction; SIGNED is or-ed to those that are sign-extended. */
export const IMMEDIATE = {
  NONE: 0,
  IB: 1,
  IW: 2,
  IW_IB: 3,
  ID: 4,
  IO: 8,
  SIGNED: 0x10,
  CB: 0x21,
  CW: 0x22,
  CD: 0x24,
  MOFFS: 0x30,
  FAR16: 0x42,
  FAR32: 0x44,
} as const;
export const OPERAND_KIND: Readonly<Record<OperandKind | 'none', number>> = {
  none: 0,
  gpr: 1,
  mem: 2,
  imm: 3,
  rel: 4,
  far: 5,
  moffs: 6,
  sreg: 7,
  cr: 8,
  dr: 9,
  one: 10,
};
export const SLOT: Readonly<Record<Slot, number>> = {
  fixed: 0,
  reg: 1,
  rm: 2,
  opcode: 3,
  vvvv: 4,
  imm: 5,
  moffs: 6,
};
/** Privilege rules by their number in the entries. */
export const PRIVILEGES: readonly Privilege[] = [
  'never',
  'cpl0',
  'iopl',
  'io',
  'umip',
  'tsd',
  'pce',
  'always',
  'silent',
  'cpuid',
];
/** CPUID features by their number in the entries; 0 is no feature. */
export const FEATURES: readonly string[] = [
  '',
  'popcnt',
  'abm',
  'bmi1',
  'bmi2',
  'adx',
  'movbe',
  'sse4_2',
  'fsgsbase',
  'rdrand',
  'rdseed',
  'rdtscp',
  'invpcid',
  'smap',
  'pku',
  'cx16',
  'clflushopt',
  'monitor',
  '3dnowprefetch',
  'sep',
  'syscall',
  'vmx',
];

/** `index[2049]: u16`, `entries[32 * n]: u8`, `shapes[1024]: u8`, owned by the caller of buildDecodeTables. */
export interface DecodeTables {
  readonly index: Uint16Array;
  readonly entries: Uint8Array;
  /** What follows an opcode where no candidate matches (opcode-shape.ts). */
  readonly shapes: Uint8Array;
}

const MAP_COUNT = 8;
const MAPS = ['', '0F', '0F38', '0F3A'];

/** Builds the tables for any list of rows, which need not be the whole instruction set. */
export function buildDecodeTables(rows: readonly Insn[]): DecodeTables {
  const buckets = fillBuckets(rows);
  const index = new Uint16Array(MAP_COUNT * 256 + 1);
  const entries: Uint8Array[] = [];
  buckets.forEach((bucket, at) => {
    index[at] = entries.length;
    const order = bucket.toSorted(
      (a, b) => generality(rowAt(rows, a)) - generality(rowAt(rows, b)),
    );
    const rivals = order.map((row) => rowAt(rows, row));
    for (const row of order) entries.push(buildEntry(row, rowAt(rows, row), rivals));
  });
  index[buckets.length] = entries.length;
  return { index, entries: concatenate(entries), shapes: buildShapes(rows) };
}

function fillBuckets(rows: readonly Insn[]): readonly number[][] {
  const buckets: number[][] = Array.from({ length: MAP_COUNT * 256 }, () => []);
  rows.forEach(({ alias, encoding }, row) => {
    if (alias) return;
    const first = mapNumber(encoding) * 256 + encoding.opcode;
    for (let byte = 0; byte < (encoding.plusR ? 8 : 1); byte++) buckets[first + byte]?.push(row);
  });
  return buckets;
}

/** Number of the opcode map in `index`. */
export function mapNumber(encoding: Encoding): number {
  return MAPS.indexOf(encoding.map) + (encoding.vex ? 4 : 0);
}

function rowAt(rows: readonly Insn[], row: number): Insn {
  const found = rows[row];
  assert(found !== undefined, `row ${row}`);
  return found;
}

/** Sort key: a mandatory prefix, a fixed rm, a fixed reg, a whole byte stand before what they refine. */
function generality({ encoding }: Insn): number {
  const mandatory = encoding.prefix !== 'any' && encoding.prefix !== 'NP';
  return (
    (mandatory ? 0 : 8) +
    (encoding.rm !== undefined ? 0 : 4) +
    (encoding.reg !== undefined ? 0 : 2) +
    (encoding.plusR ? 1 : 0)
  );
}

function buildEntry(row: number, insn: Insn, bucket: readonly Insn[]): Uint8Array {
  const { encoding, operands } = insn;
  const rivals = bucket.filter((other) => competes(insn, other));
  const entry = new Uint8Array(ENTRY_BYTES);
  new DataView(entry.buffer).setUint16(ENTRY.ROW, row, true);
  entry[ENTRY.MODES] = modesMask(insn);
  entry[ENTRY.OPERAND_SIZES] = sizesMask(encoding, rivals);
  entry[ENTRY.PREFIX] = prefixCode(encoding, rivals);
  entry[ENTRY.MODRM] = modrmCode(insn);
  entry[ENTRY.REG] = encoding.reg ?? NONE;
  entry[ENTRY.RM] = encoding.rm ?? NONE;
  entry[ENTRY.FLAGS] = flagBits(insn, bucket);
  entry[ENTRY.IMMEDIATE] = immediateCode(insn);
  entry[ENTRY.ADDRESS_SIZES] = encoding.addressSize ? SIZE_MASK[encoding.addressSize] : ANY_SIZE;
  entry[ENTRY.OPERAND_COUNT] = operands.length;
  entry.fill(NONE, ENTRY.OPERANDS, ENTRY.PRIVILEGE);
  for (let slot = 0; slot < 4; slot++) {
    entry.set(operandBytes(operands[slot]), ENTRY.OPERANDS + slot * OPERAND_BYTES);
  }
  entry[ENTRY.PRIVILEGE] = PRIVILEGES.indexOf(insn.priv ?? 'never');
  entry[ENTRY.FEATURE] = featureNumber(insn.feature ?? '');
  entry[ENTRY.SENSITIVE] = insn.touches === undefined ? 0 : 1;
  entry[ENTRY.EXIT] = exitReason(insn.exit);
  return entry;
}

/** Rows that only operand size or address size tell apart: both can have a register, or memory, in ModRM.rm. */
function competes(a: Insn, b: Insn): boolean {
  const forms = [modrmCode(a), modrmCode(b)];
  return (
    !(forms.includes(MODRM.MEMORY) && forms.includes(MODRM.REGISTER)) &&
    a.encoding.prefix === b.encoding.prefix &&
    a.encoding.plusR === b.encoding.plusR &&
    a.encoding.reg === b.encoding.reg &&
    a.encoding.rm === b.encoding.rm &&
    (modesMask(a) & modesMask(b)) !== 0
  );
}

function modesMask({ modes }: Insn): number {
  if (modes === 'long64') return MODE_MASK[64];
  if (modes === 'legacy') return MODE_MASK[32] | MODE_MASK[16];
  return MODE_MASK[64] | MODE_MASK[32] | MODE_MASK[16];
}

/**
 * A row has the size that it names. Sizes that no rival names belong to the row that names none or else
 * to the 32-bit row: REX.W changes nothing in `in eax, dx`, nor 66 in `adcx eax, ecx`.
 */
function sizesMask({ operandSize }: Encoding, rivals: readonly Insn[]): number {
  const sizes = rivals.map((rival) => rival.encoding.operandSize);
  const named = sizes.reduce((mask, size) => mask | (size ? SIZE_MASK[size] : 0), 0);
  const rest = ANY_SIZE & ~named;
  if (operandSize === undefined) return rest;
  const takesRest = operandSize === 32 && !sizes.includes(undefined);
  return SIZE_MASK[operandSize] | (takesRest ? rest : 0);
}

function prefixCode({ prefix }: Encoding, rivals: readonly Insn[]): number {
  if (prefix === 'any') return PREFIX.ANY;
  if (prefix === '66') return PREFIX.P66;
  if (prefix === 'F2' || prefix === 'F3') return PREFIX[prefix];
  const has16 = rivals.some((rival) => rival.encoding.operandSize === 16);
  return has16 ? PREFIX.NFX : PREFIX.NP;
}

function modrmCode({ encoding, operands }: Insn): number {
  if (!encoding.modrm) return MODRM.NONE;
  if (operands.some(({ kind }) => kind === 'cr' || kind === 'dr')) return MODRM.REGISTER_ALWAYS;
  const rm = operands.find(({ slot }) => slot === 'rm');
  if (rm === undefined || !rm.memory) return MODRM.REGISTER;
  return rm.kind === 'gpr' ? MODRM.ANY : MODRM.MEMORY;
}

function flagBits(insn: Insn, bucket: readonly Insn[]): number {
  const { encoding, size64, rep, lock } = insn;
  const plain = encoding.prefix === 'any' && !encoding.modrm && !encoding.plusR;
  const hidesRegister = plain && bucket.some((other) => other.encoding.plusR);
  return (
    (size64 === 'd64' ? ENTRY_FLAGS.DEFAULT64 : 0) |
    (size64 === 'f64' ? ENTRY_FLAGS.FORCE64 : 0) |
    (lock ? ENTRY_FLAGS.LOCK : 0) |
    (rep ? ENTRY_FLAGS.REP : 0) |
    (rep === 'repz' ? ENTRY_FLAGS.REPZ : 0) |
    (hidesRegister ? ENTRY_FLAGS.NO_REX_B : 0) |
    (encoding.vexW === 0 ? ENTRY_FLAGS.VEX_W0 : 0) |
    (encoding.vexW === 1 ? ENTRY_FLAGS.VEX_W1 : 0)
  );
}

const IMMEDIATE_CODES: Readonly<Record<string, number>> = {
  '': IMMEDIATE.NONE,
  ib: IMMEDIATE.IB,
  iw: IMMEDIATE.IW,
  'iw ib': IMMEDIATE.IW_IB,
  id: IMMEDIATE.ID,
  io: IMMEDIATE.IO,
  cb: IMMEDIATE.CB,
  cw: IMMEDIATE.CW,
  cd: IMMEDIATE.CD,
  mo: IMMEDIATE.MOFFS,
};

function immediateCode({ encoding, operands }: Insn): number {
  const fields = encoding.immediates.join(' ');
  if (fields === 'cp') return operands[0]?.bits === 32 ? IMMEDIATE.FAR16 : IMMEDIATE.FAR32;
  const code = IMMEDIATE_CODES[fields];
  assert(code !== undefined, `immediate fields '${fields}'`);
  const signed = operands.some((operand) => operand.kind === 'imm' && operand.signed);
  return signed ? code | IMMEDIATE.SIGNED : code;
}

const WIDTH_OF_BITS: Readonly<Record<number, number>> = {
  0: NONE,
  8: 0,
  16: 1,
  32: 2,
  64: 3,
  128: 4,
  48: 5,
  80: 6,
};
const FAR16_WIDTH = 7;

function operandBytes(operand: Operand | undefined): readonly number[] {
  if (operand === undefined) return [OPERAND_KIND.none, 0, NONE, NONE];
  const { kind, slot, bits, memoryBits, fixed } = operand;
  const isFar16 = kind === 'far' && bits === 32;
  const memoryWidth = isFar16 ? FAR16_WIDTH : (WIDTH_OF_BITS[memoryBits] ?? NONE);
  const width = kind === 'mem' || kind === 'far' ? NONE : (WIDTH_OF_BITS[bits] ?? NONE);
  return [OPERAND_KIND[kind], SLOT[slot], width, slot === 'fixed' ? fixed : memoryWidth];
}

function featureNumber(feature: string): number {
  const number = FEATURES.indexOf(feature);
  assert(number >= 0, `feature '${feature}'`);
  return number;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.length * ENTRY_BYTES);
  parts.forEach((part, at) => {
    whole.set(part, at * ENTRY_BYTES);
  });
  return whole;
}
