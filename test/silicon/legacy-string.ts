/**
 * States for string instructions outside 64-bit mode: source and destination in segments of all kinds,
 * counts and directions such that a run meets the limit, the end of the mapped pages, or neither.
 */

import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { CODE, DATA, DATA_END } from '../vectors/pages.ts';
import { Draft } from './draft.ts';
import type { Encoded } from './encode.ts';
import { chooseSegment, type DataRegister, segmentIn, targetIn } from './legacy-segment.ts';
import { addressBits, randomFlags } from './operands.ts';
import type { Rng } from './rng.ts';
import { fillStrings } from './strings.ts';

const [RCX, RSI, RDI] = [1, 6, 7] as const;
const DF = 1n << 10n;
const SIZES: Record<string, number> = { b: 1, w: 2, d: 4 };
const OVERRIDES: Readonly<Record<number, DataRegister>> = {
  38: 'es',
  46: 'cs',
  54: 'ss',
  100: 'fs',
  101: 'gs',
};

/** Prefixes of one encoding: repetition, address size, segment of the source. */
export function legacyStringPrefixes(rng: Rng): number[] {
  const prefixes: number[] = [];
  if (rng.chance(20)) prefixes.push(rng.pick([0x64, 0x65, 0x2e, 0x36, 0x26]));
  if (rng.chance(25)) prefixes.push(0x67);
  if (rng.chance(70)) prefixes.push(rng.pick([0xf3, 0xf3, 0xf2]));
  return prefixes;
}

export function legacyStringState(encoded: Encoded, rng: Rng): Draft {
  const { bytes, prefixes, row, bits } = encoded;
  const size = SIZES[row.mnemonic.at(-1)!]!;
  const draft = new Draft(bytes, randomFlags(rng) | (rng.chance(40) ? DF : 0n), bits);
  const repeated = prefixes.includes(0xf3) || prefixes.includes(0xf2);
  const count = repeated ? rng.pick([0, 1, 2, 2, 3, 3, 4, 5, 8]) : rng.below(3);
  const backward = (draft.input.regs.rflags! & DF) !== 0n;
  const width = addressBits(encoded);
  const override = prefixes.map((prefix) => OVERRIDES[prefix]).find((name) => name !== undefined);
  const source = place(draft, override ?? 'ds', width, size, count, backward, rng);
  const overlapping = rng.chance(20) && segmentIn(draft, 'ds') === segmentIn(draft, 'es');
  const destination = overlapping
    ? source + BigInt(rng.below(9) - 4)
    : place(draft, 'es', width, size, count, backward, rng);
  fillStrings(draft, row.mnemonic, source, destination, size, count, backward, rng);
  const upper = (register: number): bigint => draft.gpr(register) & ~((1n << BigInt(width)) - 1n);
  const set = (register: number, value: bigint): void =>
    draft.setGpr(register, upper(register) | BigInt.asUintN(width, value));
  set(RCX, BigInt(count));
  set(RSI, source - segmentIn(draft, override ?? 'ds').base);
  set(RDI, destination - segmentIn(draft, 'es').base);
  return draft;
}

/** A start such that a faulting run faults in the middle more often than at once. */
function place(
  draft: Draft,
  register: DataRegister,
  width: 32 | 16,
  size: number,
  count: number,
  backward: boolean,
  rng: Rng,
): bigint {
  const segment =
    register === 'es' && draft.input.regs.es !== draft.input.regs.ds && rng.chance(30)
      ? segmentIn(draft, 'es')
      : chooseSegment(draft, register, width, rng);
  if (segment.base === CODE) return CODE + 0x200n + BigInt(rng.below(0x20) * 8);
  if (rng.chance(8)) return targetIn(segment, size, rng);
  const span = BigInt(size * Math.max(count - 1, 0));
  const done = BigInt(size * rng.below(Math.max(count, 1)));
  const isShort = segment === LDT_SEGMENTS.short;
  const end = isShort ? DATA + segment.limit + 1n : DATA_END;
  const first = segment.kind === 'down' ? DATA + segment.limit + 1n : DATA;
  if (rng.chance(20))
    return backward ? first + done : end - BigInt(size) - done + BigInt(rng.below(2));
  const start =
    (segment.kind === 'down' ? DATA + 0x900n : DATA + 0x100n) + BigInt(rng.below(0x20) * 8);
  return backward ? start + span : start;
}
