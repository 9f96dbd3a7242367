/**
 * The 8254 interval timer of a PC (Intel 231164): three counters at 1193182 Hz. OUT of counter 0 is
 * IRQ 0; counter 2 is gated and heard through port 0x61 (port61.ts); counter 1 once timed memory
 * refresh. Pulse n falls at the first nanosecond t with t * 1193182 / 10^9 >= n: exact integers, no
 * drift. Nothing counts until it is programmed, so a machine that nobody set a timer on has no
 * event to wait for. Ports 0x40-0x42 (counters) and 0x43 (control).
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock, Timer } from '../machine/clock.ts';
import type { IrqLine } from '../machine/irq.ts';
import { PitCounter, type PitCounterState } from './pit-counter.ts';

/** CLK pulses per second. */
export const PIT_HZ = 1_193_182n;

const NS_PER_SECOND = 1_000_000_000n;
const CONTROL_PORT = 3;
const READ_BACK = 3; // counter field of the read-back command
const READ_BACK_NO_COUNT = 0x20; // do not latch the count
const READ_BACK_NO_STATUS = 0x10; // do not latch the status

/** What a PIT is wired to. */
export interface PitDeps {
  readonly clock: Clock;
  readonly irq: IrqLine;
}

/** State of the PIT. */
export interface PitState {
  version: 1;
  /** The pulse up to which the counters have counted. */
  pulse: bigint;
  counters: [PitCounterState, PitCounterState, PitCounterState];
}

/** CLK pulses that have passed at virtual time `ns`. */
export function pitPulses(ns: bigint): bigint {
  return (ns * PIT_HZ) / NS_PER_SECOND;
}

/** The 8254. */
export class Pit implements PortDevice {
  readonly widestPort = 1;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #counters: readonly [PitCounter, PitCounter, PitCounter];
  #pulse: bigint;

  constructor({ clock, irq }: PitDeps, state?: PitState) {
    this.#clock = clock;
    this.#timer = clock.timer(() => this.#run());
    this.#pulse = state?.pulse ?? pitPulses(clock.now());
    const ignore = () => {};
    this.#counters = [
      new PitCounter((level) => irq.set(level), state?.counters[0]),
      new PitCounter(ignore, state?.counters[1]),
      new PitCounter(ignore, state?.counters[2] ?? { gate: false }),
    ];
    irq.set(this.#counters[0].out);
    this.#schedule();
  }

  save(): PitState {
    const [first, second, third] = this.#counters;
    return {
      version: 1,
      pulse: this.#pulse,
      counters: [first.save(), second.save(), third.save()],
    };
  }

  static restore(deps: PitDeps, state: PitState): Pit {
    checkVersion('pit', state, 1);
    return new Pit(deps, state);
  }

  readPort(offset: number): number {
    const counter = this.#counters[offset];
    if (counter === undefined) return 0xff;
    this.#run();
    return counter.read();
  }

  writePort(offset: number, _size: number, value: number): void {
    this.#run();
    if (offset === CONTROL_PORT) this.#writeControl(value);
    else this.#counters[offset]?.write(value);
    this.#schedule();
  }

  /** Drives the gate of counter 2. */
  setGate2(level: boolean): void {
    this.#run();
    this.#counters[2].setGate(level);
  }

  /** OUT of counter 2. */
  out2(): boolean {
    this.#run();
    return this.#counters[2].out;
  }

  #writeControl(value: number): void {
    const select = value >> 6;
    if (select === READ_BACK) this.#readBack(value);
    else if ((value & 0x30) === 0) this.#counters[select]?.latchCount();
    else this.#counters[select]?.setControl(value);
  }

  #readBack(command: number): void {
    this.#counters.forEach((counter, index) => {
      if ((command & (2 << index)) === 0) return;
      if ((command & READ_BACK_NO_COUNT) === 0) counter.latchCount();
      if ((command & READ_BACK_NO_STATUS) === 0) counter.latchStatus();
    });
  }

  /** Brings the counters up to now. */
  #run(): void {
    const pulse = pitPulses(this.#clock.now());
    if (pulse === this.#pulse) return;
    const pulses = Number(pulse - this.#pulse);
    this.#pulse = pulse;
    for (const counter of this.#counters) counter.advance(pulses);
    this.#schedule();
  }

  /** Only counter 0 has a listener: its next event is ours. */
  #schedule(): void {
    const pulses = this.#counters[0].pulsesToEvent();
    if (pulses === Number.POSITIVE_INFINITY) this.#clock.cancel(this.#timer);
    else this.#clock.schedule(this.#timer, pulseTime(this.#pulse + BigInt(pulses)));
  }
}

/** The first nanosecond at which `pulse` pulses have passed. */
function pulseTime(pulse: bigint): bigint {
  return (pulse * NS_PER_SECOND + PIT_HZ - 1n) / PIT_HZ;
}
