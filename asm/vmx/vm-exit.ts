/**
 * VM exits (SDM 3C chapter 28). What causes one notes what is to be known of it in the fields of the current VMCS and raises it
 * (VmExit.raise); the run loop then leaves the guest: its state is saved, and that of the host loaded. With VMX_HOSTED the
 * run ends in place of that, and the host outside goes on: the registers stay those of the guest.
 */

import { Event, ExitReason, Raised, Vector } from '../cpu/event';
import { RF } from '../cpu/flags';
import { Activity } from '../cpu/mode';
import { Rec } from '../cpu/record';
import { ENABLE_VPID, VIRTUAL_NMIS } from '../gen/vmx-controls';
import {
  EXIT_QUALIFICATION,
  GUEST_LINEAR_ADDRESS,
  GUEST_PHYSICAL_ADDRESS,
  IDT_VECTORING_INFORMATION,
  VM_ENTRY_INTERRUPTION_INFORMATION,
  VM_EXIT_INSTRUCTION_LENGTH,
  VM_EXIT_INTERRUPTION_INFORMATION,
  VM_EXIT_REASON as VMCS_EXIT_REASON,
} from '../gen/vmx-fields';
import {
  ACTIVITY,
  EXIT_REASON,
  NMI_BLOCKED,
  RAISED,
  RFLAGS,
  VM_EXIT_GLA,
  VM_EXIT_GPA,
  VM_EXIT_QUALIFICATION,
  VM_EXIT_REASON,
  VMX_HOSTED,
  VMX_MODE,
} from '../layout';
import { Nested } from '../mmu/nested';
import { Controls } from './controls';
import { GuestState } from './guest-state';
import { HostState } from './host-state';
import { EventType, Interruption, VALID } from './interruption';
import { MsrArea } from './msr-area';
import { VmxMode } from './operation';
import { PreemptionTimer } from './preemption-timer';
import { Watch } from './watch';

/** Basic exit reasons (SDM 3D Appendix C). */
export enum Reason {
  ExceptionOrNmi = 0,
  ExternalInterrupt = 1,
  TripleFault = 2,
  InterruptWindow = 7,
  NmiWindow = 8,
  TaskSwitch = 9,
  Cpuid = 10,
  Hlt = 12,
  Invd = 13,
  Invlpg = 14,
  Rdpmc = 15,
  Rdtsc = 16,
  Vmcall = 18,
  Vmclear = 19,
  Vmlaunch = 20,
  Vmptrld = 21,
  Vmptrst = 22,
  Vmread = 23,
  Vmresume = 24,
  Vmwrite = 25,
  Vmxoff = 26,
  Vmxon = 27,
  CrAccess = 28,
  DrAccess = 29,
  IoInstruction = 30,
  MsrRead = 31,
  MsrWrite = 32,
  InvalidGuestState = 33,
  MsrLoading = 34,
  Mwait = 36,
  MonitorTrapFlag = 37,
  Monitor = 39,
  Pause = 40,
  GdtrIdtr = 46,
  LdtrTr = 47,
  EptViolation = 48,
  EptMisconfiguration = 49,
  Invept = 50,
  Rdtscp = 51,
  PreemptionTimer = 52,
  Invvpid = 53,
  Wbinvd = 54,
  Invpcid = 58,
  PmlFull = 62,
}

/** In VM_EXIT_REASON: VM entry failed, and the processor was not in the guest. */
export const ENTRY_FAILURE: u32 = 1 << 31;

/** Bit 12 of the qualification of a VM exit by EPT: IRET had unblocked NMIs. */
const NMI_UNBLOCKING_IRET: u64 = 1 << 12;

export class VmExit {
  /** The guest exits for `reason`; what is told besides is noted next. */
  static raise(reason: u32, qualification: u64): void {
    store<u64>(VM_EXIT_QUALIFICATION, qualification);
    Event.vmExit(reason);
  }

  /** By the instruction of the record at `i`, at which RIP stays. */
  static instruction(i: usize, reason: u32, qualification: u64): void {
    VmExit.raise(reason, qualification);
    store<u64>(VM_EXIT_INSTRUCTION_LENGTH, Rec.length(i));
  }

  /** By an event that is not delivered. */
  static event(reason: u32, qualification: u64, vector: u32, type: EventType): void {
    VmExit.raise(reason, qualification);
    store<u64>(VM_EXIT_INTERRUPTION_INFORMATION, Interruption.of(vector, type, false));
  }

  /** Leaves the guest for what was raised. */
  static perform(): void {
    const reason = load<u32>(VM_EXIT_REASON);
    const info = load<u32>(VM_EXIT_INTERRUPTION_INFORMATION);
    const isNmi = Interruption.isValid(info) && Interruption.type(info) == EventType.Nmi;
    GuestState.save(VmExit.resumeFlag(reason));
    VmExit.tell(reason);
    VmExit.leave(isNmi);
  }

  /** RF as the guest state has it (SDM 3C 28.3.3). */
  static resumeFlag(reason: u32): u32 {
    const running = load<u32>(RFLAGS) & RF;
    const vectoring = load<u32>(IDT_VECTORING_INFORMATION);
    const isInjected = vectoring == load<u32>(VM_ENTRY_INTERRUPTION_INFORMATION);
    if (Interruption.isValid(vectoring)) {
      return isInjected ? running : VmExit.pushedFlag(vectoring, running);
    }
    if (reason == Reason.ExceptionOrNmi) {
      return VmExit.pushedFlag(load<u32>(VM_EXIT_INTERRUPTION_INFORMATION), running);
    }
    if (VmExit.isByEpt(reason)) return RF;
    return load<u32>(VM_EXIT_INSTRUCTION_LENGTH) != 0 ? 0 : running;
  }
  /** RF as the delivery of an event would push it. */
  static pushedFlag(info: u32, running: u32): u32 {
    const isFault =
      Interruption.type(info) == EventType.Hardware && Interruption.vector(info) != Vector.DB;
    return isFault ? RF : running;
  }
  static isByEpt(reason: u32): bool {
    return (
      reason == Reason.EptViolation ||
      reason == Reason.EptMisconfiguration ||
      reason == Reason.PmlFull
    );
  }

  /** An IRET that had unblocked NMIs has met the VM exit that was raised. */
  static noteUnblocking(): void {
    const reason = load<u32>(VM_EXIT_REASON);
    if (!VmExit.isByEpt(reason)) return;
    store<u64>(VM_EXIT_QUALIFICATION, load<u64>(VM_EXIT_QUALIFICATION) | NMI_UNBLOCKING_IRET);
  }

  /** VM entry found no valid guest, or could not load its MSRs: nothing of the guest is saved. */
  static failEntry(reason: u32, qualification: u64): void {
    store<u64>(VMCS_EXIT_REASON, reason | ENTRY_FAILURE);
    store<u64>(EXIT_QUALIFICATION, qualification);
    store<u32>(VM_EXIT_REASON, reason | ENTRY_FAILURE);
    store<u64>(VM_EXIT_QUALIFICATION, qualification);
    store<u32>(VMX_MODE, VmxMode.Root);
    if (load<u32>(VMX_HOSTED) != 0) VmExit.tellHost();
    else VmExit.loadHost(true);
  }

  static tell(reason: u32): void {
    store<u64>(VMCS_EXIT_REASON, reason);
    store<u64>(EXIT_QUALIFICATION, load<u64>(VM_EXIT_QUALIFICATION));
    store<u64>(GUEST_LINEAR_ADDRESS, load<u64>(VM_EXIT_GLA));
    store<u64>(GUEST_PHYSICAL_ADDRESS, load<u64>(VM_EXIT_GPA));
    const entry = load<u32>(VM_ENTRY_INTERRUPTION_INFORMATION);
    store<u32>(VM_ENTRY_INTERRUPTION_INFORMATION, entry & ~VALID);
  }

  static leave(isNmi: bool): void {
    const isVirtual = Controls.pin(VIRTUAL_NMIS);
    PreemptionTimer.stop();
    Watch.leave();
    store<u32>(VMX_MODE, VmxMode.Root);
    if (load<u32>(VMX_HOSTED) != 0) {
      VmExit.tellHost();
      return;
    }
    if (isNmi) store<u32>(NMI_BLOCKED, 1);
    else if (isVirtual) store<u32>(NMI_BLOCKED, 0);
    VmExit.loadHost(MsrArea.storeGuest());
  }

  static tellHost(): void {
    store<u32>(EXIT_REASON, ExitReason.VmExit);
    store<u32>(RAISED, Raised.Exit);
  }

  /** The host goes on, unless its MSRs or `isStored` tell of a failure. */
  static loadHost(isStored: bool): void {
    if (!HostState.load() || !isStored || !MsrArea.loadHost()) VmExit.abort();
    if (!Controls.secondary(ENABLE_VPID)) Nested.dropVpid(0);
    store<u32>(RAISED, Raised.Nothing);
  }

  /** VMX abort (SDM 3C 28.7): the processor shuts down. */
  static abort(): void {
    store<u32>(ACTIVITY, Activity.Shutdown);
  }
}
