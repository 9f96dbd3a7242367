/**
 * The memory of a VM: its frames of the machine by GPA. The map of them lies in linear memory, where the
 * emulator finds it (asm/mmu/guest-physical.ts).
 *
 * A frame can be watched, for several reasons at once: then every write to it, by the emulator or through here, is
 * told to the watchers. The guest itself must be kept from writing to it: its shadow page tables do that.
 */

import { assert } from '../base/assert.ts';
import type { MachineMemory, PhysicalMemory } from '../machine/memory.ts';
import { PAGE_SHIFT, PAGE_SIZE } from './frames.ts';

const MAP_RAM = 1;
const MAP_WATCHED = 2;
const MAP_FRAME_SHIFT = 2;

/** Why a frame is watched. */
export const WATCH_TABLE = 1;
export const WATCH_DESCRIPTORS = 2;
/** Code of it runs from a copy. */
export const WATCH_CODE = 4;

/** Room for the data of small writes, and for what was there before, by their length: most are small. */
const small = (): readonly Uint8Array[] => Array.from({ length: 5 }, (_, n) => new Uint8Array(n));
const SMALL = small();
const SMALL_BEFORE = small();

/** Hears of writes to frames that are watched for its reason. */
export interface Watcher {
  /** What bytes within one page at GPA `gpa` were; `before` is not to be kept. */
  written(gpa: number, before: Uint8Array): void;
}

export class GuestMemory implements PhysicalMemory {
  readonly size: number;
  readonly #watchers = new Map<number, Watcher>();
  /** WATCH_ bits by frame of the guest. */
  readonly #reasons: Uint8Array;
  readonly #machine: MachineMemory;
  readonly #map: Uint32Array;
  readonly #view: DataView;
  /** Frame numbers of the guest by those of the machine. */
  readonly #owned: ReadonlyMap<number, number>;

  /** `frames` are those of the machine, by GPA; `map` is the room for as many entries in linear memory. */
  constructor(machine: MachineMemory, map: Uint32Array, frames: readonly number[]) {
    this.size = frames.length * PAGE_SIZE;
    this.#machine = machine;
    this.#map = map;
    this.#reasons = new Uint8Array(frames.length);
    this.#view = new DataView(machine.bytes.buffer, machine.bytes.byteOffset, machine.size);
    this.#owned = new Map(frames.map((frame, gfn) => [frame, gfn]));
    frames.forEach((frame, gfn) => {
      map[gfn] = (frame << MAP_FRAME_SHIFT) | MAP_RAM;
    });
  }

  /** Where the map lies in linear memory, and of how many frames it is. */
  get mapPlace(): number {
    return this.#map.byteOffset;
  }
  get frames(): number {
    return this.#map.length;
  }

  /** The frame number `gfn` is RAM. */
  holds(gfn: number): boolean {
    return gfn < this.#map.length;
  }

  /** The machine's frame behind `gfn`, which is RAM. */
  frame(gfn: number): number {
    return (this.#map[gfn] ?? 0) >>> MAP_FRAME_SHIFT;
  }

  /** Who hears of writes to frames watched for `reason`. */
  setWatcher(reason: number, watcher: Watcher): void {
    this.#watchers.set(reason, watcher);
  }

  isWatched(gfn: number): boolean {
    return (this.#reasons[gfn] ?? 0) !== 0;
  }

  /** The frame is watched for `reason` and nothing else. */
  isWatchedOnlyFor(gfn: number, reason: number): boolean {
    return this.#reasons[gfn] === reason;
  }

  /**
   * Begins or ends to watch a frame for `reason`. Where that makes a difference to who may write to it, the emulator's
   * translations must be flushed, and true is returned.
   */
  watch(gfn: number, reason: number, watched: boolean): boolean {
    const before = this.#reasons[gfn] ?? 0;
    const after = watched ? before | reason : before & ~reason;
    this.#reasons[gfn] = after;
    if ((before === 0) === (after === 0)) return false;
    const entry = this.#map[gfn] ?? 0;
    this.#map[gfn] = after === 0 ? entry & ~MAP_WATCHED : entry | MAP_WATCHED;
    return true;
  }

  write(gpa: number, data: Uint8Array): void {
    this.#check(gpa, data.length);
    for (let at = 0; at < data.length; ) {
      const count = Math.min(data.length - at, PAGE_SIZE - ((gpa + at) % PAGE_SIZE));
      this.#writeInPage(gpa + at, data.subarray(at, at + count));
      at += count;
    }
  }

  fill(gpa: number, length: number, value: number): void {
    this.#check(gpa, length);
    const page = new Uint8Array(PAGE_SIZE).fill(value);
    for (let at = 0; at < length; ) {
      const count = Math.min(length - at, PAGE_SIZE - ((gpa + at) % PAGE_SIZE));
      this.#writeInPage(gpa + at, page.subarray(0, count));
      at += count;
    }
  }

  /** What an access of the guest of `size` bytes (1 to 4) reads, which lie in one page. */
  load(gpa: number, size: number): number {
    const hpa = this.#hpa(gpa);
    let value = 0;
    for (let n = size - 1; n >= 0; n--) value = value * 256 + (this.#machine.bytes[hpa + n] ?? 0);
    return value;
  }

  /** Writes as an access of the guest of `size` bytes (1 to 4) does, which lie in one page. */
  store(gpa: number, size: number, value: number): void {
    const data = SMALL[size] ?? new Uint8Array(size);
    for (let n = 0; n < size; n++) data[n] = value >>> (8 * n);
    this.#writeInPage(gpa, data);
  }

  writeU64(gpa: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.write(gpa, bytes);
  }

  read(gpa: number, length: number): Uint8Array {
    this.#check(gpa, length);
    const data = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = Math.min(length - at, PAGE_SIZE - ((gpa + at) % PAGE_SIZE));
      const hpa = this.#hpa(gpa + at);
      data.set(this.#machine.bytes.subarray(hpa, hpa + count), at);
      at += count;
    }
    return data;
  }

  readU64(gpa: number): bigint {
    if (gpa % PAGE_SIZE <= PAGE_SIZE - 8) {
      this.#check(gpa, 8);
      return this.#view.getBigUint64(this.#hpa(gpa), true);
    }
    return new DataView(this.read(gpa, 8).buffer).getBigUint64(0, true);
  }

  page(gpa: number): Uint8Array {
    this.#check(gpa, PAGE_SIZE);
    return this.#machine.page(this.#hpa(gpa));
  }

  written(): number[] {
    const found: number[] = [];
    for (const hpa of this.#machine.written()) {
      const gfn = this.#owned.get(hpa / PAGE_SIZE);
      if (gfn !== undefined) found.push(gfn * PAGE_SIZE);
    }
    return found.sort((a, b) => a - b);
  }

  forgetWritten(): void {
    this.#machine.dirty.restart(this.#owned.keys());
  }

  /** The aligned u32 at `gpa`; 0 outside RAM, as for who follows a guest's page tables. */
  readU32(gpa: number): number {
    return gpa + 4 <= this.size ? this.#view.getUint32(this.#hpa(gpa), true) : 0;
  }

  /** Sets bits of the aligned u32 at `gpa` in RAM, which is told only to who has a copy of them. */
  setBits(gpa: number, bits: number): void {
    const hpa = this.#hpa(gpa);
    const isCode = ((this.#reasons[gpa >>> PAGE_SHIFT] ?? 0) & WATCH_CODE) !== 0;
    const before = isCode ? this.#machine.read(hpa, 4) : undefined;
    this.#machine.writeU32(hpa, (this.#view.getUint32(hpa, true) | bits) >>> 0);
    if (before !== undefined) this.#watchers.get(WATCH_CODE)?.written(gpa, before);
  }

  #writeInPage(gpa: number, data: Uint8Array): void {
    const hpa = this.#hpa(gpa);
    if (!this.isWatched(gpa >>> PAGE_SHIFT)) {
      this.#machine.write(hpa, data);
      return;
    }
    const before = this.#before(hpa, data.length);
    this.#machine.write(hpa, data);
    const reasons = this.#reasons[gpa >>> PAGE_SHIFT] ?? 0;
    this.#watchers.forEach((watcher, reason) => {
      if ((reasons & reason) !== 0) watcher.written(gpa, before);
    });
  }

  /** What is at `hpa`; of few bytes good until the next write. */
  #before(hpa: number, length: number): Uint8Array {
    const small = SMALL_BEFORE[length];
    if (small === undefined) return this.#machine.read(hpa, length);
    for (let n = 0; n < length; n++) small[n] = this.#machine.bytes[hpa + n] ?? 0;
    return small;
  }

  #hpa(gpa: number): number {
    return this.frame(gpa >>> PAGE_SHIFT) * PAGE_SIZE + (gpa % PAGE_SIZE);
  }

  #check(gpa: number, length: number): void {
    if (gpa < 0 || gpa + length > this.size) assert(false, `guest RAM at 0x${gpa.toString(16)}`);
  }
}
