/**
 * Segments of cases outside 64-bit mode: which descriptor a segment register holds, and where in its
 * segment an operand lies: mostly inside, at times at or beyond the limit, or where no page is mapped.
 */

import { LAUNCH } from '../vectors/format.ts';
import { LDT_SEGMENTS, type Segment, type SegmentName } from '../vectors/ldt.ts';
import { CODE, DATA, DATA_END, STACK } from '../vectors/pages.ts';
import type { Draft } from './draft.ts';
import type { Rng } from './rng.ts';

export type DataRegister = 'ds' | 'es' | 'fs' | 'gs' | 'ss' | 'cs';

export const FLAT: Segment = {
  selector: 0x2bn,
  base: 0n,
  limit: 0xffffffffn,
  kind: 'data',
  big: true,
  present: true,
};
const FLAT_CODE: Segment = { ...FLAT, selector: 0x23n, kind: 'code' };
const NULL: Segment = { ...FLAT, selector: 0n };

/** What selectors of a case can mean. */
const KNOWN: readonly Segment[] = [FLAT, FLAT_CODE, NULL, ...Object.values(LDT_SEGMENTS)];

/** The segment behind a register of the case. */
export function segmentIn(draft: Draft, register: DataRegister): Segment {
  const selector = draft.input.regs[register];
  return KNOWN.find((segment) => segment.selector === selector) ?? FLAT;
}

/** Puts a segment into a register; FS and GS have a base that is reported, too. */
export function setSegment(draft: Draft, register: DataRegister, segment: Segment): void {
  draft.set(register, segment.selector);
  if (register === 'fs' || register === 'gs') draft.set(`${register}_base`, segment.base);
}

/** A 16-bit stack keeps the upper bits of the stack pointer that the harness launched from. */
export function fixStackPointer(draft: Draft): void {
  if (draft.input.bits === 64 || segmentIn(draft, 'ss').big) return;
  draft.setGpr(4, LAUNCH + BigInt.asUintN(16, draft.gpr(4)));
}

const WIDE: readonly (readonly [number, SegmentName | 'flat' | 'null'])[] = [
  [50, 'flat'],
  [16, 'data'],
  [10, 'short'],
  [8, 'down32'],
  [5, 'down16'],
  [4, 'readOnly'],
  [3, 'readableCode'],
  [2, 'stack16'],
  [2, 'null'],
];
const NARROW: typeof WIDE = [
  [45, 'data'],
  [16, 'short'],
  [10, 'down16'],
  [8, 'down32'],
  [5, 'readOnly'],
  [5, 'readableCode'],
  [5, 'stack32'],
  [3, 'flat'],
  [3, 'null'],
];

/** Chooses what a data segment register holds; those of code and stack stay as the case has them. */
export function chooseSegment(
  draft: Draft,
  register: DataRegister,
  addressBits: 32 | 16,
  rng: Rng,
): Segment {
  if (register === 'cs' || register === 'ss') return segmentIn(draft, register);
  const segment = byWeight(addressBits === 32 ? WIDE : NARROW, rng);
  setSegment(draft, register, segment);
  return segment;
}

function byWeight(choices: typeof WIDE, rng: Rng): Segment {
  let rest = rng.below(100);
  for (const [weight, name] of choices) {
    rest -= weight;
    if (rest < 0) return name === 'flat' ? FLAT : name === 'null' ? NULL : LDT_SEGMENTS[name];
  }
  return FLAT;
}

/** Linear address for an operand of `bytes` bytes in `segment`. */
export function targetIn(segment: Segment, bytes: number, rng: Rng): bigint {
  const { base, kind } = segment;
  if (rng.chance(12)) return oddTarget(segment, bytes, rng);
  if (segment === FLAT || segment === FLAT_CODE || segment === NULL) return inData(rng, 0x40);
  if (base === CODE) return CODE + 0x100n + BigInt(rng.below(0x80) * 4);
  if (base === STACK)
    return STACK + BigInt(kind === 'down' ? 0x808 : 0x408) + BigInt(rng.below(0x80) * 4);
  return inData(rng, kind === 'down' ? 0x800 : 0x40);
}

function inData(rng: Rng, from: number): bigint {
  const aligned = DATA + BigInt(from + rng.below(0x20) * 16);
  return rng.chance(70) ? aligned : aligned + BigInt(rng.below(16));
}

/** At the limit, partly or wholly beyond it, or in a page that is not mapped. */
function oddTarget({ base, limit, kind, big }: Segment, bytes: number, rng: Rng): bigint {
  const size = BigInt(bytes);
  const overlap = BigInt(rng.below(bytes + 1));
  if (limit === 0xffffffffn) {
    const choices = [DATA_END - overlap, DATA_END + 0x10n, 0n, 0x60000000n, 0xfffffff0n];
    return base + rng.pick([...choices, 0x100000000n - size, 0x100000001n - size]);
  }
  const edge = base + limit + 1n;
  if (kind !== 'down')
    return rng.pick([edge - size, edge - overlap, edge, base + 0xffffn, base - 1n]);
  const top = base + (big ? 0xffffffffn : 0xffffn);
  return rng.pick([
    edge,
    edge - overlap,
    edge - size,
    base,
    DATA_END - overlap,
    top - overlap + 1n,
  ]);
}
