/**
 * Delivery of exceptions and interrupts outside long mode (SDM 3A 6.12 Exception and Interrupt Handling;
 * the pseudo-code of SDM 2A INT n): IDT entries of 8 bytes, which are interrupt and trap gates of 32 and 16 bits
 * or task gates. What surrounds it (double faults, hosted processors) is in deliver.ts.
 */

import { Why } from '../gen/why';
import { ACTIVITY, CPL, IDTR_BASE, IDTR_LIMIT, RFLAGS, RIP, SHADOW } from '../layout';
import { Memory, SEGMENT_CS, SEGMENT_SS } from '../mmu/memory';
import { CodeSegment } from './code-segment';
import { ACCESS_P, Descriptor, Gate, SystemType, Table } from './descriptor';
import { Event, Vector } from './event';
import { IF, NT, RF, TF, VM } from './flags';
import { Activity } from './mode';
import { Register } from './operand';
import { Segment } from './segment';
import { TargetStack } from './target-stack';
import { TaskSwitch } from './task-switch';

const RSP: u32 = 4;

/** The gate in use and its GVA; state of one delivery only. */
let gate: u64 = 0;
let gateAddress: u64 = 0;

export class DeliverLegacy {
  /** One try to deliver `vector` with the image of EFLAGS to save; raises if a check fails. */
  static attempt(
    vector: u32,
    ext: u32,
    software: bool,
    image: u64,
    hasError: bool,
    error: u32,
  ): void {
    if (!DeliverLegacy.readGate(vector, ext, software)) return;
    const type = DeliverLegacy.gateType();
    if (type == SystemType.TaskGate) {
      TaskSwitch.throughGate(gate, ext);
      return;
    }
    const selector = Gate.selector(gate);
    const low = CodeSegment.read(selector, ext);
    if (Event.raised() || !CodeSegment.checkGate(selector, low, ext)) return;
    const cpl = CodeSegment.gateCpl(low);
    const size = Gate.isNarrow(type) ? 2 : 4;
    const target = Gate.legacyOffset(gate, type);
    if (!DeliverLegacy.pushFrame(cpl, target, low, ext, size, image, hasError, error)) return;

    TargetStack.commit();
    const isInterrupt = type == SystemType.InterruptGate || type == SystemType.InterruptGate16;
    const cleared = isInterrupt ? TF | NT | RF | VM | IF : TF | NT | RF | VM;
    store<u32>(RFLAGS, load<u32>(RFLAGS) & ~cleared);
    CodeSegment.commit(selector, low, cpl);
    store<u64>(RIP, target);
    store<u32>(SHADOW, 0);
    store<u32>(ACTIVITY, Activity.Running);
  }

  @inline static gateType(): u32 {
    return Descriptor.systemType(Descriptor.access(gate));
  }

  /** Finds the stack of ring `cpl`, and pushes what IRET will pop; false if it raised. */
  @inline static pushFrame(
    cpl: u32,
    target: u64,
    low: u64,
    ext: u32,
    size: u32,
    image: u64,
    hasError: bool,
    error: u32,
  ): bool {
    const inner = cpl != load<u32>(CPL);
    if (!inner) TargetStack.useRunning(ext);
    else if (!TargetStack.useInner(cpl, ext)) return false;
    const slots: u32 = (inner ? 5 : 3) + (hasError ? 1 : 0);
    if (!TargetStack.hasRoom(slots, size)) return false;
    if (!CodeSegment.checkTarget(target, low, ext)) {
      Event.why(Why.GateTarget, gateAddress, gate, 0);
      return false;
    }
    if (!TargetStack.touch() || !Table.touch(Gate.selector(gate), low)) return false;
    const place = size == 4 ? TargetStack.place(slots << 2) : 0;
    if (place != 0) {
      if (hasError) store<u32>(place, error);
      DeliverLegacy.storeFrame(hasError ? place + 4 : place, inner, image);
      return true;
    }
    if (inner) {
      TargetStack.push(size, Segment.selector(SEGMENT_SS));
      TargetStack.push(size, Register.get(RSP));
    }
    TargetStack.push(size, image);
    TargetStack.push(size, Segment.selector(SEGMENT_CS));
    TargetStack.push(size, load<u64>(RIP));
    if (hasError) TargetStack.push(size, error);
    return !Event.raised();
  }

  /** Writes what is above the error code of a 32-bit frame, to linear memory. */
  @inline static storeFrame(place: usize, inner: bool, image: u64): void {
    store<u32>(place, load<u32>(RIP));
    store<u32>(place, Segment.selector(SEGMENT_CS), 4);
    store<u32>(place, <u32>image, 8);
    if (!inner) return;
    store<u32>(place, <u32>Register.get(RSP), 12);
    store<u32>(place, Segment.selector(SEGMENT_SS), 16);
  }

  /** Fetches and checks the gate of `vector`; false if it raised. */
  @inline static readGate(vector: u32, ext: u32, software: bool): bool {
    const offset = vector << 3;
    gateAddress = load<u64>(IDTR_BASE) + offset;
    gate = 0;
    if (offset + 7 > load<u32>(IDTR_LIMIT)) {
      return DeliverLegacy.refuse(Vector.GP, vector, ext, Why.IdtLimit);
    }
    gate = Memory.readSystem64(gateAddress);
    if (Event.raised()) return false;
    if (!DeliverLegacy.isGate(DeliverLegacy.gateType())) {
      return DeliverLegacy.refuse(Vector.GP, vector, ext, Why.GateType);
    }
    const access = Descriptor.access(gate);
    if (software && Descriptor.dpl(access) < load<u32>(CPL)) {
      return DeliverLegacy.refuse(Vector.GP, vector, ext, Why.GatePrivilege);
    }
    if (access & ACCESS_P) return true;
    return DeliverLegacy.refuse(Vector.NP, vector, ext, Why.GateNotPresent);
  }

  static isGate(type: u32): bool {
    switch (type) {
      case SystemType.TaskGate:
      case SystemType.InterruptGate16:
      case SystemType.TrapGate16:
      case SystemType.InterruptGate:
      case SystemType.TrapGate:
        return true;
      default:
        return false;
    }
  }

  /** Raises `fault` with an error code that names the gate of `vector`. */
  static refuse(fault: u32, vector: u32, ext: u32, why: Why): bool {
    Event.why(why, gateAddress, gate, 0);
    Event.selectorFault(fault, (vector << 3) | 2 | ext, why);
    return false;
  }
}
