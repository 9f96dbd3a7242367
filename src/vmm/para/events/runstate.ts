/**
 * How long the virtual processor was in which state, in virtual time. Other VMs take none of it, so it is never merely
 * runnable. The guest never sees an update under way, since none happens while it runs: XEN_RUNSTATE_UPDATE, which it
 * may ask for by VMASST_TYPE_runstate_update_flag, is always clear.
 */

import type { Clock } from '../../../machine/clock.ts';
import { RUNSTATE, VCPU_RUNSTATE_INFO } from '../../../xen/vcpu.ts';
import { type GuestSpace, writeAt } from '../memory/guest-space.ts';

type RunstateInfo = ReturnType<typeof VCPU_RUNSTATE_INFO.read>;

export class Runstate {
  readonly #clock: Clock;
  readonly #space: GuestSpace;
  #state: number = RUNSTATE.running;
  #since: bigint;
  readonly #times = [0n, 0n, 0n, 0n];
  /** Where the guest wants copies; 0: nowhere. */
  #area = 0n;

  constructor(clock: Clock, space: GuestSpace) {
    this.#clock = clock;
    this.#space = space;
    this.#since = clock.now();
  }

  change(state: number): void {
    this.#times[this.#state] = this.#spent();
    this.#since = this.#clock.now();
    this.#state = state;
    this.#copy();
  }

  /** As it is now. */
  info(): RunstateInfo {
    const info = this.#atChange();
    info.time[this.#state] = this.#spent();
    return info;
  }

  /** From now on a copy is at virtual address `area` after each change, while the guest has writable memory there. */
  register(area: bigint): void {
    this.#area = area;
    this.#copy();
  }

  #spent(): bigint {
    return (this.#times[this.#state] ?? 0n) + this.#clock.now() - this.#since;
  }

  #atChange(): RunstateInfo {
    return { state: this.#state, state_entry_time: this.#since, time: [...this.#times] };
  }

  #copy(): void {
    if (this.#area !== 0n) writeAt(this.#space, VCPU_RUNSTATE_INFO, this.#area, this.#atChange());
  }
}
