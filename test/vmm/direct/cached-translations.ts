/** What a processor may have cached of a guest's tables, at worst: everything that was ever used since the last flush. */

import { expect } from 'vitest';
import { frameOf } from '../../../src/vmm/direct/pte.ts';
import { isProtected } from './invariants.ts';
import type { Frame, Guest } from './rig.ts';

const P = 1;
const RW = 2;
const US = 4;

interface Translation {
  readonly va: bigint;
  readonly frame: Frame;
  readonly canWrite: boolean;
}

export class CachedTranslations {
  readonly #guest: Guest;
  #pages: Translation[] = [];
  /** L1 tables that the processor knows without a walk (paging-structure caches), and whether the way allowed writes. */
  #tables: Translation[] = [];
  #seen = { flushes: 0, pages: 0 };

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** An access of the guest to `va` under the root `root`. */
  touch(root: Frame, va: bigint): void {
    this.#forget();
    let table = root;
    let canWrite = true;
    for (let level = 4; level > 1; level--) {
      const n = Number((va >> BigInt(3 + 9 * level)) & 511n);
      const { low, frame } = this.#entry(table, n);
      if ((low & P) === 0 || (low & US) === 0) return;
      canWrite &&= (low & RW) !== 0;
      table = frame;
    }
    this.#tables.push({ va, frame: table, canWrite });
    this.#load(va, table, canWrite);
  }

  /** An access by way of a cached table. */
  touchAgain(n: number): void {
    this.#forget();
    const table = this.#tables[n % this.#tables.length];
    if (table !== undefined) this.#load(table.va, table.frame, table.canWrite);
  }

  /** A frame that the guest can write to, by what is cached. */
  writable(n: number): Frame | undefined {
    this.#forget();
    const writable = this.#pages.filter(({ canWrite }) => canWrite);
    return writable[n % writable.length]?.frame;
  }

  /** What is cached must be harmless. */
  check(): void {
    this.#forget();
    const { machine, direct } = this.#guest;
    for (const { frame, canWrite } of this.#pages) {
      const owner = machine.pool.ownerOf(frame);
      if (owner !== direct.domain.number && (canWrite || owner !== -1)) {
        expect(owner, `owner of frame ${frame}, which is cached`).toBe(direct.domain.number);
      }
      if (canWrite && isProtected(machine, frame)) {
        expect.fail(`frame ${frame} is a table, and cached as writable`);
      }
    }
  }

  /** Forgets what the VMM has told to forget. */
  #forget(): void {
    const { flushes, pages } = this.#guest.host;
    if (flushes > this.#seen.flushes) {
      this.#pages = [];
      this.#tables = [];
    }
    const flushed = pages.slice(this.#seen.pages).map((va) => va >> 12n);
    if (flushed.length > 0) {
      this.#pages = this.#pages.filter(({ va }) => !flushed.includes(va >> 12n));
    }
    this.#seen = { flushes, pages: pages.length };
  }

  #load(va: bigint, table: Frame, canWrite: boolean): void {
    const { low, frame } = this.#entry(table, Number((va >> 12n) & 511n));
    if ((low & P) === 0 || (low & US) === 0) return;
    this.#pages.push({ va, frame, canWrite: canWrite && (low & RW) !== 0 });
  }

  #entry(table: Frame, n: number): { low: number; frame: Frame } {
    const value = this.#guest.machine.u64(table, n);
    const low = Number(value & 0xffff_ffffn);
    return { low, frame: frameOf(low, Number(value >> 32n)) };
  }
}
