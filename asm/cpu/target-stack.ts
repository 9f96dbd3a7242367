/**
 * The stack that a legacy gate pushes on: the running one, or that of an inner ring, whose SS:ESP stands
 * in the TSS (SDM 3A 5.8.5 Stack Switching, 6.12.1 Exception- or Interrupt-Handler Procedures). Nothing of the
 * guest's state but memory changes before TargetStack.commit.
 */

import { Why } from '../gen/why';
import { CONTEXT, SEG_ACCESS, SEG_BASE, SEG_LIMIT, SYSTEM_CONTEXT, TLB_WRITE } from '../layout';
import { NO_CONTEXT } from '../mmu/context';
import { Logical } from '../mmu/logical';
import { Memory, SEGMENT_SS } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { ACCESS_DB, ACCESS_P, Descriptor, SELECTOR_RPL, Table } from './descriptor';
import { Event, Vector } from './event';
import { Register } from './operand';
import { Segment } from './segment';
import { Stack } from './stack';
import { Task } from './task';

const RSP: u32 = 4;

// The stack in use; state of one transfer only.
let selector: u32 = 0;
let descriptor: u64 = 0;
let isInner: bool = false;
let base: u64 = 0;
let limit: u32 = 0;
let access: u32 = 0;
let pointer: u64 = 0;
/** Error code of #SS. */
let error: u32 = 0;

export class TargetStack {
  /** Takes the running stack; `ext` is the EXT bit of error codes. */
  @inline static useRunning(ext: u32): void {
    const place = Segment.place(SEGMENT_SS);
    isInner = false;
    base = load<u64>(place, SEG_BASE);
    limit = load<u32>(place, SEG_LIMIT);
    access = load<u32>(place, SEG_ACCESS);
    pointer = Register.get(RSP);
    error = ext;
  }

  /** Takes the stack of ring `cpl` out of the TSS; false if it raised. */
  @inline static useInner(cpl: u32, ext: u32): bool {
    if (!Task.readStack(cpl, ext)) return false;
    isInner = true;
    selector = Task.stackSelector();
    pointer = Task.stackPointer();
    if (Table.isNull(selector)) {
      Event.selectorFault(Vector.TS, ext, Why.NullSelector);
      return false;
    }
    descriptor = Table.read(selector, Vector.TS, ext);
    if (Event.raised() || !TargetStack.checkInner(cpl, ext)) return false;
    base = Descriptor.base(descriptor);
    limit = Descriptor.limit(descriptor);
    error = (selector & 0xfffc) | ext;
    return true;
  }

  @inline static checkInner(cpl: u32, ext: u32): bool {
    access = Descriptor.access(descriptor);
    let why = Why.None;
    if ((selector & SELECTOR_RPL) != cpl || Descriptor.dpl(access) != cpl) {
      why = Why.DescriptorPrivilege;
    } else if (!Descriptor.isWritable(access)) why = Why.DescriptorType;
    if (why != Why.None) return Table.refuse(Vector.TS, selector, ext, why, descriptor, 0);
    if (access & ACCESS_P) return true;
    return Table.refuse(Vector.SS, selector, ext, Why.DescriptorNotPresent, descriptor, 0);
  }

  /** `count` pushes of `size` bytes stay within the limit; else #SS is raised. */
  static hasRoom(count: u32, size: u32): bool {
    if (TargetStack.isWhole(count * size)) return true;
    for (let n: u32 = 1; n <= count; n++) {
      const offset = (pointer - n * size) & TargetStack.mask();
      if (Logical.within(limit, access, offset, size)) continue;
      Event.selectorFault(Vector.SS, error, Why.SegmentLimit);
      return false;
    }
    return true;
  }

  /** The next `bytes` bytes to push lie within the limit, one behind another. */
  @inline static isWhole(bytes: u32): bool {
    return Logical.within(limit, access, (pointer - bytes) & TargetStack.mask(), bytes);
  }

  /** Pushes `bytes` bytes at once where the TLB has them whole: returns where in linear memory they go, or 0. */
  @inline static place(bytes: u32): usize {
    if (!TargetStack.isWhole(bytes)) return 0;
    const linear = <u64>(<u32>(base + ((pointer - bytes) & TargetStack.mask())));
    const current = load<u64>(CONTEXT);
    const context = isInner && current != NO_CONTEXT ? load<u64>(SYSTEM_CONTEXT) : current;
    const place = Tlb.find(TLB_WRITE, linear, bytes, context);
    if (place != 0) pointer -= bytes;
    return place;
  }

  /** Marks the descriptor of an inner stack as accessed; false if that raised. */
  static touch(): bool {
    return !isInner || Table.touch(selector, descriptor);
  }

  /** Pushes `size` bytes for which there is room; may raise #PF. An inner stack is written with its ring's rights. */
  static push(size: u32, value: u64): void {
    if (Event.raised()) return;
    pointer -= size;
    const linear = <u64>(<u32>(base + (pointer & TargetStack.mask())));
    if (isInner) Memory.writeFrame(linear, size, value);
    else Memory.write(linear, size, value, SEGMENT_SS);
  }

  @inline static mask(): u64 {
    return access & ACCESS_DB ? 0xffffffff : 0xffff;
  }

  /** Loads SS, if the ring changes, and the stack pointer. */
  @inline static commit(): void {
    if (isInner) Segment.set(SEGMENT_SS, selector, descriptor);
    Stack.setPointer(pointer);
  }
}
