/** Runs guests to their ends, letting the process do other things every few milliseconds. */

import { type GuestBoard, type Machine, type RunEnd, Scheduler, type Task } from '../index.ts';
import type { FileInput } from './file-input.ts';
import type { InputTarget } from './input-target.ts';
import type { Leaving } from './leaving.ts';
import { Pace } from './pace.ts';
import type { PipedInput } from './piped-input.ts';
import type { TerminalLine } from './terminal.ts';

/** Host time between two looks at the terminal, in seconds. */
const TURN = 0.02;

/** Why driving a guest ended: its run did, or the user left. */
export type DriveEnd = RunEnd | { readonly kind: 'left'; readonly why: string };

/** What a guest gets its input from, if from anything. */
export type Input = TerminalLine | PipedInput | FileInput | undefined;

/** A guest on its way to its end. */
export class DrivenGuest implements Task {
  readonly machine: Machine;
  readonly weight: number;
  readonly #input: Input;
  readonly #target: InputTarget | undefined;
  readonly #pace: Pace | undefined;
  end: DriveEnd | undefined;

  /** `target` gets what comes on `input`. */
  constructor(
    { machine }: GuestBoard,
    weight: number,
    input: Input = undefined,
    target: InputTarget | undefined = undefined,
  ) {
    this.machine = machine;
    this.weight = weight;
    this.#input = input;
    this.#target = target;
    this.#pace = input?.isLive ? new Pace(machine) : undefined;
  }

  /** How long it should pause, in milliseconds, because it is ahead of its user. */
  get pauseMs(): number {
    return this.#pace?.pauseMs() ?? 0;
  }

  /** It has stopped for input of which the next byte is at hand: it gets that. */
  supplyAtHand(): boolean {
    if (this.#input?.isLive !== false || !this.#input.hasByte) return false;
    this.#target?.supply(this.#input.take());
    return true;
  }

  /** Resolves when it can go on after `end`; undefined if that is the end of its run. */
  goesOn(end: RunEnd): Promise<void> | undefined {
    if (end.kind === 'input') return this.#supplyNext();
    const wakesUp = end.kind === 'halted' && this.#input?.isLive && this.#target?.sleeps;
    return wakesUp ? this.#input.key() : undefined;
  }

  async #supplyNext(): Promise<void> {
    const input = this.#input;
    const byte = input === undefined || input.isLive ? undefined : await input.next();
    this.#target?.supply(byte);
  }
}

/**
 * Drives all `guests` to their ends; `flush` is called whenever their output should be seen, `ended` after a guest's
 * end.
 */
export async function drive(
  guests: readonly DrivenGuest[],
  leaving: Leaving,
  flush: () => void,
  ended: (guest: DrivenGuest) => void = () => {},
): Promise<void> {
  const scheduler = new Scheduler<DrivenGuest>();
  const waits = new Set<Promise<void>>();
  for (const guest of guests) scheduler.add(guest);
  let failure: { readonly error: unknown } | undefined;
  const wait = (guest: DrivenGuest, until: Promise<void>): void => {
    const waiting = until
      .then(() => scheduler.add(guest))
      .catch((error: unknown) => {
        failure = { error };
      })
      .finally(() => waits.delete(waiting));
    waits.add(waiting);
  };
  for (;;) {
    const atEnd = runTurn(scheduler, wait);
    flush();
    for (const guest of atEnd) ended(guest);
    if (scheduler.isIdle && waits.size === 0) return;
    await (scheduler.isIdle ? Promise.race([...waits, leaving.asked]) : otherThings());
    if (failure !== undefined) throw failure.error;
    const { why } = leaving;
    if (why === undefined) continue;
    for (const guest of guests) {
      if (guest.end !== undefined) continue;
      guest.end = { kind: 'left', why };
      ended(guest);
    }
    return;
  }
}

const otherThings = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs for a while, or until all that are left wait for something: bytes at hand are supplied at once. Those that have
 * ended meanwhile.
 */
function runTurn(
  scheduler: Scheduler<DrivenGuest>,
  wait: (guest: DrivenGuest, until: Promise<void>) => void,
): DrivenGuest[] {
  const atEnd: DrivenGuest[] = [];
  const until = process.uptime() + TURN;
  while (!scheduler.isIdle && process.uptime() < until) {
    const { task, end } = scheduler.step();
    const ms = task.pauseMs;
    if (end === undefined) {
      if (ms === 0) continue;
      scheduler.remove(task);
      wait(task, pause(ms));
    } else if (end.kind === 'input' && task.supplyAtHand()) scheduler.add(task);
    else {
      const goesOn = task.goesOn(end);
      if (goesOn !== undefined) wait(task, goesOn);
      else {
        task.end = end;
        atEnd.push(task);
      }
    }
  }
  return atEnd;
}
