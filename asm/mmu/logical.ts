/**
 * Logical addresses: segments outside 64-bit mode (SDM 3A 3.4.3 Segment Registers, 5.3 Limit Checking,
 * 5.5 Type Checking).
 *
 * Handlers carry one u64 as the address of their operand. Where no access of up to SLACK bytes at an
 * offset can be refused it is the linear address at once; else it is the offset with MARK, which no TLB entry
 * matches, so that the access ends in the slow paths of Memory, which know its size and direction and
 * call Logical.translate.
 */

import {
  ACCESS_CODE,
  ACCESS_DB,
  ACCESS_DOWN,
  ACCESS_UNUSABLE,
  ACCESS_WRITABLE,
  Descriptor,
} from '../cpu/descriptor-fields';
import { Event, Vector } from '../cpu/event';
import { Mode } from '../cpu/mode';
import { SEGMENT_SS } from '../cpu/segment-number';
import { Why } from '../gen/why';
import { SEG_ACCESS, SEG_BASE, SEG_BYTES, SEG_LIMIT, SEGS } from '../layout';
import { Want } from './access-rights';

/** HPA or linear address that a failed translation gives. */
export const NOWHERE: u64 = ~(<u64>0);

/** Not canonical, and above every linear address of 32 bits. */
const MARK: u64 = 1 << 62;
/** Bytes of the largest operand. */
const SLACK: u64 = 16;

export class Logical {
  /** What Memory takes as the address of `offset`, of 32 bits at most, in `segment`. */
  static address(offset: u64, segment: u32): u64 {
    const place = SEGS + segment * SEG_BYTES;
    const open = Descriptor.isOpen(load<u32>(place, SEG_ACCESS));
    if (!open || offset + (SLACK - 1) > <u64>load<u32>(place, SEG_LIMIT)) return MARK | offset;
    return Logical.linear(offset, place);
  }
  /** The sum wraps at 4 GiB. */
  @inline static linear(offset: u64, place: usize): u64 {
    return <u64>(<u32>(load<u64>(place, SEG_BASE) + offset));
  }

  /** `address` is an offset that is still to be checked. */
  @inline static isMarked(address: u64): bool {
    return address >> 62 == 1 && !Mode.isLong();
  }

  /** Linear address of `size` bytes at the marked `address`, or NOWHERE with #SS(0) or #GP(0) raised. */
  static translate(address: u64, size: u32, segment: u32, want: Want): u64 {
    const place = SEGS + segment * SEG_BYTES;
    const offset = <u64>(<u32>address);
    const access = load<u32>(place, SEG_ACCESS);
    let why = Logical.forbids(access, want);
    const limit = load<u32>(place, SEG_LIMIT);
    if (why == Why.None && !Logical.within(limit, access, offset, size)) why = Why.SegmentLimit;
    if (why == Why.None) return Logical.linear(offset, place);
    Event.selectorFault(segment == SEGMENT_SS ? Vector.SS : Vector.GP, 0, why);
    return NOWHERE;
  }

  /** Why a segment of these access rights does not take the access, whatever its offset. */
  static forbids(access: u32, want: Want): Why {
    if (access & ACCESS_UNUSABLE) return Why.SegmentNull;
    if (want != Want.Write)
      return Descriptor.isReadable(access) ? Why.None : Why.SegmentExecuteOnly;
    const writable = (access & ACCESS_CODE) == 0 && (access & ACCESS_WRITABLE) != 0;
    return writable ? Why.None : Why.SegmentReadOnly;
  }

  /** `size` bytes at `offset` lie within `limit` of a segment with these access rights. */
  static within(limit: u32, access: u32, offset: u64, size: u32): bool {
    const last = offset + (size - 1);
    if ((access & ACCESS_CODE) != 0 || (access & ACCESS_DOWN) == 0) return last <= <u64>limit;
    return offset > <u64>limit && last <= <u64>(access & ACCESS_DB ? 0xffffffff : 0xffff);
  }

  /**
   * `size` bytes at a linear address reach beyond 4 GiB, which are all that the segment has. With a base
   * the linear address wraps, and it is the offset that Logical.translate has checked.
   */
  @inline static exceeds(linear: u64, size: u32, segment: u32): bool {
    if ((linear + (size - 1)) >> 32 == 0) return false;
    return load<u64>(SEGS + segment * SEG_BYTES, SEG_BASE) == 0;
  }

  /** Bytes from `offset` to the end of `segment`, which is open. */
  @inline static room(offset: u64, segment: u32): u64 {
    return <u64>load<u32>(SEGS + segment * SEG_BYTES, SEG_LIMIT) + 1 - offset;
  }
}
