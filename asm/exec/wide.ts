/**
 * 128-bit products and quotients out of 64-bit words (schoolbook, in 32-bit digits; Knuth, The Art of
 * Computer Programming 2, 4.3.1 algorithms M and D).
 */

const DIGIT: u64 = 0xffffffff;

/** Remainder of the last Wide.divide. */
let remainder: u64 = 0;

export class Wide {
  /** High 64 bits of a * b, unsigned. */
  static multiplyHigh(a: u64, b: u64): u64 {
    const a0 = a & DIGIT;
    const a1 = a >> 32;
    const b0 = b & DIGIT;
    const b1 = b >> 32;
    const middle = a1 * b0 + ((a0 * b0) >> 32);
    const other = a0 * b1 + (middle & DIGIT);
    return a1 * b1 + (middle >> 32) + (other >> 32);
  }

  /** High 64 bits of a * b, both signed. */
  static multiplyHighSigned(a: u64, b: u64): u64 {
    const high = Wide.multiplyHigh(a, b);
    return high - (<i64>a < 0 ? b : 0) - (<i64>b < 0 ? a : 0);
  }

  /** Quotient of high:low / divisor, which must be greater than `high`; Wide.remainder() is the rest. */
  static divide(high: u64, low: u64, divisor: u64): u64 {
    if (high == 0) {
      remainder = low % divisor;
      return low / divisor;
    }
    const shift = clz<u64>(divisor);
    const d = divisor << shift;
    const carried = shift == 0 ? 0 : low >> (64 - shift);
    const n = low << shift;
    const upper = Wide.digit((high << shift) | carried, n >> 32, d);
    const lower = Wide.digit(remainder, n & DIGIT, d);
    remainder >>= shift;
    return (upper << 32) | lower;
  }
  @inline static remainder(): u64 {
    return remainder;
  }

  /** One digit: (high * 2^32 + next) / d, with d normalized and greater than high. */
  static digit(high: u64, next: u64, d: u64): u64 {
    const d1 = d >> 32;
    const d0 = d & DIGIT;
    let q = high / d1;
    let rest = high - q * d1;
    while (q > DIGIT || q * d0 > ((rest << 32) | next)) {
      q--;
      rest += d1;
      if (rest > DIGIT) break;
    }
    remainder = ((high << 32) | next) - q * d;
    return q;
  }
}
