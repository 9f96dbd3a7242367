/**
 * The memory of the machine under test: page tables, descriptor tables, the program's pages. All of it exists twice, so
 * that a program can be moved in machine memory with nothing that it can see of it changed. Between two runs only the
 * frames that were written are put back.
 */

import { PTE_AD, PTE_P, PTE_RW, PTE_US } from '../../machine/exec-paging.ts';
import type { MachineMemory } from '../../machine/memory.ts';
import { buildGdt, buildIdt, buildLdt, buildTss } from './descriptors.ts';
import type { X86Mode } from './modes.ts';
import * as at from './places.ts';

const PAGE = 0x1000;
const WORDS = PAGE / 4;
const NOP = 0x90;
/** Where the data page is seen, from its own address: through FS and GS, and moved. */
const DATA_WINDOWS = [at.FS_BASE, at.GS_BASE];

/** Resources that are memory: what they hold instead is written. */
export type TableName = 'gdt' | 'ldt' | 'idt' | 'tss';

export class MemoryImage {
  readonly #memory: MachineMemory;
  readonly #mode: X86Mode;
  /** Contents of RAM as they should be. */
  readonly #template: Uint8Array;
  readonly #templateWords: Int32Array;
  readonly #words: Int32Array;
  /** HPA of the program's pages, in the order of PROGRAM_PAGES, in either place. */
  readonly #programs: readonly [readonly number[], readonly number[]];
  readonly #tables: Readonly<
    Record<TableName, { readonly hpa: number; readonly other: Uint8Array }>
  >;
  /** Root of the page tables for either place. */
  readonly roots: readonly [number, number];
  #nextFrame = PAGE;
  #place: 0 | 1 = 0;

  constructor(memory: MachineMemory, mode: X86Mode) {
    this.#memory = memory;
    this.#mode = mode;
    const system = this.#take(at.SYSTEM_PAGES);
    this.#programs = [this.#take(at.PROGRAM_PAGES.length), this.#take(at.PROGRAM_PAGES.length)];
    this.roots = [this.#build(system, 0), this.#build(system, 1)];
    const hpaOf = (address: number): number => system[(address - at.GDT) / PAGE] ?? 0;
    this.#tables = {
      gdt: { hpa: hpaOf(at.GDT), other: buildGdt(mode, true) },
      ldt: { hpa: hpaOf(at.LDT), other: buildLdt(mode, true) },
      idt: { hpa: hpaOf(at.IDT), other: buildIdt(mode, true) },
      tss: { hpa: hpaOf(at.TSS), other: buildTss(mode, true) },
    };
    memory.write(hpaOf(at.GDT), buildGdt(mode, false));
    memory.write(hpaOf(at.LDT), buildLdt(mode, false));
    memory.write(hpaOf(at.IDT), buildIdt(mode, false));
    memory.write(hpaOf(at.TSS), buildTss(mode, false));
    memory.fill(hpaOf(at.HANDLERS), 2 * PAGE, NOP);
    for (const frames of this.#programs) memory.fill(frames[0] ?? 0, PAGE, NOP);
    this.#template = memory.bytes.slice();
    this.#templateWords = new Int32Array(this.#template.buffer);
    this.#words = new Int32Array(memory.bytes.buffer, memory.bytes.byteOffset, memory.size / 4);
    memory.dirty.clear(0, memory.size);
  }

  /** Frames that follow one another. */
  #take(count: number): readonly number[] {
    const first = this.#nextFrame;
    this.#nextFrame += count * PAGE;
    return Array.from({ length: count }, (_, n) => first + n * PAGE);
  }

  /** Page tables that map the system and the program of `place`; gives the root. */
  #build(system: readonly number[], place: 0 | 1): number {
    const { paging } = this.#mode;
    const memory = this.#memory;
    const made = new Map<number, number>();
    const root = this.#take(1)[0] ?? 0;
    const enter = (entry: number, value: number): void => {
      if (paging.entryBytes === 8) memory.writeU64(entry, BigInt(value));
      else memory.writeU32(entry, value);
    };
    const map = (address: number, hpa: number, rights: number): void => {
      const page = Math.floor(address / PAGE);
      const last = paging.spans.length - 1;
      let table = root;
      for (let level = 0; level < last; level++) {
        const entry = table + paging.slot(page, level);
        const next = made.get(entry) ?? this.#take(1)[0] ?? 0;
        made.set(entry, next);
        enter(entry, next | paging.tableFlags(level, PTE_RW | PTE_US));
        table = next;
      }
      enter(table + paging.slot(page, last), hpa | PTE_P | PTE_AD | rights);
    };
    system.forEach((hpa, n) => {
      map(at.GDT + n * PAGE, hpa, PTE_RW);
      map(at.GDT + at.SYSTEM_ALIAS + n * PAGE, hpa, PTE_RW);
    });
    at.PROGRAM_PAGES.forEach((address, n) => {
      const windows = address === at.DATA ? [0, ...DATA_WINDOWS] : [0];
      for (const window of windows) {
        for (const moved of [0, at.MOVED]) {
          map(address + window + moved, this.#programs[place][n] ?? 0, PTE_RW | PTE_US);
        }
      }
    });
    return root;
  }

  /** Writes what the program finds at logical `address`, in both places. */
  give(address: number, bytes: Uint8Array): void {
    for (const frames of this.#programs) {
      const hpa = hpaOf(frames, address);
      this.#memory.write(hpa, bytes);
      this.#template.set(bytes, hpa);
    }
  }

  /** Puts the program's pages back to what they were before anything was given. */
  clearProgram(): void {
    for (const frames of this.#programs) {
      frames.forEach((hpa, n) => {
        this.#template.fill(n === 0 ? NOP : 0, hpa, hpa + PAGE);
        this.#memory.fill(hpa, PAGE, n === 0 ? NOP : 0);
      });
    }
  }

  /** Undoes all writes of the last run. */
  restore(): void {
    const { dirty } = this.#memory;
    for (const hpa of dirty.list()) {
      this.#memory.write(hpa, this.#template.subarray(hpa, hpa + PAGE));
    }
    dirty.clear(0, this.#memory.size);
  }

  /** From now on the program runs in `place`; gives the root of its page tables. */
  use(place: 0 | 1): number {
    this.#place = place;
    return this.roots[place];
  }

  /** A table holds something else until `restore`, to which its frames are written ones. */
  varyTable(name: TableName): void {
    const { hpa, other } = this.#tables[name];
    this.#memory.write(hpa, other);
  }

  /** Folds what the run has changed in the program's pages into `hash`. */
  hashChanges(hash: number): number {
    let folded = hash;
    const frames = this.#programs[this.#place];
    for (let n = 0; n < frames.length; n++) {
      const hpa = frames[n] ?? 0;
      if (!this.#memory.dirty.has(hpa)) continue;
      const start = hpa / 4;
      for (let word = 0; word < WORDS; word++) {
        const now = this.#words[start + word] as number;
        if (now === this.#templateWords[start + word]) continue;
        folded = Math.imul(folded ^ now, 0x01000193) ^ (n * WORDS + word);
      }
    }
    return folded;
  }

  /** Runs of bytes of the program's pages that the last run has changed. */
  changes(): readonly { readonly address: number; readonly bytes: Uint8Array }[] {
    const found: { address: number; bytes: Uint8Array }[] = [];
    this.#programs[this.#place].forEach((hpa, n) => {
      const page = at.PROGRAM_PAGES[n] ?? 0;
      const differs = (offset: number): boolean =>
        this.#memory.bytes[hpa + offset] !== this.#template[hpa + offset];
      for (let offset = 0; offset < PAGE; offset++) {
        if (!differs(offset)) continue;
        const start = offset;
        while (offset < PAGE && differs(offset)) offset++;
        found.push({
          address: page + start,
          bytes: this.#memory.read(hpa + start, offset - start),
        });
      }
    });
    return found;
  }
}

function hpaOf(frames: readonly number[], address: number): number {
  const page = address - (address % PAGE);
  const hpa = frames[at.PROGRAM_PAGES.indexOf(page as (typeof at.PROGRAM_PAGES)[number])];
  if (hpa === undefined)
    throw new RangeError(`no page of the program at 0x${address.toString(16)}`);
  return hpa + (address % PAGE);
}
