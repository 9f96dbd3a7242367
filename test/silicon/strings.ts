/**
 * States for string instructions: repetition counts from 0, both directions, sources and
 * destinations that overlap, run into unmapped memory or lie beyond 4 GiB of address size.
 */

import { DATA, DATA_END } from '../vectors/pages.ts';
import { Draft } from './draft.ts';
import type { Encoded } from './encode.ts';
import { chooseTarget, randomFlags } from './operands.ts';
import type { Rng } from './rng.ts';

const [RAX, RCX, RSI, RDI] = [0, 1, 6, 7] as const;
const DF = 1n << 10n;
const SIZES: Record<string, number> = { b: 1, w: 2, d: 4, q: 8 };

/** Prefixes of one encoding: repetition, address size, segment of the source. */
export function stringPrefixes(rng: Rng): number[] {
  const prefixes: number[] = [];
  if (rng.chance(15)) prefixes.push(rng.pick([0x64, 0x65, 0x2e, 0x36]));
  if (rng.chance(25)) prefixes.push(0x67);
  if (rng.chance(70)) prefixes.push(rng.pick([0xf3, 0xf3, 0xf2]));
  return prefixes;
}

export function stringState(encoded: Encoded, rng: Rng): Draft {
  const { bytes, prefixes, row } = encoded;
  const size = SIZES[row.mnemonic.at(-1)!]!;
  const draft = new Draft(bytes, randomFlags(rng) | (rng.chance(40) ? DF : 0n));
  const repeated = prefixes.includes(0xf3) || prefixes.includes(0xf2);
  const count = repeated ? rng.pick([0, 1, 2, 2, 3, 3, 4, 5, 8]) : rng.below(3);
  const backward = (draft.input.regs.rflags! & DF) !== 0n;
  const source = place(rng, size, count, backward);
  const destination = rng.chance(20)
    ? source + BigInt(rng.below(9) - 4)
    : place(rng, size, count, backward);
  fillStrings(draft, row.mnemonic, source, destination, size, count, backward, rng);

  const a32 = prefixes.includes(0x67);
  const junk = () => (a32 && rng.chance(60) ? rng.bits(32) << 32n : 0n);
  const base = segmentBase(draft, prefixes, rng);
  const mask = a32 ? 0xffffffffn : -1n;
  draft.setGpr(RCX, BigInt(count) | junk());
  draft.setGpr(RSI, ((source - base) & mask) | junk());
  draft.setGpr(RDI, (destination & mask) | junk());
  return draft;
}

function segmentBase(draft: Draft, prefixes: readonly number[], rng: Rng): bigint {
  const segment = prefixes.includes(0x64) ? 'fs' : prefixes.includes(0x65) ? 'gs' : undefined;
  if (!segment) return 0n;
  const base = BigInt(rng.below(0x1000) * 8);
  draft.segmentBase(segment, base);
  return base;
}

/** A start such that a faulting run faults in the middle more often than at once. */
function place(rng: Rng, size: number, count: number, backward: boolean): bigint {
  if (rng.chance(5)) return chooseTarget(rng, size);
  const span = BigInt(size * Math.max(count - 1, 0));
  if (rng.chance(15)) {
    const done = BigInt(size * rng.below(Math.max(count, 1)));
    return backward ? DATA + done : DATA_END - BigInt(size) - done + BigInt(rng.below(2));
  }
  const start = DATA + 0x100n + BigInt(rng.below(0x20) * 8 + (rng.chance(20) ? rng.below(8) : 0));
  return backward ? start + span : start;
}

/** Elements at both places, alike for most of their length where they are compared. */
export function fillStrings(
  draft: Draft,
  mnemonic: string,
  source: bigint,
  destination: bigint,
  size: number,
  count: number,
  backward: boolean,
  rng: Rng,
): void {
  const length = Math.max(count, 1);
  const unit = BigInt(size);
  const low = (start: bigint) => (backward ? start - unit * BigInt(length - 1) : start);
  const element = rng.operand(size * 8);
  draft.setPart(RAX, size * 8, rng.chance(60) ? element : rng.operand(size * 8));
  const values = Array.from({ length }, () => (rng.chance(75) ? element : rng.operand(size * 8)));
  const store = (start: bigint, items: readonly bigint[]) => {
    const image = items.reduceRight((rest, item) => (rest << (unit * 8n)) | item, 0n);
    draft.store(low(start), size * length * 8, image);
  };
  if (/^(movs|cmps|lods|outs)/.test(mnemonic)) store(source, values);
  if (/^(scas|cmps)/.test(mnemonic)) {
    store(
      destination,
      values.map((value) => (rng.chance(80) ? value : rng.operand(size * 8))),
    );
  }
}
