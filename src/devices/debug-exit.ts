/**
 * The debug exit port of QEMU (isa-debug-exit,iobase=0xf4,iosize=4): a write of v, of any width,
 * ends the run with status (v << 1 | 1) & 0xff, which is never 0. Reads give 0. It holds no state.
 */
import type { PortDevice } from '../machine/bus.ts';

/** Ends the run with an exit status. */
export type ExitSink = (status: number) => void;

/** The four ports from 0xf4. */
export class DebugExit implements PortDevice {
  readonly widestPort = 4;
  readonly #exit: ExitSink;

  constructor(exit: ExitSink) {
    this.#exit = exit;
  }

  readPort(): number {
    return 0;
  }

  writePort(_offset: number, _size: number, value: number): void {
    this.#exit(((value << 1) | 1) & 0xff);
  }
}
