/**
 * The timer of a local APIC (SDM 3A 10.5.4 APIC Timer): one-shot, periodic and TSC-deadline. Its clock
 * is the core crystal clock of CPUID leaf 15H, 1 GHz of virtual time, divided by 1 to 128; so it counts
 * nanoseconds as QEMU's does. A count is worked out when it is read; the clock wakes the timer
 * only where an interrupt is due.
 */
import type { Clock, Timer } from '../machine/clock.ts';
import { LVT_MASKED, LVT_TIMER_MODE_SHIFT } from './local-apic-registers.ts';

/** Timer modes, LVT 18:17. */
const TimerMode = { ONE_SHOT: 0, PERIODIC: 1, DEADLINE: 2 } as const;

const DIVIDE_MASK = 0x0b;

/** What the timer is wired to. `tsc` is the processor's; `expire` is called when an interrupt is due. */
export interface LocalApicTimerDeps {
  readonly clock: Clock;
  readonly tsc: () => bigint;
  readonly expire: () => void;
}

/** State of the timer; its LVT entry belongs to the APIC. */
export interface LocalApicTimerState {
  initialCount: bigint;
  /** The count at virtual time `since`; 0 when the timer stands still. */
  count: bigint;
  since: bigint;
  /** The divide configuration register. */
  divide: number;
  /** IA32_TSC_DEADLINE, 0 when disarmed. */
  deadline: bigint;
}

const POWER_ON: LocalApicTimerState = {
  initialCount: 0n,
  count: 0n,
  since: 0n,
  divide: 0,
  deadline: 0n,
};

/** Part of a local APIC, which saves it. */
export class LocalApicTimer {
  readonly #deps: LocalApicTimerDeps;
  readonly #timer: Timer;
  readonly #state: LocalApicTimerState;
  #lvt: number;

  /** `lvt` is the timer's entry of the local vector table. */
  constructor(deps: LocalApicTimerDeps, lvt: number, state = POWER_ON) {
    this.#deps = deps;
    this.#lvt = lvt;
    this.#state = { ...state };
    this.#timer = deps.clock.timer(() => this.#expired());
    this.#schedule();
  }

  save(): LocalApicTimerState {
    return { ...this.#state };
  }

  /** Power-on state. */
  reset(lvt: number): void {
    this.#lvt = lvt;
    Object.assign(this.#state, POWER_ON);
    this.#schedule();
  }

  /** The timer's LVT entry was written. Entering or leaving TSC-deadline mode disarms the timer. */
  setLvt(lvt: number): void {
    this.#advance();
    const before = this.#mode;
    this.#lvt = lvt;
    const isDeadline = this.#mode === TimerMode.DEADLINE;
    if (isDeadline !== (before === TimerMode.DEADLINE)) {
      this.#state.count = 0n;
      this.#state.deadline = 0n;
    }
    this.#schedule();
  }

  get initialCount(): number {
    return Number(this.#state.initialCount);
  }

  /** Starts the timer, or stops it with 0; ignored in TSC-deadline mode. */
  set initialCount(count: number) {
    if (this.#mode === TimerMode.DEADLINE) return;
    this.#state.initialCount = BigInt(count);
    this.#state.count = this.#state.initialCount;
    this.#state.since = this.#deps.clock.now();
    this.#schedule();
  }

  get currentCount(): number {
    this.#advance();
    return Number(this.#state.count);
  }

  get divide(): number {
    return this.#state.divide;
  }

  /** A running count goes on at the new rate. */
  set divide(value: number) {
    this.#advance();
    this.#state.divide = value & DIVIDE_MASK;
    this.#schedule();
  }

  get deadline(): bigint {
    return this.#state.deadline;
  }

  /** Arms the timer for that value of the TSC, disarms it with 0; ignored in the other modes. */
  set deadline(tsc: bigint) {
    this.#state.deadline = this.#mode === TimerMode.DEADLINE ? tsc : 0n;
    this.#schedule();
  }

  /** The TSC was written. */
  tscWritten(): void {
    this.#schedule();
  }

  get #mode(): number {
    return (this.#lvt >> LVT_TIMER_MODE_SHIFT) & 3;
  }

  /** Nanoseconds of one count: 2, 4, ... 128, and 1 for the value 111b of bits 3, 1 and 0. */
  get #tick(): bigint {
    const { divide } = this.#state;
    const code = (divide & 3) | ((divide & 8) >> 1);
    return 1n << BigInt((code + 1) & 7);
  }

  /** Brings the count up to now. */
  #advance(): void {
    const state = this.#state;
    if (state.count === 0n) return;
    const ticks = (this.#deps.clock.now() - state.since) / this.#tick;
    state.since += ticks * this.#tick;
    if (ticks < state.count) state.count -= ticks;
    else if (this.#mode === TimerMode.PERIODIC && state.initialCount > 0n) {
      state.count = state.initialCount - ((ticks - state.count) % state.initialCount);
    } else state.count = 0n;
  }

  /** Wakes up at the next interrupt. A deadline passes even when it is masked. */
  #schedule(): void {
    const { clock, tsc } = this.#deps;
    const { deadline, count, since } = this.#state;
    if (deadline !== 0n) {
      const left = deadline - tsc();
      clock.schedule(this.#timer, clock.now() + (left > 0n ? left : 0n));
    } else if (count !== 0n && (this.#lvt & LVT_MASKED) === 0) {
      clock.schedule(this.#timer, since + count * this.#tick);
    } else clock.cancel(this.#timer);
  }

  #expired(): void {
    this.#state.deadline = 0n;
    this.#advance();
    this.#schedule();
    this.#deps.expire();
  }
}
