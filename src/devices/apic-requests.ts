/**
 * Which interrupts a local APIC holds and which comes next (SDM 3A 10.8 Handling Interrupts): requests
 * (IRR), interrupts in service (ISR), their trigger modes (TMR), and the priorities that follow from
 * them. A priority class is bits 7:4 of a vector; an interrupt is given to the processor when its class
 * is above that of PPR.
 */
import { VectorSet } from './vector-set.ts';

const CLASS_MASK = 0xf0;

/** State of the three registers: irr[8], isr[8], tmr[8] of u32. */
export interface ApicRequestsState {
  irr: number[];
  isr: number[];
  tmr: number[];
}

/** Part of a local APIC, which saves it. */
export class ApicRequests {
  readonly irr: VectorSet;
  readonly isr: VectorSet;
  readonly tmr: VectorSet;

  constructor(state?: ApicRequestsState) {
    this.irr = new VectorSet(state?.irr);
    this.isr = new VectorSet(state?.isr);
    this.tmr = new VectorSet(state?.tmr);
  }

  save(): ApicRequestsState {
    return { irr: this.irr.save(), isr: this.isr.save(), tmr: this.tmr.save() };
  }

  clear(): void {
    for (const set of [this.irr, this.isr, this.tmr]) set.clear();
  }

  /** Accepts an interrupt; `level` is its trigger mode. */
  request(vector: number, level: boolean): void {
    this.irr.put(vector, true);
    this.tmr.put(vector, level);
  }

  /** The vector that is due with the task priority `tpr`, -1 if there is none. */
  pending(tpr: number): number {
    const vector = this.irr.highest();
    return vector >= 0 && classOf(vector) > classOf(this.processorPriority(tpr)) ? vector : -1;
  }

  /** The processor takes `vector`. */
  serve(vector: number): void {
    this.irr.put(vector, false);
    this.isr.put(vector, true);
  }

  /** Ends the highest interrupt in service and gives its vector, -1 if there is none. */
  end(): number {
    const vector = this.isr.highest();
    if (vector >= 0) this.isr.put(vector, false);
    return vector;
  }

  /** PPR (SDM 3A 10.8.3.1 Task and Processor Priorities). */
  processorPriority(tpr: number): number {
    const serving = this.#highestClass(this.isr);
    return classOf(tpr) >= serving ? tpr : serving;
  }

  /** APR (SDM 3A 10.6.2.4 Lowest Priority Delivery Mode). */
  arbitrationPriority(tpr: number): number {
    const [requested, serving] = [this.#highestClass(this.irr), this.#highestClass(this.isr)];
    const task = classOf(tpr);
    return task >= requested && task > serving ? tpr : Math.max(task & serving, requested);
  }

  #highestClass(set: VectorSet): number {
    return classOf(Math.max(set.highest(), 0));
  }
}

function classOf(priority: number): number {
  return priority & CLASS_MASK;
}
