/**
 * A 16550A UART as PCs wire it (National Semiconductor PC16550D data sheet, section 8): FIFOs,
 * prioritized interrupts, loopback, modem status, divisor latch. 8 ports; COM1 is 0x3f8, IRQ 4,
 * COM2 0x2f8, IRQ 3. The line is ideal and its far end patient: no parity or framing errors, and an
 * overrun in loopback only.
 * DIVERGES: characters take no virtual time either way (as in QEMU), so THR and transmit FIFO are
 * always empty and a guest that polls LSR for each character does not spend 87,000 instructions on
 * it.
 * DIVERGES: starts at 115200 8N1, as firmware leaves it, not at 5 bits and no rate, so that a guest
 * may just print.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import type { IrqLine } from '../machine/irq.ts';
import { type UartFrame, UartReceiver, type UartReceiverState } from './uart-receiver.ts';
import {
  UART_IER,
  UART_IER_EDSSI,
  UART_IER_ELSI,
  UART_IER_ERBFI,
  UART_IER_ETBEI,
  UART_IER_MASK,
  UART_IIR_CTI,
  UART_IIR_FCR,
  UART_IIR_FIFO,
  UART_IIR_MSI,
  UART_IIR_NONE,
  UART_IIR_RDA,
  UART_IIR_RLS,
  UART_IIR_THRE,
  UART_LCR,
  UART_LCR_BREAK,
  UART_LCR_DLAB,
  UART_LCR_PEN,
  UART_LCR_STB,
  UART_LCR_WLS_MASK,
  UART_LSR,
  UART_LSR_BI,
  UART_LSR_TEMT,
  UART_LSR_THRE,
  UART_MCR,
  UART_MCR_DTR,
  UART_MCR_LOOP,
  UART_MCR_MASK,
  UART_MCR_OUT1,
  UART_MCR_OUT2,
  UART_MCR_RTS,
  UART_MSR,
  UART_MSR_CTS,
  UART_MSR_DCD,
  UART_MSR_DCTS,
  UART_MSR_DDCD,
  UART_MSR_DDSR,
  UART_MSR_DSR,
  UART_MSR_RI,
  UART_MSR_TERI,
  UART_RBR_THR,
} from './uart-registers.ts';

const NS_PER_SECOND = 1_000_000_000n;
const MAX_BAUD = 115_200n; // 1.8432 MHz / 16
const BREAK_CHARACTER = UART_LSR_BI << 8;

/** The modem lines that a connected terminal holds up. */
const CONNECTED = UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;

/** What a UART is wired to. `transmit` gets each byte that the guest sends. */
export interface Uart16550Deps {
  readonly clock: Clock;
  readonly irq: IrqLine;
  readonly transmit: (byte: number) => void;
}

/** State of a UART; registers as the data sheet names them. */
export interface Uart16550State {
  version: 1;
  ier: number;
  lcr: number;
  mcr: number;
  /** The delta bits 3:0 of MSR; the lines 7:4 follow from MCR. */
  msrDeltas: number;
  scr: number;
  divisor: number;
  /** THR became empty and no IIR read has told so yet. */
  threPending: boolean;
  receiver: UartReceiverState;
}

const POWER_ON: Omit<Uart16550State, 'receiver'> = {
  version: 1,
  ier: 0,
  lcr: 0x03,
  mcr: 0,
  msrDeltas: 0,
  scr: 0,
  divisor: 1,
  threPending: true,
};

/** A 16550A. */
export class Uart16550 implements PortDevice {
  readonly widestPort = 1;
  readonly #irq: IrqLine;
  readonly #transmit: (byte: number) => void;
  readonly #receiver: UartReceiver;
  readonly #state: Omit<Uart16550State, 'receiver'>;

  constructor({ clock, irq, transmit }: Uart16550Deps, state?: Uart16550State) {
    const { receiver, ...registers } = state ?? { ...POWER_ON, receiver: undefined };
    const frame = frameOf(registers.divisor, registers.lcr);
    this.#irq = irq;
    this.#transmit = transmit;
    this.#state = { ...registers };
    const onChange = () => this.#update();
    this.#receiver = new UartReceiver({ clock, onChange }, receiver ?? frame);
    this.#update();
  }

  save(): Uart16550State {
    return { ...this.#state, receiver: this.#receiver.save() };
  }

  static restore(deps: Uart16550Deps, state: Uart16550State): Uart16550 {
    checkVersion('uart16550', state, 1);
    return new Uart16550(deps, state);
  }

  /** Sends `byte` to the guest. It waits its turn, however many are ahead of it. */
  receive(byte: number): void {
    this.#receiver.send(byte & 0xff);
  }

  /** Sends a break to the guest. */
  receiveBreak(): void {
    this.#receiver.send(BREAK_CHARACTER);
  }

  /**
   * Bytes sent to the guest that have not reached its FIFO yet: a sender may hold back while there
   * are many.
   */
  get waitingCount(): number {
    return this.#receiver.waitingCount;
  }

  readPort(offset: number): number {
    const value = this.#read(offset);
    this.#update();
    return value;
  }

  writePort(offset: number, _size: number, value: number): void {
    this.#write(offset, value);
    this.#update();
  }

  #read(offset: number): number {
    const state = this.#state;
    const dlab = (state.lcr & UART_LCR_DLAB) !== 0;
    switch (offset) {
      case UART_RBR_THR:
        return dlab ? state.divisor & 0xff : this.#receiver.take();
      case UART_IER:
        return dlab ? state.divisor >> 8 : state.ier;
      case UART_IIR_FCR:
        return this.#takeIir();
      case UART_LCR:
        return state.lcr;
      case UART_MCR:
        return state.mcr;
      case UART_LSR:
        return UART_LSR_THRE | UART_LSR_TEMT | this.#receiver.takeStatus();
      case UART_MSR:
        return this.#takeMsr();
      default:
        return state.scr;
    }
  }

  #write(offset: number, value: number): void {
    const state = this.#state;
    const dlab = (state.lcr & UART_LCR_DLAB) !== 0;
    switch (offset) {
      case UART_RBR_THR:
        if (dlab) this.#setDivisor((state.divisor & 0xff00) | value);
        else this.#send(value);
        break;
      case UART_IER:
        if (dlab) this.#setDivisor((state.divisor & 0xff) | (value << 8));
        else this.#writeIer(value);
        break;
      case UART_IIR_FCR:
        this.#receiver.configureFifo(value);
        break;
      case UART_LCR:
        this.#writeLcr(value);
        break;
      case UART_MCR:
        this.#writeMcr(value);
        break;
      case UART_LSR:
      case UART_MSR:
        break; // for the factory's tests only
      default:
        state.scr = value;
    }
  }

  #send(byte: number): void {
    // The THRE interrupt falls with the write and rises when the byte is out, so that an edge is
    // seen.
    this.#state.threPending = false;
    this.#update();
    this.#state.threPending = true;
    if (this.#isLooped) this.#receiver.accept(byte);
    else this.#transmit(byte & wordMask(this.#state.lcr));
  }

  /** Enabling the THRE interrupt while THR is empty, as it always is, raises one at once. */
  #writeIer(value: number): void {
    const enabled = value & ~this.#state.ier;
    if (enabled & UART_IER_ETBEI) this.#state.threPending = true;
    this.#state.ier = value & UART_IER_MASK;
  }

  #writeLcr(value: number): void {
    const breaks = (value & ~this.#state.lcr & UART_LCR_BREAK) !== 0;
    this.#state.lcr = value;
    this.#receiver.setFrame(frameOf(this.#state.divisor, value));
    if (breaks && this.#isLooped) this.#receiver.accept(BREAK_CHARACTER);
  }

  #writeMcr(value: number): void {
    const before = this.#modemLines;
    this.#state.mcr = value & UART_MCR_MASK;
    this.#state.msrDeltas |= modemDeltas(before, this.#modemLines);
    this.#receiver.setConnected(!this.#isLooped);
  }

  #setDivisor(divisor: number): void {
    this.#state.divisor = divisor;
    this.#receiver.setFrame(frameOf(divisor, this.#state.lcr));
  }

  /** Reading IIR settles the THRE interrupt if that is what it shows. */
  #takeIir(): number {
    const source = this.#interrupt();
    if (source === UART_IIR_THRE) this.#state.threPending = false;
    return source | (this.#receiver.hasFifo ? UART_IIR_FIFO : 0);
  }

  #takeMsr(): number {
    const value = this.#modemLines | this.#state.msrDeltas;
    this.#state.msrDeltas = 0;
    return value;
  }

  get #isLooped(): boolean {
    return (this.#state.mcr & UART_MCR_LOOP) !== 0;
  }

  /** MSR 7:4. In loopback the four outputs of MCR drive them. */
  get #modemLines(): number {
    if (!this.#isLooped) return CONNECTED;
    const { mcr } = this.#state;
    return (
      (mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
      (mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
      (mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
      (mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0)
    );
  }

  /** The enabled interrupt with the highest priority, as IIR 3:0 (data sheet table IV). */
  #interrupt(): number {
    const { ier, threPending, msrDeltas } = this.#state;
    const receiver = this.#receiver;
    if (ier & UART_IER_ELSI && receiver.hasErrors) return UART_IIR_RLS;
    if (ier & UART_IER_ERBFI && receiver.timedOut) return UART_IIR_CTI;
    if (ier & UART_IER_ERBFI && receiver.isTriggered) return UART_IIR_RDA;
    if (ier & UART_IER_ETBEI && threPending) return UART_IIR_THRE;
    if (ier & UART_IER_EDSSI && msrDeltas) return UART_IIR_MSI;
    return UART_IIR_NONE;
  }

  /**
   * DIVERGES: on many boards MCR.OUT2 lets the interrupt through; on QEMU's it always goes out, and kernels
   * that were made there (xv6) leave OUT2 clear.
   */
  #update(): void {
    this.#irq.set(this.#interrupt() !== UART_IIR_NONE);
  }
}

/** Delta bits of MSR for a change of the modem lines; RI counts when it falls. */
function modemDeltas(before: number, after: number): number {
  const changed = before ^ after;
  return (
    (changed & UART_MSR_CTS ? UART_MSR_DCTS : 0) |
    (changed & UART_MSR_DSR ? UART_MSR_DDSR : 0) |
    (changed & before & UART_MSR_RI ? UART_MSR_TERI : 0) |
    (changed & UART_MSR_DCD ? UART_MSR_DDCD : 0)
  );
}

function wordMask(lcr: number): number {
  return 0xff >> (3 - (lcr & UART_LCR_WLS_MASK));
}

/** A character is start bit, word, parity and stop bits. A divisor of 0 counts as 65536. */
function frameOf(divisor: number, lcr: number): UartFrame {
  const wordBits = 5 + (lcr & UART_LCR_WLS_MASK);
  const halfStopBits = lcr & UART_LCR_STB ? (wordBits === 5 ? 3 : 4) : 2;
  const halfBits = 2 * (1 + wordBits + (lcr & UART_LCR_PEN ? 1 : 0)) + halfStopBits;
  const halfBitTimes = BigInt(halfBits * (divisor || 0x10000));
  return { charTime: (halfBitTimes * NS_PER_SECOND) / (2n * MAX_BAUD), wordMask: wordMask(lcr) };
}
