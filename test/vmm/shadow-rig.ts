/** A VM in the place of a processor (test/mmu/rig.ts): its guest runs under shadow page tables. */

import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import type { ProcessorHost } from '../../src/machine/instance.ts';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import type { UsedEntry } from '../../src/machine/ref/walk.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { FullEngine, framesOfFull, guestFeatures } from '../../src/vmm/full-engine.ts';
import type { GuestMemory } from '../../src/vmm/guest-memory.ts';
import { Host } from '../../src/vmm/host.ts';
import type { FullVmOptions } from '../../src/vmm/vm-options.ts';
import { Bytes, bytesOf, gdtOf, loadState, PhysicalMemory, type Stage } from '../mmu/rig.ts';
import { CODE_FRAME, type Setting } from '../mmu/settings.ts';

/** Offset of the GDT in the page of the code. */
const GDT = 0xc00n;
/** Of the access rights of a segment register: it holds a null selector. */
const UNUSABLE = 1 << 16;

/** A bus with nothing on it. */
export const NO_DEVICES: ProcessorHost = {
  portRead: () => 0,
  portWrite: () => {},
  memoryRead: () => 0xff,
  memoryWrite: () => {},
  taskPriorityWritten: () => {},
  msrWritten: () => {},
  interruptAcknowledge: () => 0,
};

/** The guest's memory as the guest has it; nothing else is on its bus. */
class GuestBytes extends Bytes {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    super();
    this.#memory = memory;
  }

  readByte(gpa: bigint): number {
    return gpa < BigInt(this.#memory.size) ? (this.#memory.read(Number(gpa), 1)[0] ?? 0) : 0xff;
  }

  writeByte(gpa: bigint, value: number): void {
    if (gpa < BigInt(this.#memory.size)) this.#memory.write(Number(gpa), Uint8Array.of(value));
  }

  readU32(gpa: number): number {
    return this.#memory.readU32(gpa);
  }

  override readonly readEntry = (gpa: bigint, size: 4 | 8 = 8): bigint =>
    size === 8 ? this.#memory.readU64(Number(gpa)) : BigInt(this.readU32(Number(gpa)));

  override hex(gpa: bigint, length: number): string {
    return Buffer.from(this.#memory.read(Number(gpa), length)).toString('hex');
  }
}

export class ShadowRig implements Stage {
  readonly actual: Bytes;
  readonly expected: PhysicalMemory;
  readonly processor: Stage['processor'];
  readonly engine: FullEngine;
  readonly #setting: Setting;

  constructor(
    setting: Setting,
    options: Pick<FullVmOptions, 'shadowFill' | 'shadowSync' | 'shadowPages'> & {
      readonly ramBytes: number;
    },
  ) {
    const vm = { ...options, features: guestFeatures(DEFAULT_FEATURES), cpu: 'trap' } as const;
    const host = new Host(loadProcessorModule(), framesOfFull(vm));
    this.engine = new FullEngine(host, vm, NO_DEVICES);
    const { engine } = this;
    this.#setting = setting;
    this.actual = new GuestBytes(engine.memory);
    this.expected = new PhysicalMemory(new Uint8Array(options.ramBytes));
    this.processor = { view: engine.processor.view, run: (fuel) => engine.run(fuel) };
  }

  clear(): void {
    const { processor, shadow } = this.engine;
    shadow.clear();
    processor.view.setU32('HOSTED', 1);
    gdtOf(this.#setting.isLong).forEach((value, n) => {
      this.poke({ hpa: CODE_FRAME + GDT + BigInt(8 * n), size: 8, value });
    });
  }

  poke({ hpa, size, value }: UsedEntry): void {
    this.pokeBytes(hpa, bytesOf(value, size));
  }

  pokeBytes(hpa: bigint, bytes: ArrayLike<number>): void {
    this.engine.memory.write(Number(hpa), Uint8Array.from(bytes));
    this.expected.ram.set(bytes, Number(hpa));
  }

  load(state: PagingState, isLong: boolean): void {
    const { view } = this.engine.processor;
    view.setU64('GDTR_BASE', this.#setting.code + GDT);
    view.setU32('GDTR_LIMIT', 8 * gdtOf(isLong).length - 1);
    view.setSegment('ldtr', { selector: 0, base: 0n, limit: 0, access: UNUSABLE });
    loadState(this.engine.processor, state, isLong);
  }
}
