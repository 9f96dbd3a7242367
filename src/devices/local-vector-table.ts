/**
 * The local vector table of an APIC and the pins LINT0 and LINT1 (SDM 3A 10.5.1 Local Vector Table):
 * which interrupt the APIC's own sources raise.
 *
 *     17:18 timer mode | 16 mask | 15 level | 14 remote IRR | 13 polarity | 10:8 delivery mode | 7:0 vector
 *
 * Level triggering counts in mode FIXED only. A pin in mode EXTINT is not delivered: the APIC looks at it.
 */
import { type ApicMessage, BROADCAST, Delivery } from './apic-bus.ts';
import * as Apic from './local-apic-registers.ts';
import { LVT_LEVEL, LVT_MASKED, LVT_REMOTE_IRR, Lvt } from './local-apic-registers.ts';

/** lvt[6]: bits that can be written. */
// biome-ignore format: one entry each.
const WRITABLE = [
  0x300ff, // timer; with TSC-deadline mode bit 18 too
  0x107ff, // thermal sensor
  0x107ff, // performance counters
  0x1a7ff, // LINT0
  0x1a7ff, // LINT1
  0x100ff, // error
] as const;
const TIMER_DEADLINE_BIT = 0x40000;

const PINS = [Lvt.LINT0, Lvt.LINT1] as const;

/** What the table is wired to. `deliver` takes an interrupt, and is false if it was refused. */
export interface LocalVectorTableDeps {
  readonly deliver: (message: ApicMessage) => boolean;
  readonly hasTscDeadline: boolean;
}

/** State of the table and the pins. */
export interface LocalVectorTableState {
  /** entries[6], in the order of the registers. */
  entries: number[];
  /** pins[2]: levels of LINT0 and LINT1. */
  pins: boolean[];
}

/** Part of a local APIC, which saves it. */
export class LocalVectorTable {
  readonly #deps: LocalVectorTableDeps;
  readonly #entries: number[];
  readonly #pins: boolean[];

  constructor(deps: LocalVectorTableDeps, state?: LocalVectorTableState) {
    this.#deps = deps;
    this.#entries = state ? [...state.entries] : WRITABLE.map(() => LVT_MASKED);
    this.#pins = state ? [...state.pins] : PINS.map(() => false);
  }

  save(): LocalVectorTableState {
    return { entries: [...this.#entries], pins: [...this.#pins] };
  }

  /** Power-on state of the entries. */
  reset(): void {
    this.#entries.fill(LVT_MASKED);
  }

  entry(n: number): number {
    return this.#entries[n] ?? LVT_MASKED;
  }

  /** Writes entry `n`; while the APIC is software-disabled it stays masked. */
  write(n: number, value: number, isEnabled: boolean): void {
    const deadline = n === Lvt.TIMER && this.#deps.hasTscDeadline ? TIMER_DEADLINE_BIT : 0;
    const kept = value & LVT_LEVEL ? this.entry(n) & LVT_REMOTE_IRR : 0;
    const mask = isEnabled ? 0 : LVT_MASKED;
    this.#entries[n] = (value & ((WRITABLE[n] ?? 0) | deadline)) | kept | mask;
    this.#followPins();
  }

  /** The APIC was software-disabled. */
  maskAll(): void {
    this.#entries.forEach((entry, n) => {
      this.#entries[n] = entry | LVT_MASKED;
    });
  }

  pin(n: number): boolean {
    return this.#pins[n] === true;
  }

  /** Drives LINT0 or LINT1. */
  setPin(n: 0 | 1, level: boolean): void {
    this.#pins[n] = level;
    if (level && !isLevel(this.entry(PINS[n]))) this.trigger(PINS[n]);
    this.#followPins();
  }

  /** A pin in mode EXTINT is asserted: the 8259 asks. */
  get asksForPic(): boolean {
    return PINS.some((lint, pin) => this.pin(pin) && isOpen(this.entry(lint), Delivery.EXTINT));
  }

  /** LINT0 would raise an NMI or an INIT. Nothing on the board drives LINT1. */
  get passesIf(): boolean {
    const entry = this.entry(Lvt.LINT0);
    return isOpen(entry, Delivery.NMI) || isOpen(entry, Delivery.INIT);
  }

  /** Raises the interrupt of entry `n`; false if it is masked or refused. */
  trigger(n: number): boolean {
    const entry = this.entry(n);
    const mode = modeOf(entry);
    if (entry & LVT_MASKED || mode === Delivery.EXTINT) return false;
    const [vector, level] = [entry & Apic.VECTOR_MASK, isLevel(entry)];
    return this.#deps.deliver({ mode, vector, level, destination: BROADCAST, logical: false });
  }

  /** The service of a level-triggered interrupt has ended. */
  end(vector: number): void {
    for (const lint of PINS) {
      const entry = this.entry(lint);
      if ((entry & Apic.VECTOR_MASK) === vector) this.#entries[lint] = entry & ~LVT_REMOTE_IRR;
    }
    this.#followPins();
  }

  /** Raises the interrupts of level-triggered pins that are asserted and not being served. */
  #followPins(): void {
    PINS.forEach((lint, pin) => {
      const entry = this.entry(lint);
      if (!this.pin(pin) || !isLevel(entry) || entry & LVT_REMOTE_IRR) return;
      if (this.trigger(lint)) this.#entries[lint] = entry | LVT_REMOTE_IRR;
    });
  }
}

function modeOf(entry: number): number {
  return (entry >> Apic.MODE_SHIFT) & Apic.MODE_MASK;
}

function isLevel(entry: number): boolean {
  return (entry & LVT_LEVEL) !== 0 && modeOf(entry) === Delivery.FIXED;
}

function isOpen(entry: number, mode: number): boolean {
  return (entry & LVT_MASKED) === 0 && modeOf(entry) === mode;
}
