/** Extended page tables that map all memory to itself: RAM by pages of 4 KiB and 2 MiB, the rest by pages of 1 GiB. */

import type { PagingState } from '../../src/machine/ref/paging.ts';
import { EPT_ALL, LEAF } from './ept-tables.ts';
import { Rig } from './rig.ts';

const EPT_PS = 1n << 7n;
const VPID = 7;
const ROOT_ENTRIES = 2;
/** Of RAM, what is mapped by pages of 4 KiB: half of each 4 MiB, so that the guest's large pages find both sizes. */
const isSmall = (region: number): boolean => region % 2 === 0;

/** A rig whose processor is in VMX non-root operation, with the tables behind the RAM that it is asked for. */
export class IdentityRig extends Rig {
  readonly #tables: bigint;

  constructor(ramBytes: number) {
    super(ramBytes + 0x1_0000);
    this.#tables = BigInt(ramBytes);
  }

  override clear(isTlbDisabled: boolean): void {
    super.clear(isTlbDisabled);
    const table = (number: number): bigint => this.#tables + BigInt(number * 0x1000);
    const set = (number: number, index: number, value: bigint): void =>
      this.poke({ hpa: table(number) + BigInt(8 * index), size: 8, value });
    for (let n = 0; n < ROOT_ENTRIES; n++) {
      set(0, n, table(1 + n) | EPT_ALL);
      for (let index = 0; index < 512; index++) {
        set(1 + n, index, (BigInt(512 * n + index) << 30n) | LEAF | EPT_PS);
      }
    }
    set(1, 0, table(3) | EPT_ALL);
    for (let region = 0; region < 8; region++) {
      const base = BigInt(region) << 21n;
      set(3, region, isSmall(region) ? table(4 + region / 2) | EPT_ALL : base | LEAF | EPT_PS);
      if (!isSmall(region)) continue;
      for (let index = 0; index < 512; index++) {
        set(4 + region / 2, index, base | (BigInt(index) << 12n) | LEAF);
      }
    }
  }

  override load(state: PagingState, isLong: boolean): void {
    super.load(state, isLong);
    this.processor.nest(this.#tables | 0x1en, VPID);
  }
}
