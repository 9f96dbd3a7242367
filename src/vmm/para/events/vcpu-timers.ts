/** The two timers of a virtual processor: one fires once, the other again and again while the processor is awake. */

import type { Clock, Timer } from '../../../machine/clock.ts';

/** A guest has a ticker of 100 Hz until it says otherwise. */
const FIRST_PERIOD_NS = 10_000_000n;

/** Times are system time. */
export class VcpuTimers {
  readonly #clock: Clock;
  readonly #fired: () => void;
  readonly #singleshot: Timer;
  readonly #periodic: Timer;
  /** 0: the timer is stopped. */
  #periodNs = FIRST_PERIOD_NS;
  #latest: bigint;

  /** `fired` is called for each timer. */
  constructor(clock: Clock, fired: () => void) {
    this.#clock = clock;
    this.#fired = fired;
    this.#singleshot = clock.timer(fired);
    this.#periodic = clock.timer(() => this.resumePeriodic());
    this.#latest = clock.now();
    this.resumePeriodic();
  }

  /** Fires at `at`, at once if that has passed. */
  setSingleshot(at: bigint): void {
    this.#clock.schedule(this.#singleshot, at);
  }

  stopSingleshot(): void {
    this.#clock.cancel(this.#singleshot);
  }

  /** Fires every `periodNs` since it did last; 0: never. */
  setPeriodic(periodNs: bigint): void {
    this.pausePeriodic();
    this.#periodNs = periodNs;
    this.resumePeriodic();
  }

  /** The processor falls asleep. */
  pausePeriodic(): void {
    this.#clock.cancel(this.#periodic);
  }

  /** The processor is awake: of the times that have passed meanwhile one is made up for. */
  resumePeriodic(): void {
    if (this.#periodNs === 0n) return;
    const now = this.#clock.now();
    if (now >= this.#latest + this.#periodNs) {
      this.#latest = now;
      this.#fired();
    }
    this.#clock.schedule(this.#periodic, this.#latest + this.#periodNs);
  }
}
