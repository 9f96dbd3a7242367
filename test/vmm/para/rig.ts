/** A machine's memory with a domain in scattered frames of it, and the domain as its tables show it. */

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parseImage } from '../../../src/image/parse.ts';
import { randomSource } from '../../../src/isa/random.ts';
import {
  type BuiltDomain,
  buildDomain,
  type DomainRequest,
} from '../../../src/vmm/para/build/domain-builder.ts';
import { type FeatureName, featureMask } from '../../../src/xen/features.ts';
import type { PvKernel } from '../../../src/xen/pv-kernel.ts';

export const PAGE = 4096;
export const STALE = 0xcc;

export function readKernel(): Uint8Array {
  return readFileSync(new URL('../../image/kernels/pv.elf', import.meta.url));
}

export function pvKernel(bytes: Uint8Array = readKernel()): PvKernel {
  return parseImage(bytes, { format: 'pv' }).pv!;
}

export const DIRECT = featureMask(['pae_pgdir_above_4gb', 'mmu_pt_update_preserve_ad']);
export const TRANSLATED = DIRECT | featureMask(['auto_translated_physmap']);
export const features = (...names: FeatureName[]): number => featureMask(names);

export interface Page {
  readonly frame: number;
  readonly rights: number;
}

/** The memory of a machine in which everything was written to before. */
export class Rig {
  readonly bytes: Uint8Array;
  readonly frames: readonly number[];
  readonly isTranslated: boolean;
  readonly built: BuiltDomain;
  readonly #view: DataView;
  #pages: Map<bigint, Page> | undefined;

  /** `frames` of the machine are the domain's, by pfn. */
  constructor(
    request: Omit<DomainRequest, 'frames' | 'storeEvtchn' | 'consoleEvtchn'>,
    pages: number,
    frames: readonly number[] = scattered(pages),
  ) {
    this.isTranslated = request.sharedInfo === undefined;
    this.bytes = new Uint8Array((pages + SPARE_FRAMES) * PAGE).fill(STALE);
    this.#view = new DataView(this.bytes.buffer);
    this.frames = frames;
    this.built = buildDomain(this, {
      ...request,
      frames: this.frames,
      storeEvtchn: 1,
      consoleEvtchn: 2,
    });
  }

  write(hpa: number, data: Uint8Array): void {
    this.bytes.set(data, hpa);
  }

  fill(hpa: number, length: number, value: number): void {
    expect(hpa + length).toBeLessThanOrEqual(this.bytes.length);
    this.bytes.fill(value, hpa, hpa + length);
  }

  /** A view of the page that the guest calls `frame`. */
  page(frame: number): DataView {
    return new DataView(this.bytes.buffer, this.frameOf(frame) * PAGE, PAGE);
  }

  pfn(pfn: number): DataView {
    return new DataView(this.bytes.buffer, this.frames[pfn]! * PAGE, PAGE);
  }

  /** The machine's frame that an entry names. */
  frameOf(named: number): number {
    return this.isTranslated ? this.frames[named]! : named;
  }

  /** All pages that the tables map, by address, with bits 2:0 of their entries; and all tables by level. */
  walk(): { pages: Map<bigint, Page>; tables: Map<number, number> } {
    const pages = new Map<bigint, Page>();
    const tables = new Map<number, number>();
    const visit = (named: number, level: number, base: bigint): void => {
      const frame = this.frameOf(named);
      expect(tables.has(frame)).toBe(false);
      tables.set(frame, level);
      for (let n = 0; n < 512; n++) {
        const entry = this.#view.getBigUint64(frame * PAGE + n * 8, true);
        if (entry === 0n) continue;
        const next = Number(entry >> 12n);
        const va = base + (BigInt(n) << BigInt(3 + 9 * level));
        if (level > 1) {
          if ((entry & 0xfffn) !== 0x67n) expect.fail(`a link of level ${level}: ${entry}`);
          visit(next, level - 1, va);
        } else {
          // Present and accessed, the kernel's, writable or not.
          if ((entry & 0xffdn) !== 0x21n) expect.fail(`a page's entry: ${entry}`);
          pages.set(canonical(va), { frame: this.frameOf(next), rights: Number(entry & 7n) });
        }
      }
    };
    visit(this.built.root, 4, 0n);
    return { pages, tables };
  }

  /** `length` bytes at a virtual address. */
  read(va: bigint, length: number): Uint8Array {
    this.#pages ??= this.walk().pages;
    const pages = this.#pages;
    return Uint8Array.from({ length }, (_, n) => {
      const at = va + BigInt(n);
      const page = pages.get(at & ~0xfffn);
      return this.bytes[page!.frame * PAGE + Number(at & 0xfffn)]!;
    });
  }
}

/** Frames of the machine that are not the domain's: the first two, and others anywhere. */
const SPARE_FRAMES = 64;
const FIRST_FRAME = 2;
export const SHARED_INFO_FRAME = 1;

function scattered(pages: number): number[] {
  const random = randomSource(pages);
  const count = pages + SPARE_FRAMES - FIRST_FRAME;
  const all = Array.from({ length: count }, (_, n) => n + FIRST_FRAME);
  for (let n = all.length - 1; n > 0; n--) {
    const other = random(n + 1);
    [all[n], all[other]] = [all[other]!, all[n]!];
  }
  return all.slice(0, pages);
}

function canonical(va: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(48, va));
}
