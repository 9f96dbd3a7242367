/**
 * Rotates (SDM 2B RCL/RCR/ROL/ROR). They change only CF and OF, and nothing when the masked count is 0.
 * OF, defined for a count of one, is for every count what the first step sets, as on Intel processors.
 */

import { Event } from '../cpu/event';
import { CF, Flags, OF } from '../cpu/flags';
import { Operand } from '../cpu/operand';
import { Shift } from './shift';
import { Sign, Width } from './width';

export class Rotate {
  @inline static rol<T>(a: T, count: u8): T {
    const n = Shift.masked<T>(count);
    if (n == 0) return a;
    const result = rotl<T>(a, <T>(n & (<u32>sizeof<T>() * 8 - 1)));
    Flags.changeInline(CF | OF, (<u32>result & CF) | Sign.overflow<T>(a ^ (a << 1)));
    return result;
  }
  @inline static ror<T>(a: T, count: u8): T {
    const n = Shift.masked<T>(count);
    if (n == 0) return a;
    const top = <u32>sizeof<T>() * 8 - 1;
    const result = rotr<T>(a, <T>(n & top));
    const carry = <u32>(result >> <T>top) & CF;
    Flags.changeInline(CF | OF, carry | Sign.overflow<T>(a ^ (a << (<T>top))));
    return result;
  }
}

/** Rotates left through CF. */
export function rcl(i: usize): void {
  const a = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const n = carryCount(i, width);
  if (n == 0) return Operand.write(i, 0, a);
  const bits = <u64>(width << 3);
  const around = n > 1 ? a >> (bits + 1 - n) : 0;
  const result = (a << n) | ((<u64>Flags.cf()) << (n - 1)) | around;
  Operand.write(i, 0, result);
  setCarries(width, a >> (bits - n), a ^ (a << 1));
}

/** Rotates right through CF. */
export function rcr(i: usize): void {
  const a = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const n = carryCount(i, width);
  if (n == 0) return Operand.write(i, 0, a);
  const bits = <u64>(width << 3);
  const carry = <u64>Flags.cf();
  const around = n > 1 ? a << (bits + 1 - n) : 0;
  const result = (a >> n) | (carry << (bits - n)) | around;
  Operand.write(i, 0, result);
  setCarries(width, a >> (n - 1), a ^ (carry << (bits - 1)));
}

/** Steps of a rotation through CF: width + 1 bits go round. */
function carryCount(i: usize, width: u32): u64 {
  const count = <u32>Operand.read(i, 1);
  return <u64>(width == 8 ? count & 63 : (count & 31) % ((width << 3) + 1));
}

/** CF from bit 0 of `carry`, OF from the sign bit of `change`. */
function setCarries(width: u32, carry: u64, change: u64): void {
  Flags.change(CF | OF, (<u32>carry & CF) | (Width.sign(change, width) ? OF : 0));
}
