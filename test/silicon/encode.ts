/**
 * Bytes of one row of the instruction table with chosen operands (SDM 2A 2.1, 2.2.1, 2.3). This is
 * on purpose not the encoder of src/isa: it also writes what an assembler would not choose, and the
 * processor is the judge of it.
 */

import type { Insn, Operand } from '../../src/isa/row.ts';
import type { Bits } from '../vectors/format.ts';
import {
  type Address,
  chooseAddress,
  type EncodedAddress,
  encodeAddress,
  littleEndian,
} from './address.ts';
import { hex } from './draft.ts';
import { chooseLegacyAddress, encodeLegacyAddress, type LegacyAddress } from './legacy-address.ts';
import type { Rng } from './rng.ts';

type AnyAddress = Address | LegacyAddress;

export interface GprChoice {
  readonly register: number;
  /** AH, CH, DH or BH. */
  readonly high: boolean;
}

/** What was chosen for each operand of the row, by position. */
export type OperandChoice =
  | ({ readonly kind: 'gpr' } & GprChoice)
  | { readonly kind: 'mem'; readonly address: AnyAddress }
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'other'; readonly register: number };

export interface Encoded {
  readonly row: Insn;
  readonly bits: Bits;
  readonly bytes: readonly number[];
  readonly operands: readonly OperandChoice[];
  /** Legacy prefixes that stand in front. */
  readonly prefixes: readonly number[];
}

export interface Wanted {
  readonly bits: Bits;
  readonly memory: boolean;
  readonly lock?: boolean;
  /** Prefixes put in front, where the processor ignores or judges them. */
  readonly prefixes?: readonly number[];
  /** Value of an immediate, displacement or far pointer operand; weighted random without it. */
  readonly number?: (operand: Operand, rng: Rng) => bigint;
  readonly address?: (rng: Rng) => AnyAddress;
}

/** Chooses operands at random and encodes them. */
export function encodeRandomly(row: Insn, rng: Rng, wanted: Wanted): Encoded {
  const operands = chooseOperands(row, rng, wanted);
  const prefixes = choosePrefixes(row, operands, wanted);
  const bytes = encode(row, operands, prefixes, rng, wanted.bits);
  return { row, bits: wanted.bits, bytes, operands, prefixes };
}

export function canBeMemory(row: Insn): boolean {
  return row.operands.some((operand) => operand.slot === 'rm' && operand.memory);
}

export function canBeRegister(row: Insn): boolean {
  return !row.operands.some(
    ({ slot, kind }) => slot === 'rm' && (kind === 'mem' || kind === 'far'),
  );
}

/** Where operands lie whose address the encoding fixes. */
const FIXED_TARGETS = [0x10000040n, 0x10000080n, 0x100003f8n, 0x10000ffdn, 0x10000123n];

function chooseOperands(row: Insn, rng: Rng, wanted: Wanted): OperandChoice[] {
  const noHigh = row.encoding.operandSize === 64 || row.encoding.vex || rng.chance(50);
  if (wanted.bits !== 64) return chooseLegacy(row, rng, wanted);
  const chosen = row.operands.map((operand) => {
    return isMemory(operand, wanted) ? undefined : chooseOperand(operand, rng, wanted, noHigh);
  });
  const consistent = usesRex(chosen) ? chosen.map(withoutHigh) : chosen;
  const registers = consistent.flatMap((choice) => (choice?.kind === 'gpr' ? [choice] : []));
  const address = () => {
    const avoid = [...registers.map(({ register }) => register), 4, ...implicitRegisters(row)];
    const legacyOnly = registers.some(({ high }) => high);
    for (;;) {
      const candidate = wanted.address?.(rng) ?? chooseAddress(rng, avoid, rng.pick(FIXED_TARGETS));
      if ('register' in candidate) return candidate;
      const extended = (candidate.base ?? 0) > 7 || (candidate.index ?? 0) > 7;
      if (!extended || !legacyOnly) return candidate;
    }
  };
  return consistent.map((choice) => choice ?? { kind: 'mem', address: address() });
}

/** Outside 64-bit mode: eight registers, of which byte registers 4 to 7 are the high ones. */
function chooseLegacy(row: Insn, rng: Rng, wanted: Wanted): OperandChoice[] {
  const chosen = row.operands.map((operand): Chosen => {
    if (isMemory(operand, wanted)) return undefined;
    if (operand.kind !== 'gpr' || operand.slot === 'fixed') {
      return chooseOperand(operand, rng, wanted, true);
    }
    const register = rng.below(8);
    const high = operand.bits === 8 && register > 3;
    return { kind: 'gpr', register: high ? register - 4 : register, high };
  });
  const registers = chosen.flatMap((choice) => (choice?.kind === 'gpr' ? [choice] : []));
  const avoid = [...registers.map(({ register }) => register), 4, ...implicitRegisters(row)];
  const address = () => wanted.address?.(rng) ?? chooseLegacyAddress(rng, avoid, wanted.bits);
  return chosen.map((choice) => choice ?? { kind: 'mem', address: address() });
}

function isMemory({ slot, kind, memory }: Operand, wanted: Wanted): boolean {
  return slot === 'rm' && memory && (wanted.memory || kind === 'mem' || kind === 'far');
}

/** Registers whose values a recipe chooses: better not part of the address. */
function implicitRegisters(row: Insn): number[] {
  if (/^(cmpxchg|mul|imul|div|idiv)/.test(row.mnemonic)) return [0, 1, 2, 3];
  return row.operands.some(({ slot }) => slot === 'fixed') ? [0, 1, 2] : [];
}

type Chosen = OperandChoice | undefined;

function withoutHigh(choice: Chosen): Chosen {
  return choice?.kind === 'gpr' && choice.high ? { ...choice, high: false } : choice;
}

function usesRex(choices: readonly Chosen[]): boolean {
  return choices.some((c) => c?.kind === 'gpr' && (c.register > 7 || (!c.high && c.register > 3)));
}

function chooseOperand(operand: Operand, rng: Rng, wanted: Wanted, noHigh: boolean): OperandChoice {
  const { kind, slot, bits } = operand;
  if (slot === 'fixed') {
    return kind === 'gpr'
      ? { kind: 'gpr', register: operand.fixed, high: false }
      : { kind: 'other', register: operand.fixed };
  }
  if (kind === 'gpr') {
    const register = rng.below(16);
    const high = bits === 8 && !noHigh && rng.chance(50);
    return high
      ? { kind: 'gpr', register: register & 3, high }
      : { kind: 'gpr', register, high: false };
  }
  if (kind === 'sreg') return { kind: 'other', register: rng.below(rng.chance(15) ? 8 : 6) };
  if (kind === 'cr' || kind === 'dr') return { kind: 'other', register: rng.below(9) };
  if (kind === 'one') return { kind: 'number', value: 1n };
  if (kind === 'moffs') return { kind: 'number', value: rng.pick(FIXED_TARGETS) };
  const value = wanted.number ? wanted.number(operand, rng) : rng.operand(bits);
  return { kind: 'number', value };
}

interface Fields {
  reg: number;
  rm: number;
  vvvv: number;
  opcode: number;
  rex: number;
  memory: AnyAddress | undefined;
}

function choosePrefixes(row: Insn, operands: readonly OperandChoice[], wanted: Wanted): number[] {
  const { encoding } = row;
  const { memory } = collectFields(row, operands);
  const { bits } = wanted;
  const prefixes = [...(wanted.prefixes ?? []), ...(wanted.lock ? [0xf0] : [])];
  if (memory) prefixes.push(...encodeMemory(memory).prefixes);
  const narrow = bits === 16 ? 16 : 32;
  if (bits === 64) {
    if (encoding.addressSize === 32) prefixes.push(0x67);
    if (encoding.operandSize === 16 && encoding.prefix !== '66') prefixes.push(0x66);
    return prefixes;
  }
  if (encoding.addressSize !== undefined && encoding.addressSize !== narrow) prefixes.push(0x67);
  const sized = encoding.operandSize !== undefined && encoding.operandSize !== narrow;
  if (sized && encoding.prefix === 'any') prefixes.push(0x66);
  return prefixes;
}

function encode(
  row: Insn,
  operands: readonly OperandChoice[],
  prefixes: readonly number[],
  rng: Rng,
  bits: Bits,
): number[] {
  const { encoding } = row;
  const fields = collectFields(row, operands);
  const memory = fields.memory ? encodeMemory(fields.memory) : undefined;
  const immediates = encodeImmediates(row, operands, addressBytes(bits, prefixes));
  const r = fields.reg >> 3;
  const x = memory?.rexX ?? 0;
  const b = (memory ? memory.rexB : (fields.rm | fields.opcode) >> 3) & 1;
  const head = encoding.vex
    ? vexHead(row, fields, [r, x, b], bits === 64 ? 0 : rng.below(8))
    : legacyHead(row, fields, [r, x, b], bits === 64 ? rng : undefined);
  const bytes = [...prefixes, ...head, encoding.opcode + (encoding.plusR ? fields.opcode & 7 : 0)];
  if (encoding.modrm) {
    const reg = encoding.reg ?? fields.reg & 7;
    const low = memory ? memory.modRm : 0xc0 | (encoding.rm ?? fields.rm & 7);
    bytes.push(low | (reg << 3));
    if (memory) bytes.push(...memory.tail(bytes.length, immediates.length));
  }
  return [...bytes, ...immediates];
}

function collectFields(row: Insn, operands: readonly OperandChoice[]): Fields {
  const fields: Fields = { reg: 0, rm: 0, vvvv: 0, opcode: 0, rex: 0, memory: undefined };
  row.operands.forEach((operand, i) => {
    const choice = operands[i]!;
    if (choice.kind === 'mem') fields.memory = choice.address;
    if (choice.kind !== 'gpr' && choice.kind !== 'other') return;
    const number = choice.kind === 'gpr' && choice.high ? choice.register + 4 : choice.register;
    if (
      operand.slot === 'reg' ||
      operand.slot === 'rm' ||
      operand.slot === 'vvvv' ||
      operand.slot === 'opcode'
    ) {
      fields[operand.slot] = number;
    }
    const low = choice.kind === 'gpr' && operand.bits === 8 && !choice.high && choice.register > 3;
    if (low && operand.slot !== 'fixed') fields.rex = 0x40;
  });
  return fields;
}

/** `rng` is given where a REX prefix may stand. */
function legacyHead(
  row: Insn,
  fields: Fields,
  rxb: readonly number[],
  rng: Rng | undefined,
): number[] {
  const { encoding } = row;
  const bytes: number[] = [];
  if (encoding.prefix === '66' || encoding.prefix === 'F2' || encoding.prefix === 'F3') {
    bytes.push(Number.parseInt(encoding.prefix, 16));
  }
  const w = encoding.operandSize === 64 && row.size64 === undefined ? 8 : 0;
  const [r = 0, x = 0, b = 0] = rxb;
  let rex = fields.rex | (w ? 0x40 | w : 0) | (r || x || b ? 0x40 | (r << 2) | (x << 1) | b : 0);
  const highPossible = row.operands.some((operand) => operand.bits === 8);
  if (rex === 0 && !highPossible && rng?.chance(4)) rex = 0x40;
  if (rex !== 0 && rng) bytes.push(rex);
  if (encoding.map !== '') bytes.push(0x0f);
  if (encoding.map === '0F38' || encoding.map === '0F3A')
    bytes.push(Number.parseInt(encoding.map.slice(2), 16));
  return bytes;
}

/** `ignored` flips B, the highest bit of vvvv and W, which do nothing outside 64-bit mode. */
function vexHead(row: Insn, fields: Fields, rxb: readonly number[], ignored: number): number[] {
  const { encoding } = row;
  const [r = 0, x = 0, b = 0] = rxb;
  const map = { '': 0, '0F': 1, '0F38': 2, '0F3A': 3 }[encoding.map];
  const pp = { any: 0, NP: 0, '66': 1, F3: 2, F2: 3 }[encoding.prefix];
  const w = encoding.vexW ?? (encoding.operandSize === 64 ? 1 : 0);
  const inverted = ((r ^ 1) << 7) | ((x ^ 1) << 6) | ((b ^ 1) << 5);
  const last = (w << 7) | ((fields.vvvv ^ 15) << 3) | pp;
  return [0xc4, (inverted | map) ^ ((ignored & 1) << 5), last ^ ((ignored & 6) << 5)];
}

const IMMEDIATE_BYTES = { ib: 1, iw: 2, id: 4, io: 8, cb: 1, cw: 2, cd: 4, cp: 6, mo: 8 } as const;

function addressBytes(bits: Bits, prefixes: readonly number[]): number {
  const toggled = prefixes.includes(0x67);
  if (bits === 64) return toggled ? 4 : 8;
  return toggled === (bits === 16) ? 4 : 2;
}

function encodeMemory(address: AnyAddress): EncodedAddress {
  return 'register' in address ? encodeLegacyAddress(address) : encodeAddress(address);
}

function encodeImmediates(
  row: Insn,
  operands: readonly OperandChoice[],
  moffsBytes: number,
): number[] {
  const numbers = row.operands
    .map((operand, i) => ({ operand, choice: operands[i]! }))
    .filter(({ operand }) => operand.slot === 'imm' || operand.slot === 'moffs');
  return row.encoding.immediates.flatMap((field, i) => {
    const choice = numbers[i]?.choice;
    const value = choice?.kind === 'number' ? choice.value : 0n;
    const far = field === 'cp' && row.operands[0]?.bits === 32 ? 4 : IMMEDIATE_BYTES[field];
    return littleEndian(value, field === 'mo' ? moffsBytes : far);
  });
}

/** One line for messages: what was encoded. */
export function describe({ row, bytes }: Encoded): string {
  return `${row.mnemonic} ${row.operandText} ${hex(bytes)}`;
}
