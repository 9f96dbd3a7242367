/** The address space of `exec`: system structures that stay, pages that come and go with a request. */

import type { CpuView } from './cpu-view.ts';
import { ExecError } from './exec-request.ts';
import type { Piece } from './exec-request.ts';
import type { MachineMemory } from './memory.ts';

/** GVA of GDT, IDT and TSS, out of reach of CPL 3. */
const SYSTEM = 0xffff_ff00_0000_0000n;
const PML4 = 0x1000;
const SYSTEM_PDPT = 0x2000;
const SYSTEM_PD = 0x3000;
const SYSTEM_PT = 0x4000;
const GDT = 0x5000;
const IDT = 0x6000;
const TSS = 0x7000;
const IDT_FRAMES = [GDT, IDT, TSS] as const;
/** HPA of the first frame for a request's tables and pages. */
const POOL = 0x100000;

const PTE_P = 1n;
const PTE_RW = 2n;
const PTE_US = 4n;
const PTE_AD = 0x60n;

// biome-ignore format: one descriptor per line.
const GDT_ENTRIES: readonly bigint[] = [
  0n, // 00 null
  0x00cf9b000000ffffn, // 08 32-bit kernel code
  0x00af9b000000ffffn, // 10 64-bit kernel code
  0x00cf93000000ffffn, // 18 kernel data
  0x00cffb000000ffffn, // 20 32-bit user code
  0x00cff3000000ffffn, // 28 user data
  0x00affb000000ffffn, // 30 64-bit user code
  0n, // 38
];
const TSS_SELECTOR = 0x40;
const TSS_BYTES = 0x68;
/** Vectors that CPL 3 may raise by INT n. */
const USER_GATES = new Set([3, 4]);

interface MappedPage {
  readonly gva: bigint;
  readonly hpa: number;
  /** The page as mapped, to tell what changed. */
  readonly before: Uint8Array;
}

export class PageMap {
  readonly root = BigInt(PML4);
  readonly #memory: MachineMemory;
  #nextFrame = POOL;
  #pages = new Map<bigint, MappedPage>();
  /** Entries of PML4 that the request made. */
  #rootSlots: number[] = [];

  constructor(memory: MachineMemory) {
    this.#memory = memory;
    const user = PTE_P | PTE_RW | PTE_AD;
    memory.writeU64(PML4 + 0x1fe * 8, BigInt(SYSTEM_PDPT) | user);
    memory.writeU64(SYSTEM_PDPT, BigInt(SYSTEM_PD) | user);
    memory.writeU64(SYSTEM_PD, BigInt(SYSTEM_PT) | user);
    IDT_FRAMES.forEach((hpa, n) => memory.writeU64(SYSTEM_PT + n * 8, BigInt(hpa) | user));
    GDT_ENTRIES.forEach((entry, n) => memory.writeU64(GDT + n * 8, entry));
    this.#writeTss();
    this.#writeIdt();
  }

  /** Loads GDTR, IDTR and TR for the system structures. */
  setTables(view: CpuView): void {
    view.setU64('GDTR_BASE', SYSTEM);
    view.setU32('GDTR_LIMIT', TSS_SELECTOR + 15);
    view.setU64('IDTR_BASE', SYSTEM + 0x1000n);
    view.setU32('IDTR_LIMIT', 0xfff);
    const base = SYSTEM + 0x2000n;
    view.setSegment('ldtr', { selector: 0, base: 0n, limit: 0, access: UNUSABLE });
    view.setSegment('tr', { selector: TSS_SELECTOR, base, limit: TSS_BYTES - 1, access: 0x8b });
  }

  /** Maps the pages that the pieces touch, zero where no piece says otherwise. */
  map(pieces: readonly Piece[], cpl: 0 | 3): void {
    for (const { address, bytes } of pieces) {
      if (bytes.length === 0) continue;
      const last = address + BigInt(bytes.length - 1);
      if (!canonical(address) || !canonical(last) || last >> 63n !== address >> 63n) {
        this.release();
        throw new ExecError(`address 0x${address.toString(16)} is not canonical`);
      }
      for (let gva = address & ~0xfffn; gva <= last; gva += 0x1000n) this.#mapPage(gva, cpl);
      this.#copy(address, bytes);
    }
    for (const [gva, page] of this.#pages) {
      this.#pages.set(gva, { ...page, before: this.#memory.read(page.hpa, 0x1000) });
    }
  }

  /** Byte runs that differ from what was mapped, by ascending address. */
  changes(): [string, string][] {
    const runs: [string, string][] = [];
    const ordered = [...this.#pages.values()].sort((a, b) => (a.gva < b.gva ? -1 : 1));
    for (const page of ordered) this.#pageChanges(page, runs);
    return runs;
  }

  /** Unmaps the request's pages. */
  release(): void {
    for (const slot of this.#rootSlots) this.#memory.writeU64(PML4 + slot * 8, 0n);
    if (this.#nextFrame > POOL) this.#memory.fill(POOL, this.#nextFrame - POOL, 0);
    this.#rootSlots = [];
    this.#pages = new Map();
    this.#nextFrame = POOL;
  }

  #pageChanges({ gva, hpa, before }: MappedPage, runs: [string, string][]): void {
    const now = this.#memory.bytes.subarray(hpa, hpa + 0x1000);
    if (samePage(now, before)) return;
    for (let at = 0; at < 0x1000; at++) {
      if (now[at] === before[at]) continue;
      const start = at;
      while (at < 0x1000 && now[at] !== before[at]) at++;
      runs.push([`0x${(gva + BigInt(start)).toString(16)}`, hex(now.subarray(start, at))]);
    }
  }

  #copy(address: bigint, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const gva = address + BigInt(done);
      const page = this.#pages.get(gva & ~0xfffn);
      const offset = Number(gva & 0xfffn);
      const count = Math.min(bytes.length - done, 0x1000 - offset);
      if (page !== undefined) this.#memory.write(page.hpa + offset, bytes.subarray(done, done + count));
      done += count;
    }
  }

  #mapPage(gva: bigint, cpl: 0 | 3): void {
    if (this.#pages.has(gva)) return;
    if (gva >> 39n === SYSTEM >> 39n) {
      this.release();
      throw new ExecError(`address 0x${gva.toString(16)} is taken by system structures`);
    }
    const flags = PTE_P | PTE_RW | PTE_AD | (cpl === 3 ? PTE_US : 0n);
    let table = PML4;
    for (const shift of [39n, 30n, 21n]) {
      const slot = Number((gva >> shift) & 0x1ffn);
      const place = table + slot * 8;
      let entry = this.#memory.readU64(place);
      if (entry === 0n) {
        entry = BigInt(this.#takeFrame()) | flags;
        this.#memory.writeU64(place, entry);
        if (shift === 39n) this.#rootSlots.push(slot);
      }
      table = Number(entry & ~0xfffn);
    }
    const hpa = this.#takeFrame();
    this.#memory.writeU64(table + Number((gva >> 12n) & 0x1ffn) * 8, BigInt(hpa) | flags);
    this.#pages.set(gva, { gva, hpa, before: EMPTY });
  }

  #takeFrame(): number {
    const frame = this.#nextFrame;
    if (frame + 0x1000 > this.#memory.size) {
      this.release();
      throw new ExecError('too many pages');
    }
    this.#nextFrame += 0x1000;
    return frame;
  }

  #writeTss(): void {
    const base = SYSTEM + 0x2000n;
    const low =
      BigInt(TSS_BYTES - 1) |
      ((base & 0xffffffn) << 16n) |
      (0x8bn << 40n) |
      (((base >> 24n) & 0xffn) << 56n);
    this.#memory.writeU64(GDT + TSS_SELECTOR, BigInt.asUintN(64, low));
    this.#memory.writeU64(GDT + TSS_SELECTOR + 8, base >> 32n);
    this.#memory.writeU64(TSS + 0x60, BigInt(TSS_BYTES) << 48n); // no I/O permission bitmap
  }

  #writeIdt(): void {
    for (let vector = 0; vector < 256; vector++) {
      const dpl = USER_GATES.has(vector) ? 3n : 0n;
      const low = (0x10n << 16n) | ((0x8en | (dpl << 5n)) << 40n);
      this.#memory.writeU64(IDT + vector * 16, low);
      this.#memory.writeU64(IDT + vector * 16 + 8, 0n);
    }
  }
}

const UNUSABLE = 1 << 16;
const EMPTY = new Uint8Array(0);
const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

function canonical(address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
}

/** Whole-page comparison, four bytes at a time. Both arrays are aligned. */
function samePage(a: Uint8Array, b: Uint8Array): boolean {
  const left = new Uint32Array(a.buffer, a.byteOffset, a.length / 4);
  const right = new Uint32Array(b.buffer, b.byteOffset, b.length / 4);
  for (let n = 0; n < left.length; n++) if (left[n] !== right[n]) return false;
  return true;
}
