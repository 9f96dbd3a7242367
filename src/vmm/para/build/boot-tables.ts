/**
 * The page tables that a domain is started on: 4-level, with pages of 4 KiB, written as a guest would write them. The
 * rights are those that Xen's domain builder gives: pages of the kernel, tables below any rights.
 */

import { assert } from '../../../base/assert.ts';
import { PAGE_SHIFT } from '../../frames.ts';

const ENTRIES = 512;
const PTE_P = 0x01n;
const PTE_RW = 0x02n;
const PTE_US = 0x04n;
const PTE_A = 0x20n;
const PTE_D = 0x40n;
const PAGE_RIGHTS = PTE_P | PTE_A;
const TABLE_RIGHTS = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;

/** Shifts of an address that give its index in tables above the last level, root first. */
const LINK_SHIFTS = [39n, 30n, 21n] as const;

export interface BootTable {
  readonly pfn: number;
  /** entries[512]. */
  readonly entries: BigUint64Array;
}

interface Node extends BootTable {
  readonly below: Map<number, Node>;
}

export class BootTables {
  readonly #all: Node[] = [];
  /** Where tables go, root first. */
  readonly #pfns: readonly number[];
  readonly #frameOf: (pfn: number) => number;
  readonly #root: Node;

  /** `frameOf` gives the frame that an entry holds for a pfn. */
  constructor(pfns: readonly number[], frameOf: (pfn: number) => number) {
    this.#pfns = pfns;
    this.#frameOf = frameOf;
    this.#root = this.#add();
  }

  map(va: bigint, pfn: number, isWritable: boolean): void {
    let table = this.#root;
    for (const shift of LINK_SHIFTS) table = this.#below(table, indexOf(va, shift));
    const rights = isWritable ? PAGE_RIGHTS | PTE_RW : PAGE_RIGHTS;
    table.entries[indexOf(va, BigInt(PAGE_SHIFT))] = this.#entry(pfn, rights);
  }

  /** The tables. They are as many as places were given. */
  finish(): readonly BootTable[] {
    assert(this.#all.length === this.#pfns.length, 'boot tables were counted wrongly');
    return this.#all;
  }

  #below(table: Node, index: number): Node {
    const known = table.below.get(index);
    if (known !== undefined) return known;
    const made = this.#add();
    table.below.set(index, made);
    table.entries[index] = this.#entry(made.pfn, TABLE_RIGHTS);
    return made;
  }

  #add(): Node {
    const pfn = this.#pfns[this.#all.length];
    assert(pfn !== undefined, 'boot tables were counted wrongly');
    const node = { pfn, entries: new BigUint64Array(ENTRIES), below: new Map() };
    this.#all.push(node);
    return node;
  }

  #entry(pfn: number, rights: bigint): bigint {
    return (BigInt(this.#frameOf(pfn)) << BigInt(PAGE_SHIFT)) | rights;
  }
}

function indexOf(va: bigint, shift: bigint): number {
  return Number((va >> shift) & BigInt(ENTRIES - 1));
}
