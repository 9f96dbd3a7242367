/** Keeps a guest that someone sits before from living faster than its user. */

import type { Machine } from '../index.ts';

/** Longest sleep of the guest in one piece, in nanoseconds of virtual time: the user may type after each. */
const PIECE_NS = 10_000_000n;
/** How far virtual time may be ahead, in milliseconds: less is not worth a pause. */
const LEAD_MS = 4;
/** A guest that computes gets behind. It is not let to make up for more than this. */
const LAG_MS = 50;
const NS_PER_MS = 1e6;

/** Compares virtual time with the host's, as it passes from now on. The guest sees nothing of it. */
export class Pace {
  readonly #machine: Machine;
  /** Host time less virtual time when they were last set equal, in milliseconds. */
  #offset: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    machine.longestSleep = PIECE_NS;
    this.#offset = this.#difference();
  }

  /** How long the host should pause, in milliseconds, 0 for not at all. */
  pauseMs(): number {
    const lag = this.#difference() - this.#offset;
    if (lag > LAG_MS) this.#offset += lag - LAG_MS;
    return lag < -LEAD_MS ? -lag : 0;
  }

  #difference(): number {
    return performance.now() - Number(this.#machine.clock.now()) / NS_PER_MS;
  }
}
