/**
 * The machine: one processor with RAM, a bus and a clock, and the loop that runs them. It knows no
 * device: src/pc wires those to the bus, and connects the interrupt controller.
 *
 * A slice runs until its fuel ends, which is never beyond the next deadline of the clock, or until
 * the processor needs the machine. A device access may bring that deadline forward: then the
 * processor is asked to come back at the next instruction boundary, so that events happen at the
 * same instruction in every run. HLT moves virtual time to the next deadline.
 */

import { assert } from '../base/assert.ts';
import { checkVersion, type Versioned } from '../base/state.ts';
import { Bus, type MmioDevice, type MmioSize, type PortSize } from './bus.ts';
import { Clock } from './clock.ts';
import { type FaultRecord, readFaultChain } from './fault-chain.ts';
import { DEFAULT_FEATURES } from './features.ts';
import type { ProcessorHost } from './instance.ts';
import type { PhysicalMemory } from './memory.ts';
import {
  type AbsentMode,
  type ExitReason,
  Processor,
  type ProcessorOptions,
  type ProcessorState,
} from './processor.ts';

/** Bounds and default of RAM in bytes. */
export const MIN_RAM = 2 ** 20;
export const MAX_RAM = 2 ** 31;
export const DEFAULT_RAM = 64 * 2 ** 20;

const PAGE_SIZE = 4096;

/** Longest slice in instructions. */
const LONG_SLICE = 2 ** 20;
/**
 * WebAssembly has no on-stack replacement: code that was compiled better is entered at the next
 * call only. So slices begin short and double.
 */
const FIRST_SLICE = 2 ** 14;

/** Bit of RFLAGS: maskable interrupts are on. */
const RFLAGS_IF = 1n << 9n;
const ACTIVITY_HALTED = 1;
/** No sleep goes beyond this virtual time, 292 years: times stay far from the end of 64 bits. */
const END_OF_TIME = 2n ** 63n;

const IA32_TIME_STAMP_COUNTER = 0x10;
const IA32_APIC_BASE = 0x1b;
const IA32_TSC_DEADLINE = 0x6e0;

/** How a machine is made; everything has a default. */
export interface MachineOptions extends Partial<ProcessorOptions> {
  /** The run ends as `limit` when this many instructions have retired. */
  readonly maxInstructions?: number;
}

/** What runs the guest of a machine: a processor, or what stands for one. */
export interface Engine {
  /** Holds the guest's registers between two runs. */
  readonly processor: Processor;
  readonly memory: PhysicalMemory;
  /** What CR3 and page tables name, where that is not `memory`. */
  readonly tableMemory?: PhysicalMemory;
  /** As Processor.run. */
  run(fuel: number): ExitReason;
}

/** Makes an engine whose accesses to ports and devices `host` answers. */
export type EngineMaker = (host: ProcessorHost) => Engine;

/** The local APIC as the processor uses it. Its registers are in the page that IA32_APIC_BASE names. */
export interface ProcessorApic extends MmioDevice {
  /** Interrupt acknowledge: takes the interrupt that INTR stands for and returns its vector. */
  acknowledge(): number;
  /** The guest wrote CR8. */
  setTaskPriority(cr8: number): void;
  /** The guest wrote IA32_APIC_BASE. */
  setBase(base: bigint): void;
  /** The guest wrote IA32_TSC_DEADLINE. */
  setDeadline(tsc: bigint): void;
  /** The guest wrote the TSC. */
  tscWritten(): void;
}

/** Why a run ended. */
export type RunEnd =
  /** A device ended it with an exit status. */
  | { readonly kind: 'exit'; readonly status: number }
  /** The guest asked for a reset of the machine; `by` tells how. */
  | { readonly kind: 'reset'; readonly by: string }
  /** The guest switched the power off; `by` tells how. */
  | { readonly kind: 'off'; readonly by: string }
  /** A triple fault, with what was raised on the way, first exception first. */
  | { readonly kind: 'shutdown'; readonly faults: readonly FaultRecord[] }
  /** The VMM of a PV domain ended it, or its kernel said that it has crashed; `why` tells. */
  | {
      readonly kind: 'crash';
      readonly why: string;
      /** The exception that the guest could not take; `address` is that of the latest page fault. */
      readonly fault?: {
        readonly vector: number;
        readonly errorCode: number | undefined;
        readonly address: bigint;
      };
    }
  /** The instruction at RIP enters a mode that this processor does not have. */
  | { readonly kind: 'absent'; readonly mode: AbsentMode }
  /** HLT, and nothing that could wake the processor up. */
  | { readonly kind: 'halted' }
  /** `maxInstructions` were retired. */
  | { readonly kind: 'limit' }
  /** A device waits for input from outside: supply it and run on. */
  | { readonly kind: 'input' };

/** Where the run loop stands between two steps. */
export interface LoopState extends Versioned {
  readonly halted: bigint;
  readonly halting: bigint;
  readonly idleEvents: number;
  readonly end: RunEnd | undefined;
}

/** A bare machine between two steps. What hangs on its bus and clock saves itself. */
export interface MachineState extends LoopState {
  readonly features: readonly string[];
  readonly processor: ProcessorState;
}

const STATE_VERSION = 1;

/** Bad options of a machine. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
  readonly code: 'RAM_SIZE' | 'LIMIT';

  constructor(code: MachineError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** A processor, its RAM, a bus and a clock. */
export class Machine {
  readonly bus = new Bus();
  readonly clock: Clock;
  readonly #engine: Engine;
  readonly #maxInstructions: number;
  #apic: ProcessorApic | undefined;
  #passesIf: () => boolean = () => false;
  #end: RunEnd | undefined;
  /** Longest sleep of the processor within one step, in nanoseconds: then the caller may do other things. */
  longestSleep = END_OF_TIME;
  /** Virtual time that no step goes beyond. */
  #until = END_OF_TIME;
  /** Virtual time up to which the running slice goes unless it is stopped. */
  #sliceEnd = 0n;
  #slice = FIRST_SLICE;
  /** Nanoseconds that passed in HLT. */
  #halted: bigint;
  /** Instructions retired at the latest HLT. */
  #halting: bigint;
  /** Events of one sleep that woke nobody; there may be as many as instructions, so that every run ends. */
  #idleEvents: number;

  constructor(
    engine: EngineMaker,
    { maxInstructions }: Pick<MachineOptions, 'maxInstructions'>,
    state?: LoopState,
  ) {
    if (state) checkVersion('the machine', state, STATE_VERSION);
    this.#maxInstructions = checkLimit(maxInstructions);
    this.#engine = engine(this.#host());
    this.clock = new Clock(() => this.processor.time);
    this.#halted = state?.halted ?? 0n;
    this.#halting = state?.halting ?? -1n;
    this.#idleEvents = state?.idleEvents ?? 0;
    this.#end = state?.end;
  }

  /** A machine that is all its guest's: nothing stands between the guest and the processor. */
  static bare(module: WebAssembly.Module, options: MachineOptions = {}): Machine {
    const ramBytes = checkRam(options.ramBytes ?? DEFAULT_RAM);
    const features = options.features ?? DEFAULT_FEATURES;
    const all: ProcessorOptions = { ...options, ramBytes, features, seed: options.seed ?? 1n };
    return new Machine((host) => bareEngine(Processor.create(module, all, host)), options);
  }

  /** All state of a bare machine but that of devices; not while a step runs. `ram` as for Processor.save. */
  save(ram?: Uint8Array): MachineState {
    return {
      ...this.saveLoop(),
      features: [...this.processor.features],
      processor: this.processor.save(ram),
    };
  }

  /** What the machine knows besides what runs its guest. */
  saveLoop(): LoopState {
    return {
      version: STATE_VERSION,
      halted: this.#halted,
      halting: this.#halting,
      idleEvents: this.#idleEvents,
      end: this.#end,
    };
  }

  /** A machine that goes on from `state`, once its devices are restored and connected. */
  static restore(
    module: WebAssembly.Module,
    options: Pick<MachineOptions, 'maxInstructions' | 'rows'>,
    state: MachineState,
  ): Machine {
    const features = new Set(state.features);
    const ramBytes = state.processor.ram.length;
    const all: ProcessorOptions = { ...options, features, ramBytes, seed: 0n };
    const engine: EngineMaker = (host) =>
      bareEngine(Processor.restore(module, all, host, state.processor));
    return new Machine(engine, options, state);
  }

  get processor(): Processor {
    return this.#engine.processor;
  }

  /** RAM by physical address. */
  get memory(): PhysicalMemory {
    return this.#engine.memory;
  }

  /** Memory by the addresses that CR3 and page tables hold. */
  get tableMemory(): PhysicalMemory {
    return this.#engine.tableMemory ?? this.#engine.memory;
  }

  /** Instructions retired since power-on. */
  get instructions(): bigint {
    return this.processor.time - this.#halted;
  }

  /** Maskable interrupts are on. */
  get takesInterrupts(): boolean {
    return (this.processor.rflags & RFLAGS_IF) !== 0n;
  }

  /** The processor is in HLT. */
  get sleeps(): boolean {
    return this.processor.view.u32('ACTIVITY') === ACTIVITY_HALTED;
  }

  /** The processor is in HLT with maskable interrupts on. */
  get sleepsForInterrupt(): boolean {
    return this.sleeps && this.takesInterrupts;
  }

  /**
   * Connects the local APIC, through which all interrupts come. `passesIf` tells whether one may
   * come that RFLAGS.IF does not hold off.
   */
  connectApic(apic: ProcessorApic, passesIf: () => boolean): void {
    this.#apic = apic;
    this.#passesIf = passesIf;
    this.bus.mapMmio(BigInt(this.processor.view.layout('LOCAL_APIC')), BigInt(PAGE_SIZE), apic);
  }

  /** Ends the run at the next instruction boundary; of several reasons the first counts. */
  stop(end: RunEnd): void {
    this.#end ??= end;
    this.processor.requestStop();
  }

  /** Runs until there is a reason to end. */
  run(): RunEnd {
    for (;;) {
      const end = this.step();
      if (end !== undefined) return end;
    }
  }

  /**
   * As `run`, but not beyond virtual time `until`: undefined when it is reached, or after a sensitive instruction that
   * the processor watches for.
   */
  runUntil(until: bigint): RunEnd | undefined {
    this.#until = until;
    let end: RunEnd | undefined;
    while (end === undefined && this.clock.now() < until) {
      end = this.step();
      if (this.processor.sensitiveRan()) break;
    }
    this.#until = END_OF_TIME;
    return end;
  }

  /**
   * Runs one slice, a few milliseconds and `most` instructions at most, so that a caller can do other things in
   * between.
   */
  step(most = LONG_SLICE): RunEnd | undefined {
    this.clock.runDue();
    if (this.#end !== undefined) return this.#takeEnd();
    const fuel = this.#fuel(most);
    if (fuel <= 0) return { kind: 'limit' };
    const reason = this.#engine.run(fuel);
    if (this.#end !== undefined) return this.#takeEnd();
    switch (reason) {
      case 'fuel':
      case 'request':
        return undefined;
      case 'halt':
        return this.#sleep();
      case 'shutdown':
        return { kind: 'shutdown', faults: readFaultChain(this.processor.view) };
      case 'absent':
        return { kind: 'absent', mode: this.processor.absentMode };
      default:
        assert(false, `a bare processor stopped with ${reason}`);
    }
  }

  #takeEnd(): RunEnd | undefined {
    const end = this.#end;
    this.#end = undefined;
    return end;
  }

  /** Instructions of the next slice: to the next deadline, to a limit, or a full slice. */
  #fuel(most: number): number {
    const now = this.clock.now();
    const deadline = this.#nextStop();
    if (this.#idleEvents >= this.#maxInstructions) return 0;
    const left = this.#maxInstructions - Number(this.instructions);
    const slice = Math.min(this.#slice, left, most);
    this.#slice = Math.min(this.#slice * 2, LONG_SLICE);
    const fuel = Math.min(slice, Number(deadline - now));
    this.#sliceEnd = now + BigInt(Math.max(fuel, 0));
    return fuel;
  }

  /** The next event, or where the caller wants to stop. */
  #nextStop(): bigint {
    return smaller(this.clock.nextDeadline() ?? END_OF_TIME, this.#until);
  }

  /** The processor halted: moves time to the next event, if that may wake it up. */
  #sleep(): RunEnd | undefined {
    const deadline = this.clock.nextDeadline();
    if (deadline === undefined || deadline >= END_OF_TIME) return { kind: 'halted' };
    if (!this.sleepsForInterrupt && !this.#passesIf()) return { kind: 'halted' };
    const whole = deadline - this.clock.now();
    const longest = smaller(this.longestSleep, this.#until - this.clock.now());
    const ns = smaller(whole, longest);
    if (ns > 0n) {
      this.processor.advanceTime(ns);
      this.#halted += ns;
    }
    if (ns < whole) return undefined;
    this.#idleEvents = this.#halting === this.instructions ? this.#idleEvents + 1 : 0;
    this.#halting = this.instructions;
    return undefined;
  }

  #host(): ProcessorHost {
    return {
      portRead: (port, size) => {
        const value = this.bus.readPort(port, size as PortSize);
        this.timersChanged();
        return value;
      },
      portWrite: (port, size, value) => {
        this.bus.writePort(port, size as PortSize, value);
        this.timersChanged();
      },
      memoryRead: (high, low, size) => {
        const value = this.bus.readMmio(physical(high, low), size as MmioSize);
        this.timersChanged();
        return Number(value);
      },
      memoryWrite: (high, low, size, value) => {
        this.bus.writeMmio(physical(high, low), size as MmioSize, BigInt(value));
        this.timersChanged();
      },
      taskPriorityWritten: () => {
        this.#apic?.setTaskPriority(this.processor.taskPriority);
      },
      msrWritten: (msr) => {
        this.#msrWritten(msr);
        this.timersChanged();
      },
      interruptAcknowledge: () => this.#apic?.acknowledge() ?? 0xff,
    };
  }

  #msrWritten(msr: number): void {
    const { processor } = this;
    if (msr === IA32_TIME_STAMP_COUNTER) this.#apic?.tscWritten();
    else if (msr === IA32_APIC_BASE) this.#apic?.setBase(processor.apicBase);
    else if (msr === IA32_TSC_DEADLINE) this.#apic?.setDeadline(processor.tscDeadline);
  }

  /** After each device access, and what else sets timers: the next event may have come nearer than the slice reaches. */
  timersChanged(): void {
    const deadline = this.clock.nextDeadline();
    if (deadline !== undefined && deadline < this.#sliceEnd) this.processor.requestStop();
  }
}

function bareEngine(processor: Processor): Engine {
  return { processor, memory: processor.memory, run: (fuel) => processor.run(fuel) };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function physical(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `bytes`, if a machine may have so much RAM; throws a MachineError. */
export function checkRam(bytes: number): number {
  if (Number.isInteger(bytes) && bytes >= MIN_RAM && bytes <= MAX_RAM && bytes % PAGE_SIZE === 0) {
    return bytes;
  }
  throw new MachineError('RAM_SIZE', 'RAM must be 1 MiB to 2 GiB, in whole pages of 4 KiB');
}

function checkLimit(limit = Number.POSITIVE_INFINITY): number {
  if (limit > 0 && (Number.isSafeInteger(limit) || limit === Number.POSITIVE_INFINITY))
    return limit;
  throw new MachineError('LIMIT', 'the instruction limit must be a positive integer');
}
