/**
 * Operands of a record, for handlers that are written once for all shapes and sizes. `n` counts the row's
 * operands from 0. Values travel zero-extended in a u64; widths are bytes. The hot handlers that
 * asm/gen/dispatch.ts expands do not come here.
 */

import { CODE_PAGE, REGS, SEG_BASE, SEG_BYTES, SEGS } from '../layout';
import { Logical } from '../mmu/logical';
import { Memory, SEGMENT_FS, SEGMENT_GS } from '../mmu/memory';
import { Mode } from './mode';
import {
  REC_ABSOLUTE,
  REC_ADDRESS16,
  REC_ADDRESS32,
  REC_INDIRECT,
  REC_RIP,
  REC_SEGMENTED,
  Rec,
} from './record';

/** Kinds of operand in a decode-table entry (src/isa/decode-table.ts). */
const KIND_IMMEDIATE: u32 = 3;
const KIND_MOFFS: u32 = 6;
const KIND_ONE: u32 = 10;
const SLOT_RM: u32 = 2;

const OPERANDS: usize = 12;

export class Operand {
  /** Width in bytes of operand n: of the memory form if it is in memory. */
  static width(i: usize, n: u32): u32 {
    const place = Rec.entry(i) + OPERANDS + (n << 2);
    const code = Operand.isMemory(i, n) ? load<u8>(place, 3) : load<u8>(place, 2);
    return code < 5 ? (<u32>1) << code : Rec.size(i);
  }

  /** Operand n is in memory. */
  @inline static isMemory(i: usize, n: u32): bool {
    if (!Rec.hasMemory(i)) return false;
    const place = Rec.entry(i) + OPERANDS + (n << 2);
    return load<u8>(place, 1) == SLOT_RM || load<u8>(place) == KIND_MOFFS;
  }

  /** Value of operand n; may raise. */
  static read(i: usize, n: u32): u64 {
    const place = Rec.entry(i) + OPERANDS + (n << 2);
    const kind = load<u8>(place);
    if (kind == KIND_IMMEDIATE) return Rec.imm(i);
    if (kind == KIND_ONE) return 1;
    const width = Operand.width(i, n);
    if (Operand.isMemory(i, n)) return Memory.read(Address.linear(i), width, Rec.segment(i));
    return Register.read(Rec.reg(i, n), width);
  }

  /** Value of operand n, which will be written back: raises what the write would raise. */
  static readForWrite(i: usize, n: u32): u64 {
    if (!Operand.isMemory(i, n)) return Operand.read(i, n);
    return Memory.readForWrite(Address.linear(i), Operand.width(i, n), Rec.segment(i));
  }

  /** Writes operand n; 32-bit registers are zero-extended. May raise. */
  static write(i: usize, n: u32, value: u64): void {
    const width = Operand.width(i, n);
    if (Operand.isMemory(i, n)) Memory.write(Address.linear(i), width, value, Rec.segment(i));
    else Register.write(Rec.reg(i, n), width, value);
  }
}

export class Register {
  @inline static place(number: u32): usize {
    return REGS + (number << 3);
  }
  /** General register by number, all 64 bits. */
  @inline static get(number: u32): u64 {
    return load<u64>(Register.place(number));
  }
  @inline static set(number: u32, value: u64): void {
    store<u64>(Register.place(number), value);
  }
  /** The `width` bytes at `place`, which may be a high byte register. */
  static read(place: usize, width: u32): u64 {
    if (width == 8) return load<u64>(place);
    if (width == 4) return <u64>load<u32>(place);
    return width == 2 ? <u64>load<u16>(place) : <u64>load<u8>(place);
  }
  /** Writes `width` bytes as x86 does: 4 clears the upper half, 1 and 2 leave the rest. */
  static write(place: usize, width: u32, value: u64): void {
    if (width == 8) store<u64>(place, value);
    else if (width == 4) store<u64>(place, <u64>(<u32>value));
    else if (width == 2) store<u16>(place, <u16>value);
    else store<u8>(place, <u8>value);
  }
}

export class Address {
  /** Linear address (GVA) of the memory operand, as Memory takes it (mmu/logical.ts). */
  @inline static linear(i: usize): u64 {
    const sum = Address.sum(i);
    const flags = Rec.flags(i) & REC_INDIRECT;
    if (flags == 0) return sum;
    return flags == REC_ADDRESS32 ? <u64>(<u32>sum) : Address.resolve(i, sum);
  }
  /** base + index * scale + disp, with no width, segment or RIP applied. */
  @inline static sum(i: usize): u64 {
    return (
      load<u64>(load<u8>(i, 12), REGS) +
      (load<u64>(load<u8>(i, 13), REGS) << load<u8>(i, 14)) +
      <u64>(<i64>load<i32>(i, 8))
    );
  }
  /** Offset within the segment: what LEA gives. */
  static effective(i: usize, sum: u64): u64 {
    const flags = Rec.flags(i);
    let offset = flags & REC_ABSOLUTE ? Rec.imm(i) : sum;
    if (flags & REC_RIP) offset += Rec.offset(i) + Rec.length(i);
    if (flags & REC_ADDRESS32) offset = <u64>(<u32>offset);
    else if (flags & REC_ADDRESS16) offset = <u64>(<u16>offset);
    return offset;
  }
  /** The linear address where the sum is not yet it. */
  static resolve(i: usize, sum: u64): u64 {
    const offset = Address.effective(i, sum);
    return Rec.flags(i) & REC_SEGMENTED ? Address.inSegment(offset, Rec.segment(i)) : offset;
  }
  /** Address of `offset` in a segment: in 64-bit mode only FS and GS have a base. */
  static inSegment(offset: u64, segment: u32): u64 {
    if (!Mode.isLong()) return Logical.address(offset, segment);
    if (segment != SEGMENT_FS && segment != SEGMENT_GS) return offset;
    return offset + load<u64>(SEGS + segment * SEG_BYTES, SEG_BASE);
  }
}

/** RIP around the record that runs. */
export class Place {
  /** GVA of the instruction. */
  @inline static current(i: usize): u64 {
    return load<u64>(CODE_PAGE) + Rec.offset(i);
  }
  /** GVA of the next instruction. */
  @inline static next(i: usize): u64 {
    return load<u64>(CODE_PAGE) + Rec.offset(i) + Rec.length(i);
  }
}
