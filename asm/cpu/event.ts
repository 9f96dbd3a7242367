/**
 * What can make an instruction end other than by falling through to the next: an exception, a change of
 * RIP or of the processor's state, a request to the host.
 *
 * A handler never throws. It calls Event.raise (or a shorthand) and returns at once, having changed
 * nothing that the guest can see; the run loop looks at RAISED after the handlers that can raise.
 * Where a check failed because of something read (a descriptor, a gate, a page-table entry) or of a value,
 * the checker first notes it with Event.why, so that a triple fault can be explained.
 */

import {
  IDT_VECTORING_INFORMATION,
  VM_EXIT_INSTRUCTION_INFORMATION,
  VM_EXIT_INSTRUCTION_LENGTH,
  VM_EXIT_INTERRUPTION_INFORMATION,
} from '../gen/vmx-fields';
import { Why } from '../gen/why';
import {
  COUNT_EXCEPTIONS,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_HAS_ERROR,
  EVENT_KIND,
  EVENT_VECTOR,
  EXIT_DETAIL,
  EXIT_REASON,
  RAISED,
  VM_EXIT_REASON,
  WHY,
  WHY_ADDRESS,
  WHY_HIGH,
  WHY_LEVEL,
  WHY_LOW,
} from '../layout';

/** Exception vectors (SDM 3, table 6-1). */
export enum Vector {
  DE = 0,
  DB = 1,
  NMI = 2,
  BP = 3,
  OF = 4,
  BR = 5,
  UD = 6,
  NM = 7,
  DF = 8,
  TS = 10,
  NP = 11,
  SS = 12,
  GP = 13,
  PF = 14,
  MF = 16,
  AC = 17,
  MC = 18,
  XM = 19,
}

/** Values of RAISED. */
export enum Raised {
  Nothing = 0,
  /** The event block holds an event to deliver; RIP goes back to the instruction if it is a fault. */
  Event = 1,
  /** RIP and perhaps the processor's mode were changed: look RIP up anew. */
  Leave = 2,
  /** EXIT_REASON is set: return to the host, RIP as the handler left it. */
  Exit = 3,
  /** The instruction touches a device or decoded code: run it again, alone (STEPPING). */
  Alone = 4,
  /** A repeated instruction stopped between iterations: RIP stays. */
  Repeat = 5,
  /** A VM exit is due (VM_EXIT_REASON); the instruction has not run, or the event was not delivered. */
  VmExit = 6,
  /** VM entry has injected the event in the event block: RIP stays. */
  Injected = 7,
}

/** Values of EVENT_KIND. */
export enum EventKind {
  /** RIP of the instruction itself is saved; counts for double-fault rules. */
  Fault = 0,
  /** #DB trap or NMI or external interrupt: RIP of the next instruction is saved. */
  Interrupt = 1,
  /** INT n, INT3, INTO: gate DPL is checked, RIP of the next instruction is saved. */
  Software = 2,
  /** INT1: as Software without the DPL check. */
  PrivilegedSoftware = 3,
}

/** Values of EXIT_REASON. */
export enum ExitReason {
  Fuel = 0,
  Halt = 1,
  /** STOP_REQUEST was set by a device. */
  Request = 2,
  /** Triple fault: the fault chain tells. */
  Shutdown = 3,
  /** Hosted: the event block tells. */
  Event = 4,
  /** Hosted: SYSCALL, SYSENTER. */
  Syscall = 5,
  Sysenter = 6,
  /** Hosted: a call gate to an inner ring, whose selector is EVENT_ERROR; RIP is the return address. */
  CallGate = 7,
  /** The guest enters a mode that this processor does not have: EXIT_DETAIL tells which (Absent). */
  Absent = 8,
  /** A VM exit: VM_EXIT_REASON and what follows it tell. */
  VmExit = 9,
}

/** Values of EXIT_DETAIL. */
export enum Absent {
  RealMode = 1,
  Virtual8086 = 2,
  TaskSwitch = 3,
}

export class Event {
  /** The running instruction cannot go on as it is. */
  @inline static raised(): bool {
    return load<u32>(RAISED) != Raised.Nothing;
  }
  static raise(vector: u32, error: u32, hasError: bool): void {
    store<u32>(RAISED, Raised.Event);
    store<u32>(EVENT_KIND, EventKind.Fault);
    store<u32>(EVENT_VECTOR, vector);
    store<u32>(EVENT_ERROR, error);
    store<u32>(EVENT_HAS_ERROR, hasError ? 1 : 0);
    const counter = COUNT_EXCEPTIONS + (vector << 3);
    store<u64>(counter, load<u64>(counter) + 1);
  }
  /** Notes what the failing check had read: `reason` of gen/why, the entry at linear or physical `address`. */
  static why(reason: Why, address: u64, low: u64, high: u64): void {
    store<u32>(WHY, reason);
    store<u32>(WHY_LEVEL, 0);
    store<u64>(WHY_ADDRESS, address);
    store<u64>(WHY_LOW, low);
    store<u64>(WHY_HIGH, high);
  }
  /** #GP(error) for `reason`. */
  static gp(error: u32, reason: Why): void {
    Event.selectorFault(Vector.GP, error, reason);
  }
  /** A fault with an error code for `reason`; what was noted by Event.why with the same reason stays. */
  static selectorFault(vector: u32, error: u32, reason: Why): void {
    if (load<u32>(WHY) != reason) Event.why(reason, 0, 0, 0);
    Event.raise(vector, error, true);
  }
  /** #GP(0) for a branch to `rip`, which is not canonical; it was read at linear `from`, 0: in a register. */
  static badTarget(rip: u64, from: u64): void {
    Event.why(Why.TargetNotCanonical, from, rip, 0);
    Event.gp(0, Why.TargetNotCanonical);
  }
  /** What was noted last stands in memory at linear `address`. */
  @inline static foundAt(address: u64): void {
    store<u64>(WHY_ADDRESS, address);
  }
  /** #UD for `reason`. */
  static ud(reason: Why): void {
    Event.why(reason, 0, 0, 0);
    Event.raise(Vector.UD, 0, false);
  }
  /** The run ends: RIP stays at the instruction that enters `mode`, and nothing has changed. */
  static absent(mode: Absent): void {
    store<u32>(EXIT_REASON, ExitReason.Absent);
    store<u32>(EXIT_DETAIL, mode);
    store<u32>(RAISED, Raised.Exit);
  }
  /** #PF at linear `address`; CR2 is written when the fault is delivered. */
  static pageFault(address: u64, error: u32): void {
    store<u64>(EVENT_ADDRESS, address);
    Event.raise(Vector.PF, error, true);
  }
  /** A VM exit for `reason`, whose qualification and addresses are in place; what is told besides is noted next. */
  static vmExit(reason: u32): void {
    store<u64>(VM_EXIT_INTERRUPTION_INFORMATION, 0);
    store<u64>(IDT_VECTORING_INFORMATION, 0);
    store<u64>(VM_EXIT_INSTRUCTION_LENGTH, 0);
    store<u64>(VM_EXIT_INSTRUCTION_INFORMATION, 0);
    store<u32>(VM_EXIT_REASON, reason);
    store<u32>(RAISED, Raised.VmExit);
  }
  /** The handler has written RIP (and perhaps more): leave the block. */
  @inline static leave(): void {
    store<u32>(RAISED, Raised.Leave);
  }
}
