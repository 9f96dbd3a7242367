/**
 * Shifts (SDM 2B SAL/SAR/SHL/SHR, SHLD, SHRD). The count is masked to 5 bits, 6 for 64-bit operands; a
 * count of 0 changes no flag. What the manual leaves undefined is as on Intel processors: OF as a shift
 * by one would set it, whatever the count; AF 0; 16-bit SHLD and SHRD by more than 16 go on into the
 * first operand.
 */

import { Event } from '../cpu/event';
import { CF, Flags, OF } from '../cpu/flags';
import { Operand } from '../cpu/operand';
import { Sign, Width } from './width';

export class Shift {
  @inline static shl<T>(a: T, count: u8): T {
    const n = Shift.masked<T>(count);
    if (n == 0) return a;
    const last = (<u64>a) << (n - 1);
    const result = <T>(last << 1);
    const carry = <u32>(last >> (sizeof<T>() * 8 - 1)) & CF;
    Flags.setResult<T>(result, carry | Sign.overflow<T>(a ^ (a << 1)));
    return result;
  }
  @inline static shr<T>(a: T, count: u8): T {
    const n = Shift.masked<T>(count);
    if (n == 0) return a;
    const last = <u64>a >> (n - 1);
    const result = <T>(last >> 1);
    Flags.setResult<T>(result, (<u32>last & CF) | Sign.overflow<T>(a));
    return result;
  }
  @inline static sar<T>(a: T, count: u8): T {
    const n = Shift.masked<T>(count);
    if (n == 0) return a;
    const last = Flags.extend<T>(a) >> (n - 1);
    const result = <T>(last >> 1);
    Flags.setResult<T>(result, <u32>last & CF);
    return result;
  }
  @inline static masked<T>(count: u8): u32 {
    return <u32>count & (sizeof<T>() == 8 ? 63 : 31);
  }
}

export function shld(i: usize): void {
  const a = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const b = Operand.read(i, 1);
  const n = <u64>(<u32>Operand.read(i, 2) & (width == 8 ? 63 : 31));
  if (n == 0) return Operand.write(i, 0, a);
  const bits = <u64>(width << 3);
  let result: u64;
  let carry: u64;
  if (width == 2) {
    const line = threeWords(a, b);
    result = (line << n) >> 32;
    carry = line >> (48 - n);
  } else {
    result = (a << n) | (b >> (bits - n));
    carry = a >> (bits - n);
  }
  Operand.write(i, 0, result);
  setFlags(result, width, carry, a ^ (a << 1));
}

export function shrd(i: usize): void {
  const a = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const b = Operand.read(i, 1);
  const n = <u64>(<u32>Operand.read(i, 2) & (width == 8 ? 63 : 31));
  if (n == 0) return Operand.write(i, 0, a);
  const bits = <u64>(width << 3);
  const line = width == 2 ? threeWords(a, b) : a;
  const result = width == 2 ? line >> n : (a >> n) | (b << (bits - n));
  Operand.write(i, 0, result);
  setFlags(result, width, line >> (n - 1), a ^ (b << (bits - 1)));
}

/** The 48 bits that a 16-bit double shift moves through. */
function threeWords(a: u64, b: u64): u64 {
  return (a << 32) | (b << 16) | a;
}

/** Status flags of a double shift: CF from bit 0 of `carry`, OF from the sign bit of `change`. */
function setFlags(result: u64, width: u32, carry: u64, change: u64): void {
  const others = (<u32>carry & CF) | (Width.sign(change, width) ? OF : 0);
  Flags.setResult<u64>(Width.signExtend(result, width), others);
}
