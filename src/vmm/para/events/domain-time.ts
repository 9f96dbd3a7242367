/**
 * What the guest makes time of: the TSC counts the nanoseconds of system time from the same moment on, and the date when
 * both were 0.
 */

import { VCPU_TIME_INFO, XEN_PVCLOCK_TSC_STABLE_BIT } from '../../../xen/shared-info.ts';
import { type GuestSpace, writeAt } from '../memory/guest-space.ts';
import type { SharedInfo } from '../shared-info.ts';

/** One nanosecond per tick: twice the ticks by a half. Xen keeps the multiplier's top bit set. */
export const TSC_SHIFT = 1;
export const TSC_TO_SYSTEM_MUL = 2 ** 31;

const MS_PER_SECOND = 1000;
const NS_PER_MS = 1_000_000;
const UPDATE = 2; // to `version`, which is odd while the rest changes

export class DomainTime {
  readonly #shared: SharedInfo;
  readonly #space: GuestSpace;
  readonly #startMs: number;
  #version = 0;
  /** Where the guest wants a copy; 0: nowhere. */
  #area = 0n;

  /** `startMs` is the date of system time 0, in milliseconds since 1970. */
  constructor(shared: SharedInfo, space: GuestSpace, startMs: number) {
    this.#shared = shared;
    this.#space = space;
    this.#startMs = startMs;
  }

  /** The guest has its shared info page, and nothing in it yet. */
  begin(): void {
    const startMs = this.#startMs;
    const seconds = Math.floor(startMs / MS_PER_SECOND);
    this.#shared.writeWallclock({
      wc_version: UPDATE,
      wc_sec: seconds % 2 ** 32,
      wc_sec_hi: Math.floor(seconds / 2 ** 32),
      wc_nsec: (startMs - seconds * MS_PER_SECOND) * NS_PER_MS,
    });
    this.#write();
  }

  /** A copy of the time information is at virtual address `area`, if the guest has writable memory there. */
  register(area: bigint): void {
    this.#area = area;
    this.#write();
  }

  #write(): void {
    this.#version = (this.#version + UPDATE) >>> 0;
    const time = {
      version: this.#version,
      tsc_timestamp: 0n,
      system_time: 0n,
      tsc_to_system_mul: TSC_TO_SYSTEM_MUL,
      tsc_shift: TSC_SHIFT,
      flags: XEN_PVCLOCK_TSC_STABLE_BIT,
    };
    this.#shared.writeTime(time);
    if (this.#area !== 0n) writeAt(this.#space, VCPU_TIME_INFO, this.#area, time);
  }
}
