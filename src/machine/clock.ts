/**
 * Virtual time and the timers that hang on it. Times are nanoseconds since power-on as bigint. A
 * number would be exact for 104 days only, and a guest that halts between ticks of its timer passes
 * 104 virtual days within minutes of ours. The clock does not move time: the machine retires
 * instructions, skips to `nextDeadline` when the processor halts, and calls `runDue`. Due timers
 * fire by deadline and then by order of creation, never by order of scheduling: creation follows
 * the wiring of the machine, so a restored machine, which schedules everything anew, fires them as
 * the saved one would have.
 */
import { assert } from '../base/assert.ts';

/** Called when a timer is due, with its deadline; `now` may be later. */
export type TimerCallback = (deadline: bigint) => void;

/** One alarm of a device. Made once by `Clock.timer`, then scheduled and cancelled at will. */
export interface Timer {
  /** When it fires; undefined while it is not scheduled. Devices save this. */
  readonly deadline: bigint | undefined;
}

class ClockTimer implements Timer {
  deadline: bigint | undefined = undefined;
  readonly order: number;
  readonly callback: TimerCallback;

  constructor(order: number, callback: TimerCallback) {
    this.order = order;
    this.callback = callback;
  }

  isAfter(other: ClockTimer): boolean {
    const mine = this.deadline ?? 0n;
    const theirs = other.deadline ?? 0n;
    return mine > theirs || (mine === theirs && this.order > other.order);
  }
}

/**
 * Virtual time. Holds no state of its own: `source` belongs to the machine, timers to their
 * devices.
 */
export class Clock {
  readonly #source: () => bigint;
  /**
   * Scheduled timers, the next one last. There are a handful, so an ordered array is the fastest
   * queue.
   */
  readonly #queue: ClockTimer[] = [];
  #createdCount = 0;

  /** `source` gives the nanoseconds since power-on; it never goes back. */
  constructor(source: () => bigint) {
    this.#source = source;
  }

  /** Nanoseconds since power-on. */
  now(): bigint {
    return this.#source();
  }

  /** Makes a timer that is not scheduled yet. */
  timer(callback: TimerCallback): Timer {
    return new ClockTimer(this.#createdCount++, callback);
  }

  /** Lets `timer` fire at `at`, in place of any earlier deadline. A time past is due at once. */
  schedule(timer: Timer, at: bigint): void {
    assert(timer instanceof ClockTimer, 'a timer comes from Clock.timer');
    this.cancel(timer);
    timer.deadline = at;
    let place = this.#queue.length;
    while (place > 0 && this.#queue[place - 1]?.isAfter(timer) === false) place--;
    this.#queue.splice(place, 0, timer);
  }

  /** As `schedule`, or `cancel` where there is no time: for a device that restores its timer. */
  reschedule(timer: Timer, at: bigint | undefined): void {
    if (at === undefined) this.cancel(timer);
    else this.schedule(timer, at);
  }

  /** Takes back a scheduled timer; does nothing to one that is not. */
  cancel(timer: Timer): void {
    assert(timer instanceof ClockTimer, 'a timer comes from Clock.timer');
    if (timer.deadline === undefined) return;
    timer.deadline = undefined;
    this.#queue.splice(this.#queue.indexOf(timer), 1);
  }

  /** The time of the next event, undefined when none is scheduled. */
  nextDeadline(): bigint | undefined {
    return this.#queue.at(-1)?.deadline;
  }

  /** Fires every timer that is due now, those included that become due by firing others. */
  runDue(): void {
    const now = this.now();
    for (;;) {
      const timer = this.#queue.at(-1);
      const deadline = timer?.deadline;
      if (timer === undefined || deadline === undefined || deadline > now) return;
      this.cancel(timer);
      timer.callback(deadline);
    }
  }
}
