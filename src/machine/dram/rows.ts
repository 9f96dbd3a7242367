/**
 * The rows of DRAM, and what activating them does to their neighbours. An access to a bank activates its row, unless
 * that is open already; it stays open until another one of its bank is. Each activation takes some charge from the cells of the rows
 * next to it; a row that is activated itself or refreshed is charged again. A weak cell whose neighbours were activated as often
 * as its threshold says in between loses its charge: its bit changes, one way only.
 *
 * Every row is refreshed once in REFRESH_NS of virtual time, one after another within a bank.
 */

import { checkVersion, type Versioned } from '../../base/state.ts';
import type { MachineMemory } from '../memory.ts';
import { DramGeometry, type DramOptions } from './geometry.ts';
import { type WeakCell, weakCells } from './weak-cells.ts';

export const REFRESH_NS = 64_000_000;

/** What there was since power-on. */
export interface DramCounters {
  activations: number;
  flips: number;
}

export interface DramRowsState extends Versioned {
  readonly open: readonly number[];
  /** Rows whose neighbours were activated since they were charged: number, time of the next refresh, activations. */
  readonly disturbed: readonly (readonly [number: number, refresh: number, count: number])[];
  readonly counters: Readonly<DramCounters>;
}

const STATE_VERSION = 1;
/** No row is open. */
const NONE = -1;
/** Rows whose weak cells are remembered. */
const REMEMBERED = 1024;

export class DramRows {
  readonly counters: DramCounters;
  readonly geometry: DramGeometry;
  readonly #options: DramOptions;
  readonly #memory: MachineMemory;
  /** open[banks]: number of the open row. */
  readonly #open: Int32Array;
  /** By number of a row: activations of its neighbours since it was charged, as long as it is not refreshed again. */
  readonly #counts: Uint32Array;
  readonly #refreshes: Float64Array;
  readonly #cells = new Map<number, readonly WeakCell[]>();

  constructor(options: DramOptions, memory: MachineMemory, state?: DramRowsState) {
    if (state) checkVersion('rows of DRAM', state, STATE_VERSION);
    this.#options = options;
    this.#memory = memory;
    this.geometry = new DramGeometry(options, memory.size);
    const rows = Math.ceil(memory.size / this.geometry.rowBytes);
    this.counters = { activations: 0, flips: 0, ...state?.counters };
    this.#open = new Int32Array(options.banks).fill(NONE);
    this.#open.set(state?.open ?? []);
    this.#counts = new Uint32Array(rows);
    this.#refreshes = new Float64Array(rows);
    for (const [number, refresh, count] of state?.disturbed ?? []) {
      this.#refreshes[number] = refresh;
      this.#counts[number] = count;
    }
  }

  /** An access to `hpa` in RAM gets to DRAM at virtual time `now` in ns. */
  access(hpa: number, now: number): void {
    const { geometry } = this;
    const number = geometry.numberOf(hpa);
    const bank = geometry.bankOf(number);
    if (this.#open[bank] === number) return;
    this.#open[bank] = number;
    this.counters.activations++;
    this.#counts[number] = 0;
    this.#disturb(number - geometry.banks, now);
    this.#disturb(number + geometry.banks, now);
  }

  /** A neighbour of a row was activated, if there is such a row. */
  #disturb(number: number, now: number): void {
    if (number < 0 || number >= this.#counts.length) return;
    let count = 1;
    if (now < (this.#refreshes[number] ?? 0)) count += this.#counts[number] ?? 0;
    else this.#refreshes[number] = this.#nextRefresh(number, now);
    this.#counts[number] = count;
    if (count < this.#options.threshold) return;
    for (const cell of this.#cellsOf(number))
      if (cell.threshold === count) this.#lose(number, cell);
  }

  /** The first refresh of the row after `now`. */
  #nextRefresh(number: number, now: number): number {
    const { geometry } = this;
    const phase = Math.floor((geometry.rowOf(number) / geometry.rows) * REFRESH_NS);
    return (Math.floor((now - phase) / REFRESH_NS) + 1) * REFRESH_NS + phase;
  }

  #cellsOf(number: number): readonly WeakCell[] {
    const known = this.#cells.get(number);
    if (known !== undefined) return known;
    if (this.#cells.size === REMEMBERED) this.#cells.clear();
    const cells = weakCells(this.#options, number, this.geometry.rowBytes);
    this.#cells.set(number, cells);
    return cells;
  }

  /** A cell of the row loses its charge, if it has one. */
  #lose(number: number, { byte, bit, charged }: WeakCell): void {
    const hpa = this.geometry.addressOf(number) + byte;
    const value = this.#memory.bytes[hpa];
    if (value === undefined || ((value >> bit) & 1) !== charged) return;
    this.#memory.write(hpa, Uint8Array.of(value ^ (1 << bit)));
    this.counters.flips++;
  }

  save(): DramRowsState {
    const disturbed: [number, number, number][] = [];
    this.#counts.forEach((count, number) => {
      if (count > 0) disturbed.push([number, this.#refreshes[number] ?? 0, count]);
    });
    return {
      version: STATE_VERSION,
      open: [...this.#open],
      disturbed,
      counters: { ...this.counters },
    };
  }
}
