/** Exceptions (SDM 3A table 6-1), and the error code of page faults (4.7). */

/** Vectors that the host looks for. */
export const DB = 1;
export const UD = 6;
export const SS = 12;
export const GP = 13;
export const PF = 14;

/** Bits of the error code of a page fault. */
export const PF_P = 1 << 0; // the page was present
export const PF_WR = 1 << 1; // a write
export const PF_US = 1 << 2; // at CPL 3
export const PF_RSVD = 1 << 3; // a reserved bit was set
export const PF_ID = 1 << 4; // an instruction fetch
export const PF_PK = 1 << 5; // a protection key forbade it

/** Names of the vectors as the SDM writes them. */
export const EVENT_NAMES: Readonly<Record<number, string>> = {
  0: '#DE',
  1: '#DB',
  2: 'NMI',
  3: '#BP',
  4: '#OF',
  5: '#BR',
  6: '#UD',
  7: '#NM',
  8: '#DF',
  10: '#TS',
  11: '#NP',
  12: '#SS',
  13: '#GP',
  14: '#PF',
  16: '#MF',
  17: '#AC',
  18: '#MC',
  19: '#XM',
};
