/** What direct paging counts. */

export interface DirectCounters {
  /** Calls, and entries of their lists that were done; continuations are not calls. */
  mmuUpdates: number;
  mmuUpdateEntries: number;
  mmuextOps: number;
  mmuextOpEntries: number;
  vaMappings: number;
  /** Writes of the guest's to its tables. */
  tableWrites: number;
  /** Slices after which a call had to go on later. */
  continuations: number;
  /** Frames that became, and ceased to be, tables or descriptors; entries looked at for it. */
  validations: number;
  devalidations: number;
  entriesChecked: number;
  /** Validations that found a bad entry. */
  refusals: number;
  /** Flushes of everything, because a type changed or the guest wanted it, and of pages. */
  flushes: number;
  pageFlushes: number;
}

export function newDirectCounters(): DirectCounters {
  return {
    mmuUpdates: 0,
    mmuUpdateEntries: 0,
    mmuextOps: 0,
    mmuextOpEntries: 0,
    vaMappings: 0,
    tableWrites: 0,
    continuations: 0,
    validations: 0,
    devalidations: 0,
    entriesChecked: 0,
    refusals: 0,
    flushes: 0,
    pageFlushes: 0,
  };
}
