/**
 * Accesses by linear address (GVA): what handlers use. A miss in the TLB ends here: alignment and
 * canonical checks, splitting at page ends, the walk, devices, decoded code, data breakpoints.
 *
 * Each function that can fail returns with Event.raised() true; reads then give 0. `segment` is the number
 * of the segment used: it makes a non-canonical address #SS(0) instead of #GP(0), and outside 64-bit mode it is
 * what an address that is still logical (logical.ts) is checked against.
 * An access to a device or into decoded code is made only while STEPPING; else it raises Raised.Alone, and
 * the run loop starts the instruction again alone in its block. So a handler must not change anything
 * before its accesses have succeeded: probe or read for write first.
 */

import { CR0_AM } from '../cpu/control';
import { Debug } from '../cpu/debug';
import { Event, Raised, Vector } from '../cpu/event';
import { AC } from '../cpu/flags';
import { Mode } from '../cpu/mode';
import { SEGMENT_SS } from '../cpu/segment-number';
import { Why } from '../gen/why';
import {
  APIC_PAGE,
  CODE_PAGE_FREE,
  CPL,
  CR0,
  DATA_CONTEXT,
  FETCH_CONTEXT,
  FRAME_CODE_BIT,
  FRAME_FLAGS,
  LOCAL_APIC,
  PAGING_MODE,
  RAISED,
  RFLAGS,
  STEPPING,
  SYSTEM_CONTEXT,
  TLB_FETCH,
  TLB_READ,
  TLB_WRITE,
  WALK_ERROR,
  WALK_HPA,
} from '../layout';
import { Want } from './access-rights';
import { Dram } from './dram';
import { Ept } from './ept';
import { GuestPhysical } from './guest-physical';
import { Logical, NOWHERE } from './logical';
import { PagingMode } from './paging-mode';
import { Physical } from './physical';
import { Tlb } from './tlb';
import { Walk } from './walk';

export * from '../cpu/segment-number';

const LINEAR32: u64 = 0xffffffff;

export class Memory {
  /** Reads `size` (1, 2, 4, 8) bytes, zero-extended. */
  static read(gva: u64, size: u32, segment: u32): u64 {
    const place = Tlb.read(gva, size);
    if (place != 0) return Memory.load(place, size);
    return Memory.readSlow(gva, size, segment);
  }

  /** Writes the low `size` (1, 2, 4, 8) bytes of `value`. */
  static write(gva: u64, size: u32, value: u64, segment: u32): void {
    const place = Tlb.write(gva, size);
    if (place != 0) Memory.store(place, size, value);
    else Memory.writeSlow(gva, size, value, segment);
  }

  /** Reads what will be written back: fails as the write would, so that the write then cannot. */
  static readForWrite(gva: u64, size: u32, segment: u32): u64 {
    const place = Tlb.write(gva, size);
    if (place != 0) return Memory.load(place, size);
    if (!Memory.probeWrite(gva, size, segment)) return 0;
    return Memory.readSlow(gva, size, segment);
  }

  /** Checks that a write of `size` (1 .. 16) bytes would succeed, without making it. */
  static probeWrite(gva: u64, size: u32, segment: u32): bool {
    if (Tlb.write(gva, size) != 0) return true;
    if (Logical.isMarked(gva)) {
      const linear = Logical.translate(gva, size, segment, Want.Write);
      return linear != NOWHERE && Memory.probeWrite(linear, size, segment);
    }
    if (!Memory.allowed(gva, size, segment)) return false;
    const first = Memory.translate(gva, Want.Write);
    if (first == NOWHERE || !Memory.quiet(first, size, Want.Write)) return false;
    const rest = Memory.beyond(gva, size);
    if (rest == 0) return true;
    const second = Memory.translate(gva + (size - rest), Want.Write);
    return second != NOWHERE && Memory.quiet(second, rest, Want.Write);
  }

  /** Checks that a read of `size` (1 .. 16) bytes would succeed, without making it. */
  static probeRead(gva: u64, size: u32, segment: u32): bool {
    if (Tlb.read(gva, size) != 0) return true;
    if (Logical.isMarked(gva)) {
      const linear = Logical.translate(gva, size, segment, Want.Read);
      return linear != NOWHERE && Memory.probeRead(linear, size, segment);
    }
    if (!Memory.allowed(gva, size, segment)) return false;
    const first = Memory.translate(gva, Want.Read);
    if (first == NOWHERE) return false;
    const rest = Memory.beyond(gva, size);
    return rest == 0 || Memory.translate(gva + (size - rest), Want.Read) != NOWHERE;
  }

  /** HPA of the byte at `gva`, which may be read. */
  static locate(gva: u64, segment: u32): u64 {
    const isOffset = Logical.isMarked(gva);
    const linear = isOffset ? Logical.translate(gva, 1, segment, Want.Read) : gva;
    return Memory.translate(linear, Want.Read);
  }

  static readSlow(gva: u64, size: u32, segment: u32): u64 {
    if (Logical.isMarked(gva)) {
      const linear = Logical.translate(gva, size, segment, Want.Read);
      return linear == NOWHERE ? 0 : Memory.read(linear, size, segment);
    }
    if (!Memory.allowed(gva, size, segment)) return 0;
    const hpa = Memory.translate(gva, Want.Read);
    if (hpa == NOWHERE || !Memory.quiet(hpa, size, Want.Read)) return 0;
    const rest = Memory.beyond(gva, size);
    let value: u64;
    if (rest == 0) value = Physical.read(hpa, size);
    else {
      const second = Memory.translate(gva + (size - rest), Want.Read);
      if (second == NOWHERE || !Memory.quiet(second, rest, Want.Read)) return 0;
      value = Memory.gather(hpa, second, size, rest);
    }
    Debug.data(gva, size, false);
    return value;
  }

  static writeSlow(gva: u64, size: u32, value: u64, segment: u32): void {
    if (Logical.isMarked(gva)) {
      const linear = Logical.translate(gva, size, segment, Want.Write);
      if (linear != NOWHERE) Memory.write(linear, size, value, segment);
      return;
    }
    if (!Memory.allowed(gva, size, segment)) return;
    const hpa = Memory.translate(gva, Want.Write);
    if (hpa == NOWHERE || !Memory.quiet(hpa, size, Want.Write)) return;
    const rest = Memory.beyond(gva, size);
    if (rest == 0) Physical.write(hpa, size, value);
    else {
      const second = Memory.translate(gva + (size - rest), Want.Write);
      if (second == NOWHERE || !Memory.quiet(second, rest, Want.Write)) return;
      Memory.scatter(hpa, second, size, rest, value);
    }
    Debug.data(gva, size, true);
  }

  /** Reads a system structure (descriptor tables, TSS): implicit supervisor access at any CPL. */
  static readSystem(gva: u64, size: u32): u64 {
    const place = Tlb.find(TLB_READ, gva, size, load<u64>(SYSTEM_CONTEXT));
    return place != 0 ? Memory.load(place, size) : Memory.readSystemSlow(gva, size);
  }
  /** The same for 8 bytes, where it pays to have the hit in place. */
  @inline static readSystem64(gva: u64): u64 {
    const place = Tlb.find(TLB_READ, gva, 8, load<u64>(SYSTEM_CONTEXT));
    return place != 0 ? load<u64>(place) : Memory.readSystemSlow(gva, 8);
  }
  static readSystemSlow(gva: u64, size: u32): u64 {
    const rest = Memory.beyond(gva, size);
    const hpa = Memory.translateSystem(gva, Want.Read);
    if (hpa == NOWHERE) return 0;
    if (rest == 0) return Physical.read(hpa, size);
    const second = Memory.translateSystem(gva + (size - rest), Want.Read);
    return second == NOWHERE ? 0 : Memory.gather(hpa, second, size, rest);
  }

  /** Writes to the frame that an event or a gate leaves on the stack of an inner ring: data breakpoints see it. */
  static writeFrame(gva: u64, size: u32, value: u64): void {
    Memory.writeSystem(gva, size, value);
    if (!Event.raised()) Debug.data(gva, size, true);
  }
  /** Writes a system structure. */
  static writeSystem(gva: u64, size: u32, value: u64): void {
    const place = Tlb.find(TLB_WRITE, gva, size, load<u64>(SYSTEM_CONTEXT));
    if (place != 0) Memory.store(place, size, value);
    else Memory.writeSystemSlow(gva, size, value);
  }
  static writeSystemSlow(gva: u64, size: u32, value: u64): void {
    const rest = Memory.beyond(gva, size);
    const hpa = Memory.translateSystem(gva, Want.Write);
    if (hpa == NOWHERE) return;
    if (rest == 0) {
      Physical.write(hpa, size, value);
      return;
    }
    const second = Memory.translateSystem(gva + (size - rest), Want.Write);
    if (second != NOWHERE) Memory.scatter(hpa, second, size, rest, value);
  }

  /** HPA of the instruction byte at `address`, or NOWHERE with the fault raised. */
  static fetch(address: u64): u64 {
    const gva = Memory.wrap(address);
    const context = load<u64>(FETCH_CONTEXT);
    const frame = Tlb.frame(TLB_FETCH, gva, context);
    if (frame >= 0) return ((<u64>frame) << 12) | (gva & 0xfff);
    if (!Memory.isCanonical(gva)) {
      Memory.refuse(Vector.GP, Why.NonCanonical, gva);
      return NOWHERE;
    }
    const user = load<u32>(CPL) == 3;
    if (!Walk.translate(gva, Want.Fetch, user, false) || !GuestPhysical.settle(Want.Fetch)) {
      return Memory.fail(gva);
    }
    store<u64>(WALK_HPA, GuestPhysical.locate(load<u64>(WALK_HPA), false));
    Tlb.insert(TLB_FETCH, gva, context);
    return load<u64>(WALK_HPA);
  }

  /** Explicit access at the running CPL: HPA of `address`, or NOWHERE with #PF raised. */
  static translate(address: u64, want: Want): u64 {
    const gva = Memory.wrap(address);
    const context = load<u64>(DATA_CONTEXT);
    const array = want == Want.Write ? TLB_WRITE : TLB_READ;
    const frame = Tlb.frame(array, gva, context);
    if (frame < 0) return Memory.walk(gva, want, context, load<u32>(CPL) == 3, false);
    if (want == Want.Write) Tlb.refresh(gva, context, <u32>frame);
    return ((<u64>frame) << 12) | (gva & 0xfff);
  }

  /** Implicit supervisor access: HPA of `address`, or NOWHERE with the fault raised. */
  static translateSystem(address: u64, want: Want): u64 {
    const gva = load<u32>(PAGING_MODE) == PagingMode.FourLevel ? address : address & LINEAR32;
    if (!Memory.isCanonical(gva)) {
      Memory.refuse(Vector.GP, Why.NonCanonical, gva);
      return NOWHERE;
    }
    const context = load<u64>(SYSTEM_CONTEXT);
    const array = want == Want.Write ? TLB_WRITE : TLB_READ;
    const frame = Tlb.frame(array, gva, context);
    if (frame >= 0) return ((<u64>frame) << 12) | (gva & 0xfff);
    return Memory.walk(gva, want, context, false, true);
  }

  static walk(gva: u64, want: Want, context: u64, user: bool, implicit: bool): u64 {
    const dropped = load<u32>(CODE_PAGE_FREE);
    if (!Walk.translate(gva, want, user, implicit) || !GuestPhysical.settle(want)) {
      return Memory.fail(gva);
    }
    if (load<u32>(CODE_PAGE_FREE) != dropped && load<u32>(STEPPING) == 0) {
      // Setting A or D has changed decoded code, perhaps that of the running block.
      store<u32>(RAISED, Raised.Alone);
      return NOWHERE;
    }
    if ((load<u64>(WALK_HPA) & ~(<u64>0xfff)) == load<u64>(APIC_PAGE)) {
      store<u64>(WALK_HPA, LOCAL_APIC | (gva & 0xfff));
    }
    const address = load<u64>(WALK_HPA);
    store<u64>(WALK_HPA, Dram.route(GuestPhysical.locate(address, false)));
    Tlb.insert(TLB_READ, gva, context);
    if (want == Want.Write) {
      store<u64>(WALK_HPA, Dram.route(GuestPhysical.locate(address, true)));
      Tlb.insert(TLB_WRITE, gva, context);
    }
    return load<u64>(WALK_HPA);
  }

  /** Raises what a failed walk for `gva` asks for: #PF, or the VM exit that EPT is for. */
  static fail(gva: u64): u64 {
    if (Ept.isRefused()) Ept.exit(gva);
    else Event.pageFault(gva, load<u32>(WALK_ERROR));
    return NOWHERE;
  }

  /** Outside 64-bit mode the linear addresses of code and its accesses have 32 bits (SDM 3A 3.3.1). */
  @inline static wrap(address: u64): u64 {
    return Mode.isLong() ? address : address & LINEAR32;
  }

  /** Canonical, 4 GiB and alignment checks of an explicit access. */
  static allowed(gva: u64, size: u32, segment: u32): bool {
    if (!Memory.isCanonical(gva)) return Memory.nonCanonical(gva, segment);
    if (!Mode.isLong() && Logical.exceeds(gva, size, segment)) {
      return Memory.refuse(Memory.vectorOf(segment), Why.SegmentLimit, gva);
    }
    if ((gva & (size - 1)) != 0 && Memory.checksAlignment()) {
      return Memory.refuse(Vector.AC, Why.Misaligned, gva);
    }
    const last = gva + (size - 1);
    return Memory.isCanonical(last) || Memory.nonCanonical(last, segment);
  }

  static nonCanonical(gva: u64, segment: u32): bool {
    return Memory.refuse(Memory.vectorOf(segment), Why.NonCanonical, gva);
  }
  /** What a bad address in `segment` raises. */
  @inline static vectorOf(segment: u32): u32 {
    return segment == SEGMENT_SS ? Vector.SS : Vector.GP;
  }

  /** Raises `vector`(0) for the linear address `gva`; returns false. */
  static refuse(vector: u32, reason: Why, gva: u64): bool {
    Event.why(reason, 0, gva, 0);
    Event.selectorFault(vector, 0, reason);
    return false;
  }

  static checksAlignment(): bool {
    return load<u32>(CPL) == 3 && (load<u32>(RFLAGS) & AC) != 0 && (load<u32>(CR0) & CR0_AM) != 0;
  }

  /** Bits 63:47 are equal: 48-bit linear addresses (SDM 1 3.3.7.1). */
  @inline static isCanonical(gva: u64): bool {
    return <u64>(<i64>(gva << 16) >> 16) == gva;
  }

  /** Bytes of the access that lie behind the end of the page of `gva`. */
  @inline static beyond(gva: u64, size: u32): u32 {
    const end = (<u32>gva & 0xfff) + size;
    return end > 0x1000 ? end - 0x1000 : 0;
  }

  /** The access disturbs nothing that a block relies on; else it waits until the instruction runs alone. */
  static quiet(hpa: u64, size: u32, want: Want): bool {
    if (load<u32>(STEPPING) != 0) return true;
    if (Physical.isRam(hpa)) {
      if (want != Want.Write || (load<u8>(FRAME_FLAGS + <usize>(hpa >> 12)) & FRAME_CODE_BIT) == 0)
        return true;
      if (!Physical.holdsCode(hpa, size)) return true;
    }
    store<u32>(RAISED, Raised.Alone);
    return false;
  }

  /** Little-endian value of which the last `rest` of `size` bytes lie at `second`. */
  static gather(first: u64, second: u64, size: u32, rest: u32): u64 {
    let value: u64 = 0;
    for (let n: u32 = 0; n < size; n++) {
      const head = size - rest;
      const hpa = n < head ? first + n : second + (n - head);
      value |= Physical.read(hpa, 1) << (n << 3);
    }
    return value;
  }

  static scatter(first: u64, second: u64, size: u32, rest: u32, value: u64): void {
    for (let n: u32 = 0; n < size; n++) {
      const head = size - rest;
      const hpa = n < head ? first + n : second + (n - head);
      Physical.write(hpa, 1, value >> (n << 3));
    }
  }

  @inline static load(place: usize, size: u32): u64 {
    if (size == 8) return load<u64>(place);
    if (size == 4) return <u64>load<u32>(place);
    return size == 2 ? <u64>load<u16>(place) : <u64>load<u8>(place);
  }
  @inline static store(place: usize, size: u32, value: u64): void {
    if (size == 8) store<u64>(place, value);
    else if (size == 4) store<u32>(place, <u32>value);
    else if (size == 2) store<u16>(place, <u16>value);
    else store<u8>(place, <u8>value);
  }
}
