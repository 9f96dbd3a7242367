/**
 * A decoded instruction: RECORD bytes in the code cache. The decoder writes it, handlers read it.
 *
 *    0 u16 handler   case of the dispatch switch
 *    2 u8  length    bytes of the instruction
 *    3 u8  flags     REC_ bits below
 *    4 u8  r0 r1 r2  byte offsets from REGS of the first three operands' registers
 *    7 u8  left      instructions from this one to the end of its block, this one included
 *    8 i32 disp      of the memory operand
 *   12 u8  base      byte offset from REGS, REG_ZERO for none, REG_PAGE for RIP-relative
 *   13 u8  index     byte offset from REGS, REG_ZERO for none
 *   14 u8  scale     shift of the index
 *   15 u8  segment   number of the segment that the memory operand goes through
 *   16 u64 imm       immediate, extended as the row says; i32 displacement of a branch at 16, and its
 *                    fall-through successor u32 at 20
 *   24 u32 target    first record of the successor within the page, 0 while unknown
 *   28 u16 place     11:0 offset of the instruction in its page, 13:12 log2 of the operand size in
 *                    bytes, 15:14 repeat prefix (0 none, 1 F3, 2 F2)
 *   30 u16 entry     index into the decode table
 */

import { DECODE_ENTRIES, DECODE_HANDLERS, REGS } from '../layout';

export const RECORD: usize = 32;

/** A memory operand is there. */
export const REC_MEMORY: u32 = 1;
/** The segment has a base or a limit to apply. */
export const REC_SEGMENTED: u32 = 2;
/** The address is 32 bits wide; 16 bits wide. */
export const REC_ADDRESS32: u32 = 4;
export const REC_ADDRESS16: u32 = 8;
/** RIP-relative with a displacement that could not absorb the instruction's offset. */
export const REC_RIP: u32 = 16;
export const REC_LOCK: u32 = 32;
/** A 66 prefix, which changes what a far or system handler does. */
export const REC_OPERAND16: u32 = 64;
/** The address stands in imm (moffs). */
export const REC_ABSOLUTE: u32 = 128;
/** Any of these: base + index + disp is not yet the linear address. */
export const REC_INDIRECT: u32 =
  REC_SEGMENTED | REC_ADDRESS32 | REC_ADDRESS16 | REC_RIP | REC_ABSOLUTE;
/** Any of these: more than cutting the sum to 32 bits is to be done. */
export const REC_INVOLVED: u32 = REC_SEGMENTED | REC_ADDRESS16 | REC_RIP | REC_ABSOLUTE;

/** Reads the fields of the record at `i`. */
export class Rec {
  @inline static handler(i: usize): u32 {
    return load<u16>(i);
  }
  @inline static length(i: usize): u32 {
    return load<u8>(i, 2);
  }
  @inline static flags(i: usize): u32 {
    return load<u8>(i, 3);
  }
  @inline static hasMemory(i: usize): bool {
    return (load<u8>(i, 3) & REC_MEMORY) != 0;
  }
  /** Linear-memory address of operand n's register. */
  @inline static reg(i: usize, n: u32): usize {
    return REGS + load<u8>(i + n, 4);
  }
  /** Number of operand n, a segment, control or debug register. */
  @inline static number(i: usize, n: u32): u32 {
    return load<u8>(i + n, 4);
  }
  @inline static left(i: usize): u32 {
    return load<u8>(i, 7);
  }
  /** Byte offsets from REGS of base and index, REG_ZERO for none. */
  @inline static base(i: usize): u32 {
    return load<u8>(i, 12);
  }
  @inline static index(i: usize): u32 {
    return load<u8>(i, 13);
  }
  @inline static scale(i: usize): u32 {
    return load<u8>(i, 14);
  }
  @inline static segment(i: usize): u32 {
    return load<u8>(i, 15);
  }
  @inline static imm(i: usize): u64 {
    return load<u64>(i, 16);
  }
  @inline static place(i: usize): u32 {
    return load<u16>(i, 28);
  }
  /** Offset of the instruction in its page. */
  @inline static offset(i: usize): u32 {
    return load<u16>(i, 28) & 0xfff;
  }
  /** Operand size in bytes: 2, 4 or 8 (1 in rows of byte operands). */
  @inline static size(i: usize): u32 {
    return (<u32>1) << ((load<u16>(i, 28) >> 12) & 3);
  }
  /** 0 none, 1 REP or REPE, 2 REPNE. */
  @inline static repeat(i: usize): u32 {
    return load<u16>(i, 28) >> 14;
  }
  /** Address size in bytes. */
  @inline static addressSize(i: usize): u32 {
    const flags = load<u8>(i, 3);
    return flags & REC_ADDRESS32 ? 4 : flags & REC_ADDRESS16 ? 2 : 8;
  }
  /** The handler behind the privilege check. */
  @inline static entryHandler(i: usize): u32 {
    const place = DECODE_HANDLERS + ((<usize>load<u16>(i, 30)) << 3);
    return Rec.hasMemory(i) ? load<u16>(place, 2) : load<u16>(place);
  }
  /** The row names resources of the system that the instruction touches (src/isa/decode-table.ts, ENTRY.SENSITIVE). */
  @inline static isSensitive(i: usize): bool {
    return load<u8>(Rec.entry(i), 30) != 0;
  }
  /** Basic VM-exit reason that the row names, 0: none. */
  @inline static exitReason(i: usize): u32 {
    return load<u8>(Rec.entry(i), 31);
  }
  /** The decode-table entry that the instruction matched. */
  @inline static entry(i: usize): usize {
    return DECODE_ENTRIES + ((<usize>load<u16>(i, 30)) << 5);
  }
}
