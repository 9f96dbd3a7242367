/**
 * The run loop: events at instruction boundaries, then blocks.
 *
 * Everything that must be looked at between two instructions (interrupts, TF, shadows, breakpoints, stop
 * requests) can only change in an instruction that ends its block, or while the host has control; so
 * blocks link to one another without a look, and come back here when one of those ran.
 * Order of events at a boundary: SDM 3A table 6-2 (traps of the previous instruction, NMI, interrupts).
 */

import { execute } from '../gen/dispatch';
import { interruptAcknowledge } from '../host';
import {
  ACTIVITY,
  COUNT_ACCESSES,
  DEBUG_PENDING,
  EVENT_KIND,
  EXIT_REASON,
  FUEL,
  FUEL_START,
  INTR,
  NMI_BLOCKED,
  NMI_PENDING,
  RAISED,
  REPEATING,
  RFLAGS,
  RIP,
  SENSITIVE_WATCH,
  SHADOW,
  SHADOWED,
  STEPPING,
  STOP_REQUEST,
  TIME,
  TIMER_FUEL,
  TIMER_ON,
  VMX_MODE,
  VMX_WATCH,
  WATCH_RAN,
} from '../layout';
import { Boundary } from '../vmx/boundary';
import { VmxMode } from '../vmx/operation';
import { PreemptionTimer } from '../vmx/preemption-timer';
import { VmExit } from '../vmx/vm-exit';
import { Watch } from '../vmx/watch';
import { COST, CodeCache } from './code-cache';
import { ConfinedCode } from './confined-code';
import { Debug } from './debug';
import { Deliver } from './deliver';
import { EventKind, ExitReason, Raised } from './event';
import { IF, RF, TF } from './flags';
import { Activity, Mode } from './mode';
import { Rec } from './record';
import { SHADOW_MOV_SS } from './shadow';

export class Run {
  /** Runs at most `fuel` instructions; returns an ExitReason. RIP and all state are exact on return. */
  static run(fuel: u32): u32 {
    store<u32>(FUEL_START, fuel);
    store<i64>(FUEL, (<i64>fuel) << 32);
    store<u32>(EXIT_REASON, ExitReason.Fuel);
    store<u32>(STOP_REQUEST, 0);
    store<u32>(RAISED, Raised.Nothing);
    store<u32>(TIMER_FUEL, 0);
    if (load<u32>(TIMER_ON) != 0) PreemptionTimer.limit();
    if (load<u32>(ACTIVITY) == Activity.Shutdown) store<u32>(EXIT_REASON, ExitReason.Shutdown);
    else Run.loop();
    const left = load<i64>(FUEL);
    const used = load<u32>(FUEL_START) - <u32>(left >> 32);
    store<u64>(TIME, load<u64>(TIME) + used);
    store<u32>(FUEL_START, 0);
    store<i64>(FUEL, 0);
    store<u64>(COUNT_ACCESSES, load<u64>(COUNT_ACCESSES) + <u64>(<u32>left));
    return load<u32>(EXIT_REASON);
  }

  static loop(): void {
    let alone = false;
    while (true) {
      Mode.wrap();
      const raised = load<u32>(RAISED);
      store<u32>(RAISED, Raised.Nothing);
      if (raised == Raised.Event || raised == Raised.Injected) {
        Deliver.event(raised == Raised.Injected);
        if (load<u32>(VMX_WATCH) != 0) Watch.delivered();
      } else if (raised == Raised.Exit) return;
      else if (raised == Raised.VmExit) VmExit.perform();
      else alone = raised == Raised.Alone;
      if (load<u32>(RAISED) != Raised.Nothing) continue;
      if (!Run.boundary()) {
        if (load<u32>(RAISED) != Raised.Nothing) continue;
        return;
      }
      if (alone || Run.steps() || Run.isLast()) Run.step();
      else Run.block();
      alone = false;
    }
  }

  /** Takes what is due between two instructions. False if the run ends here or RAISED was set. */
  @inline static boundary(): bool {
    const shadow = load<u32>(SHADOW);
    if (load<u32>(VMX_MODE) == VmxMode.NonRoot && Boundary.exits()) return false;
    if (load<u32>(DEBUG_PENDING) != 0 && (shadow & SHADOW_MOV_SS) == 0) {
      Debug.trap();
      return false;
    }
    if (load<u32>(NMI_PENDING) != 0 && load<u32>(NMI_BLOCKED) == 0 && shadow == 0) {
      store<u32>(NMI_PENDING, 0);
      store<u32>(ACTIVITY, Activity.Running);
      Deliver.nmi();
      return false;
    }
    if (load<u32>(INTR) != 0 && (load<u32>(RFLAGS) & IF) != 0 && shadow == 0) {
      store<u32>(ACTIVITY, Activity.Running);
      Deliver.interrupt(interruptAcknowledge());
      return false;
    }
    if (load<u32>(ACTIVITY) != Activity.Running) {
      if (load<u32>(TIMER_ON) != 0 && load<i64>(FUEL) >> 32 > 0) return Run.wait();
      store<u32>(EXIT_REASON, ExitReason.Halt);
      return false;
    }
    if (load<u32>(STOP_REQUEST) != 0) {
      store<u32>(EXIT_REASON, ExitReason.Request);
      return false;
    }
    return load<i64>(FUEL) >> 32 > 0;
  }

  /** In HLT under the VMX-preemption timer, whose end the rest of the run may bring. */
  static wait(): bool {
    PreemptionTimer.wait();
    Boundary.exits();
    return false;
  }

  /** The next instruction must be looked at by itself: RF ends with it, if it comes to its end. */
  @inline static steps(): bool {
    const watched = load<u32>(SHADOW) | load<u32>(VMX_WATCH);
    return (load<u32>(RFLAGS) & (TF | RF)) != 0 || watched != 0 || Debug.armed();
  }

  /** One instruction, not begun, may still run: not worth a block. */
  @inline static isLast(): bool {
    return load<i64>(FUEL) >> 32 == 1 && load<u32>(REPEATING) == 0;
  }

  /** Runs blocks from RIP on. */
  @inline static block(): void {
    const rip = load<u64>(RIP);
    let i = CodeCache.reach(rip);
    if (i == 0) i = CodeCache.find(rip);
    if (i == 0) return;
    const fuel = load<i64>(FUEL) - load<i64>(i - COST);
    if (fuel < 0) {
      store<u32>(RAISED, Raised.Alone);
      return;
    }
    store<i64>(FUEL, fuel);
    store<u32>(REPEATING, 0);
    execute(i);
  }

  /** A debug trap ends the wait of the HLT or MWAIT that has just begun it (SDM 2A HLT). */
  @inline static wake(): void {
    store<u32>(ACTIVITY, Activity.Running);
    store<u32>(EXIT_REASON, ExitReason.Fuel);
    store<u32>(RAISED, Raised.Nothing);
  }

  /** Runs the one instruction at RIP, with the traps that follow it. */
  static step(): void {
    const rip = load<u64>(RIP);
    const shadow = load<u32>(SHADOW);
    if ((shadow & SHADOW_MOV_SS) == 0 && Debug.instruction(ConfinedCode.linear(rip))) return;
    const traced = (load<u32>(RFLAGS) & TF) != 0;
    const watched = load<u32>(VMX_WATCH) != 0;
    const i = CodeCache.alone(rip);
    if (i == 0) return;
    const resumed = load<u32>(RFLAGS) & RF;
    store<u32>(RFLAGS, load<u32>(RFLAGS) ^ resumed);
    store<u32>(SHADOW, 0);
    store<u32>(SHADOWED, shadow);
    store<u32>(STEPPING, 1);
    store<u32>(REPEATING, 0);
    store<i64>(FUEL, load<i64>(FUEL) - load<i64>(i - COST));
    execute(i);
    store<u32>(STEPPING, 0);
    // RF stays to the last iteration of a repeated string instruction (SDM 3B 18.3.1.1).
    if (load<u32>(REPEATING) != 0) store<u32>(RFLAGS, load<u32>(RFLAGS) | resumed);
    const raised = load<u32>(RAISED);
    if (Run.isUndone(raised)) {
      store<u32>(SHADOW, shadow);
      store<u32>(RFLAGS, load<u32>(RFLAGS) | resumed);
      return;
    }
    if (load<u32>(SENSITIVE_WATCH) != 0 && load<u32>(REPEATING) == 0 && Rec.isSensitive(i)) {
      store<u32>(SENSITIVE_WATCH, WATCH_RAN);
      store<u32>(STOP_REQUEST, 1);
    }
    if (watched && raised != Raised.Event) Watch.ran(raised);
    if (!traced || raised == Raised.Event) return;
    if (load<u32>(ACTIVITY) == Activity.Halted) Run.wake();
    else if (raised == Raised.Exit) return;
    Debug.singleStep();
  }

  /** What was to run alone has faulted, or made a VM exit. */
  @inline static isUndone(raised: u32): bool {
    if (raised == Raised.VmExit) return true;
    return raised == Raised.Event && load<u32>(EVENT_KIND) == EventKind.Fault;
  }
}
