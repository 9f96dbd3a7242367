/**
 * Typed views of the processor's state in linear memory. The offsets are those of asm/layout.ts, read from
 * the globals that the module exports, so no offset is typed twice.
 */

import { assert } from '../base/assert.ts';

/** The layout as exported: name of an asm/layout.ts constant to its value. */
export type Layout = (name: string) => number;

/** Looks a constant of asm/layout.ts up among the exports of an instance. */
export function layoutOf(exports: WebAssembly.Exports): Layout {
  const values = new Map<string, number>();
  for (const [name, found] of Object.entries(exports)) {
    if (found instanceof WebAssembly.Global) values.set(name, Number(found.value));
  }
  return (name) => {
    const value = values.get(name);
    assert(value !== undefined, `layout constant ${name}`);
    return value;
  };
}

/** General registers in encoding order; index into `CpuView.gpr`. */
export const GPR_NAMES = [
  'rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi',
  'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15',
] as const; // biome-ignore format: encoding order

/** Segment registers in the order of their entries in the layout. */
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;
export type SegmentName = (typeof SEGMENT_NAMES)[number];
/** Those that programs load. */
export const LOADABLE_SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

/** Of `access`: the register is loaded with a null selector. */
export const UNUSABLE = 1 << 16;
/** `access` of a busy 64-bit TSS, and of an LDT. */
export const TSS_ACCESS = 0x8b;
export const LDT_ACCESS = 0x82;

/** One segment register with its hidden part. `access` is laid out as in a VMCS (SDM 3C table 25-2). */
export interface SegmentState {
  readonly selector: number;
  readonly base: bigint;
  /** Last byte, byte granular. */
  readonly limit: number;
  readonly access: number;
}

/** Tells whether any of some u32 has changed, for who asks often. */
export class WordWatch {
  readonly #memory: Uint32Array;
  readonly #places: Uint32Array;
  readonly #seen: Uint32Array;
  #isNew = true;

  /** `addresses`: of the u32 in `buffer`, 4-aligned. */
  constructor(buffer: ArrayBuffer, addresses: readonly number[]) {
    this.#memory = new Uint32Array(buffer);
    this.#places = Uint32Array.from(addresses, (address) => address >>> 2);
    this.#seen = new Uint32Array(addresses.length);
  }

  /** One differs from what it was when this was called last; true the first time. */
  changed(): boolean {
    let isChanged = this.#isNew;
    this.#isNew = false;
    for (let n = 0; n < this.#places.length; n++) {
      const now = this.#memory[this.#places[n] as number] as number;
      if (this.#seen[n] === now) continue;
      this.#seen[n] = now;
      isChanged = true;
    }
    return isChanged;
  }
}

/** Reads and writes processor state by the names of asm/layout.ts. */
export class CpuView {
  readonly layout: Layout;
  readonly data: DataView;
  /** gpr[16]: u64, in encoding order. */
  readonly gpr: BigUint64Array;
  /** Addresses of the segment registers, and offsets within one. */
  readonly #segments: ReadonlyMap<SegmentName, number>;
  readonly #segment: { base: number; limit: number; access: number; selector: number };

  /** `offset` is how far the block looked at lies behind the processor's: that of a virtual processor does. */
  constructor(exported: Layout, buffer: ArrayBuffer, offset = 0) {
    const layout: Layout = offset === 0 ? exported : (name) => exported(name) + offset;
    this.layout = layout;
    this.data = new DataView(buffer);
    this.gpr = new BigUint64Array(buffer, layout('REGS'), 16);
    const place = (n: number): number => layout('SEGS') + n * exported('SEG_BYTES');
    this.#segments = new Map(SEGMENT_NAMES.map((name, n) => [name, place(n)]));
    this.#segment = {
      base: exported('SEG_BASE'),
      limit: exported('SEG_LIMIT'),
      access: exported('SEG_ACCESS'),
      selector: exported('SEG_SELECTOR'),
    };
  }

  /** The u64 named `name`. */
  u64(name: string): bigint {
    return this.data.getBigUint64(this.layout(name), true);
  }
  setU64(name: string, value: bigint): void {
    this.data.setBigUint64(this.layout(name), value, true);
  }
  /** The u32 named `name`. */
  u32(name: string): number {
    return this.data.getUint32(this.layout(name), true);
  }
  /** Reads the u32 named `name`, or that `offset` bytes behind it, for who does so often. */
  reader(name: string, offset = 0): () => number {
    const at = this.layout(name) + offset;
    return () => this.data.getUint32(at, true);
  }
  /** Writes the u32 named `name`, for who does so often. */
  writer(name: string): (value: number) => void {
    const at = this.layout(name);
    return (value) => this.data.setUint32(at, value, true);
  }
  /** Watches the u32 at each of `places`, a name and an offset from there. */
  watch(places: readonly (readonly [name: string, offset: number])[]): WordWatch {
    return new WordWatch(
      this.data.buffer as ArrayBuffer,
      places.map(([name, offset]) => this.layout(name) + offset),
    );
  }
  /** The same for the low half of a segment's base. */
  segmentBaseReader(name: SegmentName): () => number {
    const at = this.#segmentAt(name) + this.#segment.base;
    return () => this.data.getUint32(at, true);
  }
  setU32(name: string, value: number): void {
    this.data.setUint32(this.layout(name), value, true);
  }

  segment(name: SegmentName): SegmentState {
    const at = this.#segmentAt(name);
    const { base, limit, access, selector } = this.#segment;
    return {
      base: this.data.getBigUint64(at + base, true),
      limit: this.data.getUint32(at + limit, true),
      access: this.data.getUint32(at + access, true),
      selector: this.data.getUint16(at + selector, true),
    };
  }
  /** Writes a segment register; for CS and SS the caller keeps CPL, mode and DPL consistent. */
  setSegment(name: SegmentName, state: SegmentState): void {
    const at = this.#segmentAt(name);
    const { base, limit, access, selector } = this.#segment;
    this.data.setBigUint64(at + base, state.base, true);
    this.data.setUint32(at + limit, state.limit, true);
    this.data.setUint32(at + access, state.access, true);
    this.data.setUint16(at + selector, state.selector, true);
  }

  #segmentAt(name: SegmentName): number {
    return this.#segments.get(name) ?? 0;
  }
}
