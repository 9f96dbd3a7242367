/**
 * The pages of an `exec` request, which come and go with it, in frames from POOL on. What a step
 * wrote is known by the dirty flags of the frames, so that a page that it left alone costs nothing.
 * Pages are named by their number, GVA >> 12 with all its 52 bits: a number, since bigints are slow.
 */

import type { Piece } from './exec-request.ts';
import { ExecError } from './exec-request.ts';
import {
  PML4,
  PTE_AD,
  PTE_P,
  PTE_RW,
  PTE_US,
  SYSTEM_BASE,
  SYSTEM_END,
  writeSystem,
} from './exec-system.ts';
import type { MachineMemory } from './memory.ts';

/** HPA of the first frame for a request's tables and pages. */
const POOL = SYSTEM_END;
const PAGE_BYTES = 0x1000;
/** Pages that one entry of the PML4, of a PDPT and of a page directory spans. */
const SPANS = [2 ** 27, 2 ** 18, 2 ** 9] as const;
/** Pages that share their canonical upper bits: 2^47 bytes. */
const HALF = 2 ** 35;
const LAST_HALF = 2 ** 17 - 1;
const SYSTEM_SPAN = Math.floor(Number(SYSTEM_BASE >> 12n) / SPANS[0]);

interface Page {
  readonly number: number;
  readonly hpa: number;
  /** What touches it, in the order in which it is written. */
  readonly pieces: Piece[];
}

export class PageMap {
  readonly root = BigInt(PML4);
  readonly #memory: MachineMemory;
  /** The system structures as they were made. */
  readonly #system: Uint8Array;
  readonly #pages = new Map<number, Page>();
  /** HPA of the tables that the request made, by HPA of the entry that leads there. */
  readonly #tables = new Map<number, number>();
  /** HPA of the entries that the request made. */
  #entries: number[] = [];
  #nextFrame = POOL;
  #flags = 0;
  readonly #scratch = new Uint8Array(PAGE_BYTES);

  constructor(memory: MachineMemory) {
    this.#memory = memory;
    writeSystem(memory);
    memory.dirty.clear(0, SYSTEM_END);
    this.#system = memory.read(0, SYSTEM_END);
  }

  /** Maps the pages that the pieces touch, zero where no piece says otherwise. */
  map(pieces: readonly Piece[], cpl: 0 | 3): void {
    this.#flags = PTE_P | PTE_RW | PTE_AD | (cpl === 3 ? PTE_US : 0);
    for (const piece of pieces) {
      const { address, bytes } = piece;
      if (bytes.length === 0) continue;
      const last = pageOf(address + BigInt(bytes.length - 1));
      checkCanonical(piece, last);
      for (let n = pageOf(address); n <= last; n++) this.#page(n).pieces.push(piece);
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
    for (const place of this.#entries) this.#memory.writeU64(place, 0n);
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
  #page(number: number): Page {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    if (Math.floor(number / SPANS[0]) === SYSTEM_SPAN) {
      const address = (BigInt(number) << 12n).toString(16);
      throw new ExecError(`address 0x${address} is taken by system structures`);
    }
    let table = PML4;
    for (const span of SPANS) table = this.#table(table + slotOf(number, span));
    const page = { number, hpa: this.#takeFrame(), pieces: [] };
    this.#enter(table + slotOf(number, 1), page.hpa);
    this.#pages.set(number, page);
    return page;
  }

  /** The table that the entry at `place` leads to, made if need be. */
  #table(place: number): number {
    const known = this.#tables.get(place);
    if (known !== undefined) return known;
    const table = this.#takeFrame();
    this.#enter(place, table);
    this.#tables.set(place, table);
    return table;
  }

  #enter(place: number, hpa: number): void {
    this.#entries.push(place);
    this.#memory.writeU64(place, BigInt(hpa | this.#flags));
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

/** Byte offset of the entry for page `number` in a table whose entries span `span` pages. */
function slotOf(number: number, span: number): number {
  return (Math.floor(number / span) % 512) * 8;
}

/** A piece lies in one of the canonical halves; `last` is its last page. */
function checkCanonical({ address }: Piece, last: number): void {
  const half = Math.floor(pageOf(address) / HALF);
  const isCanonical = (half === 0 || half === LAST_HALF) && Math.floor(last / HALF) === half;
  if (!isCanonical) throw new ExecError(`address 0x${address.toString(16)} is not canonical`);
}

const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}
