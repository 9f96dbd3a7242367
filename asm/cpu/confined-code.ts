/**
 * Where code may be fetched from: within the limit of CS, at its base (SDM 3A 5.3 Limit Checking), in 64-bit
 * mode at every canonical address.
 */

import { Why } from '../gen/why';
import { SEG_BASE, SEG_BYTES, SEG_LIMIT, SEGS } from '../layout';
import { Memory, SEGMENT_CS } from '../mmu/memory';
import { Event } from './event';
import { Mode } from './mode';

const CS: usize = SEGS + SEGMENT_CS * SEG_BYTES;
const MAX_LENGTH: u32 = 15;

export class ConfinedCode {
  /** Linear address of `rip`. */
  @inline static linear(rip: u64): u64 {
    return Mode.isLong() ? rip : <u64>(<u32>(load<u64>(CS, SEG_BASE) + rip));
  }

  /** All bytes up to `last` lie within the limit. */
  @inline static holds(last: u64): bool {
    return last <= <u64>load<u32>(CS, SEG_LIMIT);
  }

  /** Bytes of an instruction at `rip` that the limit allows. */
  static room(rip: u64): u32 {
    if (Mode.isLong()) return MAX_LENGTH;
    const limit = <u64>load<u32>(CS, SEG_LIMIT);
    return rip > limit ? 0 : <u32>min<u64>(limit - rip + 1, MAX_LENGTH);
  }

  /** Raises #GP(0) for the fetch; 0 as what was to be found. */
  static refuse(): usize {
    Event.gp(0, Why.FetchBeyondLimit);
    return 0;
  }

  /**
   * RIP that a near branch to `target` of operand size `size` sets; #GP(0) where it may not go. Outside
   * 64-bit mode the operand size cuts the target off.
   */
  static target(target: u64, size: u32): u64 {
    if (Mode.isLong()) {
      if (!Memory.isCanonical(target)) Event.badTarget(target, 0);
      return target;
    }
    const eip = size == 2 ? target & 0xffff : <u64>(<u32>target);
    if (ConfinedCode.room(eip) == 0) Event.gp(0, Why.TargetBeyondLimit);
    return eip;
  }
}
