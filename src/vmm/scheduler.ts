/**
 * Shares the host's processor between VMs: round robin by slices of virtual time, as long as a VM's weight says.
 * A VM that halts gives the rest of its slice away, and skips to its own next event when its turn comes. Every VM has a
 * clock of its own, so what it computes is what it computes alone.
 */

import { assert } from '../base/assert.ts';
import type { Machine, RunEnd } from '../machine/machine.ts';

/** Instructions that a VM of weight 1 runs in one turn: a tenth of a millisecond of its virtual time. */
const QUANTUM = 100_000;
/** Weights are whole numbers from 1 up to this. */
export const MAX_WEIGHT = 1000;

/** What is scheduled. */
export interface Task {
  readonly machine: Machine;
  readonly weight: number;
}

/** A step of a task. */
export interface Step<T extends Task> {
  readonly task: T;
  /** Why it cannot go on, if so: then it is taken out. */
  readonly end: RunEnd | undefined;
}

export class Scheduler<T extends Task> {
  /** Tasks that can run; it is the first one's turn. */
  readonly #ready: T[] = [];
  /** Instructions left of the turn, 0 at its start. */
  #left = 0;

  /** Lets `task` run, after all that can run now. */
  add(task: T): void {
    const { weight } = task;
    assert(Number.isInteger(weight) && weight >= 1 && weight <= MAX_WEIGHT, `weight ${weight}`);
    assert(!this.#ready.includes(task), 'a task is added twice');
    this.#ready.push(task);
  }

  /** Takes a task out until it is added again. */
  remove(task: T): void {
    const at = this.#ready.indexOf(task);
    if (at < 0) return;
    if (at === 0) this.#left = 0;
    this.#ready.splice(at, 1);
  }

  /** No task can run. */
  get isIdle(): boolean {
    return this.#ready.length === 0;
  }

  /**
   * Runs the task whose turn it is for a few milliseconds at most. One that has come to an end is taken out; if that
   * is input to wait for, it is to be added again. There must be one that can run.
   */
  step(): Step<T> {
    const [task] = this.#ready;
    assert(task !== undefined, 'there is a task to run');
    const { machine } = task;
    if (this.#left === 0) this.#left = QUANTUM * task.weight;
    const before = machine.instructions;
    const end = machine.step(this.#left);
    this.#left = Math.max(this.#left - Number(machine.instructions - before), 0);
    if (end !== undefined) this.remove(task);
    else {
      if (machine.sleeps) this.#left = 0;
      if (this.#left === 0) this.#ready.push(...this.#ready.splice(0, 1));
    }
    return { task, end };
  }
}
