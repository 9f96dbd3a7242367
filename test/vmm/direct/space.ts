/** A guest with an address space: one table of each level, and pages. */

import { A, entry, type Frame, Guest, L4, type Machine, NEW_BASEPTR, P, RW, US } from './rig.ts';

const TABLE = P | RW | US | A;

export class Space extends Guest {
  readonly l4: Frame;
  readonly l3: Frame;
  readonly l2: Frame;
  readonly l1: Frame;
  /** Frames that are no tables. */
  readonly free: readonly Frame[];

  constructor(machine: Machine, number: number, frames = 24, sliceEntries?: number) {
    super(machine, number, frames, sliceEntries);
    const [l4 = 0, l3 = 0, l2 = 0, l1 = 0, ...free] = this.owned;
    this.l4 = l4;
    this.l3 = l3;
    this.l2 = l2;
    this.l1 = l1;
    this.free = free;
    this.poke(l4, 0, entry(l3, TABLE));
    this.poke(l3, 0, entry(l2, TABLE));
    this.poke(l2, 0, entry(l1, TABLE));
  }

  page(n: number): Frame {
    return this.free[n] ?? 0;
  }

  /** Maps pages 0 to 3 read-write at 0, 4 and 5 read-only, the L1 table read-only, before it is a table. */
  fill(): this {
    for (let n = 0; n < 4; n++) this.poke(this.l1, n, entry(this.page(n), P | RW | US));
    for (let n = 4; n < 6; n++) this.poke(this.l1, n, entry(this.page(n), P));
    this.poke(this.l1, 6, entry(this.l1, P));
    return this;
  }

  /** Pins it and makes it the kernel's. */
  start(): this {
    for (const command of [L4, NEW_BASEPTR]) {
      const result = this.ext(command, this.l4);
      if (result !== 0) throw new Error(`the address space is refused: ${result}`);
    }
    return this;
  }
}
