/** What memory_op needs of the frames of a domain (direct/reservation.ts). */

/** Extents that are wanted: each of `size` frames in a row, a power of 2, below the frame `end`. */
interface Extents {
  readonly count: number;
  readonly size: number;
  readonly end: number;
}

/** Work is done in slices; between `begin` and `end` the guest does not run. */
export interface MemoryReservation {
  /** How many frames the domain has, and may have. */
  readonly current: number;
  readonly maximum: number;
  begin(): void;
  /** Something has been done, and enough for now. */
  readonly isSpent: boolean;
  end(): void;
  /** The first of `size` scrubbed frames in a row, below `end`; undefined: there are none for the domain. */
  take(size: number, end: number): number | undefined;
  /** The guest has the numbers from `pfn` on for `count` frames from `frame` on. */
  setNumbers(frame: number, pfn: bigint, count: number): void;
  /** The domain gives a frame back; false if it is not its. */
  giveBack(frame: number): boolean;
  /** Gives frames for others: the first of each extent, or an error number with nothing changed. */
  exchange(given: readonly number[], extents: Extents): readonly number[] | number;
}
