/** Descriptors in their tables (SDM 3A 3.4.5, 3.5, 5.2), and what loading one leaves in the hidden part. */

import type { SegmentName, SegmentState } from '../../../src/machine/cpu-view.ts';
import { ACCESSED, isNull, type State, UNUSABLE } from './state.ts';

export interface Descriptor {
  /** Linear address of its first byte. */
  readonly address: bigint;
  /** The first 8 bytes, and the 8 behind them where it has 16. */
  readonly low: bigint;
  readonly high: bigint;
  readonly type: number;
  readonly isSystem: boolean;
  readonly dpl: number;
  readonly isPresent: boolean;
  /** L, and D or B. */
  readonly isLong: boolean;
  readonly isBig: boolean;
}

/** The descriptor that a selector other than null names; undefined beyond the limit of its table. */
export function readDescriptor(
  state: State,
  selector: number,
  size: 8 | 16 = 8,
): Descriptor | undefined {
  const { ldtr } = state.segments;
  const isLocal = (selector & 4) !== 0;
  if (isLocal && (ldtr.access & UNUSABLE) !== 0) return undefined;
  const { base, limit } = isLocal ? ldtr : state.gdtr;
  const offset = selector & 0xfff8;
  if (offset + size - 1 > limit) return undefined;
  return descriptorAt(state, base + BigInt(offset), size);
}

export function descriptorAt(state: State, address: bigint, size: 8 | 16): Descriptor {
  const low = state.memory.read(address, 8);
  const bit = (n: bigint): boolean => ((low >> n) & 1n) !== 0n;
  return {
    address,
    low,
    high: size === 16 ? state.memory.read(address + 8n, 8) : 0n,
    type: Number((low >> 40n) & 0xfn),
    isSystem: !bit(44n),
    dpl: Number((low >> 45n) & 3n),
    isPresent: bit(47n),
    isLong: bit(53n),
    isBig: bit(54n),
  };
}

export const isCode = (d: Descriptor): boolean => !d.isSystem && (d.type & 8) !== 0;
export const isConforming = (d: Descriptor): boolean => isCode(d) && (d.type & 4) !== 0;
export const isReadable = (d: Descriptor): boolean =>
  !d.isSystem && ((d.type & 8) === 0 || (d.type & 2) !== 0);
export const isWritable = (d: Descriptor): boolean =>
  !d.isSystem && (d.type & 8) === 0 && (d.type & 2) !== 0;

/** In IA-32e mode a system descriptor has 16 bytes, of which bits 12:8 of the last four must be 0. */
export const hasZeroUpperType = (d: Descriptor): boolean => ((d.high >> 40n) & 0x1fn) === 0n;

/** Last byte of the segment. */
export function limitOf({ low }: Descriptor): number {
  const units = Number((low & 0xffffn) | ((low >> 32n) & 0xf0000n));
  return (low >> 55n) & 1n ? units * 4096 + 4095 : units;
}

export function baseOf({ low, high }: Descriptor): bigint {
  return ((low >> 16n) & 0xff_ffffn) | ((low >> 56n) << 24n) | ((high & 0xffff_ffffn) << 32n);
}

/** The register that `selector` makes of its descriptor. */
export function segmentOf(d: Descriptor, selector: number): SegmentState {
  const access = Number((d.low >> 40n) & 0xf0ffn);
  return { selector, base: baseOf(d), limit: limitOf(d), access };
}

/** Loads a code, data or stack segment: the descriptor is marked accessed. */
export function loadSegment(
  state: State,
  name: SegmentName,
  d: Descriptor,
  selector: number,
): void {
  const place = d.address + 5n;
  state.memory.write(place, 1, state.memory.read(place, 1) | BigInt(ACCESSED));
  const segment = segmentOf(d, selector);
  state.segments[name] = { ...segment, access: segment.access | ACCESSED };
}

/** A null selector leaves a register that cannot be used. */
export function loadNull(state: State, name: SegmentName, selector: number): void {
  state.segments[name] = { selector, base: 0n, limit: 0, access: UNUSABLE };
}

/** The descriptor for a load that a limit does not stop: LAR, LSL, VERR and VERW. */
export function visibleDescriptor(state: State, selector: number): Descriptor | undefined {
  return isNull(selector) ? undefined : readDescriptor(state, selector);
}
