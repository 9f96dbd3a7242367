/** What the emulator's accesses to a VM's watched frames, and to what is no RAM, lead to (asm/mmu/guest-physical.ts). */

import type { ProcessorHost } from '../machine/instance.ts';

/** Bit 42 of an address that the processor asks its host about: a GPA. */
const EMULATED_HIGH = 1 << 10;

/** RAM as the emulator's instructions find it where it is watched; accesses of 1 to 4 bytes within a page. */
export interface EmulatedMemory {
  /** Bytes. */
  readonly size: number;
  load(gpa: number, size: number): number;
  store(gpa: number, size: number, value: number): void;
}

/** Answers the processor: for what is not RAM `devices`, for watched frames the VM's memory. */
export function withGuestMemory(
  devices: ProcessorHost,
  memory: () => EmulatedMemory,
): ProcessorHost {
  const isRam = (upper: number, low: number, size: number): boolean =>
    upper === 0 && low + size <= memory().size;
  return {
    ...devices,
    memoryRead: (high, low, size) => {
      if ((high & EMULATED_HIGH) === 0) return devices.memoryRead(high, low, size);
      const upper = high & ~EMULATED_HIGH;
      return isRam(upper, low, size)
        ? memory().load(low, size)
        : devices.memoryRead(upper, low, size);
    },
    memoryWrite: (high, low, size, value) => {
      const upper = high & ~EMULATED_HIGH;
      const isOwn = upper !== high && isRam(upper, low, size);
      if (isOwn) memory().store(low, size, value);
      else devices.memoryWrite(upper, low, size, value);
    },
  };
}
