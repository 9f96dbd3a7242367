/**
 * The console port 0xe9 of Bochs (port_e9_hack) and QEMU (isa-debugcon): a byte written goes to the
 * console, a read gives 0xe9, by which a guest finds it. It holds no state.
 */
import type { PortDevice } from '../machine/bus.ts';

const PRESENT = 0xe9;

/** Takes the bytes that the guest writes. */
export type ConsoleSink = (byte: number) => void;

/** Port 0xe9. */
export class ConsolePort implements PortDevice {
  readonly widestPort = 1;
  readonly #write: ConsoleSink;

  constructor(write: ConsoleSink) {
    this.#write = write;
  }

  readPort(): number {
    return PRESENT;
  }

  writePort(_offset: number, _size: number, value: number): void {
    this.#write(value);
  }
}
