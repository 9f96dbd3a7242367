/**
 * The rule by which input from a file or a pipe arrives at the same virtual time in every run, however fast
 * its writer is: it is asked for, one byte at a time, when the guest listens and nothing is on its way to it.
 * A guest listens
 * - when it polls: it looks twice in a row and finds nothing;
 * - when it waits: an interrupt would tell it at once, and it has left the device alone for 20 microseconds of
 *   virtual time (a guest that sleeps in HLT does not notice them).
 * Then `wait` is called, which stops the run until `answer` tells that there is a next byte or the end of the
 * input. A guest that never listens is never held up by an input that never ends.
 */

import type { Clock, Timer } from '../machine/clock.ts';

/** Virtual time without an access after which a guest that an interrupt would tell waits. */
const QUIET_NS = 20_000n;
/** Virtual time until it is looked at again whether an interrupt would. */
const LATER_NS = 1_000_000n;

/** When an interrupt would tell the guest of a byte. */
export type Hearing = 'now' | 'later' | 'never';

/** What the rule depends on. */
export interface AskedInputDeps {
  readonly clock: Clock;
  /** Called when the guest listens and the next byte is needed. */
  readonly wait: () => void;
  /** When an interrupt would tell the guest. Of a change from 'never' to another this is told by `touched`. */
  readonly hears: () => Hearing;
  /** Something is on its way to the guest. */
  readonly isBusy: () => boolean;
}

/** Where an input stands. */
export interface AskedInputState {
  /** None is asked for, the guest waits for it, or it has ended. */
  input: 'idle' | 'wanted' | 'ended';
  /** The guest has looked once and found nothing. */
  foundNothing: boolean;
  /** When the guest will have left the device alone for long enough. */
  quiet: bigint | undefined;
}

const POWER_ON: AskedInputState = { input: 'ended', foundNothing: false, quiet: undefined };

/** An input that is asked for. Until it is opened it has ended, and nothing is asked. Part of a port. */
export class AskedInput {
  readonly #deps: AskedInputDeps;
  readonly #quiet: Timer;
  #input: AskedInputState['input'];
  #foundNothing: boolean;

  constructor(deps: AskedInputDeps, { input, foundNothing, quiet } = POWER_ON) {
    this.#deps = deps;
    this.#input = input;
    this.#foundNothing = foundNothing;
    this.#quiet = deps.clock.timer(() => this.#wasQuiet());
    deps.clock.reschedule(this.#quiet, quiet);
  }

  save(): AskedInputState {
    const quiet = this.#quiet.deadline;
    return { input: this.#input, foundNothing: this.#foundNothing, quiet };
  }

  /** Announces an input. */
  open(): void {
    this.#input = 'idle';
    this.#listen();
  }

  /** A byte has been supplied, or, with `isEnd`, there is none any more. */
  answer(isEnd: boolean): void {
    this.#input = isEnd ? 'ended' : 'idle';
    this.#listen();
  }

  /** The guest looked whether there is something. */
  looked(found: boolean): void {
    if (this.#input === 'ended') return;
    const polls = !found && this.#foundNothing;
    this.#foundNothing = !found;
    if (polls) this.#ask();
    else this.#listen();
  }

  /** The guest did something else with the device. */
  touched(): void {
    if (this.#input === 'ended') return;
    this.#foundNothing = false;
    this.#listen();
  }

  /** Starts the quiet time anew, if the guest may be told of a byte. */
  #listen(): void {
    const { clock, hears } = this.#deps;
    const hearing = this.#input === 'idle' ? hears() : 'never';
    const delay = hearing === 'now' ? QUIET_NS : LATER_NS;
    clock.reschedule(this.#quiet, hearing === 'never' ? undefined : clock.now() + delay);
  }

  #wasQuiet(): void {
    if (this.#deps.hears() === 'now') this.#ask();
    else this.#listen();
  }

  #ask(): void {
    if (this.#input !== 'idle') return;
    if (this.#deps.isBusy()) this.#listen();
    else {
      this.#input = 'wanted';
      this.#deps.clock.cancel(this.#quiet);
      this.#deps.wait();
    }
  }
}
