/**
 * One 8259A interrupt controller (Intel 231468, 8259A Programmable Interrupt Controller): eight
 * inputs, priorities, in-service nesting, ICW1-4 and OCW1-3. As in PC south bridges, ELCR and not
 * ICW1.LTIM chooses level triggering per input. An edge request lasts while its input stays high;
 * if it falls before the acknowledge, the chip answers with level 7 and sets no in-service bit (the
 * spurious interrupt). Left out: MCS-80 call vectors and buffered mode, which a PC cannot use.
 * Until it has been initialized once the chip holds INT low, as its state at power-on is undefined.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { IrqLine } from '../machine/irq.ts';

const ICW1_IC4 = 0x01; // ICW4 follows
const ICW1_SNGL = 0x02; // no cascade, no ICW3
const ICW1_INIT = 0x10; // marks ICW1
const ICW4_AEOI = 0x02; // end of interrupt at the acknowledge
const ICW4_SFNM = 0x10; // special fully nested mode

const OCW3_MARK = 0x08; // marks OCW3
const OCW3_RIS = 0x01; // read ISR, else IRR
const OCW3_RR = 0x02; // RIS is valid
const OCW3_POLL = 0x04; // the next read acknowledges
const OCW3_SMM = 0x20; // special mask mode
const OCW3_ESMM = 0x40; // SMM is valid

const OCW2_EOI = 0x20; // end of interrupt
const OCW2_SL = 0x40; // bits 2:0 name the level
const OCW2_ROTATE = 0x80; // make that level the lowest

const SPURIOUS_LEVEL = 7;
const POLL_PENDING = 0x80;

/** State of one 8259A. Masks have bit n for input n. */
export interface I8259State {
  version: 1;
  /** Input pins. */
  pins: number;
  /** Rising edges seen and not acknowledged; gone when the pin falls. */
  edges: number;
  imr: number;
  isr: number;
  /** Inputs that are level triggered. */
  elcr: number;
  icw1: number;
  icw2: number;
  icw3: number;
  icw4: number;
  /** The next initialization word: 2 to 4, 0 when complete, 1 before the first ICW1. */
  nextIcw: number;
  /** The input with the lowest priority; the one after it has the highest. */
  lowest: number;
  rotateOnAutoEoi: boolean;
  specialMask: boolean;
  readIsr: boolean;
  poll: boolean;
}

const POWER_ON: I8259State = {
  version: 1,
  pins: 0,
  edges: 0,
  imr: 0,
  isr: 0,
  elcr: 0,
  icw1: 0,
  icw2: 0,
  icw3: 0,
  icw4: 0,
  nextIcw: 1,
  lowest: 7,
  rotateOnAutoEoi: false,
  specialMask: false,
  readIsr: false,
  poll: false,
};

/** One 8259A with two ports. `int` is its INT pin. */
export class I8259 implements PortDevice {
  readonly widestPort = 1;
  readonly #int: IrqLine;
  readonly #state: I8259State;

  constructor(int: IrqLine, state: I8259State = POWER_ON) {
    this.#int = int;
    this.#state = { ...state };
    this.#update();
  }

  save(): I8259State {
    return { ...this.#state };
  }

  static restore(int: IrqLine, state: I8259State): I8259 {
    checkVersion('i8259', state, 1);
    return new I8259(int, state);
  }

  /** The vector of input `level`. */
  vector(level: number): number {
    return (this.#state.icw2 & 0xf8) | level;
  }

  /** A request on input `level` would get through. */
  hears(level: number): boolean {
    return this.#state.nextIcw === 0 && (this.#state.imr & (1 << level)) === 0;
  }

  /** Whether ICW3 says that a slave sits on input `level`, which then gives the vector. */
  hasSlave(level: number): boolean {
    const cascaded = (this.#state.icw1 & ICW1_SNGL) === 0;
    return cascaded && (this.#state.icw3 & (1 << level)) !== 0;
  }

  /** Mask of level-triggered inputs (this chip's half of ELCR). */
  get elcr(): number {
    return this.#state.elcr;
  }

  set elcr(mask: number) {
    this.#state.elcr = mask;
    this.#update();
  }

  /** Drives input pin `level`. */
  setInput(level: number, high: boolean): void {
    const state = this.#state;
    const bit = 1 << level;
    if (high === ((state.pins & bit) !== 0)) return;
    state.pins ^= bit;
    if (high) state.edges |= bit;
    else state.edges &= ~bit;
    this.#update();
  }

  /** The processor's INTA cycles: takes the highest request into service and returns its level. */
  acknowledge(): number {
    const level = this.#pending();
    if (level === undefined) return SPURIOUS_LEVEL;
    this.#serve(level);
    return level;
  }

  readPort(offset: number): number {
    if (this.#state.poll) return this.#pollRead();
    if (offset === 1) return this.#state.imr;
    return this.#state.readIsr ? this.#state.isr : this.#requests();
  }

  writePort(offset: number, _size: number, value: number): void {
    if (offset === 0) this.#writeCommand(value);
    else this.#writeData(value);
    this.#update();
  }

  #writeCommand(value: number): void {
    if (value & ICW1_INIT) this.#initialize(value);
    else if (value & OCW3_MARK) this.#writeOcw3(value);
    else this.#writeOcw2(value);
  }

  #initialize(icw1: number): void {
    const { pins, elcr, icw2, icw3 } = this.#state;
    Object.assign(this.#state, POWER_ON, { pins, elcr, icw1, icw2, icw3, nextIcw: 2 });
  }

  #writeData(value: number): void {
    const state = this.#state;
    switch (state.nextIcw) {
      case 2:
        state.icw2 = value;
        state.nextIcw = state.icw1 & ICW1_SNGL ? this.#afterIcw3() : 3;
        break;
      case 3:
        state.icw3 = value;
        state.nextIcw = this.#afterIcw3();
        break;
      case 4:
        state.icw4 = value;
        state.nextIcw = 0;
        break;
      default:
        state.imr = value;
    }
  }

  #afterIcw3(): number {
    return this.#state.icw1 & ICW1_IC4 ? 4 : 0;
  }

  #writeOcw2(value: number): void {
    const state = this.#state;
    const rotate = (value & OCW2_ROTATE) !== 0;
    if ((value & (OCW2_EOI | OCW2_SL)) === 0) {
      state.rotateOnAutoEoi = rotate;
      return;
    }
    const level = value & OCW2_SL ? value & 7 : this.#highestInService();
    if (level === undefined) return;
    if (value & OCW2_EOI) state.isr &= ~(1 << level);
    if (rotate) state.lowest = level;
  }

  /** What an EOI that names no level ends. In special mask mode a masked level is left alone. */
  #highestInService(): number | undefined {
    const { isr, imr, specialMask } = this.#state;
    return this.#highest(specialMask ? isr & ~imr : isr);
  }

  #writeOcw3(value: number): void {
    const state = this.#state;
    if (value & OCW3_ESMM) state.specialMask = (value & OCW3_SMM) !== 0;
    if (value & OCW3_POLL) state.poll = true;
    else if (value & OCW3_RR) state.readIsr = (value & OCW3_RIS) !== 0;
  }

  #pollRead(): number {
    this.#state.poll = false;
    const level = this.#pending();
    if (level === undefined) return 0;
    this.#serve(level);
    return POLL_PENDING | level;
  }

  /** IRR: edges waiting, and level-triggered pins as they are. */
  #requests(): number {
    const { edges, pins, elcr } = this.#state;
    return (edges & ~elcr) | (pins & elcr);
  }

  /** The request that INT stands for, if one has priority over what is in service. */
  #pending(): number | undefined {
    const { imr, icw4, nextIcw } = this.#state;
    const level = nextIcw === 0 ? this.#highest(this.#requests() & ~imr) : undefined;
    if (level === undefined) return undefined;
    const serving = this.#highestInService();
    if (serving === undefined || this.#rank(level) < this.#rank(serving)) return level;
    const nested = level === serving && (icw4 & ICW4_SFNM) !== 0 && this.hasSlave(level);
    return nested ? level : undefined;
  }

  #serve(level: number): void {
    const state = this.#state;
    state.edges &= ~(1 << level);
    if ((state.icw4 & ICW4_AEOI) === 0) state.isr |= 1 << level;
    else if (state.rotateOnAutoEoi) state.lowest = level;
    // INT falls after each acknowledge, so that a master sees an edge for the next request.
    this.#int.set(false);
    this.#update();
  }

  /** Priority of `level`: 0 is the highest. */
  #rank(level: number): number {
    return (level - this.#state.lowest - 1) & 7;
  }

  #highest(mask: number): number | undefined {
    if (mask === 0) return undefined;
    let level = (this.#state.lowest + 1) & 7;
    while ((mask & (1 << level)) === 0) level = (level + 1) & 7;
    return level;
  }

  #update(): void {
    this.#int.set(this.#pending() !== undefined);
  }
}
