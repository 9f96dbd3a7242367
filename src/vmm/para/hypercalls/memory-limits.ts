/** What memory_op takes: its first argument, and extents that a domain without privileges may ask for. */

import { PAGE_SHIFT } from '../../frames.ts';

/** The first argument: an operation, and above it how many extents are done already. */
export const MEMOP_EXTENT_SHIFT = 6n;

/** The largest extent: 2 MiB. */
export const MAX_ORDER = 9;

const ADDRESS_BITS_MASK = 0xff;
/** More than any machine has. */
const MAX_ADDRESS_BITS = 52;

/** `mem_flags` leave some addresses: they say how many bits these may have, 0: any number. */
export function hasAddresses(flags: number): boolean {
  const bits = flags & ADDRESS_BITS_MASK;
  return bits === 0 || bits > PAGE_SHIFT;
}

/** The frame below which `mem_flags` want frames. */
export function frameLimit(flags: number): number {
  const bits = flags & ADDRESS_BITS_MASK;
  return 2 ** (Math.max(bits === 0 ? MAX_ADDRESS_BITS : bits, PAGE_SHIFT) - PAGE_SHIFT);
}
