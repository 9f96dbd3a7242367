/**
 * Random cases: what the planners make of a row, with prefixes put in front and bytes damaged; sequences of
 * sampled encodings; random bytes. Registers point to mapped pages, their ends, nowhere.
 */

import { existsIn } from '../../src/isa/encode.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { sampleEncodings } from '../../src/isa/sample.ts';
import { ROWS } from '../../src/isa/table.ts';
import { randomCode } from '../isa/random-code.ts';
import type { Bits, CaseInput } from '../vectors/format.ts';
import { flagBits } from '../vectors/format.ts';
import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { CODE, CODE_END, DATA, DATA_END, STACK, STACK_END } from '../vectors/pages.ts';
import { Draft, hex } from './draft.ts';
import { isCapturedLegacy, planLegacyRandomly } from './legacy-plan.ts';
import { chooseSegment, fixStackPointer, segmentIn, setSegment } from './legacy-segment.ts';
import { isCaptured, planRandomly } from './plan.ts';
import type { Rng } from './rng.ts';

const LEGACY_PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const LONGEST = 17;
const RSP = 4;

const LONG_ROWS = ROWS.filter(isCaptured);
const LEGACY_ROWS = ROWS.filter(isCapturedLegacy);
const SAMPLED: Readonly<Record<CodeMode, readonly (typeof ROWS)[number][]>> = {
  64: ROWS.filter((row) => !row.alias && existsIn(row, 64)),
  32: ROWS.filter((row) => !row.alias && existsIn(row, 32)),
  16: ROWS.filter((row) => !row.alias && existsIn(row, 16)),
};

/** A case in code of `width`; 32 means 16, too. */
export function randomCase(rng: Rng, width: 64 | 32): CaseInput {
  const bits = width === 32 && rng.chance(25) ? 16 : width;
  const draft = rng.chance(45) ? plannedCase(rng, bits) : anyCase(rng, bits);
  const { input } = draft;
  input.code = hex(fitted(draft, rng, changed(rng, bits, [...Buffer.from(input.code, 'hex')])));
  return input;
}

function plannedCase(rng: Rng, bits: Bits): Draft {
  const draft =
    bits === 64
      ? planRandomly(rng.pick(LONG_ROWS), rng)
      : planLegacyRandomly(rng.pick(LEGACY_ROWS), bits, rng);
  if (rng.chance(20)) draft.input.regs.rflags! ^= randomFlags(rng) & ~2n;
  return draft;
}

function anyCase(rng: Rng, bits: Bits): Draft {
  const draft = new Draft(anyCode(rng, bits), randomFlags(rng), bits, true);
  for (let n = 0; n < (bits === 64 ? 16 : 8); n++) draft.setGpr(n, randomValue(rng, bits));
  if (rng.chance(85)) draft.setGpr(RSP, STACK + BigInt(rng.below(0x200) * 8));
  if (bits === 64)
    for (const name of ['fs', 'gs'] as const) draft.segmentBase(name, randomValue(rng, 64));
  else chooseSegments(draft, rng, bits);
  fillMemory(draft, rng);
  return draft;
}

/** One to six sampled instructions, or random bytes. */
function anyCode(rng: Rng, bits: Bits): number[] {
  if (rng.chance(25))
    return [...randomCode((bound) => rng.below(bound))].slice(0, 1 + rng.below(LONGEST));
  const count = rng.chance(40) ? 1 : 2 + rng.below(5);
  const code = Array.from({ length: count }, () => {
    const [sample] = sampleEncodings(rng.pick(SAMPLED[bits]), rng.next(), 1, bits);
    return changedRarely(rng, bits, [...(sample ?? [])]);
  }).flat();
  return rng.chance(15) ? looped(rng, code) : code;
}

/** LOOP, JRCXZ or a condition at the end leads back to the start. */
function looped(rng: Rng, code: number[]): number[] {
  const opcode = rng.chance(60) ? 0xe0 + rng.below(4) : 0x70 + rng.below(16);
  const back = -code.length - 2;
  return back < -128 ? code : [...code, opcode, back & 0xff];
}

function changedRarely(rng: Rng, bits: Bits, code: number[]): number[] {
  return rng.chance(25) ? changed(rng, bits, code) : code;
}

/** Prefixes in front, at times up to the longest instruction and beyond; at times a byte of another value. */
function changed(rng: Rng, bits: Bits, code: number[]): number[] {
  const rex = () => (bits === 64 && rng.chance(25) ? 0x40 | rng.below(16) : undefined);
  const prefix = () => rex() ?? rng.pick(LEGACY_PREFIXES);
  const filling = rng.chance(3) ? 13 + rng.below(4) - code.length : 0;
  const count = Math.max(filling, rng.pick([0, 0, 0, 1, 1, 2, 3]));
  const result = [...Array.from({ length: count }, prefix), ...code];
  if (rng.chance(8)) result[rng.below(result.length)] = rng.below(256);
  if (rng.chance(8)) result[rng.below(result.length)]! ^= 1 << rng.below(8);
  if (filling > 0) return result.map((byte, i) => (i < count - 1 ? result[0]! : byte));
  return result;
}

/** Cuts what does not fit on the code page; at times the case moves to where that is so. */
function fitted(draft: Draft, rng: Rng, code: number[]): number[] {
  const { regs } = draft.input;
  const { base } = draft.input.bits === 64 ? { base: 0n } : segmentIn(draft, 'cs');
  if (rng.chance(4)) {
    const kept = rng.chance(50) ? code.length : 1 + rng.below(code.length);
    regs.rip = CODE_END - base - BigInt(kept);
  }
  const room = Number(CODE_END - base - regs.rip!);
  return code.slice(0, room);
}

function randomFlags(rng: Rng): bigint {
  let flags = rng.bits(12) & flagBits('oszapcd');
  if (!rng.chance(30)) flags &= ~flagBits('d');
  if (rng.chance(5)) flags |= flagBits('T');
  if (rng.chance(15)) flags |= flagBits('A');
  if (rng.chance(5)) flags |= flagBits(rng.pick(['N', 'I', 'NI']));
  return flags;
}

const PLACES = [
  DATA + 0x100n,
  DATA + 0x100n,
  DATA + 0x800n,
  DATA + 0xff8n,
  DATA_END - 8n,
  STACK + 0x800n,
  STACK_END - 8n,
];
const BAD_PLACES = [
  DATA - 4n,
  STACK - 4n,
  0x7ffffffffff8n,
  0x800000000000n,
  1n << 63n,
  -0x800000000004n,
  -0x1000n,
  0xfffffffcn,
];

const SELECTORS = [
  ...[0n, 3n, 0x23n, 0x2bn, 0x33n],
  ...Object.values(LDT_SEGMENTS).map(({ selector }) => selector),
];

/** Near mapped memory for the most part, in the code itself (which then changes), a selector, a count, anything. */
function randomValue(rng: Rng, bits: Bits): bigint {
  const width = bits === 64 ? 64 : 32;
  if (rng.chance(6)) return SELECTORS[rng.below(SELECTORS.length)]!;
  if (rng.chance(6)) return CODE + 0x800n + BigInt(rng.below(40));
  if (rng.chance(6)) return BigInt(rng.below(6));
  const near = (places: readonly bigint[]) => rng.pick(places) + BigInt(rng.below(32) - 8);
  const value = rng.chance(50)
    ? near(PLACES)
    : rng.chance(20)
      ? near(BAD_PLACES)
      : rng.operand(width);
  return BigInt.asUintN(bits === 16 && rng.chance(70) ? 16 : width, value);
}

function chooseSegments(draft: Draft, rng: Rng, bits: 32 | 16): void {
  for (const name of ['ds', 'es', 'fs', 'gs'] as const)
    if (rng.chance(50)) chooseSegment(draft, name, bits, rng);
  const { stack16, stack32, stackDown16, stackDown32, code32, flatCode16 } = LDT_SEGMENTS;
  if (rng.chance(30))
    setSegment(draft, 'ss', rng.pick([stack16, stack32, stackDown16, stackDown32]));
  if (rng.chance(20)) {
    const code = bits === 32 ? code32 : flatCode16;
    draft.set('cs', code.selector);
    draft.set('rip', CODE + 0x800n - code.base);
  }
  if (rng.chance(80)) {
    const { base } = segmentIn(draft, 'ss');
    draft.setGpr(RSP, STACK + BigInt(0x800 + rng.below(0x100) * 4) - base);
  }
  fixStackPointer(draft);
}

/** Something other than zeros where operands are likely to lie. */
function fillMemory(draft: Draft, rng: Rng): void {
  const bytes = () => Array.from({ length: 8 * (1 + rng.below(6)) }, () => rng.below(256));
  for (const at of [DATA + 0x100n, DATA + 0xff0n, DATA_END - 0x30n]) {
    if (rng.chance(50)) draft.storeBytes(at, bytes());
  }
  const { base } = draft.input.bits === 64 ? { base: 0n } : segmentIn(draft, 'ss');
  const stack = base + (base === 0n ? draft.gpr(RSP) : draft.gpr(RSP) & 0xffffn);
  const inStack = stack >= STACK && stack < STACK_END;
  if (inStack && rng.chance(50)) draft.storeBytes(stack, bytes());
}
