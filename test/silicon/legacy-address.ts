/**
 * Memory operands outside 64-bit mode: the 32-bit and 16-bit forms of ModRM (SDM 2A tables 2-1 to 2-3) and
 * the segments that they go through (legacy-segment.ts).
 */

import type { Bits } from '../vectors/format.ts';
import { CODE, CODE_END } from '../vectors/pages.ts';
import { type EncodedAddress, littleEndian } from './address.ts';
import type { Draft } from './draft.ts';
import { chooseSegment, type DataRegister, FLAT, setSegment, targetIn } from './legacy-segment.ts';
import type { Rng } from './rng.ts';

export interface LegacyAddress {
  /** Width of the offset. */
  readonly bits: 32 | 16;
  /** The segment register that the operand goes through. */
  readonly register: DataRegister;
  readonly prefixes: readonly number[];
  readonly base: number | undefined;
  readonly index: number | undefined;
  readonly scale: 1 | 2 | 4 | 8;
  readonly disp: bigint;
  readonly dispBytes: 0 | 1 | 2 | 4;
  /** A 32-bit address without registers has a SIB byte all the same. */
  readonly sib: boolean;
  /** Relative to the stack pointer, which the case has set already. */
  readonly onStack: boolean;
}

const SEGMENT_PREFIXES: Readonly<Record<DataRegister, number>> = {
  es: 0x26,
  cs: 0x2e,
  ss: 0x36,
  ds: 0x3e,
  fs: 0x64,
  gs: 0x65,
};
const OVERRIDES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
const [BX, SP, BP, SI, DI] = [3, 4, 5, 6, 7] as const;
/** Base and index of rm 0-7 of the 16-bit forms. */
const PAIRS16 = [[BX, SI], [BX, DI], [BP, SI], [BP, DI], [SI], [DI], [BP], [BX]] as const;

/** Chooses a form. Registers in `avoid` are not used for it, as far as the form leaves a choice. */
export function chooseLegacyAddress(rng: Rng, avoid: readonly number[], bits: Bits): LegacyAddress {
  const toggles = rng.chance(12);
  const width = toggles === (bits === 16) ? 32 : 16;
  const form = width === 32 ? form32(rng, avoid) : form16(rng);
  const implied = form.base === BP || form.base === SP ? 'ss' : 'ds';
  const override = rng.chance(20) ? rng.pick(OVERRIDES) : undefined;
  const prefixes = override ? [SEGMENT_PREFIXES[override]] : [];
  if (toggles) prefixes.push(0x67);
  return { ...form, bits: width, register: override ?? implied, prefixes, onStack: false };
}

/** A form on the stack pointer that leaves it where the case has put it; it exists with 32 bits only. */
export function legacyStackAddress(rng: Rng, bits: Bits): LegacyAddress {
  const disp = BigInt(rng.below(8) * 8);
  const form = { base: SP, index: undefined, scale: 1, disp, dispBytes: 1, sib: true } as const;
  const prefixes = bits === 16 ? [0x67] : [];
  return { ...form, bits: 32, register: 'ss', prefixes, onStack: true };
}

type Form = Pick<LegacyAddress, 'base' | 'index' | 'scale' | 'disp' | 'dispBytes' | 'sib'>;

const FORMS32 = 'base base disp8 disp8 disp32 sib sib8 sib32 index absolute absolute'.split(' ');

function form32(rng: Rng, avoid: readonly number[]): Form {
  const base = freeRegister(rng, avoid);
  const index = freeRegister(rng, [...avoid, base, SP]);
  const scale = rng.pick([1, 2, 4, 8] as const);
  const disp8 = BigInt(rng.below(0x100) - 0x80);
  const disp32 = BigInt.asIntN(32, rng.operand(32)) & ~7n;
  const none = { base: undefined, index: undefined, scale: 1, disp: 0n, sib: false } as const;
  switch (rng.pick(FORMS32)) {
    case 'base':
      return { ...none, base, dispBytes: 0 };
    case 'disp8':
      return { ...none, base, disp: disp8, dispBytes: 1 };
    case 'disp32':
      return { ...none, base, disp: disp32, dispBytes: 4 };
    case 'sib':
      return { ...none, base, index, scale, dispBytes: 0, sib: true };
    case 'sib8':
      return { ...none, base, index, scale, disp: disp8, dispBytes: 1, sib: true };
    case 'sib32':
      return { ...none, base, index, scale, disp: disp32, dispBytes: 4, sib: true };
    case 'index':
      return { ...none, index, scale, disp: disp32, dispBytes: 4, sib: true };
    default: {
      const disp = rng.chance(70)
        ? 0x10000000n + BigInt(rng.below(0x200) * 8)
        : BigInt(rng.below(0x800));
      return { ...none, disp, dispBytes: 4, sib: rng.chance(30) };
    }
  }
}

function form16(rng: Rng): Form {
  const rm = rng.below(8);
  const dispBytes = rng.pick([0, 1, 2] as const);
  const none = { base: undefined, index: undefined, scale: 1, disp: 0n, sib: false } as const;
  if (rm === 6 && dispBytes === 0)
    return { ...none, disp: BigInt(rng.below(0x400) * 4), dispBytes: 2 };
  const [base, index] = PAIRS16[rm] as readonly [number, number?];
  const disp = dispBytes === 0 ? 0n : BigInt.asIntN(8 * dispBytes, rng.operand(16)) & ~1n;
  return { ...none, base, index, disp, dispBytes };
}

function freeRegister(rng: Rng, avoid: readonly number[]): number {
  for (let tries = 0; ; tries++) {
    const register = rng.below(8);
    if (register !== SP && (!avoid.includes(register) || tries > 20)) return register;
  }
}

/**
 * Chooses the segment and sets the registers so that the operand of `bytes` bytes lies in it, or where it
 * faults; returns its linear address. A `target` is a linear address that is wanted.
 */
export function bindLegacyAddress(
  draft: Draft,
  address: LegacyAddress,
  bytes: number,
  rng: Rng,
  target?: bigint,
): bigint {
  const { base, index, scale, disp, bits, register } = address;
  const absolute = base === undefined && index === undefined;
  const segment = chooseSegment(draft, register, bits, rng);
  const linear = (offset: bigint): bigint => BigInt.asUintN(32, segment.base + offset);
  if (absolute && register !== 'cs' && isInCode(linear(disp))) {
    setSegment(draft, register, FLAT);
    return disp;
  }
  if (address.onStack) return linear(BigInt.asUintN(32, draft.gpr(SP) + disp));
  if (absolute) return linear(BigInt.asUintN(bits, disp));
  const wanted = target ?? targetIn(segment, bytes, rng);
  const offset = BigInt.asUintN(bits, wanted - segment.base);
  const put = (number: number, value: bigint): void => draft.setPart(number, bits, value);
  if (base === undefined) {
    const steps = BigInt.asUintN(bits, offset - disp) / BigInt(scale);
    put(index ?? 0, steps);
    return linear(BigInt.asUintN(bits, steps * BigInt(scale) + disp));
  }
  let rest = offset - disp;
  if (index !== undefined) {
    const value = rng.chance(60) ? BigInt(rng.below(0x40)) : rng.operand(bits);
    put(index, value);
    rest -= value * BigInt(scale);
  }
  put(base, rest);
  // Base and index may be one register: what it holds then decides.
  const sum =
    draft.gpr(base) + (index === undefined ? 0n : draft.gpr(index) * BigInt(scale)) + disp;
  return linear(BigInt.asUintN(bits, sum));
}

/** Landing pads lie there, which cases do not describe. */
function isInCode(linear: bigint): boolean {
  return linear >= CODE - 16n && linear < CODE_END;
}

/** ModRM (without reg), SIB and displacement of a form. */
export function encodeLegacyAddress(address: LegacyAddress): EncodedAddress {
  return address.bits === 32 ? encode32(address) : encode16(address);
}

function encode32({
  base,
  index,
  scale,
  disp,
  dispBytes,
  sib,
  prefixes,
}: LegacyAddress): EncodedAddress {
  const low = base ?? 5;
  const size = base === 5 && dispBytes === 0 ? 1 : dispBytes;
  const mod = base === undefined || size === 0 ? 0 : size === 1 ? 1 : 2;
  const needsSib = sib || base === SP;
  const head = needsSib ? [(Math.log2(scale) << 6) | ((index ?? SP) << 3) | low] : [];
  return {
    prefixes,
    modRm: (mod << 6) | (needsSib ? SP : low),
    rexX: 0,
    rexB: 0,
    tail: () => [...head, ...littleEndian(disp, size)],
  };
}

function encode16({ base, index, disp, dispBytes, prefixes }: LegacyAddress): EncodedAddress {
  const isAbsolute = base === undefined;
  const rm = isAbsolute ? 6 : PAIRS16.findIndex(([b, i]) => b === base && i === index);
  const mod = isAbsolute ? 0 : dispBytes;
  return {
    prefixes,
    modRm: (mod << 6) | rm,
    rexX: 0,
    rexB: 0,
    tail: () => littleEndian(disp, dispBytes),
  };
}
