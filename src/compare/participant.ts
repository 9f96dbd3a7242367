/**
 * One of the machines that run a guest side by side, bare or a VM. It can be set back to its last checkpoint. A
 * checkpoint costs as much as was written since the one before: the copy of RAM is kept and brought up to date.
 */

import { DEFAULT_FEATURES } from '../machine/features.ts';
import type { RunEnd } from '../machine/machine.ts';
import { PAGE_BYTES } from '../machine/memory.ts';
import { Pc, type PcState } from '../pc/pc.ts';
import type { ExitSink } from '../vmm/exits/exit-record.ts';
import { guestFeatures } from '../vmm/full-engine.ts';
import type { FullTechnique } from '../vmm/monitor.ts';
import { VirtualPc, type VirtualPcState } from '../vmm/virtual-pc.ts';
import type { GuestSetup } from './guest-setup.ts';
import { SentBytes } from './sent-bytes.ts';

/** What runs the guest. */
export type Column = 'bare' | FullTechnique;

/** Bytes that a guest has sent, by where to. */
export interface Sent {
  readonly com1: SentBytes;
  readonly console: SentBytes;
}

export interface ParticipantOptions {
  /** Hears of the exits of a VM. */
  readonly sink?: ExitSink;
  /** `runToSensitive` will be used, on the bare machine. */
  readonly watchesSensitive?: boolean;
}

interface Checkpoint {
  /** The state of `board`; its RAM is `#ram`. */
  readonly state: { readonly bare: PcState } | { readonly vm: VirtualPcState };
  readonly sent: { readonly com1: number; readonly console: number };
  readonly inputAt: number;
}

export class Participant {
  readonly column: Column;
  readonly sent: Sent = { com1: new SentBytes(), console: new SentBytes() };
  /** Host time spent in runs, in milliseconds. */
  hostMs = 0;
  readonly #setup: GuestSetup;
  readonly #options: ParticipantOptions;
  #board: Pc | VirtualPc;
  #end: RunEnd | undefined;
  #inputAt = 0;
  /** RAM at the checkpoint. */
  #ram: Uint8Array | undefined;
  #checkpoint: Checkpoint | undefined;

  /** A machine with the guest in its RAM. */
  constructor(column: Column, setup: GuestSetup, options: ParticipantOptions = {}) {
    this.column = column;
    this.#setup = setup;
    this.#options = options;
    this.#board = this.#create();
    setup.boot(this.#board);
    if (setup.input !== undefined) this.#board.com1.openInput();
  }

  get board(): Pc | VirtualPc {
    return this.#board;
  }

  /** Why the run has ended; undefined while it can go on. */
  get end(): RunEnd | undefined {
    return this.#end;
  }

  /** Bytes that had been sent at the last mark. */
  get sentAtMark(): Checkpoint['sent'] {
    return this.#checkpoint?.sent ?? { com1: 0, console: 0 };
  }

  /** Virtual time in nanoseconds. */
  get time(): bigint {
    return this.#board.machine.clock.now();
  }

  /** Runs to virtual time `until`, or to the end of the run. */
  runTo(until: bigint): void {
    const started = this.#setup.now();
    while (this.#end === undefined && this.time < until) this.#runOn(until);
    this.hostMs += this.#setup.now() - started;
  }

  /** As `runTo`, but not beyond the next sensitive instruction: after it, true if the machine has come to one. */
  runToSensitive(until: bigint): boolean {
    while (this.#end === undefined && this.time < until) if (this.#runOn(until)) return true;
    return false;
  }

  /** True: after a sensitive instruction. */
  #runOn(until: bigint): boolean {
    const end = this.#board.machine.runUntil(until);
    if (end === undefined) return this.time < until;
    if (end.kind === 'input') this.#board.com1.supply(this.#setup.input?.[this.#inputAt++]);
    else this.#end = end;
    return false;
  }

  /** Remembers the machine as it is now. */
  mark(): void {
    const { memory } = this.#board.machine;
    this.#ram ??= new Uint8Array(memory.size);
    for (const address of memory.written()) this.#ram.set(memory.page(address), address);
    memory.forgetWritten();
    const { com1, console } = this.sent;
    this.#checkpoint = {
      state: this.#save(this.#ram),
      sent: { com1: com1.length, console: console.length },
      inputAt: this.#inputAt,
    };
  }

  /** Goes back to the machine of the last `mark`. The time that was spent since stays counted. */
  rewind(): void {
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined) return;
    this.#board = this.#create(checkpoint.state);
    this.#board.machine.memory.forgetWritten();
    this.sent.com1.truncate(checkpoint.sent.com1);
    this.sent.console.truncate(checkpoint.sent.console);
    this.#inputAt = checkpoint.inputAt;
    this.#end = undefined;
  }

  #save(ram: Uint8Array): Checkpoint['state'] {
    const board = this.#board;
    return board instanceof Pc ? { bare: board.save(ram) } : { vm: board.save(ram) };
  }

  #create(state?: Checkpoint['state']): Pc | VirtualPc {
    const { module, options, tuning, now } = this.#setup;
    const { com1, console } = this.sent;
    const all = {
      ...options,
      features: guestFeatures(options.features ?? DEFAULT_FEATURES),
      com1: (byte: number) => com1.push(byte),
      console: (byte: number) => console.push(byte),
    };
    const { sink, watchesSensitive = false } = this.#options;
    if (this.column === 'bare') {
      const pc = new Pc(module, all, state && 'bare' in state ? state.bare : undefined);
      if (watchesSensitive) pc.machine.processor.watchSensitive();
      return pc;
    }
    const vm = {
      ...all,
      ...tuning,
      cpu: this.column,
      ...(sink && { exits: { sink, now } }),
    };
    return new VirtualPc(module, vm, state && 'vm' in state ? state.vm : undefined);
  }
}

/** Addresses of the pages that may differ: those that either has written since its last mark. */
export function writtenByEither(a: Participant, b: Participant): number[] {
  const own = a.board.machine.memory.written();
  const others = b.board.machine.memory.written();
  return [...new Set([...own, ...others])].sort((one, other) => one - other);
}

/** Addresses of all pages. */
export function allPages({ board }: Participant): number[] {
  return Array.from({ length: board.machine.memory.size / PAGE_BYTES }, (_, n) => n * PAGE_BYTES);
}
