/**
 * Shapes of the page tables of `exec` (SDM 3A 4.3 32-Bit Paging, 4.4 PAE Paging, 4.5 4-Level Paging):
 * those of a request are made in the shape that its control registers ask for. Pages are named by
 * their number, GVA >> 12: a number, since bigints are slow.
 */

export const PTE_P = 1;
export const PTE_RW = 2;
export const PTE_US = 4;
export const PTE_AD = 0x60;

const CR4_PAE = 0x20n;
const EFER_LMA = 0x400n;

export class PagingFormat {
  /** Long mode is active with it. */
  readonly isLong: boolean;
  readonly entryBytes: 4 | 8;
  /** Pages that one entry spans, from the root down to the last level, where it is 1. */
  readonly spans: readonly number[];
  /** HPA of the tables that lead to the system structures, root first. */
  readonly tables: readonly number[];
  /** GVA of the system structures. */
  readonly systemBase: bigint;

  constructor(
    isLong: boolean,
    entryBytes: 4 | 8,
    spans: readonly number[],
    tables: readonly number[],
    systemBase: bigint,
  ) {
    this.isLong = isLong;
    this.entryBytes = entryBytes;
    this.spans = spans;
    this.tables = tables;
    this.systemBase = systemBase;
  }

  /** HPA of the root. */
  get root(): number {
    return this.tables[0] ?? 0;
  }

  /** Byte offset of the entry for page `number` in its table at `level`, 0 for the root. */
  slot(number: number, level: number): number {
    const entries = 4096 / this.entryBytes;
    return (Math.floor(number / (this.spans[level] ?? 1)) % entries) * this.entryBytes;
  }

  /** Flags of an entry at `level` that leads to a table; a PDPTE of PAE paging has none but P. */
  tableFlags(level: number, rights: number): number {
    const isPdpte = !this.isLong && this.entryBytes === 8 && level === 0;
    return isPdpte ? PTE_P : PTE_P | PTE_AD | rights;
  }
}

const HIGH = 0xffff_ff00_0000_0000n;
const TOP = 0xffff_0000n;

/** 4-level, PAE, 32-bit. */
export const PAGING_FORMATS = [
  new PagingFormat(true, 8, [2 ** 27, 2 ** 18, 2 ** 9, 1], [0x1000, 0x2000, 0x3000, 0x4000], HIGH),
  new PagingFormat(false, 8, [2 ** 18, 2 ** 9, 1], [0x5000, 0x6000, 0x7000], TOP),
  new PagingFormat(false, 4, [2 ** 10, 1], [0x8000, 0x9000], TOP),
] as const;

/** The format that these control registers ask for. */
export function pagingFormat(cr4: bigint, efer: bigint): PagingFormat {
  const [long, pae, legacy] = PAGING_FORMATS;
  if (efer & EFER_LMA) return long;
  return cr4 & CR4_PAE ? pae : legacy;
}
