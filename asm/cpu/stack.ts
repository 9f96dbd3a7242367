/**
 * The stack: its width by mode (SDM 1 6.2.3 Address-Size Attributes for Stack Accesses), the linear
 * address of what the stack pointer points at, reads and writes through SS.
 */

import { Why } from '../gen/why';
import { CODE_MODE } from '../layout';
import { Logical } from '../mmu/logical';
import { Memory, SEGMENT_SS } from '../mmu/memory';
import { ACCESS_DB } from './descriptor';
import { Event, Vector } from './event';
import { CodeMode, Mode } from './mode';
import { Register } from './operand';
import { Segment } from './segment';

const RSP: u32 = 4;
const RBP: u32 = 5;

export class Stack {
  /** Bits of the stack pointer that count: all in 64-bit code, else by SS.B. */
  @inline static mask(): u64 {
    if (Mode.isLong()) return ~(<u64>0);
    return Segment.access(SEGMENT_SS) & ACCESS_DB ? 0xffffffff : 0xffff;
  }
  /** The stack pointer has 32 bits or more. */
  @inline static isWide(): bool {
    return Stack.mask() != 0xffff;
  }
  /** Address of `offset` in the stack segment, as Memory takes it. */
  @inline static linear(offset: u64): u64 {
    return Mode.isLong() ? offset : Logical.address(offset & Stack.mask(), SEGMENT_SS);
  }
  @inline static pointer(): u64 {
    return Register.get(RSP);
  }
  /** Stack pointer moved to `value`. */
  @inline static setPointer(value: u64): void {
    Register.set(RSP, Stack.moved(value));
  }
  /** RSP as it is once the stack pointer is `value`: of a 16-bit one the bits that do not count are kept. */
  @inline static moved(value: u64): u64 {
    const mask = Stack.mask();
    return mask == 0xffff ? (Register.get(RSP) & ~mask) | (value & mask) : value & mask;
  }
  @inline static frame(): u64 {
    return Register.get(RBP);
  }

  /** `slots` slots of `size` bytes from `offset` on are canonical, or within the limit of SS; else #SS(0). */
  static holds(offset: u64, slots: u32, size: u32): bool {
    if (Mode.isLong()) return Stack.isCanonical(offset, slots, size, 0);
    const limit = Segment.limit(SEGMENT_SS);
    const access = Segment.access(SEGMENT_SS);
    if (Logical.within(limit, access, offset & Stack.mask(), slots * size)) return true;
    for (let n: u32 = 0; n < slots; n++) {
      const place = (offset + n * size) & Stack.mask();
      if (Logical.within(limit, access, place, size)) continue;
      Event.selectorFault(Vector.SS, 0, Why.SegmentLimit);
      return false;
    }
    return true;
  }

  /** The same on a stack of 64-bit code, with the error code for #SS. */
  static isCanonical(offset: u64, slots: u32, size: u32, error: u32): bool {
    if (Memory.isCanonical(offset) && Memory.isCanonical(offset + slots * size - 1)) return true;
    Event.selectorFault(Vector.SS, error, Why.StackNotCanonical);
    return false;
  }

  /** Reads `size` bytes at `offset`; may raise. */
  @inline static read(offset: u64, size: u32): u64 {
    return Memory.read(Stack.linear(offset), size, SEGMENT_SS);
  }
  /** Writes `size` bytes at `offset`; may raise. */
  static write(offset: u64, size: u32, value: u64): void {
    Memory.write(Stack.linear(offset), size, value, SEGMENT_SS);
  }
  /**
   * Writes 8 bytes of a frame through a gate of long mode as 64-bit code writes them, also while compatibility code
   * runs, whose own addresses have 32 bits; may raise.
   */
  static writeWide(place: u64, value: u64): void {
    const mode = load<u32>(CODE_MODE);
    store<u32>(CODE_MODE, CodeMode.Long);
    Memory.write(place, 8, value, SEGMENT_SS);
    store<u32>(CODE_MODE, mode);
  }
  /** Pushes `size` bytes; the pointer moves only if nothing was raised. */
  static push(size: u32, value: u64): void {
    const offset = Stack.pointer() - size;
    Stack.write(offset, size, value);
    if (!Event.raised()) Stack.setPointer(offset);
  }
}
