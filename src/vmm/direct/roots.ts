/** The roots of the address spaces of kernel and user code: L4 tables in use. */

import { PAGE_SIZE } from '../frames.ts';
import type { DescriptorTables } from './descriptor-tables.ts';
import type { Domain } from './domain.ts';
import { TYPE_L4 } from './frame-table.ts';
import type { PageTypes } from './page-types.ts';
import { ENTRY_BYTES, FIRST_XEN_SLOT } from './pte.ts';
import { RESTART } from './slice.ts';

export class Roots {
  readonly #domain: Domain;
  readonly #types: PageTypes;
  readonly #descriptors: DescriptorTables;
  readonly #changed: () => void;

  /** `changed`: the processor needs another root. */
  constructor(
    domain: Domain,
    types: PageTypes,
    descriptors: DescriptorTables,
    changed: () => void,
  ) {
    this.#domain = domain;
    this.#types = types;
    this.#descriptors = descriptors;
    this.#changed = changed;
  }

  /** The old table is done with. With RESTART, which can come after the change, the call is to be made again. */
  setKernel(frame: number): number {
    const domain = this.#domain;
    const before = domain.kernelRoot;
    if (frame !== before) {
      const result = this.#types.use(frame, TYPE_L4);
      if (result !== 0) return result;
      if (!domain.isM2pStrict) this.#setMachineToPhys(frame, domain.xenSlots[0] ?? 0n);
      domain.kernelRoot = frame;
      this.#descriptors.dropLdt();
    }
    domain.flush.all();
    this.#changed();
    return frame === before ? 0 : this.#drop(before);
  }

  /** The same for user code; 0: it has none. */
  setUser(frame: number): number {
    const domain = this.#domain;
    const before = domain.userRoot;
    if (frame === before) return 0;
    if (frame !== 0) {
      const result = this.#types.use(frame, TYPE_L4);
      if (result !== 0) return result;
      if (domain.isM2pStrict) this.#setMachineToPhys(frame, 0n);
    }
    domain.userRoot = frame;
    domain.flush.all();
    this.#changed();
    return this.#drop(before);
  }

  #drop(frame: number): number {
    return frame === 0 || this.#types.drop(frame) !== RESTART ? 0 : RESTART;
  }

  #setMachineToPhys(frame: number, entry: bigint): void {
    const low = Number(BigInt.asUintN(32, entry));
    const place = frame * PAGE_SIZE + FIRST_XEN_SLOT * ENTRY_BYTES;
    this.#domain.entries.set(place, low, Number(entry >> 32n));
  }
}
