/**
 * Machine memory as DRAM: hears of the processor's accesses that may not be to a cache (asm/mmu/dram.ts), and activates
 * rows for those that are not.
 */

import { checkVersion, type Versioned } from '../../base/state.ts';
import type { MachineMemory } from '../memory.ts';
import { CachedLines, type CachedLinesState, lineOf } from './cached-lines.ts';
import { checkDram, type DramOptions } from './geometry.ts';
import { type DramCounters, DramRows, type DramRowsState } from './rows.ts';

/** DRAM between two runs; memory itself is not in it. */
export interface DramState extends Versioned {
  readonly options: DramOptions;
  readonly rows: DramRowsState;
  readonly lines: CachedLinesState;
  /** What the clock of the machine is ahead of the processor's. */
  readonly ahead: number;
}

const STATE_VERSION = 1;

/** What DRAM needs of the instance of the core that it is in. */
export interface DramDeps {
  readonly memory: MachineMemory;
  /** Virtual time of the processor in ns, exact while it calls its host. */
  readonly time: () => number;
  /** Accesses to a frame need not be told any more. */
  readonly frameCached: (frame: number) => void;
}

export class Dram {
  readonly options: DramOptions;
  readonly #rows: DramRows;
  readonly #lines: CachedLines;
  readonly #deps: DramDeps;
  #ahead: number;

  /** Throws a DramError for bad options. */
  constructor(deps: DramDeps, options: DramOptions, state?: DramState) {
    if (state) checkVersion('DRAM', state, STATE_VERSION);
    this.options = checkDram(options);
    this.#deps = deps;
    this.#rows = new DramRows(options, deps.memory, state?.rows);
    this.#lines = new CachedLines(deps.frameCached, state?.lines);
    this.#ahead = state?.ahead ?? 0;
  }

  static restore(deps: DramDeps, state: DramState): Dram {
    return new Dram(deps, state.options, state);
  }

  get counters(): Readonly<DramCounters> {
    return this.#rows.counters;
  }

  /** The line at `hpa` is put out of the caches. */
  flush(hpa: number): void {
    this.#lines.flush(hpa);
  }

  /** An access to `size` bytes, which may be in two lines. */
  access(hpa: number, size: number, isUncacheable: boolean): void {
    this.#touch(hpa, isUncacheable);
    const last = hpa + size - 1;
    if (lineOf(last) !== lineOf(hpa)) this.#touch(last, isUncacheable);
  }

  /**
   * Puts another virtual processor in place of the one that runs, whose time is another one: each in turn moves the
   * time of the machine on, by which rows are refreshed.
   */
  switchProcessor(exchange: () => void): void {
    const { time } = this.#deps;
    const before = time();
    exchange();
    this.#ahead += before - time();
  }

  #touch(hpa: number, isUncacheable: boolean): void {
    if (!isUncacheable && !this.#lines.fetch(hpa)) return;
    this.#rows.access(hpa, this.#deps.time() + this.#ahead);
  }

  save(): DramState {
    return {
      version: STATE_VERSION,
      options: this.options,
      rows: this.#rows.save(),
      lines: this.#lines.save(),
      ahead: this.#ahead,
    };
  }
}
