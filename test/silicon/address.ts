/**
 * Memory operands: the forms of ModRM and SIB (SDM 2A 2.1.5 Addressing-Mode Encoding, 2.2.1.6
 * RIP-Relative Addressing), fixed when an instruction is encoded, and bound to a linear address, by
 * choosing register values, for each case.
 */

import { type Draft, RIP } from './draft.ts';
import type { Rng } from './rng.ts';

export interface Address {
  readonly base: number | undefined;
  readonly index: number | undefined;
  readonly scale: 1 | 2 | 4 | 8;
  readonly disp: bigint;
  readonly dispBytes: 0 | 1 | 4;
  readonly a32: boolean;
  readonly segment: 'fs' | 'gs' | undefined;
  /** Segment prefix that 64-bit mode ignores. */
  readonly ignored: number | undefined;
  /** The linear address where registers do not decide it. */
  readonly fixed: bigint | undefined;
  readonly ripRelative: boolean;
  /** Relative to RSP, which the case has set already. */
  readonly onStack: boolean;
}

const PLAIN: Address = {
  base: undefined,
  index: undefined,
  scale: 1,
  disp: 0n,
  dispBytes: 0,
  a32: false,
  segment: undefined,
  ignored: undefined,
  fixed: undefined,
  ripRelative: false,
  onStack: false,
};

const FORMS = 'base base base disp8 disp8 disp32 sib sib sib8 sib32 index absolute rip'.split(' ');

/** Chooses a form. Registers in `avoid` are not used for it (most of the time). */
export function chooseAddress(rng: Rng, avoid: readonly number[], fixedAt: bigint): Address {
  const a32 = rng.chance(10);
  const segment = rng.chance(10) ? rng.pick(['fs', 'gs'] as const) : undefined;
  const ignored =
    segment === undefined && rng.chance(4) ? rng.pick([0x26, 0x2e, 0x36, 0x3e]) : undefined;
  const common = { ...PLAIN, a32, segment, ignored };
  const base = freeRegister(rng, avoid);
  const index = freeRegister(rng, [...avoid, base, 4], true);
  const scale = rng.pick([1, 2, 4, 8] as const);
  const disp8 = BigInt(rng.below(0x100) - 0x80);
  const disp32 = BigInt.asIntN(32, rng.operand(32)) & ~7n;
  switch (rng.pick(FORMS)) {
    case 'base':
      return { ...common, base };
    case 'disp8':
      return { ...common, base, disp: disp8, dispBytes: 1 };
    case 'disp32':
      return { ...common, base, disp: disp32, dispBytes: 4 };
    case 'sib':
      return { ...common, base, index, scale };
    case 'sib8':
      return { ...common, base, index, scale, disp: disp8, dispBytes: 1 };
    case 'sib32':
      return { ...common, base, index, scale, disp: disp32, dispBytes: 4 };
    case 'index':
      return { ...common, index, scale, disp: disp32, dispBytes: 4 };
    case 'absolute':
      return { ...common, segment: undefined, disp: fixedAt, dispBytes: 4, fixed: fixedAt };
    default:
      return { ...common, segment: undefined, dispBytes: 4, fixed: fixedAt, ripRelative: true };
  }
}

/** A form on RSP that leaves RSP where the case has put it. */
export function stackAddress(rng: Rng): Address {
  const disp = BigInt(rng.below(8) * 8);
  return { ...PLAIN, base: 4, disp, dispBytes: 1, onStack: true };
}

function freeRegister(rng: Rng, avoid: readonly number[], strict = false): number {
  for (;;) {
    const register = rng.below(16);
    if (!avoid.includes(register) || (!strict && rng.chance(5))) return register;
  }
}

/** Sets registers and segment base so that the operand lies at `target`; returns where it lies. */
export function bindAddress(draft: Draft, address: Address, target: bigint, rng: Rng): bigint {
  const { base, index, scale, disp, a32, segment } = address;
  if (address.onStack) return draft.gpr(4) + disp;
  if (address.fixed !== undefined) return address.fixed;
  const width = a32 ? 32 : 64;
  let offset = target;
  if (segment !== undefined) {
    offset = a32 ? rng.bits(20) & ~7n : target - BigInt(rng.below(0x1000)) * 8n;
    if (base === undefined) offset -= (offset - disp) % BigInt(scale);
    draft.segmentBase(segment, target - offset);
  }
  const junk = a32 && rng.chance(50) ? rng.bits(32) << 32n : 0n;
  if (base === undefined) {
    if (index === undefined) return target;
    const value = (offset - disp) / BigInt(scale);
    draft.setGpr(index, BigInt.asUintN(width, value) | junk);
    return target - ((offset - disp) % BigInt(scale));
  }
  let rest = offset - disp;
  if (index !== undefined) {
    const value = rng.chance(60) ? BigInt(rng.below(0x40)) : rng.operand(width);
    draft.setGpr(index, value | junk);
    rest -= value * BigInt(scale);
  }
  draft.setGpr(base, BigInt.asUintN(width, rest) | junk);
  return target;
}

export interface EncodedAddress {
  readonly prefixes: readonly number[];
  readonly modRm: number;
  readonly rexX: number;
  readonly rexB: number;
  /** SIB and displacement; for RIP-relative forms `tailBytes` (immediates) count. */
  tail(start: number, tailBytes: number): number[];
}

/** ModRM (without reg), SIB and displacement of a form. */
export function encodeAddress(address: Address): EncodedAddress {
  const { base, index, scale, dispBytes } = address;
  const prefixes: number[] = [];
  if (address.segment) prefixes.push(address.segment === 'fs' ? 0x64 : 0x65);
  if (address.ignored) prefixes.push(address.ignored);
  if (address.a32) prefixes.push(0x67);
  const needsSib =
    !address.ripRelative && (index !== undefined || base === undefined || (base & 7) === 4);
  const forced = base !== undefined && (base & 7) === 5 && dispBytes === 0;
  const size = forced ? 1 : dispBytes;
  const mod = base === undefined ? 0 : size === 0 ? 0 : size === 1 ? 1 : 2;
  const low = base === undefined ? 5 : base & 7;
  const sib = (Math.log2(scale) << 6) | (((index ?? 4) & 7) << 3) | low;
  return {
    prefixes,
    modRm: (mod << 6) | (needsSib ? 4 : low),
    rexX: (index ?? 0) >> 3,
    rexB: (base ?? 0) >> 3,
    tail(start, tailBytes) {
      const head = needsSib ? [sib] : [];
      const end = start + head.length + size + tailBytes;
      const disp = address.ripRelative ? (address.fixed ?? 0n) - RIP - BigInt(end) : address.disp;
      return [...head, ...littleEndian(disp, size)];
    },
  };
}

export function littleEndian(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
