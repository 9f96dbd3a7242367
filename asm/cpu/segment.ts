/**
 * Segment registers: their hidden parts, and loading them with the checks of MOV, POP and LxS (SDM 3A
 * 5.6 Privilege Level Checking When Accessing Data Segments, 5.7 ... Loading the SS Register; SDM 2B
 * MOV). Code segments are in code-segment.ts.
 *
 * A null selector leaves the register unusable; in 64-bit mode only the bases of FS and GS matter then.
 */

import { Why } from '../gen/why';
import {
  CODE_MODE,
  CPL,
  SEG_ACCESS,
  SEG_BASE,
  SEG_BYTES,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGS,
} from '../layout';
import { SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_GS, SEGMENT_SS } from '../mmu/memory';
import { ACCESS_P, ACCESS_UNUSABLE, Descriptor, SELECTOR_RPL, Table } from './descriptor';
import { Event, Vector } from './event';
import { Mode } from './mode';

export class Segment {
  @inline static place(segment: u32): usize {
    return SEGS + segment * SEG_BYTES;
  }
  @inline static selector(segment: u32): u32 {
    return load<u16>(Segment.place(segment), SEG_SELECTOR);
  }
  @inline static access(segment: u32): u32 {
    return load<u32>(Segment.place(segment), SEG_ACCESS);
  }
  @inline static base(segment: u32): u64 {
    return load<u64>(Segment.place(segment), SEG_BASE);
  }
  @inline static limit(segment: u32): u32 {
    return load<u32>(Segment.place(segment), SEG_LIMIT);
  }
  @inline static setBase(segment: u32, base: u64): void {
    store<u64>(Segment.place(segment), base, SEG_BASE);
  }

  /** Writes all parts. */
  @inline static fill(segment: u32, selector: u32, base: u64, limit: u32, access: u32): void {
    const place = Segment.place(segment);
    store<u64>(place, base, SEG_BASE);
    store<u32>(place, limit, SEG_LIMIT);
    store<u32>(place, access, SEG_ACCESS);
    store<u16>(place, <u16>selector, SEG_SELECTOR);
  }
  /** Takes the parts from a code or data descriptor, whose accessed bit is set. */
  @inline static set(segment: u32, selector: u32, low: u64): void {
    const access = Descriptor.access(low) | 1;
    Segment.fill(segment, selector, Descriptor.base(low), Descriptor.limit(low), access);
  }
  /** Flat code or data, as SYSCALL and SYSENTER load without reading a descriptor. */
  @inline static setFlat(segment: u32, selector: u32, access: u32): void {
    Segment.fill(segment, selector, 0, 0xffffffff, access);
  }
  /** Null selector; `dpl` keeps SS.DPL equal to CPL. */
  @inline static setNull(segment: u32, selector: u32, dpl: u32): void {
    Segment.fill(segment, selector, 0, 0, ACCESS_UNUSABLE | (dpl << 5));
  }

  /** Loads any register but CS as MOV does; false if it raised. */
  static load(segment: u32, selector: u32): bool {
    const loaded =
      segment == SEGMENT_SS ? Segment.loadStack(selector) : Segment.loadData(segment, selector);
    if (loaded) Mode.segmentChanged();
    return loaded;
  }

  /** ES, DS, FS or GS. */
  static loadData(segment: u32, selector: u32): bool {
    if (Table.isNull(selector)) {
      Segment.setNull(segment, selector, 0);
      return true;
    }
    const low = Table.read(selector, Vector.GP, 0);
    if (Event.raised()) return false;
    const access = Descriptor.access(low);
    if (!Descriptor.isReadable(access)) return Table.gp(selector, 0, Why.DescriptorType, low);
    if (!Descriptor.isConforming(access)) {
      const dpl = Descriptor.dpl(access);
      if ((selector & SELECTOR_RPL) > dpl || load<u32>(CPL) > dpl) {
        return Table.gp(selector, 0, Why.DescriptorPrivilege, low);
      }
    }
    if (!(access & ACCESS_P)) {
      return Table.refuse(Vector.NP, selector, 0, Why.DescriptorNotPresent, low, 0);
    }
    if (!Table.touch(selector, low)) return false;
    Segment.set(segment, selector, low);
    return true;
  }

  /** SS at the running CPL. */
  static loadStack(selector: u32): bool {
    const cpl = load<u32>(CPL);
    const low = Segment.checkStack(selector, cpl, load<u32>(CODE_MODE) == 0, Vector.SS);
    if (Event.raised() || !Segment.touchStack(selector, low)) return false;
    Segment.commitStack(selector, low, cpl);
    return true;
  }

  /**
   * Checks a selector for SS of a stack at `cpl` whose code is 64-bit if `long`; returns its descriptor, or 0 for
   * an allowed null. `absent` is the vector for one that is not present: #SS, but #NP in IRET.
   */
  static checkStack(selector: u32, cpl: u32, long: bool, absent: u32): u64 {
    const rpl = selector & SELECTOR_RPL;
    if (Table.isNull(selector)) {
      if (!long || cpl == 3 || rpl != cpl) Event.gp(0, Why.NullSelector);
      return 0;
    }
    const low = Table.read(selector, Vector.GP, 0);
    if (Event.raised()) return 0;
    const access = Descriptor.access(low);
    if (!Descriptor.isWritable(access)) {
      Table.gp(selector, 0, Why.DescriptorType, low);
    } else if (rpl != cpl || Descriptor.dpl(access) != cpl) {
      Table.gp(selector, 0, Why.DescriptorPrivilege, low);
    } else if (!(access & ACCESS_P)) {
      Table.refuse(absent, selector, 0, Why.DescriptorNotPresent, low, 0);
    }
    return low;
  }
  /** Marks what checkStack has checked as accessed; false if that raised. */
  @inline static touchStack(selector: u32, low: u64): bool {
    return Table.isNull(selector) || Table.touch(selector, low);
  }
  /** Loads SS with what checkStack has checked. */
  @inline static commitStack(selector: u32, low: u64, cpl: u32): void {
    if (Table.isNull(selector)) Segment.setNull(SEGMENT_SS, selector, cpl);
    else Segment.set(SEGMENT_SS, selector, low);
  }

  /** On a return to an outer ring `cpl`: nulls the data segments that it may not use. */
  @inline static dropInner(cpl: u32): void {
    Segment.dropIfInner(SEGMENT_ES, cpl);
    Segment.dropIfInner(SEGMENT_DS, cpl);
    Segment.dropIfInner(SEGMENT_FS, cpl);
    Segment.dropIfInner(SEGMENT_GS, cpl);
  }
  @inline static dropIfInner(segment: u32, cpl: u32): void {
    const access = Segment.access(segment);
    if (access & ACCESS_UNUSABLE) {
      store<u16>(Segment.place(segment), 0, SEG_SELECTOR);
      return;
    }
    if (Descriptor.isConforming(access)) return;
    if (Descriptor.dpl(access) >= cpl) return;
    Segment.setNull(segment, 0, 0);
    Mode.segmentChanged();
  }
}
