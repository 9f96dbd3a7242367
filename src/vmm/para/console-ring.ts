/**
 * The guest's console, seen from outside: a page of two rings (io/console.h), and an event channel that either side
 * raises when it has moved an index. Live input (a terminal) comes by `receive`, and waits until the ring has room. Any
 * other input is asked for (src/pc/asked-input.ts) when an event would reach the guest and it has taken all that came
 * before; it comes by `supply`.
 *
 * The guest may write anything to the page at any time. Indices that are further apart than the ring is long mean
 * nothing, and then nothing is moved.
 */

import { checkVersion, type Versioned } from '../../base/state.ts';
import type { Clock } from '../../machine/clock.ts';
import type { MachineMemory } from '../../machine/memory.ts';
import { AskedInput, type AskedInputState } from '../../pc/asked-input.ts';
import { XENCONS_INTERFACE } from '../../xen/console.ts';

export interface ConsoleRingDeps {
  readonly clock: Clock;
  readonly memory: MachineMemory;
  /** HPA of the page, of which the guest can make nothing else and which stays its (FrameTable.share). */
  readonly page: number;
  /** Takes what the guest writes. */
  readonly write: (byte: number) => void;
  /** The guest's end of the event channel. */
  readonly port: { raise(): void };
  /** An event of the port would reach the guest, or it waits for one. */
  readonly isHeard: () => boolean;
  /** Called when the guest listens and the next byte of the input is needed. */
  readonly wait: () => void;
}

export interface ConsoleRingState extends Versioned {
  readonly waiting: readonly number[];
  readonly input: AskedInputState;
}

const STATE_VERSION = 1;

const { offsets, fields } = XENCONS_INTERFACE;
const IN_BYTES = fields.in.size;
const OUT_BYTES = fields.out.size;

export class ConsoleRing {
  readonly #deps: ConsoleRingDeps;
  /** Live input that the ring has no room for yet. */
  readonly #waiting: number[];
  readonly #input: AskedInput;

  constructor(deps: ConsoleRingDeps, state?: ConsoleRingState) {
    if (state) checkVersion('a console ring', state, STATE_VERSION);
    const { clock, wait, isHeard } = deps;
    this.#deps = deps;
    this.#waiting = [...(state?.waiting ?? [])];
    // What the guest does to its masks is not told: it is looked at again later.
    const hears = () => (isHeard() ? 'now' : 'later');
    const isBusy = () => this.#waiting.length > 0 || this.#inCount !== 0;
    this.#input = new AskedInput({ clock, wait, hears, isBusy }, state?.input);
  }

  save(): ConsoleRingState {
    return { version: STATE_VERSION, waiting: [...this.#waiting], input: this.#input.save() };
  }

  /** A byte would reach the guest where it sleeps. */
  get wantsInput(): boolean {
    return this.#deps.isHeard();
  }

  /** The guest has raised its end: it has written something, or taken what came. */
  notified(): void {
    const hasDrained = this.#drain();
    const hasFed = this.#feed();
    if (hasDrained || hasFed) this.#deps.port.raise();
    this.#input.touched();
  }

  /** Announces an input that is to be asked for; without one nothing ever is. */
  openInput(): void {
    this.#input.open();
  }

  /** The next byte of the input, undefined at its end. */
  supply(byte: number | undefined): void {
    if (byte !== undefined) this.receive(byte);
    this.#input.answer(byte === undefined);
  }

  /** Live input: the guest gets it as soon as it has room. */
  receive(byte: number): void {
    this.#waiting.push(byte);
    if (this.#feed()) this.#deps.port.raise();
  }

  /** Takes all that the guest has written; false if there is nothing. */
  #drain(): boolean {
    const { memory, page, write } = this.#deps;
    const end = this.#index('out_prod');
    const start = this.#index('out_cons');
    const count = (end - start) >>> 0;
    if (count === 0 || count > OUT_BYTES) return false;
    for (let n = 0; n < count; n++) {
      write(memory.bytes[page + offsets.out + ((start + n) % OUT_BYTES)] ?? 0);
    }
    memory.writeU32(page + offsets.out_cons, end);
    return true;
  }

  /** Gives the guest what waits and has room; false if there is nothing. */
  #feed(): boolean {
    const { memory, page } = this.#deps;
    const used = this.#inCount;
    if (used >= IN_BYTES || this.#waiting.length === 0) return false;
    const bytes = this.#waiting.splice(0, IN_BYTES - used);
    const start = this.#index('in_prod');
    for (const [n, byte] of bytes.entries()) {
      memory.fill(page + offsets.in + ((start + n) % IN_BYTES), 1, byte);
    }
    memory.writeU32(page + offsets.in_prod, (start + bytes.length) >>> 0);
    return true;
  }

  /** What the guest has not taken yet; more than the ring holds if its indices are bad. */
  get #inCount(): number {
    return (this.#index('in_prod') - this.#index('in_cons')) >>> 0;
  }

  #index(name: 'in_cons' | 'in_prod' | 'out_cons' | 'out_prod'): number {
    const { memory, page } = this.#deps;
    const bytes = memory.read(page + offsets[name], fields[name].size);
    return fields[name].read(new DataView(bytes.buffer), 0);
  }
}
