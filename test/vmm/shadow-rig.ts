/** A VM in the place of a processor (test/mmu/rig.ts): its guest runs under shadow page tables. */

import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import type { ProcessorHost } from '../../src/machine/instance.ts';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import type { UsedEntry } from '../../src/machine/ref/walk.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { PAGE_SIZE } from '../../src/vmm/frames.ts';
import type { GuestMemory } from '../../src/vmm/guest-memory.ts';
import { Host } from '../../src/vmm/host.ts';
import {
  createEngine,
  framesOf,
  guestFeatures,
  type VirtualEngine,
  type VmOptions,
} from '../../src/vmm/virtual-machine.ts';
import { pagesOf } from '../mmu/address-space.ts';
import { Bytes, gdtOf, loadState, PhysicalMemory, type Stage } from '../mmu/rig.ts';
import { CODE_FRAME, type Setting } from '../mmu/settings.ts';

/** Below lie all tables and the code. */
const TABLES_END = 0x4_0000;
/** Offset of the GDT in the page of the code. */
const GDT = 0xc00n;

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

  override hex(gpa: bigint, length: number): string {
    return Buffer.from(this.#memory.read(Number(gpa), length)).toString('hex');
  }
}

export class ShadowRig implements Stage {
  readonly actual: Bytes;
  readonly expected: PhysicalMemory;
  readonly processor: Stage['processor'];
  readonly engine: VirtualEngine;
  readonly #setting: Setting;

  constructor(
    setting: Setting,
    options: Pick<VmOptions, 'shadowFill' | 'shadowSync' | 'shadowPages'> & {
      readonly ramBytes: number;
    },
  ) {
    const vm = { ...options, features: guestFeatures(DEFAULT_FEATURES), cpu: 'trap' } as const;
    const host = new Host(loadProcessorModule(), framesOf(vm));
    this.engine = createEngine(host, vm, NO_DEVICES);
    const { engine } = this;
    this.#setting = setting;
    this.actual = new GuestBytes(engine.memory);
    this.expected = new PhysicalMemory(new Uint8Array(options.ramBytes));
    this.processor = { view: engine.processor.view, run: (fuel) => engine.run(fuel) };
  }

  clear(): void {
    const { memory, processor, shadow } = this.engine;
    this.expected.ram.fill(0, 0, TABLES_END);
    memory.fill(0, TABLES_END, 0);
    for (const page of pagesOf(this.#setting)) memory.fill(Number(page), PAGE_SIZE, 0);
    shadow.clear();
    processor.view.setU32('HOSTED', 1);
    gdtOf(this.#setting.isLong).forEach((value, n) => {
      this.poke({ hpa: CODE_FRAME + GDT + BigInt(8 * n), size: 8, value });
    });
  }

  poke({ hpa, size, value }: UsedEntry): void {
    const bytes = Array.from({ length: size }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
    this.pokeBytes(hpa, bytes);
  }

  pokeBytes(hpa: bigint, bytes: readonly number[]): void {
    this.engine.memory.write(Number(hpa), Uint8Array.from(bytes));
    bytes.forEach((byte, n) => {
      this.expected.writeByte(hpa + BigInt(n), byte);
    });
  }

  load(state: PagingState, isLong: boolean): void {
    const { view } = this.engine.processor;
    view.setU64('GDTR_BASE', this.#setting.code + GDT);
    view.setU32('GDTR_LIMIT', 8 * gdtOf(isLong).length - 1);
    loadState(this.engine.processor, state, isLong);
  }
}
