/**
 * The task-state segment: stacks of inner rings and of the IST, and the I/O permission bitmap (SDM 3A
 * 7.2.1 Task-State Segment, 7.7 Task Management in 64-bit Mode; SDM 1 18.5.2 I/O Permission Bit Map).
 */

import { Why } from '../gen/why';
import { Memory, SEGMENT_TR } from '../mmu/memory';
import { ACCESS_P, ACCESS_UNUSABLE, SystemType } from './descriptor';
import { Event, Vector } from './event';
import { Segment } from './segment';

/** Offsets in the 64-bit TSS. */
const RSP0: u32 = 0x04;
const IST1: u32 = 0x24;
/** Offset of the word that holds the offset of the I/O permission bitmap; the same in a 32-bit TSS. */
const IO_MAP_BASE: u32 = 0x66;

export class Task {
  /** RSP for ring `cpl` out of the 64-bit TSS; may raise #TS, #PF. */
  @inline static innerStack(cpl: u32, ext: u32): u64 {
    return Task.stack(RSP0 + (cpl << 3), ext);
  }
  /** Stack pointer `ist` (1 .. 7) of the interrupt stack table; may raise #TS, #PF. */
  @inline static interruptStack(ist: u32, ext: u32): u64 {
    return Task.stack(IST1 + ((ist - 1) << 3), ext);
  }
  @inline static stack(offset: u32, ext: u32): u64 {
    const address = Segment.base(SEGMENT_TR) + offset;
    if (offset + 7 > Segment.limit(SEGMENT_TR)) {
      Event.why(Why.TssLimit, address, Segment.limit(SEGMENT_TR), 0);
      Event.selectorFault(Vector.TS, (Segment.selector(SEGMENT_TR) & 0xfffc) | ext, Why.TssLimit);
      return 0;
    }
    const pointer = Memory.readSystem64(address);
    if (Event.raised() || Memory.isCanonical(pointer)) return pointer;
    Event.why(Why.StackNotCanonical, address, pointer, 0);
    Event.selectorFault(Vector.SS, ext, Why.StackNotCanonical);
    return 0;
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
