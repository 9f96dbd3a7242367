/**
 * CPUID (SDM 2A CPUID): the table that the host wrote, with the bits that follow the processor's state.
 *
 * Where ECX selects a subleaf, one that has no entry answers zeroes, as does a leaf without any; a leaf
 * beyond the highest of its range answers as the highest basic leaf, as Intel does.
 */

import { APIC_BASE, CPUID_COUNT, CPUID_TABLE, CR4 } from '../layout';
import { CR4_PKE } from './control';
import { Mode } from './mode';

const ENTRY_BYTES: usize = 24;
const EXTENDED: u32 = 0x80000000;
/** Leaves below 32 in which ECX selects a subleaf: 4, 7, BH, DH, FH, 10H, 12H, 14H, 17H, 18H, 1AH, 1BH, 1DH, 1EH, 1FH. */
const INDEXED: u32 = 0xed95a890;

/** Registers of an entry, by byte offset. */
export enum CpuidRegister {
  Eax = 8,
  Ebx = 12,
  Ecx = 16,
  Edx = 20,
}

const APIC_ENABLE: u32 = 1 << 11; // IA32_APIC_BASE
const EDX_APIC: u32 = 1 << 9; // leaf 1
const ECX_OSPKE: u32 = 1 << 4; // leaf 7
const EDX_SYSCALL: u32 = 1 << 11; // leaf 80000001H

export class Cpuid {
  @inline static isIndexed(leaf: u32): bool {
    return leaf < 32 && ((INDEXED >> leaf) & 1) != 0;
  }

  /** Entry that answers `leaf`, `subleaf`, or 0. */
  static find(leaf: u32, subleaf: u32): usize {
    const count = load<u32>(CPUID_COUNT);
    for (let n: u32 = 0; n < count; n++) {
      const entry = CPUID_TABLE + n * ENTRY_BYTES;
      if (load<u32>(entry) != leaf) continue;
      if (!Cpuid.isIndexed(leaf) || load<u32>(entry, 4) == subleaf) return entry;
    }
    return 0;
  }

  /** Highest leaf of the range that starts at `first`. */
  static highest(first: u32): u32 {
    const entry = Cpuid.find(first, 0);
    return entry == 0 ? first : load<u32>(entry, CpuidRegister.Eax);
  }

  /** The leaf that is answered when `leaf` is asked for. */
  static clamp(leaf: u32): u32 {
    const last = Cpuid.highest(0);
    if (leaf <= last) return leaf;
    if (leaf >= EXTENDED && leaf <= Cpuid.highest(EXTENDED)) return leaf;
    return last;
  }

  /** One register of the answer. */
  static read(asked: u32, subleaf: u32, register: CpuidRegister): u32 {
    const leaf = Cpuid.clamp(asked);
    const entry = Cpuid.find(leaf, subleaf);
    if (entry == 0) return 0;
    const value = load<u32>(entry + register);
    if (leaf == 1 && register == CpuidRegister.Edx) {
      return load<u32>(APIC_BASE) & APIC_ENABLE ? value : value & ~EDX_APIC;
    }
    if (leaf == 7 && subleaf == 0 && register == CpuidRegister.Ecx) {
      return load<u32>(CR4) & CR4_PKE ? value | ECX_OSPKE : value & ~ECX_OSPKE;
    }
    if (leaf == 0x80000001 && register == CpuidRegister.Edx) {
      return Mode.isLong() ? value : value & ~EDX_SYSCALL;
    }
    return value;
  }

  /** Bit `bit` of a register is set: the processor has the feature. */
  static has(leaf: u32, register: CpuidRegister, bit: u32): bool {
    const entry = Cpuid.find(leaf, 0);
    return entry != 0 && ((load<u32>(entry + register) >> bit) & 1) != 0;
  }
}
