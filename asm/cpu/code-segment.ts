/**
 * Code segments: the checks of far transfers (SDM 3A 5.8 Privilege Level Checking When Transferring
 * Program Control Between Code Segments) and loading CS, which sets CPL and the code mode.
 *
 * The order is that of the pseudo-code: the checks of the descriptor, then those of the stack, then the target,
 * and only then is the descriptor marked as accessed, anything pushed, and CS loaded.
 */

import { Why } from '../gen/why';
import { CPL } from '../layout';
import { Memory, SEGMENT_CS } from '../mmu/memory';
import { ACCESS_DB, ACCESS_L, ACCESS_P, Descriptor, SELECTOR_RPL, Table } from './descriptor';
import { Emulation } from './emulation';
import { Event, Vector } from './event';
import { Mode } from './mode';
import { Segment } from './segment';

export class CodeSegment {
  /** Reads the descriptor of a code segment, or raises #GP. */
  @inline static read(selector: u32, ext: u32): u64 {
    if (Table.isNull(selector)) {
      Event.gp(ext, Why.NullSelector);
      return 0;
    }
    const low = Table.read(selector, Vector.GP, ext);
    if (!Event.raised() && !Descriptor.isCode(Descriptor.access(low))) {
      Table.gp(selector, ext, Why.DescriptorType, low);
    }
    return low;
  }

  /** JMP or CALL straight to `selector`, whose descriptor `low` is code: at the same CPL. */
  static checkDirect(selector: u32, low: u64): bool {
    const access = Descriptor.access(low);
    const cpl = load<u32>(CPL);
    const dpl = Descriptor.dpl(access);
    const allowed = Descriptor.isConforming(access)
      ? dpl <= cpl
      : dpl == cpl && (selector & SELECTOR_RPL) <= cpl;
    if (!allowed) return Table.gp(selector, 0, Why.DescriptorPrivilege, low);
    return CodeSegment.checkUsable(selector, low, 0);
  }

  /** RET or IRET to `selector`, outward or at the same CPL. */
  @inline static checkReturn(selector: u32, low: u64): bool {
    const access = Descriptor.access(low);
    const rpl = selector & SELECTOR_RPL;
    const dpl = Descriptor.dpl(access);
    if (rpl < load<u32>(CPL)) return Table.gp(selector, 0, Why.ReturnInward, low);
    if (Descriptor.isConforming(access) ? dpl > rpl : dpl != rpl) {
      return Table.gp(selector, 0, Why.DescriptorPrivilege, low);
    }
    return CodeSegment.checkUsable(selector, low, 0);
  }

  /** Target of a gate: CPL stays or moves inward; 64-bit code in long mode. */
  @inline static checkGate(selector: u32, low: u64, ext: u32): bool {
    const access = Descriptor.access(low);
    if (Descriptor.dpl(access) > load<u32>(CPL)) {
      return Table.gp(selector, ext, Why.DescriptorPrivilege, low);
    }
    if (Table.isLong() && !Descriptor.isLongCode(access)) {
      return Table.gp(selector, ext, Why.CodeNotLong, low);
    }
    return CodeSegment.checkUsable(selector, low, ext);
  }

  /** Present, and L and D not both set in long mode. */
  @inline static checkUsable(selector: u32, low: u64, ext: u32): bool {
    const access = Descriptor.access(low);
    if (Table.isLong() && (access & ACCESS_L) != 0 && (access & ACCESS_DB) != 0) {
      return Table.gp(selector, ext, Why.CodeLongAndDefault, low);
    }
    if (access & ACCESS_P) return true;
    return Table.refuse(Vector.NP, selector, ext, Why.DescriptorNotPresent, low, 0);
  }

  /** `rip` may be executed in the segment: canonical in 64-bit code, else within the limit. */
  @inline static checkTarget(rip: u64, low: u64, ext: u32): bool {
    const long = Table.isLong() && (Descriptor.access(low) & ACCESS_L) != 0;
    if (long ? Memory.isCanonical(rip) : rip <= <u64>Descriptor.limit(low)) return true;
    return CodeSegment.refuseTarget(
      rip,
      ext,
      long ? Why.TargetNotCanonical : Why.TargetBeyondLimit,
    );
  }

  static refuseTarget(rip: u64, ext: u32, reason: Why): bool {
    Event.why(reason, 0, rip, 0);
    Event.gp(ext, reason);
    return false;
  }

  /** CPL in which a gate to `low` runs. */
  @inline static gateCpl(low: u64): u32 {
    const access = Descriptor.access(low);
    return Descriptor.isConforming(access) ? load<u32>(CPL) : Descriptor.dpl(access);
  }

  /** Loads CS; the selector's RPL becomes `cpl`. */
  @inline static commit(selector: u32, low: u64, cpl: u32): void {
    Segment.set(SEGMENT_CS, (selector & ~SELECTOR_RPL) | cpl, low);
    store<u32>(CPL, cpl);
    Emulation.changeRing(cpl);
    Mode.update();
  }
}
