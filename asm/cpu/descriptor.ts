/**
 * The tables that hold descriptors (SDM 3A 3.5.1 Segment Descriptor Tables): reading one, and refusing it with the
 * selector as error code. The fields of descriptors come from here too.
 */

import { Why } from '../gen/why';
import {
  CR0,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  SEG_ACCESS,
  SEG_BASE,
  SEG_BYTES,
  SEG_LIMIT,
  SEGS,
} from '../layout';
import { Memory, SEGMENT_LDTR } from '../mmu/memory';
import { CR0_PE, EFER_LMA } from './control';
import { ACCESS_ACCESSED, ACCESS_UNUSABLE, Descriptor } from './descriptor-fields';
import { Event, Vector } from './event';

export * from './descriptor-fields';

/** Selector bits. */
export const SELECTOR_RPL: u32 = 3;
export const SELECTOR_TI: u32 = 4;
/** What of a selector goes into an error code. */
const ERROR_SELECTOR: u32 = 0xfffc;

/** The GDT and the LDT. */
export class Table {
  @inline static isLong(): bool {
    return (load<u32>(EFER) & EFER_LMA) != 0;
  }
  @inline static isProtected(): bool {
    return (load<u32>(CR0) & CR0_PE) != 0;
  }

  @inline static isNull(selector: u32): bool {
    return (selector & ERROR_SELECTOR) == 0;
  }

  /** GVA of the descriptor that `selector` names. */
  @inline static address(selector: u32): u64 {
    const offset = <u64>(selector & 0xfff8);
    if (!(selector & SELECTOR_TI)) return load<u64>(GDTR_BASE) + offset;
    return load<u64>(SEGS + SEGMENT_LDTR * SEG_BYTES, SEG_BASE) + offset;
  }

  /** `bytes` bytes of the descriptor lie within the table's limit. */
  @inline static holds(selector: u32, bytes: u32): bool {
    const last = (selector & 0xfff8) + bytes - 1;
    if (!(selector & SELECTOR_TI)) return last <= load<u32>(GDTR_LIMIT);
    const ldt = SEGS + SEGMENT_LDTR * SEG_BYTES;
    return (load<u32>(ldt, SEG_ACCESS) & ACCESS_UNUSABLE) == 0 && last <= load<u32>(ldt, SEG_LIMIT);
  }

  /** Descriptor that `selector` names; raises `vector`(selector) outside the table. `ext` is the EXT bit. */
  @inline static read(selector: u32, vector: u32, ext: u32): u64 {
    if (!Table.holds(selector, 8)) {
      Table.refuse(vector, selector, ext, Why.TableLimit, 0, 0);
      return 0;
    }
    return Memory.readSystem64(Table.address(selector));
  }

  /** Upper half of a system descriptor: 0 outside long mode, where it has none. */
  static readUpper(selector: u32, vector: u32, low: u64): u64 {
    if (!Table.isLong()) return 0;
    if (!Table.holds(selector, 16)) {
      Table.refuse(vector, selector, 0, Why.TableLimit, low, 0);
      return 0;
    }
    const high = Memory.readSystem(Table.address(selector) + 8, 8);
    if (!Event.raised() && (<u32>(high >> 40) & 0x1f) != 0) {
      Table.refuse(vector, selector, 0, Why.DescriptorReserved, low, high);
    }
    return high;
  }

  /** Sets the accessed bit in memory, as loading a code or data segment does; false if that raised. */
  @inline static touch(selector: u32, low: u64): bool {
    if (Descriptor.access(low) & ACCESS_ACCESSED) return true;
    Table.setType(selector, low, ACCESS_ACCESSED);
    return !Event.raised();
  }
  /** Sets bits of the type in memory; may raise. */
  @inline static setType(selector: u32, low: u64, bits: u32): void {
    Memory.writeSystem(Table.address(selector) + 5, 1, (low >> 40) | bits);
  }

  /** Raises `vector` with the selector as error code, noting the descriptor; returns false. */
  static refuse(vector: u32, selector: u32, ext: u32, why: Why, low: u64, high: u64): bool {
    Event.why(why, Table.address(selector), low, high);
    Event.selectorFault(vector, (selector & ERROR_SELECTOR) | ext, why);
    return false;
  }
  /** #GP with the selector as error code. */
  @inline static gp(selector: u32, ext: u32, why: Why, low: u64): bool {
    return Table.refuse(Vector.GP, selector, ext, why, low, 0);
  }
}
