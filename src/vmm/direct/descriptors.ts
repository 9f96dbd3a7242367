/**
 * Segment descriptors that a 64-bit guest may have in its GDT and LDT. Its kernel runs at CPL 3 as user code does, so a
 * DPL below 3 is raised. There are no TSS and no LDT, and a call gate is made such that it traps.
 */

import { ERRNO } from '../../xen/errno.ts';
import { FIRST_RESERVED_GDT_ENTRY, FLAT } from '../../xen/segments.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { Domain } from './domain.ts';
import { ENTRIES, ENTRY_BYTES } from './pte.ts';

const SELECTOR_TI = 1 << 2;

/** In the upper half of a descriptor. */
const HIGH_TYPE = 0xf << 8;
const HIGH_S = 1 << 12;
const HIGH_DPL = 3 << 13;
const HIGH_P = 1 << 15;
const CALL_GATE = 0xc << 8;
/** Of a call gate: bits that are 0. */
const GATE_RESERVED = 0xff;

export interface Descriptor {
  readonly low: number;
  readonly high: number;
}

/** The descriptor as it goes into a table; undefined if it may not. */
export function checkedDescriptor({ low, high }: Descriptor): Descriptor | undefined {
  if ((high & HIGH_P) === 0) return { low, high };
  if ((high & HIGH_S) !== 0) return { low, high: (high | HIGH_DPL) >>> 0 };
  const type = high & HIGH_TYPE;
  // The second half of a call gate.
  if (type === 0) return { low, high };
  const selector = low >>> 16;
  if (type !== CALL_GATE || (high & GATE_RESERVED) !== 0 || !isGateTarget(selector)) {
    return undefined;
  }
  // With DPL 0 its use faults; the RPL of the selector keeps what the DPL is then: 3.
  return { low: (low | (3 << 16)) >>> 0, high: (high & ~HIGH_DPL) >>> 0 };
}

function isGateTarget(selector: number): boolean {
  const isGuests = selector >>> 3 < FIRST_RESERVED_GDT_ENTRY || (selector & SELECTOR_TI) !== 0;
  return isGuests || selector === FLAT.KERNEL_CS;
}

/** Checks all descriptors in `frame`, and puts them right. */
export function validateDescriptors({ entries, slice }: Domain, frame: number): number {
  slice.spend(ENTRIES);
  for (let n = 0; n < ENTRIES; n++) {
    const place = frame * PAGE_SIZE + n * ENTRY_BYTES;
    const checked = checkedDescriptor({ low: entries.low(place), high: entries.high(place) });
    if (checked === undefined) return -ERRNO.EINVAL;
    entries.set(place, checked.low, checked.high);
  }
  return 0;
}
