/**
 * The processor as the emulator of a VMM (mmu/guest-physical.ts), which runs the kernel of a guest for a stretch:
 * user code is not its business, so the run ends where user mode begins.
 */

import { BY_EPT, FUEL, FUEL_START, GUEST_MAP } from '../layout';

const USER: u32 = 3;

export class Emulation {
  /** The guest's memory is not that of the machine. */
  @inline static isOn(): bool {
    return load<u32>(GUEST_MAP) > BY_EPT;
  }

  /** An instruction has set CPL: in user mode it is the last one, as if there were no fuel for more. */
  @inline static changeRing(cpl: u32): void {
    if (cpl == USER && Emulation.isOn()) Emulation.end();
  }

  static end(): void {
    const left = load<i64>(FUEL) >> 32;
    if (left <= 0) return;
    store<i64>(FUEL, load<i64>(FUEL) - (left << 32));
    store<u32>(FUEL_START, load<u32>(FUEL_START) - <u32>left);
  }
}
