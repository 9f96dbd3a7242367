/**
 * What must be looked at between all instructions of a guest (VMX_WATCH): they then run one at a time. Set at VM entry by what its
 * controls ask for.
 */

import { Raised } from '../cpu/event';
import {
  INTERRUPT_WINDOW_EXITING,
  MONITOR_TRAP_FLAG,
  NMI_EXITING,
  NMI_WINDOW_EXITING,
  VIRTUAL_NMIS,
} from '../gen/vmx-controls';
import { NMI_BLOCKED, RAISED, VMX_WATCH } from '../layout';
import { Controls } from './controls';

/** Bits of VMX_WATCH: the monitor trap flag, a VM exit by it that is pending, a window, IRET that does not unblock NMIs. */
const WATCH_TRAP: u32 = 1;
const WATCH_PENDING: u32 = 2;
const WATCH_WINDOW: u32 = 4;
const WATCH_NMI: u32 = 8;

export class Watch {
  /** VM entry: the guest is watched as its controls ask for. */
  static enter(): void {
    let watch: u32 = Controls.primary(MONITOR_TRAP_FLAG) ? WATCH_TRAP : 0;
    if (Controls.primary(INTERRUPT_WINDOW_EXITING | NMI_WINDOW_EXITING)) watch |= WATCH_WINDOW;
    if (!Watch.unblocksNmis() && load<u32>(NMI_BLOCKED) != 0) watch |= WATCH_NMI;
    store<u32>(VMX_WATCH, watch);
  }
  /** VM entry injects a VM exit by the monitor trap flag. */
  static injectTrap(): void {
    store<u32>(VMX_WATCH, load<u32>(VMX_WATCH) | WATCH_PENDING);
  }
  static leave(): void {
    store<u32>(VMX_WATCH, 0);
  }

  /** An event was delivered, unless one was raised meanwhile. */
  static delivered(): void {
    if (load<u32>(RAISED) == Raised.Nothing) Watch.trap();
  }
  /** An instruction, or an iteration of one, has run, and `raised` something. */
  static ran(raised: u32): void {
    if (raised == Raised.Nothing || raised == Raised.Exit) Watch.trap();
  }
  static trap(): void {
    const watch = load<u32>(VMX_WATCH);
    if ((watch & WATCH_TRAP) != 0) store<u32>(VMX_WATCH, watch | WATCH_PENDING);
  }

  /** IRET unblocks NMIs, or virtual NMIs. */
  static unblocksNmis(): bool {
    return !Controls.pin(NMI_EXITING) || Controls.pin(VIRTUAL_NMIS);
  }

  /** A VM exit by the monitor trap flag is pending. */
  static isTrapPending(): bool {
    return (load<u32>(VMX_WATCH) & WATCH_PENDING) != 0;
  }
}
