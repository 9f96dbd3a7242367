/**
 * The table of machine to physical frames (M2P): for each frame of the machine the number that its owner has for it. All
 * guests read it, at MACH2PHYS_VIRT_START, and so learn something of the machine and of one another. It lies in the
 * VMM's frames, with the tables that map it.
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { FRAME_VMM, type FramePool, PAGE_SIZE } from '../frames.ts';
import { ENTRIES, ENTRY_BYTES } from './pte.ts';

/** INVALID_M2P_ENTRY: the frame is no guest's. */
const INVALID = 2n ** 64n - 1n;
const TABLE = 0x27n; // P, R/W, U/S, A
const XD = 1n << 63n;
const PAGE = XD | 0x25n; // P, U/S, A

/** Frames that the table for `frames` frames takes, with those that map it. */
export function framesOfMachineToPhys(frames: number): number {
  const pages = Math.ceil(frames / ENTRIES);
  return pages + Math.ceil(pages / ENTRIES) + 2;
}

export class MachineToPhys {
  readonly #memory: MachineMemory;
  /** By ENTRIES frames of the machine: HPA of the page. */
  readonly #pages: readonly number[];
  /** The entry of an L4 table by which it is mapped, read-only. */
  readonly entry: bigint;
  /** Frames that it is about. */
  readonly frames: number;

  /** Of the frames 0 to `frames` - 1; takes frames of `pool`. */
  constructor(memory: MachineMemory, pool: FramePool, frames: number) {
    this.#memory = memory;
    this.frames = frames;
    const take = (): number => pool.take(FRAME_VMM) * PAGE_SIZE;
    this.#pages = Array.from({ length: Math.ceil(frames / ENTRIES) }, take);
    for (const page of this.#pages) memory.fill(page, PAGE_SIZE, 0xff);
    const mapping = (pages: readonly number[], flags: bigint): number[] =>
      Array.from({ length: Math.ceil(pages.length / ENTRIES) }, (_, n) => {
        const table = take();
        memory.fill(table, PAGE_SIZE, 0);
        pages.slice(n * ENTRIES, (n + 1) * ENTRIES).forEach((page, entry) => {
          memory.writeU64(table + entry * ENTRY_BYTES, BigInt(page) | flags);
        });
        return table;
      });
    const [top = 0] = mapping(mapping(mapping(this.#pages, PAGE), TABLE), TABLE);
    this.entry = BigInt(top) | PAGE;
  }

  get(frame: number): bigint {
    return this.#memory.readU64(this.#place(frame));
  }

  /** `frame` has number `number` for its owner, who may say what it likes. */
  set(frame: number, number: bigint): void {
    this.#memory.writeU64(this.#place(frame), number);
  }

  /** The VMM's frame in which entry `n` lies. */
  frameOf(n: number): number {
    return Math.floor(this.#place(n) / PAGE_SIZE);
  }

  forget(frame: number): void {
    this.set(frame, INVALID);
  }

  #place(frame: number): number {
    return (this.#pages[Math.floor(frame / ENTRIES)] ?? 0) + (frame % ENTRIES) * ENTRY_BYTES;
  }
}
