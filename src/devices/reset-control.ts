/**
 * The reset control register at port 0xcf9 (Intel I/O Controller Hub, RST_CNT): bit 2 rising resets the
 * machine. Bits 1 and 3 (of the system, of power too) hold what was written.
 */
import type { PortDevice } from '../machine/bus.ts';

const RST_CPU = 0x04;
const WRITABLE = 0x0e;

/** The reset control register. */
export class ResetControl implements PortDevice {
  readonly widestPort = 1;
  readonly #reset: () => void;
  #control = 0;

  constructor(reset: () => void) {
    this.#reset = reset;
  }

  readPort(): number {
    return this.#control;
  }

  writePort(_offset: number, _size: number, value: number): void {
    const rises = (value & ~this.#control & RST_CPU) !== 0;
    this.#control = value & WRITABLE;
    if (rises) this.#reset();
  }
}
