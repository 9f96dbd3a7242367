/** The memory of a domain as its builder fills it: by pseudo-physical address, in frames of the machine. */

import { PAGE_SIZE } from '../../frames.ts';

/** What is needed of the machine's memory; addresses are HPA. */
export interface MachineFrames {
  write(hpa: number, data: Uint8Array): void;
  fill(hpa: number, length: number, value: number): void;
}

export class DomainMemory {
  readonly #machine: MachineFrames;
  readonly #frames: readonly number[];

  /** `frames` are those of the machine by pfn. */
  constructor(machine: MachineFrames, frames: readonly number[]) {
    this.#machine = machine;
    this.#frames = frames;
  }

  clear({ pfn, pages }: { readonly pfn: number; readonly pages: number }): void {
    for (let n = 0; n < pages; n++) this.#machine.fill(this.#hpa(pfn + n), PAGE_SIZE, 0);
  }

  write(address: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const offset = (address + at) % PAGE_SIZE;
      const count = Math.min(data.length - at, PAGE_SIZE - offset);
      const hpa = this.#hpa(Math.floor((address + at) / PAGE_SIZE)) + offset;
      this.#machine.write(hpa, data.subarray(at, at + count));
      at += count;
    }
  }

  writePage(pfn: number, data: Uint8Array): void {
    this.write(pfn * PAGE_SIZE, data);
  }

  #hpa(pfn: number): number {
    return (this.#frames[pfn] ?? Number.NaN) * PAGE_SIZE;
  }
}
