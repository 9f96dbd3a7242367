/**
 * Delivery of exceptions and interrupts (SDM 3A 6.12 Exception and Interrupt Handling, 6.14 ... in
 * 64-bit Mode; the pseudo-code of SDM 2A INT n; 6.15 Double Fault). Outside long mode one try is made by
 * deliver-legacy.ts.
 *
 * The event block describes the event and RIP is the value to save, but for software interrupts: RIP is
 * behind the instruction, EVENT_LENGTH bytes behind where a fault on the way goes back to.
 */

import { Why } from '../gen/why';
import {
  ACTIVITY,
  CONTEXT,
  CPL,
  CR2,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_HAS_ERROR,
  EVENT_KIND,
  EVENT_LENGTH,
  EVENT_TIME,
  EVENT_VECTOR,
  EXIT_REASON,
  FUEL,
  HOSTED,
  IDTR_BASE,
  IDTR_LIMIT,
  MONITOR_ARMED,
  NMI_BLOCKED,
  NMI_UNBLOCKED,
  RAISED,
  REPEATING,
  RFLAGS,
  RIP,
  SENSITIVE_WATCH,
  SHADOW,
  STEPPING,
  STOP_REQUEST,
  SYSTEM_CONTEXT,
  TLB_WRITE,
  VMX_MODE,
  WATCH_ON,
  WATCH_RAN,
} from '../layout';
import { NO_CONTEXT } from '../mmu/context';
import { Memory, SEGMENT_CS, SEGMENT_SS } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { EventExit } from '../vmx/event-exit';
import { VmxMode } from '../vmx/operation';
import { Reason, VmExit } from '../vmx/vm-exit';
import { CodeSegment } from './code-segment';
import { Debug, DR6_BREAKPOINTS } from './debug';
import { DeliverLegacy } from './deliver-legacy';
import { Descriptor, Gate, SystemType, Table } from './descriptor';
import { Event, EventKind, ExitReason, Raised, Vector } from './event';
import { FaultChain } from './fault-chain';
import { Flags, IF, NT, RF, TF, VM } from './flags';
import { Activity, Mode } from './mode';
import { Register } from './operand';
import { Segment } from './segment';
import { Stack } from './stack';
import { Task } from './task';
import { Time } from './time';

const RSP: u32 = 4;
const PUSH: u32 = 8;

/** Classes of exceptions (SDM 3A table 6-4). */
enum FaultClass {
  Benign,
  Contributory,
  PageFault,
  DoubleFault,
}

/** The gate being used; state of one delivery only. */
let gateLow: u64 = 0;
let gateHigh: u64 = 0;

export class Deliver {
  /** Raises the external interrupt `vector`, to be delivered next. */
  static interrupt(vector: u32): void {
    store<u32>(RAISED, Raised.Event);
    store<u32>(EVENT_KIND, EventKind.Interrupt);
    store<u32>(EVENT_VECTOR, vector);
    store<u32>(EVENT_ERROR, 0);
    store<u32>(EVENT_HAS_ERROR, 0);
  }
  /** Raises the non-maskable interrupt; IRET unblocks the next. */
  static nmi(): void {
    store<u32>(NMI_BLOCKED, 1);
    Deliver.interrupt(Vector.NMI);
  }

  /**
   * Delivers the event in the event block, `injected` by VM entry or not, and what is raised on the way. Afterwards
   * RAISED is Nothing and RIP is that of the handler, or Exit: a triple fault, or a hosted processor; or VmExit. An event
   * that no instruction has preceded since the last one costs an instruction's fuel, so that a guest whose handlers
   * fault at once cannot hold the host.
   */
  static event(injected: bool): void {
    let kind = load<u32>(EVENT_KIND);
    store<u32>(MONITOR_ARMED, 0); // an MWAIT that follows does not sleep over what the handler did
    Mode.wrap();
    const hosted = load<u32>(HOSTED) != 0;
    // A host's retries of an instruction cost its guest nothing.
    if (!hosted && !Deliver.isSoftware(kind)) Deliver.pay();
    const stepping = load<u32>(STEPPING);
    store<u32>(STEPPING, 1);
    // What is no fault goes into the chain only when a fault follows.
    if (kind == EventKind.Fault) FaultChain.begin();
    else FaultChain.clear();
    const isGuest = load<u32>(VMX_MODE) == VmxMode.NonRoot;
    let isInjected = injected;
    EventExit.begin();
    while (true) {
      const vector = load<u32>(EVENT_VECTOR);
      store<u32>(RAISED, Raised.Nothing);
      if (!isGuest || !EventExit.precedes(kind, vector, isInjected)) {
        Deliver.tryOnce(kind, vector, isInjected, hosted);
      }
      const raised = load<u32>(RAISED);
      if (raised != Raised.Event && raised != Raised.VmExit) break;
      if (Deliver.isSoftware(kind)) Deliver.takeBack(!isInjected);
      if (raised == Raised.VmExit) {
        EventExit.tell();
        break;
      }
      isInjected = false;
      if (FaultChain.isEmpty()) FaultChain.add(vector, kind);
      FaultChain.append();
      if (!Deliver.escalate(kind, vector)) break;
      kind = load<u32>(EVENT_KIND);
    }
    store<u32>(STEPPING, stepping);
    store<u32>(NMI_UNBLOCKED, 0);
  }

  @inline static tryOnce(kind: u32, vector: u32, injected: bool, hosted: bool): void {
    if (hosted) Deliver.stop(kind, vector);
    else Deliver.attempt(kind, vector, injected);
  }

  /** A software interrupt that is not delivered: RIP goes back, and its instruction, if there was one, has not retired. */
  static takeBack(retired: bool): void {
    store<u64>(RIP, load<u64>(RIP) - load<u32>(EVENT_LENGTH));
    if (!retired) return;
    store<i64>(FUEL, load<i64>(FUEL) + ((<i64>1) << 32));
    if (load<u32>(HOSTED) == 0) Deliver.pay();
    Deliver.unwatch();
  }

  /** What has not retired is nothing to stop after; since the instruction began, none but the watch has asked for a stop. */
  @inline static unwatch(): void {
    if (load<u32>(SENSITIVE_WATCH) != WATCH_RAN) return;
    store<u32>(SENSITIVE_WATCH, WATCH_ON);
    store<u32>(STOP_REQUEST, 0);
  }

  @inline static pay(): void {
    if (load<u64>(EVENT_TIME) == Time.atBoundary() + 1) {
      store<i64>(FUEL, load<i64>(FUEL) - ((<i64>1) << 32));
    }
    store<u64>(EVENT_TIME, Time.atBoundary() + 1);
  }

  /** `vector` of kind `kind` met the fault in the event block: settles what to deliver. False: shutdown. */
  static escalate(kind: u32, vector: u32): bool {
    const first = Deliver.classOf(kind, vector);
    const second = Deliver.classOf(EventKind.Fault, load<u32>(EVENT_VECTOR));
    if (second == FaultClass.Benign || first == FaultClass.Benign) return true;
    if (first == FaultClass.DoubleFault) {
      if (load<u32>(VMX_MODE) == VmxMode.NonRoot) {
        VmExit.raise(Reason.TripleFault, 0);
        return false;
      }
      store<u32>(ACTIVITY, Activity.Shutdown);
      store<u32>(EXIT_REASON, ExitReason.Shutdown);
      store<u32>(RAISED, Raised.Exit);
      return false;
    }
    if (first == FaultClass.Contributory && second == FaultClass.PageFault) return true;
    if (load<u32>(EVENT_VECTOR) == Vector.PF) store<u64>(CR2, load<u64>(EVENT_ADDRESS));
    FaultChain.markDouble();
    EventExit.begin(); // the events that led to it are not told
    Event.raise(Vector.DF, 0, true);
    return true;
  }

  static classOf(kind: u32, vector: u32): FaultClass {
    if (kind != EventKind.Fault) return FaultClass.Benign;
    if (vector == Vector.PF) return FaultClass.PageFault;
    if (vector == Vector.DF) return FaultClass.DoubleFault;
    const contributory =
      vector == Vector.DE || (vector >= <u32>Vector.TS && vector <= <u32>Vector.GP);
    return contributory ? FaultClass.Contributory : FaultClass.Benign;
  }

  @inline static isSoftware(kind: u32): bool {
    return kind == EventKind.Software || kind == EventKind.PrivilegedSoftware;
  }

  /** Registers that an event changes before any handler is looked for. */
  @inline static record(kind: u32, vector: u32): void {
    if (vector == Vector.PF && kind == EventKind.Fault) store<u64>(CR2, load<u64>(EVENT_ADDRESS));
    if (vector == Vector.DB && !Deliver.isSoftware(kind)) Debug.report();
    else Debug.discard(Deliver.isSoftware(kind) ? DR6_BREAKPOINTS : 0);
  }

  /** Hosted: tells the host, after the checks that the guest's INT n goes through. */
  static stop(kind: u32, vector: u32): void {
    if (kind == EventKind.Software && !Deliver.mayRaise(vector)) return;
    Deliver.record(kind, vector);
    store<u32>(SHADOW, 0);
    store<u32>(EXIT_REASON, ExitReason.Event);
    store<u32>(RAISED, Raised.Exit);
  }

  /** INT n passes the checks of its gate; else it raised. */
  static mayRaise(vector: u32): bool {
    return Table.isLong()
      ? Deliver.readGate(vector, 0, true)
      : DeliverLegacy.readGate(vector, 0, true);
  }

  /** One try; raises if a check fails. */
  @inline static attempt(kind: u32, vector: u32, injected: bool): void {
    const error = load<u32>(EVENT_ERROR);
    const hasError = load<u32>(EVENT_HAS_ERROR) != 0;
    const ext: u32 = kind == EventKind.Software ? 0 : 1;
    const software = kind == EventKind.Software;
    const image = injected ? Flags.image() : Deliver.image(kind);
    Deliver.record(kind, vector);
    if (!Table.isLong()) {
      DeliverLegacy.attempt(vector, ext, software, image, hasError, error);
      return;
    }
    if (!Deliver.readGate(vector, ext, software)) return;
    const selector = Gate.selector(gateLow);
    const low = CodeSegment.read(selector, ext);
    if (Event.raised() || !CodeSegment.checkGate(selector, low, ext)) return;
    const cpl = CodeSegment.gateCpl(low);
    const field = Deliver.stackField(cpl);
    const stack = field != 0 ? Task.stack(field, ext) : Register.get(RSP);
    if (Event.raised()) return;
    const top = stack & ~(<u64>15);
    const slots: u32 = hasError ? 6 : 5;
    const bottom = top - slots * PUSH;
    if (!Stack.isCanonical(bottom, slots, PUSH, ext)) {
      if (field != 0) Task.noteStack(field, stack, true);
      return;
    }
    const target = Gate.offset(gateLow, gateHigh);
    if (!CodeSegment.checkTarget(target, low, ext)) {
      Event.why(Why.GateTarget, Deliver.gateAddress(vector), gateLow, gateHigh);
      return;
    }
    if (!Table.touch(selector, low)) return;
    Deliver.pushFrame(top, bottom, cpl, image, hasError, error);
    if (Event.raised()) {
      if (field != 0) Task.noteStack(field, stack, true);
      return;
    }

    if (cpl != load<u32>(CPL)) Segment.setNull(SEGMENT_SS, cpl, cpl);
    Register.set(RSP, bottom);
    const kept = Deliver.isInterruptGate() ? TF | NT | RF | VM | IF : TF | NT | RF | VM;
    store<u32>(RFLAGS, load<u32>(RFLAGS) & ~kept);
    CodeSegment.commit(selector, low, cpl);
    store<u64>(RIP, target);
    store<u32>(SHADOW, 0);
    store<u32>(ACTIVITY, Activity.Running);
  }

  @inline static isInterruptGate(): bool {
    return (Descriptor.access(gateLow) & 15) == SystemType.InterruptGate;
  }

  /** GVA of the gate of `vector`. */
  @inline static gateAddress(vector: u32): u64 {
    return load<u64>(IDTR_BASE) + (vector << 4);
  }

  /** Fetches and checks the gate of `vector`; false if it raised. */
  @inline static readGate(vector: u32, ext: u32, software: bool): bool {
    const address = Deliver.gateAddress(vector);
    gateLow = 0;
    gateHigh = 0;
    if ((vector << 4) + 15 > load<u32>(IDTR_LIMIT)) {
      return Deliver.refuse(Vector.GP, vector, ext, address, Why.IdtLimit);
    }
    gateLow = Memory.readSystem64(address);
    if (Event.raised()) return false;
    gateHigh = <u64>(<u32>Memory.readSystem64(address + 8));
    if (Event.raised()) return false;
    const access = Descriptor.access(gateLow);
    const type = Descriptor.systemType(access);
    if (type != SystemType.InterruptGate && type != SystemType.TrapGate) {
      return Deliver.refuse(Vector.GP, vector, ext, address, Why.GateType);
    }
    if (software && Descriptor.dpl(access) < load<u32>(CPL)) {
      return Deliver.refuse(Vector.GP, vector, ext, address, Why.GatePrivilege);
    }
    if (!(access & 0x80))
      return Deliver.refuse(Vector.NP, vector, ext, address, Why.GateNotPresent);
    return true;
  }

  /** Raises `fault` with an error code that names the gate of `vector`. */
  static refuse(fault: u32, vector: u32, ext: u32, address: u64, why: Why): bool {
    Event.why(why, address, gateLow, gateHigh);
    Event.selectorFault(fault, (vector << 3) | 2 | ext, why);
    return false;
  }

  /** RFLAGS as pushed (SDM 3B 17.3.1.1): RF is set where an instruction is to be begun again. */
  @inline static image(kind: u32): u64 {
    const image = Flags.image();
    const resumes =
      kind == EventKind.Fault || (kind == EventKind.Interrupt && load<u32>(REPEATING) != 0);
    return resumes ? image | RF : image;
  }

  /** Offset in the TSS of the stack pointer that the handler starts with; 0: it stays on the running stack. */
  @inline static stackField(cpl: u32): u32 {
    const ist = Gate.ist(gateLow);
    if (ist != 0) return Task.interruptField(ist);
    return cpl != load<u32>(CPL) ? Task.innerField(cpl) : 0;
  }

  /** Pushes SS:RSP, RFLAGS, CS:RIP and the error code into the frame from `bottom` to `top`; may raise. */
  @inline static pushFrame(
    top: u64,
    bottom: u64,
    cpl: u32,
    image: u64,
    hasError: bool,
    error: u32,
  ): void {
    const inner = cpl != load<u32>(CPL);
    const current = load<u64>(CONTEXT);
    const context = inner && current != NO_CONTEXT ? load<u64>(SYSTEM_CONTEXT) : current;
    const place = Tlb.find(TLB_WRITE, bottom, <u32>(top - bottom), context);
    if (place != 0) {
      const frame = hasError ? place + PUSH : place;
      if (hasError) store<u64>(place, error);
      store<u64>(frame, load<u64>(RIP), 0 * PUSH);
      store<u64>(frame, Segment.selector(SEGMENT_CS), 1 * PUSH);
      store<u64>(frame, image, 2 * PUSH);
      store<u64>(frame, Register.get(RSP), 3 * PUSH);
      store<u64>(frame, Segment.selector(SEGMENT_SS), 4 * PUSH);
      return;
    }
    Deliver.push(top - 1 * PUSH, Segment.selector(SEGMENT_SS), inner);
    if (!Event.raised()) Deliver.push(top - 2 * PUSH, Register.get(RSP), inner);
    if (!Event.raised()) Deliver.push(top - 3 * PUSH, image, inner);
    if (!Event.raised()) Deliver.push(top - 4 * PUSH, Segment.selector(SEGMENT_CS), inner);
    if (!Event.raised()) Deliver.push(top - 5 * PUSH, load<u64>(RIP), inner);
    if (!Event.raised() && hasError) Deliver.push(bottom, error, inner);
  }
  /** The stack of an inner ring is written with that ring's rights. */
  @inline static push(place: u64, value: u64, inner: bool): void {
    if (inner) Memory.writeFrame(place, PUSH, value);
    else Stack.writeWide(place, value);
  }
}
