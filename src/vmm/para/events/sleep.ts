/** Whether the virtual processor sleeps, and what wakes it: SCHEDOP_block and SCHEDOP_poll. */

import type { Clock, Timer } from '../../../machine/clock.ts';
import type { Sleeper } from './event-channels.ts';

/** Any port ends the sleep, port 0 being none. */
export const ANY_PORT = 0;

export class Sleep implements Sleeper {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #changed: (isAsleep: boolean) => void;
  #isAsleep = false;
  /** The port that is polled; undefined if none is. */
  #port: number | undefined;

  /** `changed` is told when the processor falls asleep and wakes. */
  constructor(clock: Clock, changed: (isAsleep: boolean) => void) {
    this.#clock = clock;
    this.#timer = clock.timer(() => this.wake());
    this.#changed = changed;
  }

  /** Nothing of the guest may run. */
  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Sleeps until an upcall is due. */
  block(): void {
    this.#isAsleep = true;
    this.#changed(true);
  }

  /** Sleeps until `port` is raised, an upcall is due, even one that may not come, or it is `deadline`. */
  poll(port: number, deadline: bigint | undefined): void {
    this.#port = port;
    this.#clock.reschedule(this.#timer, deadline);
    this.block();
  }

  waitsFor(port: number): boolean {
    return this.#port === port || this.#port === ANY_PORT;
  }

  portRaised(port: number): void {
    if (this.waitsFor(port)) this.wake();
  }

  wake(): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    this.#port = undefined;
    this.#clock.cancel(this.#timer);
    this.#changed(false);
  }
}
