/**
 * The real-time clock of a PC with its memory of 128 bytes (Motorola MC146818A; Intel 290562, 82371AB
 * PIIX4, Real Time Clock): date and time, alarm, periodic and update-ended interrupts on IRQ 8. Index
 * port 0x70, whose bit 7 masks an NMI that nothing here raises; data port 0x71. The clock counts
 * virtual time. An update takes no time; register A shows it coming for 244 microseconds before.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock, Timer } from '../machine/clock.ts';
import type { IrqLine } from '../machine/irq.ts';
import { countSeconds, REG_B_24H, secondsToAlarm, writeDate } from './rtc-calendar.ts';

const REG_A = 0x0a;
const REG_B = 0x0b;
const REG_C = 0x0c;
const REG_D = 0x0d;

const REG_A_UIP = 0x80; // update in progress
const REG_A_DIVIDER = 0x70;
const REG_A_RATE = 0x0f; // of the periodic interrupt
const REG_B_SET = 0x80; // no updates
const REG_B_UIE = 0x10; // interrupt enables: update ended,
const REG_B_AIE = 0x20; // alarm,
const REG_B_PIE = 0x40; // periodic
const REG_C_UF = 0x10; // and their flags, in the same bits
const REG_C_AF = 0x20;
const REG_C_PF = 0x40;
const REG_C_IRQF = 0x80;
const FLAGS = REG_C_UF | REG_C_AF | REG_C_PF;
const REG_D_VRT = 0x80; // the battery is good

/** A divider beyond this one holds the chain in reset: the 32768 Hz crystal has 0x20. */
const LAST_RUNNING_DIVIDER = 0x20;
const MEMORY_BYTES = 128;

const NS_PER_SECOND = 1_000_000_000n;
const HALF_SECOND = NS_PER_SECOND / 2n;
const CRYSTAL_HZ = 32_768n;
/** Eight ticks of the crystal. */
const UIP_NS = (8n * NS_PER_SECOND) / CRYSTAL_HZ;

/** What the clock is wired to. */
export interface RtcDeps {
  readonly clock: Clock;
  readonly irq: IrqLine;
}

/** State of the clock. */
export interface RtcState {
  version: 1;
  /** Register that port 0x71 leads to. */
  index: number;
  nmiMasked: boolean;
  /** memory[128]: u8, registers included; C without IRQF. */
  memory: number[];
  /** A virtual time at which a second began: the divider chain counts from it. */
  origin: bigint;
  /** The virtual time up to which memory is right. */
  counted: bigint;
}

/** The state of a clock that has been set to `ms`, milliseconds since 1970 (UTC), at virtual time 0. */
export function rtcSetTo(ms: number): RtcState {
  const memory = new Uint8Array(MEMORY_BYTES);
  memory[REG_A] = LAST_RUNNING_DIVIDER | 6; // 1024 Hz
  memory[REG_B] = REG_B_24H;
  memory[REG_D] = REG_D_VRT;
  writeDate(memory, REG_B_24H, ms);
  return { version: 1, index: 0, nmiMasked: false, memory: [...memory], origin: 0n, counted: 0n };
}

/** The MC146818. */
export class Rtc implements PortDevice {
  readonly widestPort = 1;
  readonly #deps: RtcDeps;
  readonly #timer: Timer;
  readonly #memory: Uint8Array;
  readonly #state: Omit<RtcState, 'memory'>;

  constructor(deps: RtcDeps, { memory, ...state }: RtcState) {
    this.#deps = deps;
    this.#state = state;
    this.#memory = Uint8Array.from(memory);
    this.#timer = deps.clock.timer(() => this.#follow());
    this.#follow();
  }

  save(): RtcState {
    this.#count();
    return { ...this.#state, memory: [...this.#memory] };
  }

  static restore(deps: RtcDeps, state: RtcState): Rtc {
    checkVersion('rtc', state, 1);
    return new Rtc(deps, state);
  }

  readPort(offset: number): number {
    if (offset === 0) return 0xff; // the index cannot be read
    this.#count();
    return this.#read(this.#state.index);
  }

  writePort(offset: number, _size: number, value: number): void {
    if (offset === 0) {
      this.#state.index = value & 0x7f;
      this.#state.nmiMasked = (value & 0x80) !== 0;
    } else {
      this.#count();
      this.#write(this.#state.index, value);
      this.#follow();
    }
  }

  /** Writes memory as firmware does when it starts the machine. */
  store(index: number, ...bytes: number[]): void {
    this.#memory.set(bytes, index);
  }

  #register(index: number): number {
    return this.#memory[index] ?? 0;
  }

  #read(index: number): number {
    const value = this.#register(index);
    if (index === REG_A) return value | (this.#isUpdating() ? REG_A_UIP : 0);
    if (index !== REG_C) return value;
    const flags = value | (this.#isAsking() ? REG_C_IRQF : 0);
    this.#memory[REG_C] = 0;
    this.#follow();
    return flags;
  }

  #write(index: number, value: number): void {
    if (index === REG_A) this.#writeA(value & ~REG_A_UIP);
    else if (index === REG_B) this.#memory[REG_B] = value & REG_B_SET ? value & ~REG_B_UIE : value;
    else if (index !== REG_C && index !== REG_D) this.#memory[index] = value;
  }

  /** When the divider chain is let go, the first update comes half a second later. */
  #writeA(value: number): void {
    const wasRunning = this.#isRunning;
    this.#memory[REG_A] = value;
    if (this.#isRunning && !wasRunning) this.#state.origin = this.#state.counted - HALF_SECOND;
  }

  /** The divider chain counts. */
  get #isRunning(): boolean {
    return (this.#register(REG_A) & REG_A_DIVIDER) <= LAST_RUNNING_DIVIDER;
  }

  /** The date counts. */
  get #isUpdated(): boolean {
    return this.#isRunning && (this.#register(REG_B) & REG_B_SET) === 0;
  }

  #isUpdating(): boolean {
    const left = NS_PER_SECOND - ((this.#state.counted - this.#state.origin) % NS_PER_SECOND);
    return this.#isUpdated && left <= UIP_NS;
  }

  #isAsking(): boolean {
    return (this.#register(REG_B) & this.#register(REG_C) & FLAGS) !== 0;
  }

  /** Crystal ticks between two periodic interrupts, 0 for none. */
  get #period(): bigint {
    const rate = this.#register(REG_A) & REG_A_RATE;
    if (rate === 0) return 0n;
    return 1n << BigInt(rate < 3 ? rate + 6 : rate - 1);
  }

  /** Brings memory up to now. */
  #count(): void {
    const state = this.#state;
    const [from, to] = [state.counted - state.origin, this.#deps.clock.now() - state.origin];
    state.counted += to - from;
    if (!this.#isRunning || to === from) return;
    const period = this.#period;
    if (period > 0n && ticks(to) / period > ticks(from) / period) this.#raise(REG_C_PF);
    const seconds = Number(to / NS_PER_SECOND - from / NS_PER_SECOND);
    if (seconds === 0 || !this.#isUpdated) return;
    this.#raise(REG_C_UF);
    const toAlarm = secondsToAlarm(this.#memory, this.#register(REG_B));
    if (toAlarm !== undefined && toAlarm <= seconds) this.#raise(REG_C_AF);
    countSeconds(this.#memory, this.#register(REG_B), seconds);
  }

  #raise(flag: number): void {
    this.#memory[REG_C] = this.#register(REG_C) | flag;
  }

  /** Drives the interrupt line, and wakes up when it will rise. */
  #follow(): void {
    this.#count();
    const isAsking = this.#isAsking();
    this.#deps.irq.set(isAsking);
    this.#deps.clock.reschedule(this.#timer, isAsking ? undefined : this.#nextInterrupt());
  }

  #nextInterrupt(): bigint | undefined {
    const { origin, counted } = this.#state;
    const enabled = this.#register(REG_B);
    const times: bigint[] = [];
    const second = (counted - origin) / NS_PER_SECOND;
    if (enabled & REG_B_PIE && this.#isRunning && this.#period > 0n) {
      const tick = (ticks(counted - origin) / this.#period + 1n) * this.#period;
      times.push((tick * NS_PER_SECOND + CRYSTAL_HZ - 1n) / CRYSTAL_HZ);
    }
    if (this.#isUpdated) {
      if (enabled & REG_B_UIE) times.push((second + 1n) * NS_PER_SECOND);
      const toAlarm = enabled & REG_B_AIE ? secondsToAlarm(this.#memory, enabled) : undefined;
      if (toAlarm !== undefined) times.push((second + BigInt(toAlarm)) * NS_PER_SECOND);
    }
    if (times.length === 0) return undefined;
    return origin + times.reduce((first, time) => (time < first ? time : first));
  }
}

/** Ticks of the crystal within `ns`. */
function ticks(ns: bigint): bigint {
  return (ns * CRYSTAL_HZ) / NS_PER_SECOND;
}
