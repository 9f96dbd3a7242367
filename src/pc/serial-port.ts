/**
 * COM1 with its line to the outside, and the rule that makes input from a file or a pipe arrive at
 * the same virtual time in every run, however fast its writer is.
 *
 * Live input (a terminal) is put on the line when it comes: `receive`. Any other input is asked for,
 * one byte at a time, when the guest listens and nothing is on its way to it:
 * - it reads LSR twice in a row and finds no data: it polls;
 * - its receive interrupt is enabled and it has left the UART alone for 20 microseconds of virtual
 *   time: it waits (a guest that sleeps in HLT does not notice them).
 * Then `wait` is called, which stops the run until `supply` gives the next byte or the end of the
 * input. A guest that never listens is never held up by an input that never ends.
 */

import { checkVersion, type Versioned } from '../base/state.ts';
import { UART_IER, UART_IER_ERBFI, UART_LSR, UART_LSR_DR } from '../devices/uart-registers.ts';
import type { Uart16550, Uart16550State } from '../devices/uart16550.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock, Timer } from '../machine/clock.ts';

/** Virtual time without an access after which a guest with its interrupt enabled waits. */
const QUIET_NS = 20_000n;

/** `wait` is called when the guest listens and the next byte of the input is needed. */
export interface SerialPortDeps {
  readonly clock: Clock;
  readonly wait: () => void;
}

/** Where the input stands: none is asked for, the guest waits for it, or it has ended. */
type InputState = 'idle' | 'wanted' | 'ended';

export interface SerialPortState extends Versioned {
  readonly uart: Uart16550State;
  readonly input: InputState;
  readonly polled: boolean;
  /** When the guest will have left the UART alone for long enough, in ns of virtual time. */
  readonly quiet: bigint | undefined;
}

const STATE_VERSION = 1;

/** A UART and what its line is connected to. */
export class SerialPort implements PortDevice {
  readonly widestPort = 1;
  readonly uart: Uart16550;
  readonly #clock: Clock;
  readonly #wait: () => void;
  readonly #quiet: Timer;
  #input: InputState;
  #polled: boolean;
  #wantsInterrupts: boolean;

  /** `uart` is restored already where there is a state. */
  constructor(uart: Uart16550, { clock, wait }: SerialPortDeps, state?: SerialPortState) {
    if (state) checkVersion('a serial port', state, STATE_VERSION);
    this.uart = uart;
    this.#clock = clock;
    this.#wait = wait;
    this.#quiet = clock.timer(() => this.#ask());
    this.#input = state?.input ?? 'ended';
    this.#polled = state?.polled ?? false;
    this.#wantsInterrupts = isReceiveEnabled(uart);
    clock.reschedule(this.#quiet, state?.quiet);
  }

  save(): SerialPortState {
    return {
      version: STATE_VERSION,
      uart: this.uart.save(),
      input: this.#input,
      polled: this.#polled,
      quiet: this.#quiet.deadline,
    };
  }

  /** Whether the run is stopped for `supply`. */
  get isWaiting(): boolean {
    return this.#input === 'wanted';
  }

  /** The guest's receive interrupt is enabled: a byte would reach it in HLT. */
  get wantsInterrupts(): boolean {
    return this.#wantsInterrupts;
  }

  /** Announces an input that is to be asked for; without one nothing ever is. */
  openInput(): void {
    this.#input = 'idle';
    this.#listen();
  }

  /** The next byte of the input, undefined at its end. */
  supply(byte: number | undefined): void {
    this.#input = byte === undefined ? 'ended' : 'idle';
    if (byte !== undefined) this.uart.receive(byte);
    this.#listen();
  }

  /** Live input: goes on the line at once. */
  receive(byte: number): void {
    this.uart.receive(byte);
  }

  readPort(offset: number): number {
    const value = this.uart.readPort(offset);
    if (this.#input === 'ended') return value;
    const found = offset !== UART_LSR || (value & UART_LSR_DR) !== 0;
    const polls = !found && this.#polled;
    this.#polled = !found;
    if (polls) this.#ask();
    else this.#listen();
    return value;
  }

  writePort(offset: number, size: number, value: number): void {
    this.uart.writePort(offset, size, value);
    if (offset === UART_IER) {
      this.#wantsInterrupts = isReceiveEnabled(this.uart);
    }
    if (this.#input === 'ended') return;
    this.#polled = false;
    if (offset === UART_IER || this.#quiet.deadline !== undefined) this.#listen();
  }

  /** Starts the quiet time anew, if the guest has its receive interrupt enabled. */
  #listen(): void {
    if (this.#input === 'idle' && this.wantsInterrupts) {
      this.#clock.schedule(this.#quiet, this.#clock.now() + QUIET_NS);
    } else {
      this.#clock.cancel(this.#quiet);
    }
  }

  #ask(): void {
    if (this.#input !== 'idle') return;
    if (this.uart.waitingCount > 0) {
      this.#listen();
      return;
    }
    this.#input = 'wanted';
    this.#clock.cancel(this.#quiet);
    this.#wait();
  }
}

function isReceiveEnabled(uart: Uart16550): boolean {
  return (uart.save().ier & UART_IER_ERBFI) !== 0;
}
