/**
 * Status flags, computed when asked for (SDM 1, 3.4.3.1).
 *
 * The last flag-writing instruction leaves its operation, its result and its operands, sign-extended to
 * 64 bits; sign extension keeps unsigned order, so one set of formulas serves all sizes. ZF, SF and PF
 * follow from the result alone; CF, OF and AF from the operation:
 *   EXPLICIT  all six stand in RFLAGS
 *   ADD, ADC  carries out of a + b (+ carry in) = result
 *   SUB, SBB  borrows out of a - b (- borrow in) = result; after SUB, conditions compare a with b
 *   RESULT    CF, OF, AF stand in FLAG_A as RFLAGS bits
 */

import { FLAG_A, FLAG_B, FLAG_OP, FLAG_RES, RFLAGS } from '../layout';

export const CF: u32 = 1;
export const PF: u32 = 4;
export const AF: u32 = 0x10;
export const ZF: u32 = 0x40;
export const SF: u32 = 0x80;
export const TF: u32 = 0x100;
export const IF: u32 = 0x200;
export const DF: u32 = 0x400;
export const OF: u32 = 0x800;
export const IOPL: u32 = 0x3000;
export const NT: u32 = 0x4000;
export const RF: u32 = 0x10000;
export const VM: u32 = 0x20000;
export const AC: u32 = 0x40000;
export const VIF: u32 = 0x80000;
export const VIP: u32 = 0x100000;
export const ID: u32 = 0x200000;
export const STATUS: u32 = 0x8d5;

const EXPLICIT: u32 = 0;
const ADD: u32 = 1;
const SUB: u32 = 2;
const RESULT: u32 = 3;
const ADC: u32 = 4;
const SBB: u32 = 5;

export class Flags {
  /** After result = a + b: T is the operand's unsigned type. */
  @inline static setAdd<T>(a: T, b: T, result: T): void {
    Flags.set<T>(ADD, a, b, result);
  }
  /** After result = a + b + carry. */
  @inline static setAdc<T>(a: T, b: T, result: T): void {
    Flags.set<T>(ADC, a, b, result);
  }
  /** After result = a - b. */
  @inline static setSub<T>(a: T, b: T, result: T): void {
    Flags.set<T>(SUB, a, b, result);
  }
  /** After result = a - b - borrow. */
  @inline static setSbb<T>(a: T, b: T, result: T): void {
    Flags.set<T>(SBB, a, b, result);
  }
  @inline static set<T>(op: u32, a: T, b: T, result: T): void {
    store<u32>(FLAG_OP, op);
    store<i64>(FLAG_A, Flags.extend<T>(a));
    store<i64>(FLAG_B, Flags.extend<T>(b));
    store<i64>(FLAG_RES, Flags.extend<T>(result));
  }
  /** ZF, SF, PF of `result`; CF, OF, AF as given in RFLAGS positions (0 after and, or, xor, test). */
  @inline static setResult<T>(result: T, others: u32): void {
    store<u32>(FLAG_OP, RESULT);
    store<i64>(FLAG_A, <i64>others);
    store<i64>(FLAG_RES, Flags.extend<T>(result));
  }
  /** Sign-extends a value of unsigned type T. */
  @inline static extend<T>(value: T): i64 {
    if (sizeof<T>() == 1) return <i64>(<i8>value);
    if (sizeof<T>() == 2) return <i64>(<i16>value);
    if (sizeof<T>() == 4) return <i64>(<i32>value);
    return <i64>value;
  }

  @inline static cf(): bool {
    const op = load<u32>(FLAG_OP);
    if (op == RESULT) return (load<u32>(FLAG_A) & CF) != 0;
    if (op == SUB) return load<u64>(FLAG_A) < load<u64>(FLAG_B);
    return Flags.carry(op);
  }
  @inline static carry(op: u32): bool {
    if (op == EXPLICIT) return (load<u32>(RFLAGS) & CF) != 0;
    const a = load<i64>(FLAG_A);
    const b = load<i64>(FLAG_B);
    const result = load<i64>(FLAG_RES);
    if (op == SBB) return ((~a & b) | ((~a | b) & result)) < 0;
    return ((a & b) | ((a | b) & ~result)) < 0;
  }
  @inline static zf(): bool {
    if (load<u32>(FLAG_OP) != EXPLICIT) return load<i64>(FLAG_RES) == 0;
    return (load<u32>(RFLAGS) & ZF) != 0;
  }
  @inline static sf(): bool {
    if (load<u32>(FLAG_OP) != EXPLICIT) return load<i64>(FLAG_RES) < 0;
    return (load<u32>(RFLAGS) & SF) != 0;
  }
  @inline static pf(): bool {
    if (load<u32>(FLAG_OP) != EXPLICIT) return (popcnt<u32>(load<u8>(FLAG_RES)) & 1) == 0;
    return (load<u32>(RFLAGS) & PF) != 0;
  }
  @inline static of(): bool {
    const op = load<u32>(FLAG_OP);
    if (op == EXPLICIT) return (load<u32>(RFLAGS) & OF) != 0;
    const a = load<i64>(FLAG_A);
    if (op == RESULT) return (<u32>a & OF) != 0;
    const b = load<i64>(FLAG_B);
    const result = load<i64>(FLAG_RES);
    return (op == ADD || op == ADC ? (a ^ result) & (b ^ result) : (a ^ b) & (a ^ result)) < 0;
  }
  /** Signed less: SF != OF. */
  @inline static less(): bool {
    if (load<u32>(FLAG_OP) == SUB) return load<i64>(FLAG_A) < load<i64>(FLAG_B);
    return Flags.sf() != Flags.of();
  }
  /** Signed less or equal: ZF or SF != OF. */
  @inline static notGreater(): bool {
    if (load<u32>(FLAG_OP) == SUB) return load<i64>(FLAG_A) <= load<i64>(FLAG_B);
    return Flags.zf() || Flags.sf() != Flags.of();
  }
  /** Unsigned not above: CF or ZF. */
  @inline static notAbove(): bool {
    if (load<u32>(FLAG_OP) == SUB) return load<u64>(FLAG_A) <= load<u64>(FLAG_B);
    return Flags.zf() || Flags.cf();
  }

  /** The six status flags in RFLAGS positions. */
  @inline static status(): u32 {
    const op = load<u32>(FLAG_OP);
    if (op == EXPLICIT) return load<u32>(RFLAGS) & STATUS;
    const result = load<i64>(FLAG_RES);
    const a = load<i64>(FLAG_A);
    let bits: u32 = popcnt<u32>(<u32>result & 0xff) & 1 ? 0 : PF;
    if (result == 0) bits |= ZF;
    if (result < 0) bits |= SF;
    if (op == RESULT) return bits | (<u32>a & (CF | AF | OF));
    const b = load<i64>(FLAG_B);
    bits |= (<u32>a ^ <u32>b ^ <u32>result) & AF;
    const adds = op == ADD || op == ADC;
    const carries = adds ? (a & b) | ((a | b) & ~result) : (~a & b) | ((~a | b) & result);
    const overflows = adds ? (a ^ result) & (b ^ result) : (a ^ b) & (a ^ result);
    if (carries < 0) bits |= CF;
    if (overflows < 0) bits |= OF;
    return bits;
  }
  /** Sets the six status flags from RFLAGS positions. */
  @inline static setStatus(bits: u32): void {
    store<u32>(RFLAGS, (load<u32>(RFLAGS) & ~STATUS) | (bits & STATUS));
    store<u32>(FLAG_OP, EXPLICIT);
  }
  /** Changes the status flags in `mask` to those of `bits`, keeps the others. */
  static change(mask: u32, bits: u32): void {
    Flags.changeInline(mask, bits);
  }
  @inline static changeInline(mask: u32, bits: u32): void {
    Flags.setStatus((Flags.status() & ~mask) | (bits & mask));
  }
  /** The whole of RFLAGS. */
  @inline static image(): u64 {
    return (<u64>load<u32>(RFLAGS) & ~(<u64>STATUS)) | <u64>Flags.status();
  }
  /** Writes the whole of RFLAGS; the caller has settled which bits may change. Bit 1 stays set. */
  @inline static setImage(image: u64): void {
    store<u64>(RFLAGS, image | 2);
    store<u32>(FLAG_OP, EXPLICIT);
  }
}
