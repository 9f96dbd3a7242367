/** A machine's memory with two guests under direct paging, without a processor. Guests' calls are made by hand. */

import { DirtyFrames } from '../../../src/machine/dirty-frames.ts';
import { MachineMemory } from '../../../src/machine/memory.ts';
import type { BatchCall, BatchOutcome } from '../../../src/vmm/direct/batches.ts';
import { type DirectHost, DirectPaging } from '../../../src/vmm/direct/direct-paging.ts';
import { FrameTable } from '../../../src/vmm/direct/frame-table.ts';
import type { GuestArguments } from '../../../src/vmm/direct/guest-arguments.ts';
import { framesOfMachineToPhys, MachineToPhys } from '../../../src/vmm/direct/machine-to-phys.ts';
import { Slice } from '../../../src/vmm/direct/slice.ts';
import { FRAME_VMM, FramePool, PAGE_SIZE } from '../../../src/vmm/frames.ts';
import { DOMID } from '../../../src/xen/domid.ts';
import { MMUEXT } from '../../../src/xen/mmu.ts';

export const P = 1;
export const RW = 2;
export const US = 4;
export const A = 0x20;
export const D = 0x40;
export const PS = 0x80;
export const G = 0x100;
export const GUEST_KERNEL = 1n << 52n;

/** Where guests keep the lists and other arguments of their calls. */
export const LIST = 0x10_0000n;
const ARGUMENTS_BYTES = 0x2_0000;
/** How many frames more than at first a guest may have. */
export const SPARE_FRAMES = 4;
export const DONE = LIST + 0x1_f000n;

export const L1 = MMUEXT.PIN_L1_TABLE;
export const L2 = MMUEXT.PIN_L2_TABLE;
export const L3 = MMUEXT.PIN_L3_TABLE;
export const L4 = MMUEXT.PIN_L4_TABLE;
export const UNPIN = MMUEXT.UNPIN_TABLE;
export const NEW_BASEPTR = MMUEXT.NEW_BASEPTR;
export const NEW_USER_BASEPTR = MMUEXT.NEW_USER_BASEPTR;
export const CLEAR_PAGE = MMUEXT.CLEAR_PAGE;
export const COPY_PAGE = MMUEXT.COPY_PAGE;

export type Frame = number;
export interface Ext {
  readonly command: number;
  readonly arg1?: bigint | number;
  readonly arg2?: bigint | number;
}
export interface Update {
  readonly ptr: bigint | number;
  readonly val: bigint | number;
  readonly command?: number;
}

/** An entry that maps `frame`. */
export const entry = (frame: Frame, flags: number): bigint => BigInt(frame * PAGE_SIZE + flags);

/** An argument area from LIST on; all else faults. */
class Arguments implements GuestArguments {
  readonly view = new DataView(new ArrayBuffer(ARGUMENTS_BYTES));

  read(va: bigint, data: DataView): boolean {
    const offset = this.offset(va, data.byteLength);
    if (offset === undefined) return false;
    new Uint8Array(data.buffer).set(new Uint8Array(this.view.buffer, offset, data.byteLength));
    return true;
  }

  writeU32(va: bigint, value: number): boolean {
    const offset = this.offset(va, 4);
    if (offset !== undefined) this.view.setUint32(offset, value, true);
    return offset !== undefined;
  }

  offset(va: bigint, length: number): number | undefined {
    const offset = va - LIST;
    return offset < 0n || offset + BigInt(length) > ARGUMENTS_BYTES ? undefined : Number(offset);
  }
}

/** What the VMM was told. */
export class HostRecord implements DirectHost {
  flushes = 0;
  readonly pages: bigint[] = [];
  roots = 0;
  ldts = 0;

  flush(): void {
    this.flushes++;
  }

  flushPage(va: bigint): void {
    this.pages.push(va);
  }

  rootsChanged(): void {
    this.roots++;
  }

  ldtChanged(): void {
    this.ldts++;
  }
}

export class Machine {
  readonly memory: MachineMemory;
  readonly pool: FramePool;
  readonly frames: FrameTable;
  readonly machineToPhys: MachineToPhys;
  readonly size: number;
  /** A frame of the VMM, mapped for supervisors in Xen's slots. */
  readonly vmmFrame: Frame;
  /** What was written to, by frame: processors have to hear of it. */
  readonly written = new Set<Frame>();
  readonly vms = new Set<number>();

  constructor(frames: number, seed = 1) {
    this.size = frames + framesOfMachineToPhys(frames + 16) + 2;
    const buffer = new ArrayBuffer(this.size * (PAGE_SIZE + 4) + 0x100);
    const flags = this.size * PAGE_SIZE;
    const layout = (name: string): number =>
      ({ FRAME_DIRTY: 1, FRAME_FLAGS: flags })[name] ?? buffer.byteLength - 0x100;
    const dirty = new DirtyFrames(layout, buffer, this.size * PAGE_SIZE);
    const ram = new Uint8Array(buffer, 0, this.size * PAGE_SIZE);
    this.memory = new MachineMemory(ram, dirty, (hpa) => this.written.add(hpa >>> 12));
    this.pool = new FramePool(this.size, seed);
    this.frames = new FrameTable(this.pool, this.size);
    this.machineToPhys = new MachineToPhys(this.memory, this.pool, this.size);
    this.vmmFrame = this.pool.take(FRAME_VMM);
  }

  u64(frame: Frame, n: number): bigint {
    return this.memory.readU64(frame * PAGE_SIZE + n * 8);
  }
}

export class Guest {
  readonly machine: Machine;
  readonly direct: DirectPaging;
  readonly host = new HostRecord();
  readonly arguments = new Arguments();
  /** Its frames, some with a role by convention of the test. */
  readonly owned: Frame[];

  constructor(machine: Machine, number: number, frames: number, sliceEntries?: number) {
    const { vmmFrame, machineToPhys, memory } = machine;
    this.machine = machine;
    machine.vms.add(number);
    this.owned = Array.from({ length: frames }, () => machine.pool.take(number));
    for (const frame of this.owned) memory.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
    const xenSlots = Array.from({ length: 16 }, () => entry(vmmFrame, P | RW | A));
    xenSlots[0] = machineToPhys.entry;
    this.direct = new DirectPaging({
      number,
      domains: machine.vms,
      frames: machine.frames,
      machineToPhys,
      memory,
      xenSlots,
      arguments: this.arguments,
      host: this.host,
      reserved: { current: frames, maximum: frames + SPARE_FRAMES },
      slice: new Slice(sliceEntries),
    });
  }

  frame(n: number): Frame {
    return this.owned[n] ?? 0;
  }

  /** The guest writes to its memory, which the test has made sure that it can. */
  poke(frame: Frame, n: number, value: bigint): void {
    this.machine.memory.writeU64(frame * PAGE_SIZE + n * 8, value);
  }

  /** What a frame is used as. */
  uses(frame: Frame): { type: number; typeCount: number; count: number } {
    const { frames } = this.machine;
    const typeCount = frames.typeCount(frame);
    return { type: typeCount > 0 ? frames.type(frame) : 0, typeCount, count: frames.count(frame) };
  }

  updates(list: readonly Update[], foreign: number = DOMID.SELF): number {
    return this.finish((call) => this.direct.mmuUpdate(call), this.updateCall(list, foreign));
  }

  update(ptr: bigint | number, val: bigint | number, command = 0): number {
    return this.updates([{ ptr, val, command }]);
  }

  /** Entry `n` of a table. */
  set(table: Frame, n: number, val: bigint, command = 0): number {
    return this.update(table * PAGE_SIZE + n * 8, val, command);
  }

  exts(list: readonly Ext[], foreign: number = DOMID.SELF): number {
    return this.finish((call) => this.direct.mmuextOp(call), this.extCall(list, foreign));
  }

  ext(command: number, arg1: bigint | number = 0, arg2: bigint | number = 0): number {
    return this.exts([{ command, arg1, arg2 }]);
  }

  /** Number of entries done, as the last call told. */
  get done(): number {
    return this.arguments.view.getUint32(Number(DONE - LIST), true);
  }

  /** Calls until there is a result. */
  finish(step: (call: BatchCall) => BatchOutcome, call: BatchCall): number {
    for (let next = call, n = 0; n < 100_000; n++) {
      const outcome = step(next);
      if ('result' in outcome) return outcome.result;
      next = outcome.again;
    }
    throw new Error('the call does not end');
  }

  updateCall(list: readonly Update[], foreign: number = DOMID.SELF, at = LIST): BatchCall {
    list.forEach(({ ptr, val, command = 0 }, n) => {
      const offset = Number(at - LIST) + n * 16;
      this.arguments.view.setBigUint64(offset, BigInt(ptr) + BigInt(command), true);
      this.arguments.view.setBigUint64(offset + 8, BigInt(val), true);
    });
    return { list: at, count: list.length, done: DONE, foreign };
  }

  extCall(list: readonly Ext[], foreign: number = DOMID.SELF, at = LIST): BatchCall {
    list.forEach(({ command, arg1 = 0, arg2 = 0 }, n) => {
      const offset = Number(at - LIST) + n * 24;
      this.arguments.view.setBigUint64(offset, BigInt(command), true);
      this.arguments.view.setBigUint64(offset + 8, BigInt(arg1), true);
      this.arguments.view.setBigUint64(offset + 16, BigInt(arg2), true);
    });
    return { list: at, count: list.length, done: DONE, foreign };
  }
}
