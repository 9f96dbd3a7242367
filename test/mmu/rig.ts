/**
 * A processor and a reference beside it: RAM and a little device memory exist twice, once for the processor
 * and once as the reference leaves them. After a step both must be equal, byte for byte.
 */

import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { Processor } from '../../src/machine/processor.ts';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import type { UsedEntry } from '../../src/machine/ref/walk.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

/** RAM of a rig that asks for no other size. */
export const RAM_BYTES = 2 * 2 ** 20;
/** Memory behind the bus: paging structures may lie there too. */
export const DEVICE = 0x1_0000_0000n;
const DEVICE_BYTES = 0x4000;

const DPL3 = 0x60;
const CS64 = 0xa09b;
const CS32 = 0xc09b;
const DATA = 0xc093;

/** Memory by byte, with entries made of bytes. */
export abstract class Bytes {
  abstract readByte(hpa: bigint): number;
  abstract writeByte(hpa: bigint, value: number): void;

  readonly readEntry = (hpa: bigint, size: 4 | 8 = 8): bigint => this.entryOfBytes(hpa, size);

  protected entryOfBytes(hpa: bigint, size: number): bigint {
    let value = 0n;
    for (let n = size - 1; n >= 0; n--) {
      value = (value << 8n) | BigInt(this.readByte(hpa + BigInt(n)));
    }
    return value;
  }

  writeEntry({ hpa, size, value }: UsedEntry): void {
    for (let n = 0n; n < BigInt(size); n++) {
      this.writeByte(hpa + n, Number((value >> (8n * n)) & 0xffn));
    }
  }

  /** The 4 bytes at `hpa`, fast. */
  abstract readU32(hpa: number): number;

  /** `length` bytes as text. */
  hex(hpa: bigint, length: number): string {
    const bytes = Array.from({ length }, (_, n) => this.readByte(hpa + BigInt(n)));
    return Buffer.from(bytes).toString('hex');
  }

  /** A copy to try things on. */
  scratch(): Bytes {
    return new Scratch(this);
  }
}

/** What `below` holds, but for what was written here. */
class Scratch extends Bytes {
  readonly #below: Bytes;
  readonly #written = new Map<bigint, number>();

  constructor(below: Bytes) {
    super();
    this.#below = below;
  }

  readByte(hpa: bigint): number {
    return this.#written.get(hpa) ?? this.#below.readByte(hpa);
  }
  readU32(hpa: number): number {
    return Number(this.readEntry(BigInt(hpa), 4));
  }
  writeByte(hpa: bigint, value: number): void {
    this.#written.set(hpa, value);
  }
}

/** Writes as the host: to what is tested and to the reference. */
export interface Pokes {
  readonly expected: PhysicalMemory;
  poke(entry: UsedEntry): void;
  pokeBytes(hpa: bigint, bytes: ArrayLike<number>): void;
}

/** What a Scene plays on. */
export interface Stage extends Pokes {
  readonly processor: Pick<Processor, 'view' | 'run'>;
  readonly actual: Bytes;
  clear(isTlbDisabled: boolean): void;
  load(state: PagingState, isLong: boolean): void;
}

/** Physical memory: RAM, device memory, and an open bus that reads as ones. */
export class PhysicalMemory extends Bytes {
  readonly ram: Buffer;
  readonly device = Buffer.alloc(DEVICE_BYTES);

  constructor(ram: Uint8Array) {
    super();
    this.ram = Buffer.from(ram.buffer, ram.byteOffset, ram.byteLength);
  }

  readByte(hpa: bigint): number {
    if (hpa < BigInt(this.ram.length)) return this.ram[Number(hpa)] ?? 0;
    return this.device[Number(hpa - DEVICE)] ?? 0xff;
  }

  writeByte(hpa: bigint, value: number): void {
    if (hpa < BigInt(this.ram.length)) this.ram[Number(hpa)] = value;
    else if (hpa >= DEVICE && hpa < DEVICE + BigInt(DEVICE_BYTES)) {
      this.device[Number(hpa - DEVICE)] = value;
    }
  }

  readU32(hpa: number): number {
    return this.ram.readUInt32LE(hpa);
  }

  /** A copy of a page of RAM. */
  page(hpa: number): Uint8Array {
    return Uint8Array.from(this.ram.subarray(hpa, hpa + 0x1000));
  }

  override readonly readEntry = (hpa: bigint, size: 4 | 8 = 8): bigint => {
    if (hpa + BigInt(size) > BigInt(this.ram.length)) return this.entryOfBytes(hpa, size);
    return size === 8 ? this.ram.readBigUInt64LE(Number(hpa)) : BigInt(this.readU32(Number(hpa)));
  };

  override hex(hpa: bigint, length: number): string {
    return this.ram.toString('hex', Number(hpa), Number(hpa) + length);
  }

  equals(other: PhysicalMemory): boolean {
    return this.ram.equals(other.ram) && this.device.equals(other.device);
  }

  /** The first difference, for a message. */
  difference(other: PhysicalMemory): string {
    const differs = (a: Buffer, b: Buffer): number => a.findIndex((byte, at) => byte !== b[at]);
    const at = differs(this.ram, other.ram);
    if (at < 0) return `device memory at ${differs(this.device, other.device)}`;
    const entry = BigInt(at & ~7);
    const show = (memory: PhysicalMemory): string => memory.readEntry(entry).toString(16);
    return `HPA ${entry.toString(16)}: ${show(this)}, reference ${show(other)}`;
  }
}

export class Rig implements Stage {
  readonly processor: Processor;
  /** What the processor works on. */
  readonly actual: PhysicalMemory;
  /** What the reference works on. */
  readonly expected: PhysicalMemory;

  constructor(ramBytes = RAM_BYTES) {
    this.expected = new PhysicalMemory(new Uint8Array(ramBytes));
    const bytes = (high: number, low: number, size: number): bigint[] => {
      const hpa = (BigInt(high) << 32n) | BigInt(low);
      return Array.from({ length: size }, (_, n) => hpa + BigInt(n));
    };
    const options = { ramBytes, features: DEFAULT_FEATURES, seed: 1n };
    this.processor = Processor.create(loadProcessorModule(), options, {
      portRead: () => 0,
      portWrite: () => {},
      memoryRead: (high, low, size) =>
        bytes(high, low, size).reduce(
          (value, hpa, n) => value + this.actual.readByte(hpa) * 2 ** (8 * n),
          0,
        ),
      memoryWrite: (high, low, size, value) => {
        bytes(high, low, size).forEach((hpa, n) => {
          this.actual.writeByte(hpa, (value >>> (8 * n)) & 0xff);
        });
      },
      taskPriorityWritten: () => {},
      msrWritten: () => {},
      interruptAcknowledge: () => 0,
    });
    this.actual = new PhysicalMemory(this.processor.memory.bytes);
  }

  /** Empties both memories and puts the processor into its power-up state. */
  clear(isTlbDisabled: boolean): void {
    for (const { ram, device } of [this.actual, this.expected]) {
      ram.fill(0);
      device.fill(0);
    }
    this.processor.reset();
    this.processor.view.setU32('TLB_DISABLED', isTlbDisabled ? 1 : 0);
    this.processor.view.setU32('HOSTED', 1);
    this.processor.view.setU32('VMX_HOSTED', 1);
  }

  /** Writes an entry as the host: to both memories, and past all caches but that of decoded code. */
  poke({ hpa, size, value }: UsedEntry): void {
    this.pokeBytes(hpa, bytesOf(value, size));
  }

  pokeBytes(hpa: bigint, bytes: ArrayLike<number>): void {
    if (hpa < BigInt(this.actual.ram.length)) {
      this.expected.ram.set(bytes, Number(hpa));
      this.processor.memory.write(Number(hpa), Uint8Array.from(bytes));
      return;
    }
    Array.from(bytes).forEach((byte, n) => {
      this.expected.writeByte(hpa + BigInt(n), byte);
      this.actual.writeByte(hpa + BigInt(n), byte);
    });
  }

  load(state: PagingState, isLong: boolean): void {
    loadState(this.processor, state, isLong);
  }
}

/** The `size` bytes of an entry. */
export function bytesOf(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
}

/** Selectors of the ring that runs, which `GDT` describes. */
const SELECTORS = { 0: { cs: 0x8, data: 0x10 }, 3: { cs: 0x1b, data: 0x23 } } as const;

/** Descriptors for them: flat segments of 64-bit or 32-bit code, and of data, for ring 0 and ring 3. */
export const gdtOf = (isLong: boolean): readonly bigint[] => {
  const code = BigInt(isLong ? CS64 : CS32);
  return [0n, code, BigInt(DATA), code | BigInt(DPL3), BigInt(DATA | DPL3)].map((access) =>
    access === 0n ? 0n : 0xf_0000_0000_ffffn | (access << 40n),
  );
};

/** Loads the registers that translation depends on, and flat segments for 64-bit or 32-bit code. */
export function loadState(processor: Processor, state: PagingState, isLong: boolean): void {
  const { view } = processor;
  view.setU64('CR0', state.cr0);
  view.setU64('CR3', state.cr3);
  view.setU64('CR4', state.cr4);
  view.setU64('EFER', state.efer);
  view.setU32('PKRU', state.pkru);
  view.setU32('CPL', state.cpl);
  const pdptes = view.layout('PDPTES');
  state.pdptes.forEach((pdpte, n) => {
    view.data.setBigUint64(pdptes + 8 * n, pdpte, true);
  });
  const dpl = state.cpl === 3 ? DPL3 : 0;
  const { cs, data } = SELECTORS[state.cpl === 3 ? 3 : 0];
  const flat = { base: 0n, limit: 0xffffffff };
  view.setSegment('cs', { ...flat, selector: cs, access: (isLong ? CS64 : CS32) | dpl });
  for (const name of ['ss', 'ds', 'es', 'fs', 'gs'] as const) {
    view.setSegment(name, { ...flat, selector: data, access: DATA | dpl });
  }
  processor.rflags = state.rflags;
  processor.stateChanged();
}
