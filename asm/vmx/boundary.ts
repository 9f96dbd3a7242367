/**
 * VM exits between two instructions of a guest (SDM 3C 26.2 Other Causes of VM Exits, 26.5): monitor trap flag,
 * VMX-preemption timer, NMIs and external interrupts and the windows for them. In the order of SDM 3A table 6-2, with debug
 * traps behind the monitor trap flag, and all others behind debug traps.
 */

import { Vector } from '../cpu/event';
import { IF } from '../cpu/flags';
import { Activity } from '../cpu/mode';
import { SHADOW_MOV_SS } from '../cpu/shadow';
import {
  ACKNOWLEDGE_INTERRUPT_ON_EXIT,
  EXTERNAL_INTERRUPT_EXITING,
  INTERRUPT_WINDOW_EXITING,
  NMI_EXITING,
  NMI_WINDOW_EXITING,
  VIRTUAL_NMIS,
} from '../gen/vmx-controls';
import { interruptAcknowledge } from '../host';
import {
  ACTIVITY,
  DEBUG_PENDING,
  INTR,
  NMI_BLOCKED,
  NMI_PENDING,
  RFLAGS,
  SHADOW,
  TIMER_ON,
} from '../layout';
import { Controls } from './controls';
import { EventType } from './interruption';
import { PreemptionTimer } from './preemption-timer';
import { Reason, VmExit } from './vm-exit';
import { Watch } from './watch';

export class Boundary {
  /** In VMX non-root operation: a VM exit is due, and was raised. */
  static exits(): bool {
    if (Watch.isTrapPending()) {
      VmExit.raise(Reason.MonitorTrapFlag, 0);
      return true;
    }
    const shadow = load<u32>(SHADOW);
    if (load<u32>(DEBUG_PENDING) != 0 && (shadow & SHADOW_MOV_SS) == 0) return false;
    if (load<u32>(TIMER_ON) != 0 && PreemptionTimer.isOver()) {
      VmExit.raise(Reason.PreemptionTimer, 0);
      return true;
    }
    return shadow == 0 ? Boundary.interrupts() : false;
  }

  /** Nothing holds off NMIs and interrupts but flags. */
  static interrupts(): bool {
    const isBlocked = load<u32>(NMI_BLOCKED) != 0;
    if (Controls.primary(NMI_WINDOW_EXITING) && !isBlocked) {
      VmExit.raise(Reason.NmiWindow, 0);
      return true;
    }
    if (load<u32>(NMI_PENDING) != 0) {
      if (!Controls.pin(NMI_EXITING)) {
        if (!isBlocked) return false;
      } else if (!isBlocked || Controls.pin(VIRTUAL_NMIS)) {
        store<u32>(NMI_PENDING, 0);
        VmExit.event(Reason.ExceptionOrNmi, 0, Vector.NMI, EventType.Nmi);
        return true;
      }
    }
    if (load<u32>(ACTIVITY) == Activity.Shutdown) return false;
    if (Controls.primary(INTERRUPT_WINDOW_EXITING) && (load<u32>(RFLAGS) & IF) != 0) {
      VmExit.raise(Reason.InterruptWindow, 0);
      return true;
    }
    if (load<u32>(INTR) == 0 || !Controls.pin(EXTERNAL_INTERRUPT_EXITING)) return false;
    if (Controls.exit(ACKNOWLEDGE_INTERRUPT_ON_EXIT)) {
      VmExit.event(Reason.ExternalInterrupt, 0, interruptAcknowledge(), EventType.External);
    } else VmExit.raise(Reason.ExternalInterrupt, 0);
    return true;
  }
}
