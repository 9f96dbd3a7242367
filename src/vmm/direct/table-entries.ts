/** Entries of the guest's tables, in the machine's memory, by HPA. */

import type { MachineMemory } from '../../machine/memory.ts';

export class TableEntries {
  readonly #memory: MachineMemory;
  readonly #view: DataView;

  constructor(memory: MachineMemory) {
    this.#memory = memory;
    this.#view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset, memory.size);
  }

  low(place: number): number {
    return this.#view.getUint32(place, true);
  }

  high(place: number): number {
    return this.#view.getUint32(place + 4, true);
  }

  set(place: number, low: number, high: number): void {
    if (this.low(place) !== low) this.#memory.writeU32(place, low);
    if (this.high(place) !== high) this.#memory.writeU32(place + 4, high);
  }
}
