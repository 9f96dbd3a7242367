/**
 * What local and I/O APICs send to one another (SDM 3A 10.6 Issuing Interprocessor Interrupts; 10.8.5
 * Signaling Interrupt Servicing Completion): interrupt messages, and the end of level-triggered ones.
 * Wiring, not state: there is nothing to save.
 */

/** Delivery modes, as encoded in ICR, LVT and redirection entries. */
export const Delivery = {
  FIXED: 0,
  LOWEST_PRIORITY: 1,
  SMI: 2,
  NMI: 4,
  INIT: 5,
  STARTUP: 6,
  EXTINT: 7,
} as const;

/** Physical destination that means every local APIC. */
export const BROADCAST = 0xff;

/** One interrupt on its way. */
export interface ApicMessage {
  readonly mode: number;
  readonly vector: number;
  /** APIC ID, or a mask or cluster for `logical`: 8 bits. */
  readonly destination: number;
  readonly logical: boolean;
  /** Level triggered: its EOI is broadcast. */
  readonly level: boolean;
}

/** A local APIC on the bus. */
export interface ApicTarget {
  /** The destination names this APIC. */
  isNamedBy(destination: number, logical: boolean): boolean;
  /** Its priority now: the lowest gets a message with mode LOWEST_PRIORITY. */
  readonly processorPriority: number;
  /** Takes a message; false if it has to refuse it. */
  accept(message: ApicMessage): boolean;
}

/** Called with the vector of a level-triggered interrupt whose service has ended. */
export type EoiListener = (vector: number) => void;

/** Connects all APICs of a machine. */
export class ApicBus {
  readonly #targets: ApicTarget[] = [];
  readonly #listeners: EoiListener[] = [];

  /** Adds a local APIC. */
  join(target: ApicTarget): void {
    this.#targets.push(target);
  }

  /** Adds an I/O APIC. */
  onEoi(listener: EoiListener): void {
    this.#listeners.push(listener);
  }

  /** Sends to every APIC that is named, less `except`. True if one has accepted. */
  send(message: ApicMessage, except?: ApicTarget): boolean {
    const { destination, logical, mode } = message;
    const named = this.#targets.filter(
      (target) => target !== except && target.isNamedBy(destination, logical),
    );
    const chosen = mode === Delivery.LOWEST_PRIORITY ? leastBusy(named) : named;
    return chosen.filter((target) => target.accept(message)).length > 0;
  }

  /** Tells the I/O APICs of an EOI. */
  broadcastEoi(vector: number): void {
    for (const listener of this.#listeners) listener(vector);
  }
}

/** The target with the lowest priority, the first of several. */
function leastBusy(targets: readonly ApicTarget[]): readonly ApicTarget[] {
  const lowest = Math.min(...targets.map(({ processorPriority }) => processorPriority));
  return targets.filter(({ processorPriority }) => processorPriority === lowest).slice(0, 1);
}
