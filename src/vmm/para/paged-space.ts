/** The guest's memory by virtual address, page by page: how a page is found is up to who translates. */

import type { PhysicalMemory } from '../../machine/memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { GuestSpace } from './guest-space.ts';

export abstract class PagedSpace implements GuestSpace {
  readonly #memory: PhysicalMemory;
  readonly #word = new DataView(new ArrayBuffer(4));

  /** `memory` by the addresses that `find` gives. */
  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  /** The address of what the kernel reads or writes at `va`; undefined if that faults. */
  protected abstract find(va: bigint, isWrite: boolean): number | undefined;

  abstract translate(va: bigint, isWrite: boolean): number | undefined;

  read(va: bigint, data: DataView): boolean {
    const to = bytesOf(data);
    return this.#pieces(va, to.length, false, (address, at, count) => {
      const offset = address % PAGE_SIZE;
      const page = this.#memory.page(address - offset);
      to.set(page.subarray(offset, offset + count), at);
    });
  }

  /** All pages are looked at before anything is written. */
  write(va: bigint, data: DataView): boolean {
    const from = bytesOf(data);
    const isLong = Number(va & 0xfffn) + from.length > PAGE_SIZE;
    if (isLong && !this.#pieces(va, from.length, true, () => {})) return false;
    return this.#pieces(va, from.length, true, (address, at, count) => {
      this.#memory.write(address, from.subarray(at, at + count));
    });
  }

  writeU32(va: bigint, value: number): boolean {
    this.#word.setUint32(0, value, true);
    return this.write(va, this.#word);
  }

  /** Calls `each` for what lies in one page, in order; false at the first that faults. */
  #pieces(
    va: bigint,
    length: number,
    isWrite: boolean,
    each: (address: number, at: number, count: number) => void,
  ): boolean {
    for (let at = 0; at < length; ) {
      const address = this.find(va + BigInt(at), isWrite);
      if (address === undefined) return false;
      const count = Math.min(length - at, PAGE_SIZE - (address % PAGE_SIZE));
      each(address, at, count);
      at += count;
    }
    return true;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
