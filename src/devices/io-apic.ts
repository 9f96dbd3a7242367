/**
 * An I/O APIC (Intel 290566, 82093AA I/O Advanced Programmable Interrupt Controller): 24 pins, each with
 * a redirection entry that makes a message for the local APICs of it. Like QEMU's it is version 20H, with
 * an EOI register that later chips have. Registers lie behind a select register and a window at
 * 0xfec00000.
 *
 *     63:56 destination | 16 mask | 15 level | 14 remote IRR | 13 polarity | 11 logical | 10:8 mode | 7:0 vector
 *
 * An edge on a masked pin is lost, as the data sheet says. A message that no local APIC accepts is
 * made again for as long as a level-triggered pin stays asserted, at the next change of the entry or the pin.
 *
 * DIVERGES: pins carry "asserted", not a voltage, so the polarity bit holds what was written and means
 * nothing, as in QEMU and Bochs: a kernel that names the wrong polarity works.
 */
import { assert } from '../base/assert.ts';
import { checkVersion } from '../base/state.ts';
import type { MmioDevice } from '../machine/bus.ts';
import { IrqLine } from '../machine/irq.ts';
import { type ApicBus, Delivery } from './apic-bus.ts';

/** Pins, and redirection entries. */
export const IO_APIC_PINS = 24;

const IOREGSEL = 0x00; // offsets in the page
const IOWIN = 0x10;
const IOEOI = 0x40;

const IOAPICID = 0x00; // indexes
const IOAPICVER = 0x01;
const IOAPICARB = 0x02;
const IOREDTBL = 0x10;

/** Version in IOAPICVER. */
export const IO_APIC_VERSION = 0x20;
const ID_SHIFT = 24;
const ID_MASK = 0xf;

const ENTRY_VECTOR_MASK = 0xff;
const ENTRY_MODE_SHIFT = 8;
const ENTRY_MODE_MASK = 7;
const ENTRY_LOGICAL = 0x800;
const ENTRY_REMOTE_IRR = 0x4000; // accepted as level triggered, until its EOI
const ENTRY_LEVEL = 0x8000;
const ENTRY_MASKED = 0x10000;
const ENTRY_WRITABLE = 0x1afff; // of the low half
const DESTINATION_SHIFT = 24; // in the high half

/** What an I/O APIC is wired to. */
export interface IoApicDeps {
  readonly bus: ApicBus;
}

/** State of an I/O APIC. */
export interface IoApicState {
  version: 1;
  id: number;
  /** IOREGSEL. */
  index: number;
  /** low[24], high[24]: halves of the redirection entries. */
  low: number[];
  high: number[];
  /** Bit n: pin n is asserted. */
  pins: number;
}

const POWER_ON: IoApicState = {
  version: 1,
  id: 0,
  index: 0,
  low: new Array(IO_APIC_PINS).fill(ENTRY_MASKED),
  high: new Array(IO_APIC_PINS).fill(0),
  pins: 0,
};

/** The I/O APIC of a PC. */
export class IoApic implements MmioDevice {
  readonly widestMmio = 4;
  readonly #bus: ApicBus;
  readonly #state: IoApicState;
  readonly #lines: readonly IrqLine[];

  constructor({ bus }: IoApicDeps, state = POWER_ON) {
    this.#bus = bus;
    this.#state = { ...state, low: [...state.low], high: [...state.high] };
    this.#lines = state.low.map((_, pin) => new IrqLine((level) => this.#setPin(pin, level)));
    bus.onEoi((vector) => this.#end(vector));
  }

  save(): IoApicState {
    const { low, high } = this.#state;
    return { ...this.#state, low: [...low], high: [...high] };
  }

  static restore(deps: IoApicDeps, state: IoApicState): IoApic {
    checkVersion('io-apic', state, 1);
    return new IoApic(deps, state);
  }

  /** Input pin `pin`, 0 to 23. */
  line(pin: number): IrqLine {
    const line = this.#lines[pin];
    assert(line !== undefined, `no I/O APIC pin ${pin}`);
    return line;
  }

  /** A request on pin `pin` would get through. */
  hears(pin: number): boolean {
    return (this.#low(pin) & ENTRY_MASKED) === 0;
  }

  /** A pin would raise an interrupt that RFLAGS.IF does not hold off. */
  get passesIf(): boolean {
    return this.#state.low.some(
      (low) =>
        (low & ENTRY_MASKED) === 0 &&
        (modeOf(low) === Delivery.NMI || modeOf(low) === Delivery.INIT),
    );
  }

  readMmio(offset: number, size: number): bigint {
    if (offset === IOREGSEL) return BigInt(this.#state.index);
    if (offset === IOWIN && size === 4) return BigInt(this.#read(this.#state.index) >>> 0);
    return 0n;
  }

  writeMmio(offset: number, size: number, value: bigint): void {
    if (offset === IOREGSEL) this.#state.index = Number(value & 0xffn);
    else if (offset === IOWIN && size === 4) this.#write(this.#state.index, Number(value));
    else if (offset === IOEOI && size === 4) this.#end(Number(value & 0xffn));
  }

  #read(index: number): number {
    const { id, low, high } = this.#state;
    switch (index) {
      case IOAPICID:
      case IOAPICARB:
        return id << ID_SHIFT;
      case IOAPICVER:
        return IO_APIC_VERSION | ((IO_APIC_PINS - 1) << 16);
      default: {
        const half = index & 1 ? high : low;
        return half[(index - IOREDTBL) >> 1] ?? 0;
      }
    }
  }

  #write(index: number, value: number): void {
    const { low, high } = this.#state;
    const pin = (index - IOREDTBL) >> 1;
    if (index === IOAPICID) this.#state.id = (value >>> ID_SHIFT) & ID_MASK;
    else if (pin < 0 || pin >= IO_APIC_PINS) return;
    else if (index & 1) high[pin] = value;
    else {
      // Making an entry edge triggered is how a driver of an old chip ends an interrupt.
      const remoteIrr = value & ENTRY_LEVEL ? this.#low(pin) & ENTRY_REMOTE_IRR : 0;
      low[pin] = (value & ENTRY_WRITABLE) | remoteIrr;
      this.#followLevel(pin);
    }
  }

  #low(pin: number): number {
    return this.#state.low[pin] ?? ENTRY_MASKED;
  }

  #setPin(pin: number, level: boolean): void {
    const bit = 1 << pin;
    if (level === ((this.#state.pins & bit) !== 0)) return;
    this.#state.pins ^= bit;
    if (!level) return;
    if (isLevel(this.#low(pin))) this.#followLevel(pin);
    else if ((this.#low(pin) & ENTRY_MASKED) === 0) this.#send(pin);
  }

  /** Sends the interrupt of a level-triggered pin that is asserted and not being served. */
  #followLevel(pin: number): void {
    const low = this.#low(pin);
    const isAsserted = (this.#state.pins & (1 << pin)) !== 0;
    if (!isAsserted || !isLevel(low) || low & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) return;
    if (this.#send(pin)) this.#state.low[pin] = low | ENTRY_REMOTE_IRR;
  }

  #send(pin: number): boolean {
    const low = this.#low(pin);
    return this.#bus.send({
      mode: modeOf(low),
      vector: low & ENTRY_VECTOR_MASK,
      destination: (this.#state.high[pin] ?? 0) >>> DESTINATION_SHIFT,
      logical: (low & ENTRY_LOGICAL) !== 0,
      level: isLevel(low),
    });
  }

  /** The end of a level-triggered interrupt, by a local APIC's EOI or the EOI register. */
  #end(vector: number): void {
    this.#state.low.forEach((low, pin) => {
      if ((low & ENTRY_VECTOR_MASK) !== vector || (low & ENTRY_REMOTE_IRR) === 0) return;
      this.#state.low[pin] = low & ~ENTRY_REMOTE_IRR;
      this.#followLevel(pin);
    });
  }
}

function modeOf(low: number): number {
  return (low >> ENTRY_MODE_SHIFT) & ENTRY_MODE_MASK;
}

/** Level triggered, which the modes FIXED and LOWEST_PRIORITY know only. */
function isLevel(low: number): boolean {
  return (low & ENTRY_LEVEL) !== 0 && modeOf(low) <= Delivery.LOWEST_PRIORITY;
}
