/** The guest's memory by virtual address, page by page: how a page is found is up to who translates. */

import type { MachineMemory, PhysicalMemory } from '../../../machine/memory.ts';
import { PAGE_SIZE } from '../../frames.ts';
import type { InspectedSpace } from '../exits/inspection.ts';
import type { GuestSpace } from './guest-space.ts';

const NO_PAGES: readonly number[] = [];

export abstract class PagedSpace implements GuestSpace, InspectedSpace {
  readonly #machine: MachineMemory;
  readonly #memory: PhysicalMemory;
  readonly #word = new DataView(new ArrayBuffer(4));

  /** `memory` by the addresses that `find` gives, which are written to there. */
  constructor(machine: MachineMemory, memory: PhysicalMemory) {
    this.#machine = machine;
    this.#memory = memory;
  }

  /** The address of what the kernel reads or writes at `va`; undefined if that faults. */
  protected abstract find(va: bigint, isWrite: boolean): number | undefined;

  abstract translate(va: bigint, isWrite: boolean): number | undefined;
  abstract inspect(va: bigint): number | undefined;

  read(va: bigint, data: DataView): boolean {
    const length = data.byteLength;
    for (let at = 0; at < length; ) {
      const hpa = this.translate(at === 0 ? va : va + BigInt(at), false);
      if (hpa === undefined) return false;
      const count = Math.min(length - at, leftOfPage(hpa));
      this.#machine.copyTo(hpa, data, at, count);
      at += count;
    }
    return true;
  }

  /** All pages are looked at before anything is written. */
  write(va: bigint, data: DataView): boolean {
    const first = this.find(va, true);
    if (first === undefined) return false;
    const from = bytesOf(data);
    const room = leftOfPage(first);
    const rest = from.length > room ? this.#pages(va + BigInt(room), from.length - room) : NO_PAGES;
    if (rest === undefined) return false;
    this.#memory.write(first, rest === NO_PAGES ? from : from.subarray(0, room));
    rest.forEach((address, n) => {
      const at = room + n * PAGE_SIZE;
      this.#memory.write(address, from.subarray(at, at + PAGE_SIZE));
    });
    return true;
  }

  /** Addresses of the pages from `va` on that `length` bytes are written to; undefined if one faults. */
  #pages(va: bigint, length: number): readonly number[] | undefined {
    const found: number[] = [];
    for (let at = 0; at < length; at += PAGE_SIZE) {
      const address = this.find(va + BigInt(at), true);
      if (address === undefined) return undefined;
      found.push(address);
    }
    return found;
  }

  writeU32(va: bigint, value: number): boolean {
    this.#word.setUint32(0, value, true);
    return this.write(va, this.#word);
  }
}

/** Bytes from the address to the end of its page. */
const leftOfPage = (address: number): number => PAGE_SIZE - (address % PAGE_SIZE);

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
