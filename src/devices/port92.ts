/**
 * System control port A, 0x92 (IBM PS/2 Hardware Interface, System Control Port A): a second driver
 * of the A20 gate (bit 1) and a reset of the processor when bit 0 rises. The other bits (drive
 * lights, lock) hold what was written.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { IrqLine } from '../machine/irq.ts';

const PORT92_RESET = 0x01;
const PORT92_A20 = 0x02;

/** What port A is wired to. `reset` resets the machine, `a20` is one driver of the A20 gate. */
export interface Port92Deps {
  readonly a20: IrqLine;
  readonly reset: () => void;
}

/** State of port A. */
export interface Port92State {
  version: 1;
  control: number;
}

/** System control port A. */
export class Port92 implements PortDevice {
  readonly widestPort = 1;
  readonly #deps: Port92Deps;
  #control: number;

  constructor(deps: Port92Deps, control = 0) {
    this.#deps = deps;
    this.#control = control;
    this.#driveA20();
  }

  save(): Port92State {
    return { version: 1, control: this.#control };
  }

  static restore(deps: Port92Deps, state: Port92State): Port92 {
    checkVersion('port92', state, 1);
    return new Port92(deps, state.control);
  }

  readPort(): number {
    return this.#control;
  }

  writePort(_offset: number, _size: number, value: number): void {
    const rises = (value & ~this.#control & PORT92_RESET) !== 0;
    this.#control = value;
    this.#driveA20();
    if (rises) this.#deps.reset();
  }

  #driveA20(): void {
    this.#deps.a20.set((this.#control & PORT92_A20) !== 0);
  }
}
