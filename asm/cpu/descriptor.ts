/**
 * Descriptors and the tables that hold them (SDM 3A 3.4.5 Segment Descriptors, 3.5 System Descriptor
 * Types, 5.8.3 Call Gates). A descriptor travels as the u64 that stands in memory; system descriptors
 * have a second u64 in long mode.
 *
 * Access rights are kept as a VMCS holds them (layout: SEG_ACCESS): bits 47:40 and 55:52 of the
 * descriptor moved to 7:0 and 15:12.
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
import { Event, Vector } from './event';

export const ACCESS_ACCESSED: u32 = 1 << 0; // code and data: was loaded
export const ACCESS_WRITABLE: u32 = 1 << 1; // data
export const ACCESS_READABLE: u32 = 1 << 1; // code
export const ACCESS_BUSY: u32 = 1 << 1; // TSS
export const ACCESS_CONFORMING: u32 = 1 << 2; // code
export const ACCESS_CODE: u32 = 1 << 3; // code, not data
export const ACCESS_S: u32 = 1 << 4; // code or data, not system
export const ACCESS_P: u32 = 1 << 7; // present
export const ACCESS_L: u32 = 1 << 13; // 64-bit code
export const ACCESS_DB: u32 = 1 << 14; // 32-bit code or stack
export const ACCESS_G: u32 = 1 << 15; // limit in pages
export const ACCESS_UNUSABLE: u32 = 1 << 16; // loaded with a null selector
const ACCESS_BITS: u32 = 0xf0ff;

/** Types of system descriptors, bits 3:0 of the access rights where S is clear. */
export enum SystemType {
  Tss16 = 1,
  Ldt = 2,
  Tss16Busy = 3,
  CallGate16 = 4,
  TaskGate = 5,
  InterruptGate16 = 6,
  TrapGate16 = 7,
  Tss = 9,
  TssBusy = 11,
  CallGate = 12,
  InterruptGate = 14,
  TrapGate = 15,
}

/** Selector bits. */
export const SELECTOR_RPL: u32 = 3;
export const SELECTOR_TI: u32 = 4;
/** What of a selector goes into an error code. */
const ERROR_SELECTOR: u32 = 0xfffc;

/** Fields of a descriptor. */
export class Descriptor {
  @inline static access(low: u64): u32 {
    return <u32>(low >> 40) & ACCESS_BITS;
  }
  @inline static base(low: u64): u64 {
    return ((low >> 16) & 0xffffff) | ((low >> 56) << 24);
  }
  /** Base of a system descriptor, whose upper half is `high`. */
  @inline static systemBase(low: u64, high: u64): u64 {
    return Descriptor.base(low) | (high << 32);
  }
  /** Last valid offset, in bytes. */
  @inline static limit(low: u64): u32 {
    const limit = (<u32>low & 0xffff) | (<u32>(low >> 32) & 0xf0000);
    return Descriptor.access(low) & ACCESS_G ? (limit << 12) | 0xfff : limit;
  }
  @inline static dpl(access: u32): u32 {
    return (access >> 5) & 3;
  }
  /** Type of a system descriptor, 0 for code and data. */
  @inline static systemType(access: u32): u32 {
    return access & ACCESS_S ? 0 : access & 15;
  }
  @inline static isCode(access: u32): bool {
    return (access & (ACCESS_S | ACCESS_CODE)) == (ACCESS_S | ACCESS_CODE);
  }
  @inline static isConforming(access: u32): bool {
    return Descriptor.isCode(access) && (access & ACCESS_CONFORMING) != 0;
  }
  @inline static isWritable(access: u32): bool {
    return (access & (ACCESS_S | ACCESS_CODE | ACCESS_WRITABLE)) == (ACCESS_S | ACCESS_WRITABLE);
  }
  @inline static isReadable(access: u32): bool {
    if (!(access & ACCESS_S)) return false;
    return (access & ACCESS_CODE) == 0 || (access & ACCESS_READABLE) != 0;
  }
  /** 64-bit code: L set, D clear. */
  @inline static isLongCode(access: u32): bool {
    return Descriptor.isCode(access) && (access & (ACCESS_L | ACCESS_DB)) == ACCESS_L;
  }
}

/** Fields of a gate: call, interrupt, trap. */
export class Gate {
  @inline static selector(low: u64): u32 {
    return <u32>(low >> 16) & 0xffff;
  }
  /** Entry point; `high` is 0 outside long mode. */
  @inline static offset(low: u64, high: u64): u64 {
    return (low & 0xffff) | ((low >> 32) & 0xffff0000) | (high << 32);
  }
  @inline static ist(low: u64): u32 {
    return <u32>(low >> 32) & 7;
  }
}

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

  /** Sets the accessed bit in memory, as loading a code or data segment does; may raise. */
  @inline static touch(selector: u32, low: u64): void {
    if (!(Descriptor.access(low) & ACCESS_ACCESSED)) Table.setType(selector, low, ACCESS_ACCESSED);
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
