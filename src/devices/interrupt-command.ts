/**
 * The interrupt command register of a local APIC (SDM 3A 10.6.1 Interrupt Command Register): interprocessor
 * interrupts. Sending takes no time, so the delivery status is always idle.
 */
import {
  type ApicBus,
  type ApicMessage,
  type ApicTarget,
  BROADCAST,
  Delivery,
} from './apic-bus.ts';
import { FIRST_LEGAL_VECTOR, MODE_MASK, MODE_SHIFT, VECTOR_MASK } from './local-apic-registers.ts';

const LOGICAL = 0x800; // destination mode
const ASSERT = 0x4000; // level
const LEVEL = 0x8000; // trigger mode
const SHORTHAND_SHIFT = 18;
const LOW_MASK = 0x000ccfff;
const HIGH_MASK = 0xff000000; // the destination
const DESTINATION_SHIFT = 24;

/** Destination shorthands, bits 19:18. */
const Shorthand = { NONE: 0, SELF: 1, ALL: 2, OTHERS: 3 } as const;

/** What the register is wired to. `self` is its APIC; `illegalVector` is told of a vector below 16. */
export interface InterruptCommandDeps {
  readonly bus: ApicBus;
  readonly self: ApicTarget;
  readonly illegalVector: () => void;
}

/** State of the two halves. */
export interface InterruptCommandState {
  low: number;
  high: number;
}

const POWER_ON: InterruptCommandState = { low: 0, high: 0 };

/** Part of a local APIC, which saves it. */
export class InterruptCommand {
  readonly #deps: InterruptCommandDeps;
  readonly #state: InterruptCommandState;

  constructor(deps: InterruptCommandDeps, state = POWER_ON) {
    this.#deps = deps;
    this.#state = { ...state };
  }

  save(): InterruptCommandState {
    return { ...this.#state };
  }

  reset(): void {
    Object.assign(this.#state, POWER_ON);
  }

  get high(): number {
    return this.#state.high;
  }
  set high(value: number) {
    this.#state.high = (value & HIGH_MASK) >>> 0;
  }

  get low(): number {
    return this.#state.low;
  }

  /**
   * Sends. A level-triggered INIT that is not asserted is not for processors of today. A message with an illegal
   * vector is sent; its receivers refuse it.
   */
  set low(value: number) {
    const low = value & LOW_MASK;
    this.#state.low = low;
    const [mode, vector] = [(low >> MODE_SHIFT) & MODE_MASK, low & VECTOR_MASK];
    const hasVector = mode === Delivery.FIXED || mode === Delivery.LOWEST_PRIORITY;
    if (hasVector && vector < FIRST_LEGAL_VECTOR) this.#deps.illegalVector();
    const isDeassert = mode === Delivery.INIT && (low & (LEVEL | ASSERT)) === LEVEL;
    if (mode === Delivery.EXTINT || isDeassert) return;
    const destination = this.#state.high >>> DESTINATION_SHIFT;
    this.#send({ mode, vector, destination, logical: (low & LOGICAL) !== 0, level: false });
  }

  #send(message: ApicMessage): void {
    const { bus, self } = this.#deps;
    const everyone = { ...message, destination: BROADCAST, logical: false };
    switch (this.#state.low >> SHORTHAND_SHIFT) {
      case Shorthand.NONE:
        bus.send(message);
        break;
      case Shorthand.SELF:
        self.accept(message);
        break;
      case Shorthand.ALL:
        bus.send(everyone);
        break;
      default: // OTHERS
        bus.send(everyone, self);
    }
  }
}
