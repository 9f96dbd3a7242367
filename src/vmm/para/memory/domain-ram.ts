/**
 * The memory of a domain by pseudo-physical address, for who looks at it from outside. A domain can give frames back:
 * where it has none, zeros are read, and what is written is lost.
 */

import type { MachineMemory, PhysicalMemory } from '../../../machine/memory.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';

export class DomainRam implements PhysicalMemory {
  readonly size: number;
  readonly #machine: MachineMemory;
  readonly #frameOf: (pfn: number) => number | undefined;
  readonly #zero = new Uint8Array(PAGE_SIZE);

  /** `frameOf` gives the machine's frame of a pfn below `frames`, if the domain has it. */
  constructor(
    machine: MachineMemory,
    frames: number,
    frameOf: (pfn: number) => number | undefined,
  ) {
    this.size = frames * PAGE_SIZE;
    this.#machine = machine;
    this.#frameOf = frameOf;
  }

  write(address: number, data: Uint8Array): void {
    this.#pieces(address, data.length, (hpa, at, count) => {
      if (hpa !== undefined) this.#machine.write(hpa, data.subarray(at, at + count));
    });
  }

  fill(address: number, length: number, value: number): void {
    this.#pieces(address, length, (hpa, _, count) => {
      if (hpa !== undefined) this.#machine.fill(hpa, count, value);
    });
  }

  writeU64(address: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.write(address, bytes);
  }

  readU64(address: number): bigint {
    return new DataView(this.read(address, 8).buffer).getBigUint64(0, true);
  }

  read(address: number, length: number): Uint8Array {
    const data = new Uint8Array(length);
    this.#pieces(address, length, (hpa, at, count) => {
      if (hpa !== undefined) data.set(this.#machine.bytes.subarray(hpa, hpa + count), at);
    });
    return data;
  }

  page(address: number): Uint8Array {
    const frame = this.#frameOf(address >>> PAGE_SHIFT);
    return frame === undefined ? this.#zero : this.#machine.page(frame * PAGE_SIZE);
  }

  written(): number[] {
    const written = new Set(this.#machine.written());
    const pages = Array.from({ length: this.size / PAGE_SIZE }, (_, pfn) => pfn * PAGE_SIZE);
    return pages.filter((at) => {
      const frame = this.#frameOf(at >>> PAGE_SHIFT);
      return frame !== undefined && written.has(frame * PAGE_SIZE);
    });
  }

  forgetWritten(): void {
    const pfns = Array.from({ length: this.size / PAGE_SIZE }, (_, pfn) => this.#frameOf(pfn));
    this.#machine.dirty.restart(pfns.filter((frame) => frame !== undefined));
  }

  #pieces(
    address: number,
    length: number,
    each: (hpa: number | undefined, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < length; ) {
      const offset = (address + at) % PAGE_SIZE;
      const count = Math.min(length - at, PAGE_SIZE - offset);
      const frame = this.#frameOf(Math.floor((address + at) / PAGE_SIZE));
      each(frame === undefined ? undefined : frame * PAGE_SIZE + offset, at, count);
      at += count;
    }
  }
}
