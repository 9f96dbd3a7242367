/**
 * Lists of MSRs in memory that VM exits store (SDM 3C 28.4) and load (28.6), and VM entries load (27.4). An entry is u32
 * number, u32 that is 0, u64 value.
 */

import { Raised } from '../cpu/event';
import { Msr } from '../cpu/msr';
import { Time } from '../cpu/time';
import {
  VM_ENTRY_MSR_LOAD_ADDRESS,
  VM_ENTRY_MSR_LOAD_COUNT,
  VM_EXIT_MSR_LOAD_ADDRESS,
  VM_EXIT_MSR_LOAD_COUNT,
  VM_EXIT_MSR_STORE_ADDRESS,
  VM_EXIT_MSR_STORE_COUNT,
} from '../gen/vmx-fields';
import { RAISED } from '../layout';
import { Physical } from '../mmu/physical';

const ENTRY_BYTES: u64 = 16;
/** So many are recommended at most (IA32_VMX_MISC 27:25 is 0), and done. */
const MOST: u32 = 512;

const IA32_FS_BASE: u32 = 0xc0000100;
const IA32_GS_BASE: u32 = 0xc0000101;

export class MsrArea {
  /** Number of the first entry that cannot be loaded, from 1 on; 0 if all were. */
  static loadGuest(): u32 {
    return MsrArea.load(load<u64>(VM_ENTRY_MSR_LOAD_ADDRESS), load<u32>(VM_ENTRY_MSR_LOAD_COUNT));
  }
  static loadHost(): bool {
    return (
      MsrArea.load(load<u64>(VM_EXIT_MSR_LOAD_ADDRESS), load<u32>(VM_EXIT_MSR_LOAD_COUNT)) == 0
    );
  }

  static load(list: u64, count: u32): u32 {
    for (let n: u32 = 0; n < count; n++) {
      const entry = list + <u64>n * ENTRY_BYTES;
      const head = Physical.read(entry, 8);
      if (n >= MOST || head >> 32 != 0 || !MsrArea.write(<u32>head, Physical.read(entry + 8, 8))) {
        return n + 1;
      }
    }
    return 0;
  }

  /** The bases are fields of the VMCS. */
  static write(msr: u32, value: u64): bool {
    if (msr == IA32_FS_BASE || msr == IA32_GS_BASE) return false;
    Msr.write(msr, value, Time.atBoundary());
    return MsrArea.settle();
  }

  /** Stores the guest's; false if one cannot be read. */
  static storeGuest(): bool {
    const list = load<u64>(VM_EXIT_MSR_STORE_ADDRESS);
    const count = load<u32>(VM_EXIT_MSR_STORE_COUNT);
    for (let n: u32 = 0; n < count; n++) {
      const entry = list + <u64>n * ENTRY_BYTES;
      const head = Physical.read(entry, 8);
      if (n >= MOST || head >> 32 != 0) return false;
      const value = Msr.read(<u32>head, Time.atBoundary());
      if (!MsrArea.settle()) return false;
      Physical.write(entry + 8, 8, value);
    }
    return true;
  }

  /** What RDMSR or WRMSR would have raised is no event here. */
  static settle(): bool {
    const isGood = load<u32>(RAISED) == Raised.Nothing;
    store<u32>(RAISED, Raised.Nothing);
    return isGood;
  }
}
