/**
 * Arithmetic on values whose width is known only when the handler runs: they travel zero-extended in a
 * u64, `width` counts bytes. And the sign bit of a value as RFLAGS wants it, for value functions.
 */

import { OF, SF, ZF } from '../cpu/flags';

export class Width {
  /** The low `width` bytes of `value`. */
  @inline static truncate(value: u64, width: u32): u64 {
    const unused = 64 - (width << 3);
    return (value << unused) >> unused;
  }
  /** The low `width` bytes of `value`, sign-extended. */
  @inline static signExtend(value: u64, width: u32): u64 {
    const unused = 64 - (width << 3);
    return <u64>(<i64>(value << unused) >> unused);
  }
  /** The sign bit of `value`, 0 or 1. */
  @inline static sign(value: u64, width: u32): u32 {
    return <u32>(value >> ((width << 3) - 1)) & 1;
  }
  /** The bytes of `value` in opposite order. */
  @inline static reverse(value: u64, width: u32): u64 {
    return bswap<u64>(value) >> (64 - (width << 3));
  }
  /** SF and ZF of `value` in RFLAGS positions. */
  static signZero(value: u64, width: u32): u32 {
    const zero: u32 = Width.truncate(value, width) == 0 ? ZF : 0;
    return zero | (Width.sign(value, width) ? SF : 0);
  }
}

export class Sign {
  /** OF if the sign bit of `value` is set, else 0. */
  @inline static overflow<T>(value: T): u32 {
    if (sizeof<T>() == 1) return ((<u32>value) << 4) & OF;
    if (sizeof<T>() == 2) return (<u32>value >> 4) & OF;
    if (sizeof<T>() == 4) return (<u32>value >> 20) & OF;
    return <u32>(value >> 52) & OF;
  }
}
