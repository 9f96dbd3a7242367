/**
 * A bus, a clock that stands until told, and nothing else: what a device test drives registers
 * through.
 */
import { Bus } from '../../src/machine/bus.ts';
import { Clock } from '../../src/machine/clock.ts';

export class Rig {
  now = 0n;
  readonly bus = new Bus();
  readonly clock = new Clock(() => this.now);

  constructor(now = 0n) {
    this.now = now;
  }

  in(port: number): number {
    return this.bus.readPort(port, 1);
  }

  out(port: number, ...values: number[]): void {
    for (const value of values) this.bus.writePort(port, 1, value);
  }

  /** Lets virtual time pass as the machine does: never beyond an event before it has fired. */
  pass(ns: bigint): void {
    const end = this.now + ns;
    for (;;) {
      const next = this.clock.nextDeadline();
      if (next === undefined || next > end) break;
      if (next > this.now) this.now = next;
      this.clock.runDue();
    }
    this.now = end;
    this.clock.runDue();
  }
}
