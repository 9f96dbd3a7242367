/** Two timers that end the VM unless the guest sets them anew in time (SCHEDOP_watchdog). */

import type { Clock, Timer } from '../../../machine/clock.ts';
import { ERRNO } from '../../../xen/errno.ts';

const WATCHDOGS = 2;
const NS_PER_SECOND = 1_000_000_000n;

interface Watchdog {
  readonly timer: Timer;
  /** The guest has it, be it that it has fired. */
  isTaken: boolean;
}

export class Watchdogs {
  readonly #clock: Clock;
  readonly #all: readonly Watchdog[];

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#all = Array.from({ length: WATCHDOGS }, () => ({
      timer: clock.timer(expired),
      isTaken: false,
    }));
  }

  /** Takes a watchdog; returns its number, from 1 on. */
  take(seconds: number): number {
    const n = this.#all.findIndex(({ isTaken }) => !isTaken);
    const watchdog = this.#all[n];
    if (watchdog === undefined) return -ERRNO.ENOSPC;
    watchdog.isTaken = true;
    this.#start(watchdog, seconds);
    return n + 1;
  }

  /** Sets watchdog `id` anew, or gives it back with 0 seconds. */
  set(id: number, seconds: number): number {
    const watchdog = this.#all[id - 1];
    if (watchdog?.isTaken !== true) return -ERRNO.EINVAL;
    if (seconds === 0) {
      watchdog.isTaken = false;
      this.#clock.cancel(watchdog.timer);
    } else this.#start(watchdog, seconds);
    return 0;
  }

  #start({ timer }: Watchdog, seconds: number): void {
    this.#clock.schedule(timer, this.#clock.now() + BigInt(seconds) * NS_PER_SECOND);
  }
}
