/**
 * System control port B, 0x61 (Intel 290562, 82371AB PIIX4): gates counter 2 of the PIT, shows its
 * output and the refresh toggle. Parity and channel checks never happen: bits 7:6 read 0, their
 * enables 3:2 hold what was written. There is no speaker to hear.
 *
 *     7 parity check  | 5 OUT2           | 3 channel check off | 1 speaker data
 *     6 channel check | 4 refresh toggle | 2 parity check off  | 0 gate of counter 2
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import { type Pit, pitPulses } from './pit.ts';

const GATE2 = 0x01;
const WRITABLE_MASK = 0x0f;
const REFRESH = 0x10;
const OUT2 = 0x20;
/** PIT pulses between two refresh requests: 15 microseconds. */
const REFRESH_PULSES = 18n;

/** What port B is wired to. */
export interface Port61Deps {
  readonly clock: Clock;
  readonly pit: Pit;
}

/** State of port B; the gate itself belongs to the PIT. */
export interface Port61State {
  version: 1;
  control: number;
}

/** System control port B. */
export class Port61 implements PortDevice {
  readonly widestPort = 1;
  readonly #clock: Clock;
  readonly #pit: Pit;
  #control: number;

  constructor({ clock, pit }: Port61Deps, control = 0) {
    this.#clock = clock;
    this.#pit = pit;
    this.#control = control;
  }

  save(): Port61State {
    return { version: 1, control: this.#control };
  }

  static restore(deps: Port61Deps, state: Port61State): Port61 {
    checkVersion('port61', state, 1);
    return new Port61(deps, state.control);
  }

  readPort(): number {
    const refresh = (pitPulses(this.#clock.now()) / REFRESH_PULSES) & 1n ? REFRESH : 0;
    return this.#control | refresh | (this.#pit.out2() ? OUT2 : 0);
  }

  writePort(_offset: number, _size: number, value: number): void {
    this.#control = value & WRITABLE_MASK;
    this.#pit.setGate2((value & GATE2) !== 0);
  }
}
