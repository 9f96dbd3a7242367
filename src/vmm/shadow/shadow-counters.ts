/** What a shadow counts. */

export interface ShadowCounters {
  /** Page faults that only the shadow had made, and those that are the guest's own. */
  hiddenFaults: number;
  trueFaults: number;
  /** Pages mapped by the eager fill. */
  eagerFills: number;
  /** Writes to tables of the guest that were emulated. */
  tableWrites: number;
  /** Invalidations by the guest. */
  flushes: number;
  /** Tables that went out of sync, and came back. */
  unsynced: number;
  resynced: number;
  /** Tables that were written to so often that they cannot be tables any more. */
  flooded: number;
  /** Shadow pages that had to make room. */
  reclaimed: number;
}

export function newCounters(): ShadowCounters {
  return {
    hiddenFaults: 0,
    trueFaults: 0,
    eagerFills: 0,
    tableWrites: 0,
    flushes: 0,
    unsynced: 0,
    resynced: 0,
    flooded: 0,
    reclaimed: 0,
  };
}
