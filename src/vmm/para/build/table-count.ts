/** How many tables 4-level paging with pages of 4 KiB takes. */

/** Virtual addresses; `end` is behind the last. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** What an L1, an L2 and an L3 table spans. */
const SPAN_SHIFTS = [21n, 30n, 39n] as const;

/** Tables of all levels that map the ranges, which may lie beside one another in some of them. */
export function tableCount(ranges: readonly AddressRange[]): number {
  let count = 1; // the root
  for (const shift of SPAN_SHIFTS) {
    const tables = new Set<bigint>();
    for (const { start, end } of ranges) {
      for (let n = start >> shift; n <= (end - 1n) >> shift; n++) tables.add(n);
    }
    count += tables.size;
  }
  return count;
}
