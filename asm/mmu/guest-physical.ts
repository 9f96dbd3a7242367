/**
 * Guest-physical memory: what physical addresses mean while the processor runs as a VMM's emulator.
 *
 * A VMM emulates instructions by running them on this core with the state of the virtual processor, under the
 * guest's own page tables. GUEST_MAP then tells where the guest's memory lies: a u32 for each of its GUEST_FRAMES
 * frames, the frame of the machine << 2 and the MAP_ bits. What it does not give to RAM goes to the host as
 * EMULATED | GPA. Without a map (0) physical addresses are those of the machine.
 */

import { GUEST_FRAMES, GUEST_MAP } from '../layout';
import { Physical } from './physical';

/** The frame is RAM; writes to it go to the host all the same. */
const MAP_RAM: u32 = 1;
const MAP_WATCHED: u32 = 2;
/** Marks a GPA that the host is asked about: above what page tables name, below LOCAL_APIC. */
export const EMULATED: u64 = 1 << 42;

export class GuestPhysical {
  /** HPA of the physical address `address` for a write, or else a read or fetch. */
  @inline static locate(address: u64, write: bool): u64 {
    return load<u32>(GUEST_MAP) == 0 ? address : GuestPhysical.mapped(address, write);
  }

  static mapped(gpa: u64, write: bool): u64 {
    const frame = gpa >> 12;
    // The local APIC, and what was found before.
    if (gpa >= EMULATED) return gpa;
    if (frame >= <u64>load<u32>(GUEST_FRAMES)) return EMULATED | gpa;
    const entry = load<u32>(load<u32>(GUEST_MAP) + ((<u32>frame) << 2));
    const needed = write ? MAP_RAM | MAP_WATCHED : MAP_RAM;
    const direct = (entry & needed) == MAP_RAM;
    return direct ? ((<u64>(entry >> 2)) << 12) | (gpa & 0xfff) : EMULATED | gpa;
  }

  /** Reads a paging-structure entry of `size` (4, 8) bytes. */
  @inline static read(address: u64, size: u32): u64 {
    return Physical.read(GuestPhysical.locate(address, false), size);
  }
  /** Writes one. */
  @inline static write(address: u64, size: u32, value: u64): void {
    Physical.write(GuestPhysical.locate(address, true), size, value);
  }
}
