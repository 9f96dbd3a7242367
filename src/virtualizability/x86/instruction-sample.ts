/**
 * One encoding of a row whose memory operand lies in the program's data page: the operands at random, the base register
 * still to be loaded.
 */

import { encode, type Prefixes, patchField } from '../../isa/encode.ts';
import type { Address, OperandValue, RegisterValue } from '../../isa/operand-value.ts';
import { pick, type RandomSource } from '../../isa/random.ts';
import type { Insn, Operand } from '../../isa/row.ts';
import { dataAddress, type EdgeValues } from './edge-values.ts';
import type { X86Mode } from './modes.ts';
import { TARGET } from './places.ts';

export interface InstructionSample {
  readonly code: Uint8Array;
  /** Registers that must hold an address, so that the memory operand lies at `memory`. */
  readonly pointers: ReadonlyMap<number, bigint>;
  /** Logical address of the memory operand. */
  readonly memory: number | undefined;
  /** Bytes of the offset of a far pointer in memory, 0 for other operands. */
  readonly farOffset: number;
}

/** Registers that may be a base: not those that string instructions and far returns use. */
const BASES_32 = [3, 5, 6, 7] as const;
const BASES_64 = [3, 5, 6, 7, 8, 9, 10, 11, 14, 15] as const;

/** Undefined where registers and REX clash. */
export function sampleInstruction(
  row: Insn,
  mode: X86Mode,
  values: EdgeValues,
  random: RandomSource,
): InstructionSample | undefined {
  const sampler = new OperandSampler(mode, values, random);
  const operands = row.operands.map((operand, at) => sampler.sample(operand, at));
  const prefixes = samplePrefixes(row, operands, random);
  const encoded = encode(row, operands, { mode: mode.codeMode, prefixes });
  if (encoded === undefined) return undefined;
  for (const field of encoded.fields) {
    if (field.kind === 'relative') patchField(encoded.bytes, field, BigInt(random(0x400) - 0x80));
  }
  const { pointers, memory, farOffset } = sampler;
  return { code: encoded.bytes, pointers, memory, farOffset };
}

function samplePrefixes(
  { lock, rep }: Insn,
  operands: readonly OperandValue[],
  random: RandomSource,
): Prefixes {
  const hasMemory = operands.some(({ kind }) => kind === 'mem');
  return {
    ...(lock && hasMemory && random(4) === 0 ? { lock } : {}),
    ...(rep && random(3) === 0 ? { repeat: pick(random, ['F2', 'F3']) } : {}),
    ...(hasMemory && random(6) === 0 ? { segment: pick(random, [4, 5]) } : {}),
  };
}

class OperandSampler {
  readonly pointers = new Map<number, bigint>();
  memory: number | undefined;
  farOffset = 0;
  readonly #mode: X86Mode;
  readonly #values: EdgeValues;
  readonly #random: RandomSource;

  constructor(mode: X86Mode, values: EdgeValues, random: RandomSource) {
    this.#mode = mode;
    this.#values = values;
    this.#random = random;
  }

  sample(operand: Operand, at: number): OperandValue {
    const random = this.#random;
    const { kind, slot, bits } = operand;
    if (kind === 'one') return immediate(1n);
    if (slot === 'fixed') return register(kind as RegisterValue['class'], operand.fixed, bits);
    if (kind === 'imm' || kind === 'rel') return immediate(this.#immediate(operand));
    if (kind === 'far' && slot === 'imm') {
      const selector = BigInt(this.#values.codeSelector(random));
      const offset = BigInt.asUintN(bits - 16, BigInt(TARGET));
      return { kind: 'farptr', selector, offset, bits: bits - 16 };
    }
    if (kind === 'moffs') return this.#memoryValue(operand, this.#absolute());
    if (kind === 'mem' || kind === 'far' || (operand.memory && random(2) === 0)) {
      if (kind === 'far') this.farOffset = (operand.memoryBits - 16) / 8;
      return this.#memoryValue(operand, this.#based());
    }
    return this.#register(operand, at);
  }

  #immediate({ bits, signed }: Operand): bigint {
    const random = this.#random;
    // What RET and ENTER take for a number of bytes or of levels.
    if (random(3) === 0) return BigInt(random(3) * 8);
    const value = this.#values.number(random, bits);
    return signed ? BigInt.asIntN(bits, value) : value;
  }

  #register({ kind, bits }: Operand, at: number): RegisterValue {
    const random = this.#random;
    const isLong = this.#mode.isLong;
    if (kind === 'sreg') {
      return register('sreg', pick(random, at === 0 ? [0, 2, 3, 4, 5] : [0, 1, 2, 3, 4, 5]), bits);
    }
    if (kind === 'cr') {
      return register('cr', pick(random, isLong ? [0, 2, 3, 4, 8] : [0, 2, 3, 4]), bits);
    }
    if (kind === 'dr') return register('dr', random(8), bits);
    const number = random(isLong ? 16 : 8);
    const isByte = bits === 8 && number >= 4 && number < 8;
    const rex = !isByte ? 'any' : isLong && random(2) === 0 ? 'required' : 'forbidden';
    return { ...register('gpr', number, bits), rex };
  }

  #based(): Address {
    const random = this.#random;
    const { isLong, bits } = this.#mode;
    const number = pick(random, isLong ? BASES_64 : BASES_32);
    const displacement = random(3) === 0 ? 0 : random(256) - 128;
    this.memory = dataAddress(random);
    this.pointers.set(number, BigInt(this.memory - displacement));
    return {
      ...NO_ADDRESS,
      bits,
      base: register('gpr', number, bits),
      displacement: BigInt(displacement),
    };
  }

  #absolute(): Address {
    const { bits } = this.#mode;
    this.memory = dataAddress(this.#random);
    return {
      ...NO_ADDRESS,
      bits,
      displacement: BigInt(this.memory),
      displacementSize: bits === 64 ? 8 : undefined,
    };
  }

  #memoryValue({ kind, memoryBits }: Operand, address: Address): OperandValue {
    const far = kind === 'far';
    return {
      kind: 'mem',
      bits: far ? memoryBits - 16 : memoryBits || undefined,
      far,
      address,
    };
  }
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

function immediate(value: bigint): OperandValue {
  return { kind: 'imm', value, bits: undefined, exact: true, distance: undefined };
}

function register(
  registerClass: RegisterValue['class'],
  number: number,
  bits: number,
): RegisterValue {
  return { kind: 'reg', class: registerClass, number, bits, rex: 'any' };
}
