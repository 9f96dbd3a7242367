/**
 * Machine RAM as everybody but the interpreter sees it, by HPA. All writes come through here: they drop
 * decoded code and mark frames dirty. Out-of-range accesses are errors of the caller and assert.
 */

import { assert } from '../base/assert.ts';
import type { DirtyFrames } from './dirty-frames.ts';

export const PAGE_BYTES = 4096;

/** The memory that a guest takes for physical: RAM of the machine, or of a VM (addresses are GPA then). */
export interface PhysicalMemory {
  /** Bytes of RAM. */
  readonly size: number;
  write(address: number, data: Uint8Array): void;
  /** Writes `length` bytes of `value`. */
  fill(address: number, length: number, value: number): void;
  writeU64(address: number, value: bigint): void;
  readU64(address: number): bigint;
  /** A copy of `length` bytes. */
  read(address: number, length: number): Uint8Array;
  /** The bytes of the page at `address`, for reading only. */
  page(address: number): Uint8Array;
  /** Addresses of the frames that were, or may have been, written since `forgetWritten`, in ascending order. */
  written(): number[];
  forgetWritten(): void;
}

export class MachineMemory implements PhysicalMemory {
  /** bytes[ramBytes]: all RAM, for reading only. */
  readonly bytes: Uint8Array;
  readonly dirty: DirtyFrames;
  readonly #view: DataView;
  readonly #changed: (hpa: number, length: number) => void;

  /** `ram` is the part of linear memory that is RAM; `changed` tells the processor of a write. */
  constructor(ram: Uint8Array, dirty: DirtyFrames, changed: (hpa: number, length: number) => void) {
    this.bytes = ram;
    this.dirty = dirty;
    this.#view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    this.#changed = changed;
  }

  get size(): number {
    return this.bytes.length;
  }

  /** Copies `data` to HPA `hpa`. */
  write(hpa: number, data: Uint8Array): void {
    this.#check(hpa, data.length);
    this.bytes.set(data, hpa);
    if (data.length > 0) this.#changed(hpa, data.length);
  }

  /** Writes `length` bytes of `value` at `hpa`. */
  fill(hpa: number, length: number, value: number): void {
    this.#check(hpa, length);
    this.bytes.fill(value, hpa, hpa + length);
    if (length > 0) this.#changed(hpa, length);
  }

  writeU64(hpa: number, value: bigint): void {
    this.#check(hpa, 8);
    this.#view.setBigUint64(hpa, value, true);
    this.#changed(hpa, 8);
  }

  writeU32(hpa: number, value: number): void {
    this.#check(hpa, 4);
    this.#view.setUint32(hpa, value, true);
    this.#changed(hpa, 4);
  }

  readU64(hpa: number): bigint {
    this.#check(hpa, 8);
    return this.#view.getBigUint64(hpa, true);
  }

  /** A copy of `length` bytes at `hpa`. */
  read(hpa: number, length: number): Uint8Array {
    this.#check(hpa, length);
    return this.bytes.slice(hpa, hpa + length);
  }

  /** Copies `count` bytes at `hpa` to `data`, from its byte `at` on: of what is short and often read, without a new object. */
  copyTo(hpa: number, data: DataView, at: number, count: number): void {
    this.#check(hpa, count);
    let n = 0;
    for (; n + 4 <= count; n += 4) {
      data.setUint32(at + n, this.#view.getUint32(hpa + n, true), true);
    }
    for (; n < count; n++) data.setUint8(at + n, this.#view.getUint8(hpa + n));
  }

  page(hpa: number): Uint8Array {
    this.#check(hpa, PAGE_BYTES);
    return this.bytes.subarray(hpa, hpa + PAGE_BYTES);
  }

  written(): number[] {
    return this.dirty.list();
  }

  forgetWritten(): void {
    this.dirty.restart();
  }

  #check(hpa: number, length: number): void {
    if (hpa < 0 || hpa + length > this.bytes.length) {
      assert(false, `RAM access at 0x${hpa.toString(16)}`);
    }
  }
}

/** Offsets of the pages of `ram` that hold something: new memory has zeros already, which need not be written. */
export function nonZeroPages(ram: Uint8Array): number[] {
  const words = new Int32Array(ram.buffer, ram.byteOffset, ram.length / 4);
  const found: number[] = [];
  for (let at = 0; at < ram.length; at += PAGE_BYTES) {
    if (!isZero(words, at / 4)) found.push(at);
  }
  return found;
}

/** The page from `words[start]` on holds zeros only. */
function isZero(words: Int32Array, start: number): boolean {
  for (let n = start; n < start + PAGE_BYTES / 4; n++) if (words[n] !== 0) return false;
  return true;
}
