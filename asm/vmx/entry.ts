/**
 * VM entry (SDM 3C chapter 27), once VMLAUNCH or VMRESUME has found nothing wrong with the launch state: checks of the
 * current VMCS (src/vmx/checks.ts), the guest's state, the list of MSRs, and an event that is injected.
 */

import { Debug } from '../cpu/debug';
import { EventKind, Raised } from '../cpu/event';
import { TF } from '../cpu/flags';
import { Activity } from '../cpu/mode';
import { checkControls, checkGuest, checkHost, ENTRY_QUALIFICATIONS } from '../gen/vmx-checks';
import {
  VM_ENTRY_EXCEPTION_ERROR_CODE,
  VM_ENTRY_INSTRUCTION_LENGTH,
  VM_ENTRY_INTERRUPTION_INFORMATION,
  VMCS_LAUNCH_STATE,
} from '../gen/vmx-fields';
import { InstructionError } from '../gen/vmx-instruction-errors';
import {
  ACTIVITY,
  CR2,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_HAS_ERROR,
  EVENT_KIND,
  EVENT_LENGTH,
  EVENT_VECTOR,
  FAILED_CHECK,
  MONITOR_ARMED,
  NMI_BLOCKED,
  RAISED,
  RFLAGS,
  RIP,
  SOFTWARE_TYPE,
  VMX_MODE,
} from '../layout';
import { GuestState } from './guest-state';
import { EventType, HAS_ERROR, Interruption } from './interruption';
import { MsrArea } from './msr-area';
import { VmxMode } from './operation';
import { PreemptionTimer } from './preemption-timer';
import { LaunchState } from './region';
import { Result } from './result';
import { Reason, VmExit } from './vm-exit';
import { Watch } from './watch';

/** Groups of checks, in their order. */
export enum CheckGroup {
  Controls = 0,
  Host = 1,
  Guest = 2,
}

export class Entry {
  /** Into the guest, or a failure that the VMM is told of. RIP is behind the instruction. */
  static enter(): void {
    if (!Entry.passes(CheckGroup.Controls)) Result.failValid(InstructionError.EntryControls);
    else if (!Entry.passes(CheckGroup.Host)) Result.failValid(InstructionError.EntryHostState);
    else {
      if (Entry.passes(CheckGroup.Guest)) Entry.load();
      else {
        const qualification = load<u8>(ENTRY_QUALIFICATIONS + load<u32>(FAILED_CHECK));
        VmExit.failEntry(Reason.InvalidGuestState, qualification);
      }
    }
  }

  static load(): void {
    const traced = (load<u32>(RFLAGS) & TF) != 0;
    const blocked = load<u32>(NMI_BLOCKED);
    store<u32>(VMX_MODE, VmxMode.NonRoot);
    store<u32>(MONITOR_ARMED, 0);
    GuestState.load();
    const bad = MsrArea.loadGuest();
    if (bad != 0) {
      store<u32>(NMI_BLOCKED, blocked);
      VmExit.failEntry(Reason.MsrLoading, bad);
      return;
    }
    store<u32>(VMCS_LAUNCH_STATE, LaunchState.Launched);
    Debug.settleStep(traced, false);
    Watch.enter();
    PreemptionTimer.start();
    const info = load<u32>(VM_ENTRY_INTERRUPTION_INFORMATION);
    if (!Interruption.isValid(info)) store<u32>(RAISED, Raised.Leave);
    else if (Interruption.type(info) == EventType.Other) {
      Watch.injectTrap();
      store<u32>(RAISED, Raised.Leave);
    } else Entry.inject(info);
  }

  /** The first thing in the guest is an event through its IDT. */
  static inject(info: u32): void {
    const type = Interruption.type(info);
    const hasError = (info & HAS_ERROR) != 0;
    store<u32>(EVENT_VECTOR, Interruption.vector(info));
    store<u32>(EVENT_ERROR, hasError ? load<u32>(VM_ENTRY_EXCEPTION_ERROR_CODE) : 0);
    store<u32>(EVENT_HAS_ERROR, hasError ? 1 : 0);
    store<u32>(EVENT_KIND, Entry.kindOf(type));
    store<u32>(SOFTWARE_TYPE, type);
    store<u64>(EVENT_ADDRESS, load<u64>(CR2)); // which an injected page fault leaves as it is
    store<u32>(ACTIVITY, Activity.Running);
    if (type == EventType.Nmi) store<u32>(NMI_BLOCKED, 1);
    if (Interruption.isSoftware(info)) {
      const length = load<u32>(VM_ENTRY_INSTRUCTION_LENGTH);
      store<u32>(EVENT_LENGTH, length);
      store<u64>(RIP, load<u64>(RIP) + length);
    }
    store<u32>(RAISED, Raised.Injected);
  }

  static kindOf(type: EventType): EventKind {
    switch (type) {
      case EventType.Hardware:
        return EventKind.Fault;
      case EventType.Software:
      case EventType.SoftwareException:
        return EventKind.Software;
      case EventType.Privileged:
        return EventKind.PrivilegedSoftware;
      default:
        return EventKind.Interrupt;
    }
  }

  /** All checks of `group` hold; else FAILED_CHECK tells which does not. */
  static passes(group: CheckGroup): bool {
    store<u32>(FAILED_CHECK, Entry.check(group));
    return load<u32>(FAILED_CHECK) == 0;
  }
  static check(group: CheckGroup): u32 {
    if (group == CheckGroup.Controls) return checkControls();
    return group == CheckGroup.Host ? checkHost() : checkGuest();
  }
}
