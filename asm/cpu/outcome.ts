/**
 * How an instruction that is not simply followed by the next record ends: RIP and fuel are settled here,
 * for the dispatch loop, before the run loop looks at RAISED.
 */

import { Why } from '../gen/why';
import {
  ACTIVITY,
  DEBUG_PENDING,
  DR7,
  EVENT_KIND,
  EXIT_REASON,
  FUEL,
  INTR,
  NMI_PENDING,
  RAISED,
  REPEATING,
  RFLAGS,
  RIP,
  SHADOW,
  STOP_REQUEST,
  VMX_MODE,
  VMX_WATCH,
} from '../layout';
import { VmxMode } from '../vmx/operation';
import { Decoder } from './decode';
import { Event, EventKind, ExitReason, Raised } from './event';
import { IF, RF, TF } from './flags';
import { Place } from './operand';
import { RECORD, Rec } from './record';

export class Outcome {
  /** Nothing is due at the boundary behind an instruction that ended its block: the run loop can be left out. */
  @inline static isCalm(): bool {
    const busy =
      load<u32>(SHADOW) |
      load<u32>(DEBUG_PENDING) |
      load<u32>(NMI_PENDING) |
      load<u32>(STOP_REQUEST) |
      load<u32>(ACTIVITY) |
      load<u32>(VMX_WATCH) |
      (load<u32>(DR7) & 0xff) |
      (load<u32>(RFLAGS) & (TF | RF));
    if (busy != 0 || load<u32>(INTR) == 0) return busy == 0;
    // In VMX non-root operation an interrupt may cause a VM exit whatever IF says.
    return (load<u32>(RFLAGS) & IF) == 0 && load<u32>(VMX_MODE) != VmxMode.NonRoot;
  }

  /**
   * The instruction at `i` did not complete or must not be followed by the next record: settles RIP and
   * gives back the fuel of what did not run.
   */
  @inline static interrupt(i: usize): void {
    const raised = load<u32>(RAISED);
    const isUndone = Outcome.isUndone(raised);
    if (isUndone) Outcome.refund(i);
    if (isUndone || raised == Raised.Repeat) store<u64>(RIP, Place.current(i));
    if (raised == Raised.Repeat) store<u32>(REPEATING, 1);
    if (raised == Raised.Leave || raised == Raised.Repeat) store<u32>(RAISED, Raised.Nothing);
  }

  /** The instruction has not run: it faulted, must run alone, exits, or enters a mode that there is not. */
  @inline static isUndone(raised: u32): bool {
    if (raised == Raised.Event) return load<u32>(EVENT_KIND) == EventKind.Fault;
    if (raised == Raised.Exit) return load<u32>(EXIT_REASON) == ExitReason.Absent;
    return raised == Raised.Alone || raised == Raised.VmExit;
  }

  /** The record at `i` stands for bytes that are no instruction: raises what its imm says. */
  static undefined(i: usize): void {
    const why = <Why>Rec.imm(i);
    if (why == Why.TooLong) Event.gp(0, why);
    else Event.ud(why);
  }

  static refund(i: usize): void {
    const left = Rec.left(i);
    let accesses: u32 = 0;
    for (let n: u32 = 0; n < left; n++) accesses += Decoder.accesses(i + n * RECORD);
    store<i64>(FUEL, load<i64>(FUEL) + ((<i64>left) << 32) - <i64>accesses);
  }
}
