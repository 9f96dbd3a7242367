/**
 * Bitwise logic (SDM 2A-2D: AND, OR, XOR, TEST, NOT). CF and OF become 0; AF, undefined in the manual,
 * becomes 0 as on Intel processors.
 */

import { Flags } from '../cpu/flags';

export class Logic {
  @inline static and<T>(a: T, b: T): T {
    const result = <T>(a & b);
    Flags.setResult<T>(result, 0);
    return result;
  }
  @inline static or<T>(a: T, b: T): T {
    const result = <T>(a | b);
    Flags.setResult<T>(result, 0);
    return result;
  }
  @inline static xor<T>(a: T, b: T): T {
    const result = <T>(a ^ b);
    Flags.setResult<T>(result, 0);
    return result;
  }
  @inline static test<T>(a: T, b: T): void {
    Flags.setResult<T>(<T>(a & b), 0);
  }
  /** Changes no flag. */
  @inline static not<T>(a: T): T {
    return <T>~a;
  }
}
