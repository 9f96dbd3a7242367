/**
 * The receiving half of a 16550A (PC16550D data sheet, sections 8.4 to 8.7): the line, the receive
 * FIFO with its error bits, the trigger level and the character timeout. Characters that were sent
 * to the guest wait in `incoming` and come in as soon as the FIFO (or RBR, when FIFOs are off) has
 * room. `accept` puts a character in directly: the way of loopback, and the only one to an overrun.
 * DIVERGES: a character takes no virtual time on the line (as in QEMU); the timeout counts as if it
 * did.
 */
import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../machine/clock.ts';
import {
  UART_FCR_CLEAR_RX,
  UART_FCR_ENABLE,
  UART_FCR_TRIGGER_SHIFT,
  UART_LSR_DR,
  UART_LSR_ERROR_MASK,
  UART_LSR_FIFO_ERROR,
  UART_LSR_OE,
} from './uart-registers.ts';

const FIFO_DEPTH = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;
const TIMEOUT_CHARS = 4n;
const ERROR_SHIFT = 8;
/** Characters taken from `incoming` before it is cut: each cut moves what is left. */
const CUT_LENGTH = 4096;

/**
 * State of the receiver. A character is its byte, with the LSR error bits that it came with in bits
 * 15:8.
 */
export interface UartReceiverState {
  /** Sent to the guest and not yet received, oldest first. */
  incoming: number[];
  /** The receive FIFO, or just RBR; oldest first. */
  fifo: number[];
  /** The byte read last, which RBR goes on showing when nothing has come after it. */
  rbr: number;
  /** Error bits of LSR: overrun, and those of the character at the top. */
  errors: number;
  /** Characters in the FIFO that raise an interrupt; 0 when FIFOs are off. */
  trigger: number;
  timedOut: boolean;
  /** False while the UART loops back: the line then waits. */
  connected: boolean;
  /** Nanoseconds that a character would take on the line. */
  charTime: bigint;
  /** The bits of a word of the programmed length. */
  wordMask: number;
  /** When the character timeout falls due. */
  timeout: bigint | undefined;
}

/** What LCR and the divisor say about a character: the time it takes and the bits it has. */
export type UartFrame = Pick<UartReceiverState, 'charTime' | 'wordMask'>;

/**
 * What a receiver is wired to: `onChange` is called when its state has changed, but for what the
 * caller of a method did.
 */
export interface UartReceiverDeps {
  readonly clock: Clock;
  readonly onChange: () => void;
}

const POWER_ON: Omit<UartReceiverState, keyof UartFrame> = {
  incoming: [],
  fifo: [],
  rbr: 0,
  errors: 0,
  trigger: 0,
  timedOut: false,
  connected: true,
  timeout: undefined,
};

/** Line, receive FIFO and character timeout. */
export class UartReceiver {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #timeout: Timer;
  readonly #state: Omit<UartReceiverState, 'timeout'>;
  /** Where `incoming` begins. */
  #head = 0;

  constructor({ clock, onChange }: UartReceiverDeps, state: UartReceiverState | UartFrame) {
    const { timeout, ...rest } = { ...POWER_ON, ...state };
    this.#clock = clock;
    this.#onChange = onChange;
    this.#state = { ...rest, incoming: [...rest.incoming], fifo: [...rest.fifo] };
    this.#timeout = clock.timer(() => {
      this.#state.timedOut = true;
      onChange();
    });
    clock.reschedule(this.#timeout, timeout);
  }

  save(): UartReceiverState {
    const { incoming, fifo, ...rest } = this.#state;
    const timeout = this.#timeout.deadline;
    return { ...rest, incoming: incoming.slice(this.#head), fifo: [...fifo], timeout };
  }

  /** Characters that still wait outside: a sender may hold back while there are many. */
  get waitingCount(): number {
    return this.#state.incoming.length - this.#head;
  }

  get timedOut(): boolean {
    return this.#state.timedOut;
  }

  get hasErrors(): boolean {
    return this.#state.errors !== 0;
  }

  /** Enough characters for a received-data interrupt. */
  get isTriggered(): boolean {
    return this.#state.fifo.length >= Math.max(1, this.#state.trigger);
  }

  get hasFifo(): boolean {
    return this.#state.trigger !== 0;
  }

  /** Sends a character, which comes in behind those before it. */
  send(character: number): void {
    this.#state.incoming.push(character);
    this.#fill();
  }

  /** Puts a character into the FIFO. Where that is full it is lost; RBR alone is overwritten. */
  accept(sent: number): void {
    const { fifo, wordMask } = this.#state;
    const character = sent & (wordMask | 0xff00);
    if (this.#hasRoom) {
      fifo.push(character);
    } else {
      this.#state.errors |= UART_LSR_OE;
      if (!this.hasFifo) fifo[0] = character;
    }
    this.#showTop();
    this.#restartTimeout();
  }

  /** Takes the oldest character: the low byte of an RBR read. */
  take(): number {
    const state = this.#state;
    state.rbr = (state.fifo.shift() ?? state.rbr) & 0xff;
    state.timedOut = false;
    this.#showTop();
    this.#restartTimeout();
    this.#fill();
    return state.rbr;
  }

  /** The receiver's bits of LSR; reading them clears the errors. */
  takeStatus(): number {
    const { fifo, errors } = this.#state;
    const flawed =
      (errors & ~UART_LSR_OE) !== 0 || fifo.some((entry) => entry >> ERROR_SHIFT !== 0);
    this.#state.errors = 0;
    const ready = fifo.length > 0 ? UART_LSR_DR : 0;
    return ready | errors | (this.hasFifo && flawed ? UART_LSR_FIFO_ERROR : 0);
  }

  /**
   * A write to FCR. Turning FIFOs on or off empties them; the other bits count only with FIFOs on.
   */
  configureFifo(fcr: number): void {
    const enable = (fcr & UART_FCR_ENABLE) !== 0;
    if (enable !== this.hasFifo || (enable && fcr & UART_FCR_CLEAR_RX)) this.#clear();
    this.#state.trigger = enable ? (TRIGGER_LEVELS[fcr >> UART_FCR_TRIGGER_SHIFT] ?? 1) : 0;
    this.#fill();
  }

  /** Cuts the line, or joins it again. */
  setConnected(connected: boolean): void {
    this.#state.connected = connected;
    this.#fill();
  }

  /** Sets the frame of the characters to come. */
  setFrame(frame: UartFrame): void {
    Object.assign(this.#state, frame);
  }

  get #hasRoom(): boolean {
    return this.#state.fifo.length < (this.hasFifo ? FIFO_DEPTH : 1);
  }

  /**
   * Lets in what waits and finds room. What the caller did shows on the interrupt line first, so
   * that an edge is seen.
   */
  #fill(): void {
    const canReceive = () => this.#state.connected && this.#hasRoom && this.waitingCount > 0;
    if (!canReceive()) return;
    this.#onChange();
    while (canReceive()) this.accept(this.#nextIncoming());
    this.#onChange();
  }

  /** The oldest character that waits; there is one. */
  #nextIncoming(): number {
    const { incoming } = this.#state;
    const character = incoming[this.#head++];
    assert(character !== undefined, 'a character arrives that nobody sent');
    if (this.#head === incoming.length || this.#head >= CUT_LENGTH) {
      incoming.splice(0, this.#head);
      this.#head = 0;
    }
    return character;
  }

  /** The errors of the character at the top of the FIFO show in LSR, once. */
  #showTop(): void {
    const { fifo } = this.#state;
    const top = fifo[0];
    if (top === undefined) return;
    this.#state.errors |= (top >> ERROR_SHIFT) & UART_LSR_ERROR_MASK;
    fifo[0] = top & 0xff;
  }

  /** The timeout runs from the latest character in or out, while any is there. */
  #restartTimeout(): void {
    if (this.hasFifo && this.#state.fifo.length > 0) {
      const wait = TIMEOUT_CHARS * this.#state.charTime;
      this.#clock.schedule(this.#timeout, this.#clock.now() + wait);
    } else {
      this.#clock.cancel(this.#timeout);
    }
  }

  #clear(): void {
    this.#state.fifo.length = 0;
    this.#state.timedOut = false;
    this.#clock.cancel(this.#timeout);
  }
}
