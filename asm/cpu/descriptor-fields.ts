/**
 * Fields of descriptors and gates (SDM 3A 3.4.5 Segment Descriptors, 3.5 System Descriptor Types, 5.8.3 Call
 * Gates). A descriptor travels as the u64 that stands in memory; system descriptors have a second u64 in
 * long mode.
 *
 * Access rights are kept as a VMCS holds them (layout: SEG_ACCESS): bits 47:40 and 55:52 of the
 * descriptor moved to 7:0 and 15:12.
 */

export const ACCESS_ACCESSED: u32 = 1 << 0; // code and data: was loaded
export const ACCESS_WRITABLE: u32 = 1 << 1; // data
export const ACCESS_READABLE: u32 = 1 << 1; // code
export const ACCESS_BUSY: u32 = 1 << 1; // TSS
export const ACCESS_DOWN: u32 = 1 << 2; // data: valid offsets lie above the limit
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
  /** Writable data that does not expand down: nothing but the limit restricts its use. */
  @inline static isOpen(access: u32): bool {
    const bits = ACCESS_UNUSABLE | ACCESS_S | ACCESS_CODE | ACCESS_DOWN | ACCESS_WRITABLE;
    return (access & bits) == (ACCESS_S | ACCESS_WRITABLE);
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
  /** A call gate outside long mode copies so many parameters. */
  @inline static parameters(low: u64): u32 {
    return <u32>(low >> 32) & 31;
  }
  /** Types of gates that hold 16 bits of the entry point and push words. */
  @inline static isNarrow(type: u32): bool {
    return type < <u32>SystemType.Tss;
  }
  /** Entry point of a gate of `type` outside long mode. */
  @inline static legacyOffset(low: u64, type: u32): u64 {
    return Gate.isNarrow(type) ? low & 0xffff : Gate.offset(low, 0);
  }
}
