/**
 * Instructions that cause VM exits (SDM 3C 26.1), by the basic exit reason that their rows name (byte 31 of a decode-table
 * entry). Accesses to control registers, ports and descriptor-table registers, which depend on the operands, are told
 * from their handlers: control-access.ts, port-access.ts, table-access.ts.
 */

import { Event } from '../cpu/event';
import { Address, Register } from '../cpu/operand';
import { Privilege, Verdict } from '../cpu/privilege';
import { Rec } from '../cpu/record';
import {
  ENABLE_INVPCID,
  ENABLE_RDTSCP,
  HLT_EXITING,
  INVLPG_EXITING,
  MONITOR_EXITING,
  MOV_DR_EXITING,
  MWAIT_EXITING,
  PAUSE_EXITING,
  RDPMC_EXITING,
  RDTSC_EXITING,
  USE_MSR_BITMAPS,
  WBINVD_EXITING,
} from '../gen/vmx-controls';
import { MSR_BITMAPS_ADDRESS } from '../gen/vmx-fields';
import { Why } from '../gen/why';
import { CPL, MONITOR_ARMED } from '../layout';
import { Physical } from '../mmu/physical';
import { Controls } from './controls';
import { InstructionInformation } from './instruction-information';
import { Permission } from './permission';
import { Reason, VmExit } from './vm-exit';

const RCX: u32 = 1;

/** Operand kind of a decode-table entry: a debug register. */
const KIND_DR: u8 = 9;
const OPERANDS: usize = 12;
const DR_READ: u64 = 1 << 4;

/** MSR bitmaps: for reads, then writes; each for MSRs 0 to 1fff, then c0000000 to c0001fff. */
const MSR_COUNT: u32 = 0x2000;
const MSR_HIGH: u32 = 0xc0000000;
const MSR_BITMAP_BYTES: u64 = 0x400;
const MSR_WRITES: u64 = 0x800;

export class Intercept {
  /** As Privilege.allows, in VMX non-root operation; Raise also where a VM exit was raised. */
  static verdict(i: usize): Verdict {
    const reason: u32 = Rec.exitReason(i);
    if (Intercept.isAbsent(reason)) {
      Event.ud(Why.VmxControl);
      return Verdict.Raise;
    }
    if (Intercept.comesFirst(i, reason)) return Verdict.Raise;
    const verdict = Privilege.allows(i);
    if (verdict != Verdict.Run) return verdict;
    return Intercept.exits(i, reason) ? Verdict.Raise : Verdict.Run;
  }

  /** The instruction is not there unless a control says so. */
  static isAbsent(reason: u32): bool {
    if (reason == Reason.Rdtscp) return !Controls.secondary(ENABLE_RDTSCP);
    return reason == Reason.Invpcid && !Controls.secondary(ENABLE_INVPCID);
  }

  /** VM exits that come before faults by privilege: of MOV DR and of VMX instructions. */
  static comesFirst(i: usize, reason: u32): bool {
    if (reason == Reason.DrAccess) return Intercept.debugRegister(i);
    if (!Intercept.isVmx(reason)) return false;
    if (reason != Reason.Vmcall && Permission.isCompatibility()) return false;
    VmExit.instruction(i, reason, InstructionInformation.displacement(i));
    if (InstructionInformation.hasVmx(reason)) InstructionInformation.tellVmx(i, reason);
    return true;
  }
  static isVmx(reason: u32): bool {
    const isPlain = reason >= <u32>Reason.Vmcall && reason <= <u32>Reason.Vmxon;
    return isPlain || reason == Reason.Invept || reason == Reason.Invvpid;
  }

  static debugRegister(i: usize): bool {
    if (!Controls.primary(MOV_DR_EXITING)) return false;
    const isWrite = load<u8>(Rec.entry(i) + OPERANDS) == KIND_DR;
    const debug = <u64>Rec.number(i, isWrite ? 0 : 1);
    const general = <u64>(Rec.number(i, isWrite ? 1 : 0) >> 3);
    VmExit.instruction(i, Reason.DrAccess, debug | (isWrite ? 0 : DR_READ) | (general << 8));
    return true;
  }

  /** The instruction, which may run by its privilege, causes a VM exit, which was raised. */
  static exits(i: usize, reason: u32): bool {
    if (!Intercept.isCaught(reason)) return false;
    let qualification: u64 = 0;
    if (reason == Reason.Invlpg) qualification = Address.linear(i);
    else if (reason == Reason.Mwait) qualification = <u64>load<u32>(MONITOR_ARMED);
    else if (reason == Reason.Invpcid) qualification = InstructionInformation.displacement(i);
    VmExit.instruction(i, reason, qualification);
    if (reason == Reason.Invpcid) InstructionInformation.tellVmx(i, reason);
    return true;
  }

  static isCaught(reason: u32): bool {
    switch (reason) {
      case Reason.Cpuid:
      case Reason.Invd:
        return true;
      case Reason.Hlt:
        return Controls.primary(HLT_EXITING);
      case Reason.Invlpg:
      case Reason.Invpcid:
        return Controls.primary(INVLPG_EXITING);
      case Reason.Rdpmc:
        return Controls.primary(RDPMC_EXITING);
      case Reason.Rdtsc:
      case Reason.Rdtscp:
        return Controls.primary(RDTSC_EXITING);
      case Reason.MsrRead:
        return Intercept.msr(0);
      case Reason.MsrWrite:
        return Intercept.msr(MSR_WRITES);
      case Reason.Mwait: // above CPL 0 #UD comes first
        return Controls.primary(MWAIT_EXITING) && load<u32>(CPL) == 0;
      case Reason.Monitor:
        return Controls.primary(MONITOR_EXITING) && load<u32>(CPL) == 0;
      case Reason.Pause:
        return Controls.primary(PAUSE_EXITING);
      case Reason.Wbinvd:
        return Controls.secondary(WBINVD_EXITING);
      default:
        return false;
    }
  }

  /** The bitmaps at offset `bitmaps` catch the MSR that ECX names. */
  static msr(bitmaps: u64): bool {
    if (!Controls.primary(USE_MSR_BITMAPS)) return true;
    const msr = <u32>Register.get(RCX);
    const n = msr & (MSR_COUNT - 1);
    const first = msr - n;
    if (first != 0 && first != MSR_HIGH) return true;
    const bitmap = load<u64>(MSR_BITMAPS_ADDRESS) + bitmaps + (first != 0 ? MSR_BITMAP_BYTES : 0);
    return ((Physical.read(bitmap + (n >> 3), 1) >> (n & 7)) & 1) != 0;
  }
}
