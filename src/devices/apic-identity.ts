/**
 * Which messages are for a local APIC (SDM 3A 10.6.2 Determining IPI Destination): its APIC ID, and its logical
 * destination in the flat or the cluster model.
 */
import { BROADCAST } from './apic-bus.ts';

const HIGH_BYTE_MASK = 0xff000000; // what ID and LDR have
const MODEL_MASK = 0xf0000000; // what DFR has; the rest reads as ones
const FLAT_MODEL = 0xf;

/** State of the three registers, as they are read. */
export interface ApicIdentityState {
  id: number;
  ldr: number;
  dfr: number;
}

/** Part of a local APIC, which saves it. */
export class ApicIdentity {
  readonly #state: ApicIdentityState;

  /** `apicId` is what the ID is after power-on. */
  constructor(apicId: number, state?: ApicIdentityState) {
    this.#state = { ...(state ?? powerOn(apicId * 2 ** 24)) };
  }

  save(): ApicIdentityState {
    return { ...this.#state };
  }

  /** Power-on state, but for the ID. */
  reset(): void {
    Object.assign(this.#state, powerOn(this.#state.id));
  }

  get id(): number {
    return this.#state.id;
  }
  set id(value: number) {
    this.#state.id = (value & HIGH_BYTE_MASK) >>> 0;
  }

  get ldr(): number {
    return this.#state.ldr;
  }
  set ldr(value: number) {
    this.#state.ldr = (value & HIGH_BYTE_MASK) >>> 0;
  }

  get dfr(): number {
    return this.#state.dfr;
  }
  set dfr(value: number) {
    this.#state.dfr = (value | ~MODEL_MASK) >>> 0;
  }

  /** A message to `destination` is for this APIC. */
  isNamedBy(destination: number, logical: boolean): boolean {
    const { id, ldr, dfr } = this.#state;
    if (!logical) return destination === id >>> 24 || destination === BROADCAST;
    const mine = ldr >>> 24;
    if (dfr >>> 28 === FLAT_MODEL) return (mine & destination) !== 0;
    const sameCluster = destination >> 4 === 0xf || destination >> 4 === mine >> 4;
    return sameCluster && (mine & destination & 0xf) !== 0;
  }
}

function powerOn(id: number): ApicIdentityState {
  return { id, ldr: 0, dfr: 0xffffffff };
}
