/**
 * The pages of an `exec` request, which come and go with it, in frames from POOL on. What a step
 * wrote is known by the dirty flags of the frames, so that a page that it left alone costs nothing.
 * Pages are named by their number, GVA >> 12 with all its 52 bits: a number, since bigints are slow.
 */

import { type PagingFormat, PTE_AD, PTE_P, PTE_RW, PTE_US } from './exec-paging.ts';
import type { Piece } from './exec-request.ts';
import { ExecError } from './exec-request.ts';
import { SYSTEM_END, writeLdt, writeSystem } from './exec-system.ts';
import type { MachineMemory } from './memory.ts';

/** HPA of the first frame for a request's tables and pages. */
const POOL = SYSTEM_END;
const PAGE_BYTES = 0x1000;
/** Pages of the 4 GiB that 32-bit linear addresses reach. */
const LEGACY_PAGES = 2 ** 20;
/** Pages that share their canonical upper bits: 2^47 bytes. */
const HALF = 2 ** 35;
const LAST_HALF = 2 ** 17 - 1;
/** Pages behind the first of the system structures that no request may map. */
const SYSTEM_PAGES = 16;

interface Page {
  readonly number: number;
  readonly hpa: number;
  /** What touches it, in the order in which it is written. */
  readonly pieces: Piece[];
}

export class PageMap {
  readonly #memory: MachineMemory;
  /** The system structures as they were made. */
  readonly #system: Uint8Array;
  readonly #pages = new Map<number, Page>();
  /** HPA of the tables that the request made, by HPA of the entry that leads there. */
  readonly #tables = new Map<number, number>();
  /** HPA of the entries that the request made. */
  #entries: number[] = [];
  #nextFrame = POOL;
  /** Of the request's entries. */
  #entryBytes: 4 | 8 = 8;
  #rights = 0;
  readonly #scratch = new Uint8Array(PAGE_BYTES);

  constructor(memory: MachineMemory) {
    this.#memory = memory;
    writeSystem(memory);
    memory.dirty.clear(0, SYSTEM_END);
    this.#system = memory.read(0, SYSTEM_END);
  }

  /**
   * Maps the pages that the pieces touch in tables of `format`, zero where no piece says otherwise, and
   * writes the LDT.
   */
  map(pieces: readonly Piece[], cpl: 0 | 3, format: PagingFormat, ldt: readonly bigint[]): void {
    this.#entryBytes = format.entryBytes;
    this.#rights = PTE_RW | (cpl === 3 ? PTE_US : 0);
    if (ldt.length > 0) writeLdt(this.#memory, ldt);
    for (const piece of pieces) {
      const { address, bytes } = piece;
      if (bytes.length === 0) continue;
      const last = pageOf(address + BigInt(bytes.length - 1));
      checkReach(piece, last, format);
      for (let n = pageOf(address); n <= last; n++) this.#page(n, format).pieces.push(piece);
    }
    for (const page of this.#pages.values()) this.#memory.write(page.hpa, this.#given(page));
    this.#memory.dirty.clear(0, this.#nextFrame);
  }

  /** Byte runs that differ from what was mapped, by ascending address. */
  changes(): [string, string][] {
    const runs: [string, string][] = [];
    const written = [...this.#pages.values()].filter(({ hpa }) => this.#memory.dirty.has(hpa));
    written.sort((a, b) => a.number - b.number);
    for (const page of written) this.#pageChanges(page, runs);
    return runs;
  }

  /** Undoes what was written beside the request's pages, as a supervisor can. */
  restore(): void {
    for (const hpa of this.#memory.dirty.list()) this.#restore(hpa);
  }

  /** Unmaps the request's pages. */
  release(): void {
    for (const place of this.#entries) this.#write(place, 0);
    for (const { hpa } of this.#pages.values()) this.#memory.fill(hpa, PAGE_BYTES, 0);
    this.#entries = [];
    this.#tables.clear();
    this.#pages.clear();
    this.#nextFrame = POOL;
  }

  /** Makes the frame at `hpa` what it was before all requests. */
  #restore(hpa: number): void {
    const end = hpa + PAGE_BYTES;
    if (hpa < SYSTEM_END) this.#memory.write(hpa, this.#system.subarray(hpa, end));
    else this.#memory.fill(hpa, PAGE_BYTES, 0);
    this.#memory.dirty.clear(hpa, end);
  }

  /** The page as the pieces make it, valid until the next call. */
  #given({ number, pieces }: Page): Uint8Array {
    this.#scratch.fill(0);
    for (const { address, bytes } of pieces) {
      const first = pageOf(address);
      const offset = Number(address & 0xfffn) - (number - first) * PAGE_BYTES;
      const start = Math.max(0, -offset);
      this.#scratch.set(bytes.subarray(start, PAGE_BYTES - offset), offset + start);
    }
    return this.#scratch;
  }

  #pageChanges(page: Page, runs: [string, string][]): void {
    const now = this.#memory.bytes.subarray(page.hpa, page.hpa + PAGE_BYTES);
    const before = this.#given(page);
    for (let at = 0; at < PAGE_BYTES; at++) {
      if (now[at] === before[at]) continue;
      const start = at;
      while (at < PAGE_BYTES && now[at] !== before[at]) at++;
      const gva = (BigInt(page.number) << 12n) | BigInt(start);
      runs.push([`0x${gva.toString(16)}`, hex(now.subarray(start, at))]);
    }
  }

  /** The page `number`, mapped if need be. */
  #page(number: number, format: PagingFormat): Page {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const system = number - Number(format.systemBase >> 12n);
    if (system >= 0 && system < SYSTEM_PAGES) {
      const address = (BigInt(number) << 12n).toString(16);
      throw new ExecError(`address 0x${address} is taken by system structures`);
    }
    let table = format.root;
    const last = format.spans.length - 1;
    for (let level = 0; level < last; level++) {
      const flags = format.tableFlags(level, this.#rights);
      table = this.#table(table + format.slot(number, level), flags);
    }
    const page = { number, hpa: this.#takeFrame(), pieces: [] };
    const place = table + format.slot(number, last);
    this.#enter(place, page.hpa | PTE_P | PTE_AD | this.#rights);
    this.#pages.set(number, page);
    return page;
  }

  /** The table that the entry at `place` leads to, made if need be. */
  #table(place: number, flags: number): number {
    const known = this.#tables.get(place);
    if (known !== undefined) return known;
    const table = this.#takeFrame();
    this.#enter(place, table | flags);
    this.#tables.set(place, table);
    return table;
  }

  #enter(place: number, entry: number): void {
    this.#entries.push(place);
    this.#write(place, entry);
  }

  #write(place: number, entry: number): void {
    if (this.#entryBytes === 8) this.#memory.writeU64(place, BigInt(entry));
    else this.#memory.writeU32(place, entry);
  }

  #takeFrame(): number {
    const frame = this.#nextFrame;
    if (frame + PAGE_BYTES > this.#memory.size) throw new ExecError('too many pages');
    this.#nextFrame += PAGE_BYTES;
    return frame;
  }
}

function pageOf(address: bigint): number {
  return Number(address >> 12n);
}

/** A piece lies in one of the canonical halves, outside long mode below 4 GiB; `last` is its last page. */
function checkReach({ address }: Piece, last: number, { isLong }: PagingFormat): void {
  const at = `address 0x${address.toString(16)}`;
  if (!isLong && last >= LEGACY_PAGES) throw new ExecError(`${at} is not below 4 GiB`);
  const half = Math.floor(pageOf(address) / HALF);
  const isCanonical = (half === 0 || half === LAST_HALF) && Math.floor(last / HALF) === half;
  if (!isCanonical) throw new ExecError(`${at} is not canonical`);
}

const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}
