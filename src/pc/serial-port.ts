/**
 * COM1 with its line to the outside. Live input (a terminal) is put on the line when it comes: `receive`.
 * Any other input is asked for when the guest listens (asked-input.ts), and comes by `supply`. The guest
 * listens when it reads LSR without finding data, or when its receive interrupt is enabled.
 */

import { checkVersion, type Versioned } from '../base/state.ts';
import { UART_IER, UART_IER_ERBFI, UART_LSR, UART_LSR_DR } from '../devices/uart-registers.ts';
import type { Uart16550, Uart16550State } from '../devices/uart16550.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import { AskedInput, type AskedInputState } from './asked-input.ts';

/** `wait` is called when the guest listens and the next byte of the input is needed. */
export interface SerialPortDeps {
  readonly clock: Clock;
  readonly wait: () => void;
}

export interface SerialPortState extends Versioned {
  readonly uart: Uart16550State;
  readonly input: AskedInputState;
}

const STATE_VERSION = 1;

/** A UART and what its line is connected to. */
export class SerialPort implements PortDevice {
  readonly widestPort = 1;
  readonly uart: Uart16550;
  readonly #input: AskedInput;
  #wantsInterrupts: boolean;

  /** `uart` is restored already where there is a state. */
  constructor(uart: Uart16550, { clock, wait }: SerialPortDeps, state?: SerialPortState) {
    if (state) checkVersion('a serial port', state, STATE_VERSION);
    this.uart = uart;
    this.#wantsInterrupts = isReceiveEnabled(uart);
    const hears = () => (this.#wantsInterrupts ? 'now' : 'never');
    const isBusy = () => uart.waitingCount > 0;
    this.#input = new AskedInput({ clock, wait, hears, isBusy }, state?.input);
  }

  save(): SerialPortState {
    return { version: STATE_VERSION, uart: this.uart.save(), input: this.#input.save() };
  }

  /** The guest's receive interrupt is enabled: a byte would reach it in HLT. */
  get wantsInterrupts(): boolean {
    return this.#wantsInterrupts;
  }

  /** Announces an input that is to be asked for; without one nothing ever is. */
  openInput(): void {
    this.#input.open();
  }

  /** The next byte of the input, undefined at its end. */
  supply(byte: number | undefined): void {
    if (byte !== undefined) this.uart.receive(byte);
    this.#input.answer(byte === undefined);
  }

  /** Live input: goes on the line at once. */
  receive(byte: number): void {
    this.uart.receive(byte);
  }

  readPort(offset: number): number {
    const value = this.uart.readPort(offset);
    this.#input.looked(offset !== UART_LSR || (value & UART_LSR_DR) !== 0);
    return value;
  }

  writePort(offset: number, size: number, value: number): void {
    this.uart.writePort(offset, size, value);
    if (offset === UART_IER) this.#wantsInterrupts = isReceiveEnabled(this.uart);
    this.#input.touched();
  }
}

function isReceiveEnabled(uart: Uart16550): boolean {
  return (uart.save().ier & UART_IER_ERBFI) !== 0;
}
