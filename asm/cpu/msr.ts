/**
 * Model-specific registers (SDM 4 2.1 Architectural MSRs). Most are 64 bits of state in the processor
 * block; some check what is written, some have an effect. An unknown one raises #GP(0).
 */

import { Why } from '../gen/why';
import { msrWritten } from '../host';
import {
  APIC_BASE,
  APIC_PAGE,
  CSTAR,
  EFER,
  FMASK,
  KERNEL_GS_BASE,
  LSTAR,
  MISC_ENABLE,
  MISC_FEATURES,
  MTRR_DEF_TYPE,
  MTRR_FIXED,
  MTRR_VARIABLE,
  PAT,
  PLATFORM_INFO,
  SEG_BASE,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  TSC_AUX,
  TSC_DEADLINE,
  TSC_OFFSET,
} from '../layout';
import { Context } from '../mmu/context';
import { PHYSICAL_BITS } from '../mmu/entry';
import { Memory, SEGMENT_FS, SEGMENT_GS } from '../mmu/memory';
import { Capabilities } from '../vmx/capabilities';
import { ControlWrite } from './control-write';
import { Cpuid, CpuidRegister } from './cpuid';
import { Event } from './event';
import { Segment } from './segment';
import { Tsc } from './tsc';

const IA32_P5_MC_ADDR: u32 = 0;
const IA32_P5_MC_TYPE: u32 = 1;
const IA32_TIME_STAMP_COUNTER: u32 = 0x10;
const IA32_PLATFORM_ID: u32 = 0x17;
const IA32_APIC_BASE: u32 = 0x1b;
const IA32_BIOS_UPDT_TRIG: u32 = 0x79;
const IA32_BIOS_SIGN_ID: u32 = 0x8b;
const MSR_PLATFORM_INFO: u32 = 0xce;
const IA32_MTRRCAP: u32 = 0xfe;
const MSR_MISC_FEATURES_ENABLES: u32 = 0x140;
const IA32_SYSENTER_CS: u32 = 0x174;
const IA32_SYSENTER_ESP: u32 = 0x175;
const IA32_SYSENTER_EIP: u32 = 0x176;
const IA32_MCG_CAP: u32 = 0x179;
const IA32_MCG_STATUS: u32 = 0x17a;
const IA32_MISC_ENABLE: u32 = 0x1a0;
const IA32_MTRR_PHYSBASE0: u32 = 0x200;
const IA32_MTRR_FIX64K_00000: u32 = 0x250;
const IA32_MTRR_FIX16K_80000: u32 = 0x258;
const IA32_MTRR_FIX4K_C0000: u32 = 0x268;
const IA32_PAT: u32 = 0x277;
const IA32_MTRR_DEF_TYPE: u32 = 0x2ff;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const IA32_EFER: u32 = 0xc0000080;
const IA32_STAR: u32 = 0xc0000081;
const IA32_LSTAR: u32 = 0xc0000082;
const IA32_CSTAR: u32 = 0xc0000083;
const IA32_FMASK: u32 = 0xc0000084;
const IA32_FS_BASE: u32 = 0xc0000100;
const IA32_GS_BASE: u32 = 0xc0000101;
const IA32_KERNEL_GS_BASE: u32 = 0xc0000102;
const IA32_TSC_AUX: u32 = 0xc0000103;

/** MSR_MISC_FEATURES_ENABLES: CPUID faulting is on. */
const CPUID_FAULTING: u64 = 1;

/** 8 variable ranges, fixed ranges, write combining. */
const MTRRCAP: u64 = 0x508;
const MTRR_PAIRS: u32 = 8;
/** Bits of IA32_MTRR_DEF_TYPE: E, FE, type. */
const MTRR_DEF_TYPE_BITS: u64 = 0xcff;
/** Bits of IA32_APIC_BASE: base, EN, BSP. */
const APIC_BASE_BITS: u64 = ((((<u64>1) << PHYSICAL_BITS) - 1) & ~(<u64>0xfff)) | 0x900;
const APIC_BASE_EN: u64 = 0x800;
const ECX_TSC_DEADLINE: u32 = 24; // leaf 1
const HIGH: u64 = 0xffffffff00000000;

export class Msr {
  /** Value of `msr` at virtual time `now`; may raise #GP(0). */
  static read(msr: u32, now: u64): u64 {
    const place = Msr.place(msr);
    if (place != 0) return load<u64>(place);
    switch (msr) {
      case IA32_TIME_STAMP_COUNTER:
        return Tsc.read(now);
      case MSR_PLATFORM_INFO:
        return Msr.hasPlatformInfo() ? load<u64>(PLATFORM_INFO) : 0;
      case MSR_MISC_FEATURES_ENABLES:
        return Msr.hasPlatformInfo() ? <u64>load<u32>(MISC_FEATURES) : 0;
      case IA32_MTRRCAP:
        return MTRRCAP;
      case IA32_MCG_CAP: // no banks: this hardware has no errors
      case IA32_MCG_STATUS:
      case IA32_P5_MC_ADDR:
      case IA32_P5_MC_TYPE:
      case IA32_PLATFORM_ID:
      case IA32_BIOS_SIGN_ID:
        return 0;
      default:
        if (Capabilities.has(msr)) return Capabilities.read(msr);
        Event.gp(0, Why.MsrUnknown);
        return 0;
    }
  }

  /** Writes `msr`; may raise #GP(0). */
  static write(msr: u32, value: u64, now: u64): void {
    switch (msr) {
      case IA32_TIME_STAMP_COUNTER:
        store<u64>(TSC_OFFSET, value - now);
        msrWritten(msr);
        break;
      case IA32_BIOS_UPDT_TRIG:
      case IA32_BIOS_SIGN_ID:
      case IA32_P5_MC_ADDR:
      case IA32_P5_MC_TYPE:
        break;
      case IA32_MCG_STATUS: // it can only be cleared (SDM 3B IA32_MCG_STATUS MSR)
        if (value != 0) Event.gp(0, Why.MsrValue);
        break;
      case IA32_EFER:
        ControlWrite.efer(value);
        break;
      case MSR_MISC_FEATURES_ENABLES:
        if (!Msr.hasPlatformInfo()) break;
        if ((value & ~CPUID_FAULTING) != 0) Event.gp(0, Why.MsrValue);
        else store<u32>(MISC_FEATURES, <u32>value);
        break;
      default:
        Msr.writePlace(msr, value);
    }
  }

  /** There are the registers for CPUID faulting, or #GP(0) was raised. */
  static hasPlatformInfo(): bool {
    if (load<u64>(PLATFORM_INFO) != 0) return true;
    Event.gp(0, Why.MsrUnknown);
    return false;
  }

  static writePlace(msr: u32, value: u64): void {
    if (Capabilities.has(msr)) {
      Event.gp(0, Why.MsrValue); // they are read-only; IA32_FEATURE_CONTROL is locked
      return;
    }
    const place = Msr.place(msr);
    if (place == 0) Event.gp(0, Why.MsrUnknown);
    else if (!Msr.accepts(msr, value)) Event.gp(0, Why.MsrValue);
    else {
      store<u64>(place, Msr.isHalf(msr) ? value & ~HIGH : value);
      if (msr == IA32_APIC_BASE) Msr.moveApic(value);
      else if (msr == IA32_TSC_DEADLINE) msrWritten(msr);
    }
  }

  /** The local APIC is somewhere else, or nowhere. */
  static moveApic(base: u64): void {
    store<u64>(APIC_PAGE, base & APIC_BASE_EN ? base & ~(<u64>0xfff) : ~(<u64>0));
    Context.flushAll();
    msrWritten(IA32_APIC_BASE);
  }

  /** Where the register's 64 bits are, 0 if it has none or does not exist. */
  static place(msr: u32): usize {
    switch (msr) {
      case IA32_APIC_BASE:
        return APIC_BASE;
      case IA32_SYSENTER_CS:
        return SYSENTER_CS;
      case IA32_SYSENTER_ESP:
        return SYSENTER_ESP;
      case IA32_SYSENTER_EIP:
        return SYSENTER_EIP;
      case IA32_MISC_ENABLE:
        return MISC_ENABLE;
      case IA32_PAT:
        return PAT;
      case IA32_MTRR_DEF_TYPE:
        return MTRR_DEF_TYPE;
      case IA32_TSC_DEADLINE:
        return Cpuid.has(1, CpuidRegister.Ecx, ECX_TSC_DEADLINE) ? TSC_DEADLINE : 0;
      case IA32_EFER:
        return EFER;
      case IA32_STAR:
        return STAR;
      case IA32_LSTAR:
        return LSTAR;
      case IA32_CSTAR:
        return CSTAR;
      case IA32_FMASK:
        return FMASK;
      case IA32_FS_BASE:
        return Segment.place(SEGMENT_FS) + SEG_BASE;
      case IA32_GS_BASE:
        return Segment.place(SEGMENT_GS) + SEG_BASE;
      case IA32_KERNEL_GS_BASE:
        return KERNEL_GS_BASE;
      case IA32_TSC_AUX:
        return TSC_AUX;
      default:
        return Msr.mtrr(msr);
    }
  }

  /** Where a memory type range register is, or 0. */
  static mtrr(msr: u32): usize {
    if (msr >= IA32_MTRR_PHYSBASE0 && msr < IA32_MTRR_PHYSBASE0 + 2 * MTRR_PAIRS) {
      return MTRR_VARIABLE + ((<usize>(msr - IA32_MTRR_PHYSBASE0)) << 3);
    }
    if (msr == IA32_MTRR_FIX64K_00000) return MTRR_FIXED;
    if ((msr & ~1) == IA32_MTRR_FIX16K_80000) {
      return MTRR_FIXED + ((<usize>(msr - IA32_MTRR_FIX16K_80000 + 1)) << 3);
    }
    if ((msr & ~7) == IA32_MTRR_FIX4K_C0000) {
      return MTRR_FIXED + ((<usize>(msr - IA32_MTRR_FIX4K_C0000 + 3)) << 3);
    }
    return 0;
  }

  /** Registers of which only the lower half exists; the upper is ignored. */
  @inline static isHalf(msr: u32): bool {
    return msr == IA32_SYSENTER_CS || msr == IA32_FMASK;
  }

  /** The register takes the value. */
  static accepts(msr: u32, value: u64): bool {
    switch (msr) {
      case IA32_SYSENTER_ESP:
      case IA32_SYSENTER_EIP:
      case IA32_LSTAR:
      case IA32_CSTAR:
      case IA32_FS_BASE:
      case IA32_GS_BASE:
      case IA32_KERNEL_GS_BASE:
        return Memory.isCanonical(value);
      case IA32_TSC_AUX:
        return (value & HIGH) == 0;
      case IA32_APIC_BASE:
        return (value & ~APIC_BASE_BITS) == 0;
      case IA32_PAT:
        return Msr.areTypes(value, true);
      case IA32_MTRR_DEF_TYPE:
        return (value & ~MTRR_DEF_TYPE_BITS) == 0 && Msr.isType(<u32>value & 0xff);
      default:
        return (
          msr < IA32_MTRR_FIX64K_00000 || msr > IA32_MTRR_DEF_TYPE || Msr.areTypes(value, false)
        );
    }
  }

  /** Eight memory types, one a byte; `pat` allows UC- (7) too. */
  static areTypes(value: u64, pat: bool): bool {
    for (let shift: u64 = 0; shift < 64; shift += 8) {
      const type = <u32>(value >> shift) & 0xff;
      if (!Msr.isType(type) && !(pat && type == 7)) return false;
    }
    return true;
  }
  /** UC, WC, WT, WP, WB. */
  static isType(type: u32): bool {
    return type < 2 || (type >= 4 && type <= 6);
  }
}
