/** Events and time of a VM without a processor: memory with a shared info page, a clock, and calls made by hand. */

import { Clock } from '../../../src/machine/clock.ts';
import { DirtyFrames } from '../../../src/machine/dirty-frames.ts';
import { MachineMemory } from '../../../src/machine/memory.ts';
import { Events } from '../../../src/vmm/para/events/events.ts';
import type { HypercallArguments } from '../../../src/vmm/para/hypercall.ts';
import { type GuestSpace, readAt, writeAt } from '../../../src/vmm/para/memory/guest-space.ts';
import { SharedInfo } from '../../../src/vmm/para/shared-info.ts';
import { EVTCHN_STATUS, EVTCHNOP } from '../../../src/xen/event-channel.ts';
import type { HypercallName } from '../../../src/xen/hypercalls.ts';
import { SHARED_INFO, VCPU_INFO } from '../../../src/xen/shared-info.ts';
import { type Field, u32 } from '../../../src/xen/structure.ts';
import { VCPU_RUNSTATE_INFO } from '../../../src/xen/vcpu.ts';

const PAGE = 4096;
const FRAMES = 8;
export const SHARED_FRAME = 1;
/** The guest has these frames in a row from MEMORY on; the last one read-only. Everything else faults. */
const FIRST_FRAME = 2;
export const MEMORY = 0x10_0000n;
export const READ_ONLY = MEMORY + 5n * BigInt(PAGE);
export const NOWHERE = 0x7fff_0000n;
/** Xen's. */
export const FORBIDDEN = 0xffff_8000_0000_1000n;

export const DOMAIN = 3;
export const NEIGHBOUR = 4;
export const NOBODY = 77;
export const START_MS = 2 ** 32 * 1000 + 5_250;

class Space implements GuestSpace {
  readonly #memory: MachineMemory;

  constructor(memory: MachineMemory) {
    this.#memory = memory;
  }

  read(va: bigint, data: DataView): boolean {
    const hpa = this.#place(va, data.byteLength, READ_ONLY + BigInt(PAGE));
    if (hpa === undefined) return false;
    new Uint8Array(data.buffer).set(this.#memory.read(hpa, data.byteLength));
    return true;
  }

  write(va: bigint, data: DataView): boolean {
    const hpa = this.#place(va, data.byteLength, READ_ONLY);
    if (hpa === undefined) return false;
    this.#memory.write(hpa, new Uint8Array(data.buffer));
    return true;
  }

  writeU32(va: bigint, value: number): boolean {
    return writeAt(this, u32, va, value);
  }

  translate(va: bigint, isWrite: boolean): number | undefined {
    return this.#place(va, 1, isWrite ? READ_ONLY : READ_ONLY + BigInt(PAGE));
  }

  #place(va: bigint, length: number, end: bigint): number | undefined {
    const isMapped = va >= MEMORY && va + BigInt(length) <= end;
    return isMapped ? Number(va - MEMORY) + FIRST_FRAME * PAGE : undefined;
  }
}

export class EventsRig {
  now = 0n;
  readonly clock = new Clock(() => this.now);
  readonly memory = zeroMemory();
  readonly shared = new SharedInfo(this.memory, SHARED_FRAME * PAGE);
  readonly space = new Space(this.memory);
  readonly endings: number[] = [];
  readonly events: Events;
  /** Frames that the guest has shared. */
  readonly sharedFrames: bigint[] = [];
  nmis = 0;

  constructor() {
    this.shared.upcallMask = 1;
    this.events = new Events({
      clock: this.clock,
      shared: this.shared,
      space: this.space,
      number: DOMAIN,
      domains: new Set([DOMAIN, NEIGHBOUR]),
      startMs: START_MS,
      ended: (reason) => this.endings.push(reason),
      shareFrame: (frame) => {
        if (frame < BigInt(FIRST_FRAME) || frame >= BigInt(FRAMES)) return undefined;
        this.sharedFrames.push(frame);
        return Number(frame) * PAGE;
      },
      sendNmi: () => this.nmis++,
    });
    this.events.begin();
  }

  get isAsleep(): boolean {
    return this.events.sleep.isAsleep;
  }

  call(name: HypercallName, ...args: (bigint | number)[]): number {
    const six = Array.from({ length: 6 }, (_, n) => BigInt(args[n] ?? 0));
    const result = this.events.calls[name]?.(six as unknown as HypercallArguments);
    if (typeof result !== 'number') throw new Error(`${name} has no result`);
    return result;
  }

  /** What the guest has in its memory. */
  put<W>(type: Field<unknown, W>, value: W, va = MEMORY): bigint {
    if (!writeAt(this.space, type, va, value)) throw new Error('not the memory of the guest');
    return va;
  }

  get<R>(type: Field<R, never>, va = MEMORY): R {
    const value = readAt(this.space, type, va);
    if (value === undefined) throw new Error('not the memory of the guest');
    return value;
  }

  /** Call `name` with a command and an argument in memory. */
  op<W>(name: HypercallName, command: number, type: Field<unknown, W>, value: W): number {
    return this.call(name, command, this.put(type, value));
  }

  /** event_channel_op; the port that it tells if it succeeds. */
  port<W>(command: number, type: Field<{ port: number }, W>, value: W): number {
    const result = this.op('event_channel_op', command, type, value);
    return result === 0 ? this.get(type).port : result;
  }

  status(port: number, dom: number = DOMAIN) {
    const result = this.op('event_channel_op', EVTCHNOP.status, EVTCHN_STATUS, { dom, port });
    if (result !== 0) return result;
    const { status, vcpu, u } = this.get(EVTCHN_STATUS);
    return { status, vcpu, u };
  }

  /** The clock goes on, timers fire. */
  passTo(time: bigint): void {
    for (;;) {
      const next = this.clock.nextDeadline();
      if (next === undefined || next > time) break;
      if (next > this.now) this.now = next;
      this.clock.runDue();
    }
    this.now = time;
  }

  info() {
    const data = this.memory.read(this.shared.hpa, SHARED_INFO.size);
    return SHARED_INFO.read(new DataView(data.buffer), 0);
  }

  vcpu() {
    const data = this.memory.read(this.shared.vcpuInfo, VCPU_INFO.size);
    return VCPU_INFO.read(new DataView(data.buffer), 0);
  }

  /** The guest has seen all events. */
  acknowledge(): void {
    const { evtchn_pending } = SHARED_INFO.offsets;
    this.memory.fill(this.shared.hpa + evtchn_pending, 512, 0);
    this.memory.writeU64(this.shared.vcpuInfo + VCPU_INFO.offsets.evtchn_pending_sel, 0n);
    this.memory.fill(this.shared.vcpuInfo + VCPU_INFO.offsets.evtchn_upcall_pending, 1, 0);
  }

  mask(port: number): void {
    const at = this.shared.hpa + SHARED_INFO.offsets.evtchn_mask + (port >>> 3);
    this.memory.fill(at, 1, (this.memory.bytes[at] ?? 0) | (1 << (port & 7)));
  }

  runstate(va = MEMORY) {
    return this.get(VCPU_RUNSTATE_INFO, va);
  }
}

function zeroMemory(): MachineMemory {
  const bytes = FRAMES * PAGE;
  const buffer = new ArrayBuffer(bytes + FRAMES * 4 + 0x100);
  const layout = (name: string): number =>
    ({ FRAME_DIRTY: 1, FRAME_FLAGS: bytes })[name] ?? buffer.byteLength - 0x100;
  const ram = new Uint8Array(buffer, 0, bytes);
  return new MachineMemory(ram, new DirtyFrames(layout, buffer, bytes), () => {});
}
