/**
 * The task-state segment: stacks of inner rings and of the IST, and the I/O permission bitmap (SDM 3A
 * 7.2.1 Task-State Segment, 7.6 16-Bit Task-State Segment, 7.7 Task Management in 64-bit Mode; SDM 1 18.5.2 I/O Permission Bit Map).
 */

import { Why } from '../gen/why';
import {
  RAISED,
  SYSTEM_CONTEXT,
  TLB_READ,
  WHY_STACK,
  WHY_STACK_ADDRESS,
  WHY_STACK_POINTER,
  WHY_STACK_READ,
} from '../layout';
import { Memory, SEGMENT_TR } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { ACCESS_P, ACCESS_UNUSABLE, Gate, SystemType } from './descriptor';
import { Event, Raised, Vector } from './event';
import { Segment } from './segment';

/** Offsets in the 64-bit TSS. */
const RSP0: u32 = 0x04;
const IST1: u32 = 0x24;
/** Offsets of ESP0 in the 32-bit and SP0 in the 16-bit TSS, and bytes from one ring to the next. */
const ESP0: u32 = 0x04;
const SP0: u32 = 0x02;
const RING32: u32 = 8;
const RING16: u32 = 4;
/** Offset of the word that holds the offset of the I/O permission bitmap; the same in a 32-bit TSS. */
const IO_MAP_BASE: u32 = 0x66;

/** What Task.readStack found. */
let selector: u32 = 0;
let pointer: u64 = 0;

export class Task {
  /** Offset in the 64-bit TSS of RSP for ring `cpl`. */
  @inline static innerField(cpl: u32): u32 {
    return RSP0 + (cpl << 3);
  }
  /** Offset of stack pointer `ist` (1 .. 7) of the interrupt stack table. */
  @inline static interruptField(ist: u32): u32 {
    return IST1 + ((ist - 1) << 3);
  }
  /** Stack pointer in the field at offset `field`; may raise #TS, #SS, #PF. */
  @inline static stack(field: u32, ext: u32): u64 {
    if (!Task.reaches(field, 8, ext)) return 0;
    const pointer = Memory.readSystem64(Segment.base(SEGMENT_TR) + field);
    if (Event.raised()) Task.noteStack(field, 0, false);
    else if (!Memory.isCanonical(pointer)) {
      Event.selectorFault(Vector.SS, ext, Why.StackNotCanonical);
      Task.noteStack(field, pointer, true);
    }
    return pointer;
  }
  /** The TSS has `bytes` bytes at `field`; else #TS is raised. */
  @inline static reaches(field: u32, bytes: u32, ext: u32): bool {
    if (field + bytes - 1 <= Segment.limit(SEGMENT_TR)) return true;
    Event.selectorFault(Vector.TS, (Segment.selector(SEGMENT_TR) & 0xfffc) | ext, Why.TssLimit);
    Task.noteStack(field, 0, false);
    return false;
  }
  /** Reads SS and the stack pointer of ring `cpl` out of the 32-bit or 16-bit TSS; false if it raised #TS, #PF. */
  static readStack(cpl: u32, ext: u32): bool {
    const narrow = Gate.isNarrow(Segment.access(SEGMENT_TR) & 15);
    const size: u32 = narrow ? 2 : 4;
    const field = narrow ? SP0 + cpl * RING16 : ESP0 + cpl * RING32;
    if (!Task.reaches(field, size + 2, ext)) return false;
    const address = Segment.base(SEGMENT_TR) + field;
    const place = narrow ? 0 : Tlb.find(TLB_READ, address, 6, load<u64>(SYSTEM_CONTEXT));
    if (place != 0) {
      pointer = load<u32>(place);
      selector = load<u16>(place, 4);
      return true;
    }
    pointer = Memory.readSystem(address, size);
    if (Event.raised()) return false;
    selector = <u32>Memory.readSystem(address + size, 2);
    return !Event.raised();
  }
  @inline static stackSelector(): u32 {
    return selector;
  }
  @inline static stackPointer(): u64 {
    return pointer;
  }
  /** The fault just raised is about the stack that `field` gives, with `pointer` in it if that `wasRead`. */
  static noteStack(field: u32, pointer: u64, wasRead: bool): void {
    if (load<u32>(RAISED) != Raised.Event) return;
    store<u32>(WHY_STACK, field);
    store<u32>(WHY_STACK_READ, wasRead ? 1 : 0);
    store<u64>(WHY_STACK_ADDRESS, Segment.base(SEGMENT_TR) + field);
    store<u64>(WHY_STACK_POINTER, pointer);
  }

  /** The bitmap allows `size` bytes from `port` on; else #GP(0) is raised. */
  static allowsPort(port: u32, size: u32): bool {
    const limit = Segment.limit(SEGMENT_TR);
    const base = Segment.base(SEGMENT_TR);
    if (!Task.hasBitmap() || limit < IO_MAP_BASE + 1) return Task.refusePort(base, 0);
    const place = <u32>Memory.readSystem(base + IO_MAP_BASE, 2) + (port >> 3);
    if (Event.raised()) return false;
    if (place + 1 > limit) return Task.refusePort(base + place, 0);
    const bits = <u32>Memory.readSystem(base + place, 2);
    if (Event.raised()) return false;
    const mask = (((<u32>1) << size) - 1) << (port & 7);
    return bits & mask ? Task.refusePort(base + place, bits) : true;
  }
  /** TR holds a 32-bit or 64-bit TSS. */
  static hasBitmap(): bool {
    const access = Segment.access(SEGMENT_TR);
    if ((access & ACCESS_UNUSABLE) != 0 || (access & ACCESS_P) == 0) return false;
    return (access & 15) == SystemType.TssBusy || (access & 15) == SystemType.Tss;
  }
  static refusePort(address: u64, bits: u32): bool {
    Event.why(Why.PortRefused, address, bits, 0);
    Event.gp(0, Why.PortRefused);
    return false;
  }
}
