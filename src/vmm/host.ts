/**
 * The host: one machine that belongs to the VMM, and what its VMs share. The core runs at one block of registers. At any
 * time one VM is *current*: its virtual processor is in that place, where the emulator, devices and loaders find it.
 * Blocks of the others lie beside (GUEST_BLOCKS). Whatever touches a VM's processor makes it current (`enter`); while
 * one runs, no other may be touched.
 */

import { assert } from '../base/assert.ts';
import { Instance, type InstanceOptions, type ProcessorHost } from '../machine/instance.ts';
import { Processor, type ProcessorIdentity } from '../machine/processor.ts';
import { FrameTable } from './direct/frame-table.ts';
import { MachineToPhys } from './direct/machine-to-phys.ts';
import { FramePool, OutOfFrames, PAGE_SIZE } from './frames.ts';
import { Pcids } from './pcids.ts';

/** Order in which frames are handed out: the same in every run. */
const SEED = 1;
const MAP_ENTRY_BYTES = 4;

/** The block of a virtual processor, and what answers it. */
interface Seat {
  readonly place: number;
  readonly devices: ProcessorHost;
}

/** The frames of the machine under direct paging. */
export interface MachineFrames {
  readonly frames: FrameTable;
  readonly machineToPhys: MachineToPhys;
}

/** What a machine can be made with, whatever VMs it has. */
export type HostOptions = Pick<InstanceOptions, 'dram'>;

export class Host {
  readonly pool: FramePool;
  readonly pcids = new Pcids();
  readonly #instance: Instance;
  /** The next free byte for maps of guest-physical memory, and for blocks. */
  #nextMap: number;
  #nextBlock: number;
  #vms = 0;
  #current: Seat | undefined;
  #isRunning = false;
  #machineFrames: MachineFrames | undefined;
  /** The memories of VMs, as they got them. */
  readonly #given: (readonly number[])[] = [];

  /** A machine with `frames` frames of memory; throws a MemoryError if there cannot be as many. */
  constructor(module: WebAssembly.Module, frames: number, { dram }: HostOptions = {}) {
    const devices = (): ProcessorHost => {
      assert(this.#current !== undefined, 'no VM is current');
      return this.#current.devices;
    };
    const router: ProcessorHost = {
      portRead: (port, size) => devices().portRead(port, size),
      portWrite: (port, size, value) => devices().portWrite(port, size, value),
      memoryRead: (high, low, size) => devices().memoryRead(high, low, size),
      memoryWrite: (high, low, size, value) => devices().memoryWrite(high, low, size, value),
      taskPriorityWritten: () => devices().taskPriorityWritten(),
      msrWritten: (msr) => devices().msrWritten(msr),
      interruptAcknowledge: () => devices().interruptAcknowledge(),
    };
    this.#instance = new Instance(
      module,
      { ramBytes: frames * PAGE_SIZE, ...(dram && { dram }) },
      router,
    );
    const { layout } = this.#instance.view;
    this.pool = new FramePool(frames, SEED);
    this.#nextMap = layout('GUEST_MAPS');
    this.#nextBlock = layout('GUEST_BLOCKS');
  }

  /** What direct paging knows of all frames; made when a VM needs it first. */
  directPaging(): MachineFrames {
    if (this.#machineFrames !== undefined) return this.#machineFrames;
    const { memory } = this.#instance;
    const count = memory.size / PAGE_SIZE;
    const frames = new FrameTable(this.pool, count);
    const machineToPhys = new MachineToPhys(memory, this.pool, count);
    this.#machineFrames = { frames, machineToPhys };
    for (const given of this.#given) tellNumbers(machineToPhys, given);
    return this.#machineFrames;
  }

  /** Frames for the memory of the VM `number`, by its own frame numbers; throws OutOfFrames. */
  takeMemory(number: number, count: number): readonly number[] {
    const frames = Array.from({ length: count }, () => this.pool.take(number));
    this.#given.push(frames);
    if (this.#machineFrames) tellNumbers(this.#machineFrames.machineToPhys, frames);
    return frames;
  }

  /** There is a VM `number`. */
  has(number: number): boolean {
    return number > 0 && number <= this.#vms;
  }

  /** A number for a VM, from 1 up: the owner of its frames. */
  takeNumber(): number {
    this.#vms++;
    return this.#vms;
  }

  /** Room in linear memory for a map of `frames` frames of a guest; throws OutOfFrames. */
  takeMap(frames: number): Uint32Array {
    const { layout, data } = this.#instance.view;
    const place = this.#nextMap;
    const end = place + frames * MAP_ENTRY_BYTES;
    if (end > layout('GUEST_MAPS_END')) {
      throw new OutOfFrames('all VMs together can have 2 GiB of memory');
    }
    this.#nextMap = end;
    return new Uint32Array(data.buffer, place, frames);
  }

  /** Room in linear memory for the block of a processor. */
  takeBlock(): number {
    const { layout } = this.#instance.view;
    const place = this.#nextBlock;
    if (place >= layout('GUEST_BLOCKS_END')) throw new OutOfFrames('a machine has no more VMs');
    this.#nextBlock = place + layout('GUEST_BLOCK_BYTES');
    return place;
  }

  /** A virtual processor in its power-up state, which is current then; `devices` answers it. */
  createProcessor(identity: ProcessorIdentity, devices: ProcessorHost): Processor {
    const seat = { place: this.takeBlock(), devices };
    return new Processor(this.#instance, identity, () => this.#enter(seat));
  }

  /** Does what runs a guest, whose virtual processor is current: no other can be touched meanwhile. */
  run<T>(body: () => T): T {
    assert(!this.#isRunning, 'one VM runs at a time');
    this.#isRunning = true;
    try {
      return body();
    } finally {
      this.#isRunning = false;
    }
  }

  /** Makes a virtual processor current. */
  #enter(seat: Seat): void {
    if (seat === this.#current) return;
    assert(!this.#isRunning, 'a VM is touched while another one runs');
    const { dram } = this.#instance;
    if (dram) dram.switchProcessor(() => this.#exchange(seat));
    else this.#exchange(seat);
    this.#current = seat;
  }

  #exchange(seat: Seat): void {
    const { exchange } = this.#instance.exports;
    if (this.#current !== undefined) exchange(this.#current.place);
    exchange(seat.place);
  }
}

/** All guests under direct paging can read which numbers frames have for their owners. */
function tellNumbers(table: MachineToPhys, frames: readonly number[]): void {
  for (const [number, frame] of frames.entries()) table.set(frame, BigInt(number));
}
