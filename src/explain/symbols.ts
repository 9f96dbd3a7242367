/** Names for addresses: the nearest symbol at or below one. */

import { hex } from './hex.ts';

/** Gives `name` or `name+0x12` for an address that lies in a known image, else undefined. */
export type Symbolizer = (address: bigint) => string | undefined;

/** How far from a symbol an address may be and still be called after it. */
const REACH = 0x10000n;

/** Builds a symbolizer from the names of addresses. */
export function symbolizer(
  symbols: Iterable<readonly [name: string, address: bigint]>,
): Symbolizer {
  const sorted = [...symbols].sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
  return (address) => {
    const after = sorted.findIndex(([, start]) => start > address);
    const found = after < 0 ? sorted.at(-1) : sorted[after - 1];
    if (found === undefined) return undefined;
    const [name, start] = found;
    const offset = address - start;
    if (offset < 0n || offset >= REACH) return undefined;
    return offset === 0n ? name : `${name}+${hex(offset)}`;
  };
}
