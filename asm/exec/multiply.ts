/**
 * Multiplication (SDM 2A IMUL, 2B MUL, MULX). CF and OF tell that the high half says more than the low
 * one. Undefined in the manual, and as on Intel processors here: SF and PF follow the low half, ZF and AF
 * are 0.
 */

import { Event } from '../cpu/event';
import { CF, Flags, OF } from '../cpu/flags';
import { Operand, Register } from '../cpu/operand';
import { REGS } from '../layout';
import { Wide } from './wide';
import { Width } from './width';

const RAX: usize = REGS;
const RDX: usize = REGS + 16;

export class Multiply {
  @inline static imul2<T>(a: T, b: T): T {
    if (sizeof<T>() == 8) {
      const product = <u64>a * <u64>b;
      Multiply.setFlags(product, Multiply.overflows(<u64>a, <u64>b, product));
      return <T>product;
    }
    const product = Flags.extend<T>(a) * Flags.extend<T>(b);
    const low = Flags.extend<T>(<T>product);
    Multiply.setFlags(<u64>low, low != product);
    return <T>product;
  }
  @inline static imul3<T>(a: T, b: T): T {
    return Multiply.imul2<T>(a, b);
  }

  /** The signed product does not fit into `product`, its low 64 bits. */
  @inline static overflows(a: u64, b: u64, product: u64): bool {
    if (<u64>(<i64>(<i32>a)) == a && <u64>(<i64>(<i32>b)) == b) return false;
    return Wide.multiplyHighSigned(a, b) != <u64>(<i64>product >> 63);
  }

  /** Flags after a product with low half `low`, sign-extended. */
  @inline static setFlags(low: u64, overflow: bool): void {
    // Bit 8 shows in neither SF nor PF, and keeps ZF clear.
    Flags.setResult<u64>(low | 0x100, overflow ? CF | OF : 0);
  }
}

/** rDX:rAX (AX for bytes) = rAX * operand, unsigned. */
export function mul(i: usize): void {
  const b = Operand.read(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const a = Register.read(RAX, width);
  const low = a * b;
  const high = width == 8 ? Wide.multiplyHigh(a, b) : low >> (width << 3);
  storeProduct(low, high, width);
  Multiply.setFlags(Width.signExtend(low, width), high != 0);
}

/** rDX:rAX (AX for bytes) = rAX * operand, signed. */
export function imul1(i: usize): void {
  const b = Width.signExtend(Operand.read(i, 0), Operand.width(i, 0));
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const a = Width.signExtend(Register.read(RAX, width), width);
  const product = a * b;
  const high = width == 8 ? Wide.multiplyHighSigned(a, b) : product >> (width << 3);
  const low = Width.signExtend(product, width);
  storeProduct(product, high, width);
  Multiply.setFlags(low, width == 8 ? high != <u64>(<i64>low >> 63) : low != product);
}

function storeProduct(low: u64, high: u64, width: u32): void {
  if (width == 1) {
    Register.write(RAX, 2, low);
    return;
  }
  Register.write(RAX, width, low);
  Register.write(RDX, width, high);
}

/** First:second = rDX * third, unsigned, without flags. The high half wins when they are one register. */
export function mulx(i: usize): void {
  const b = Operand.read(i, 2);
  if (Event.raised()) return;
  const width = Operand.width(i, 2);
  const a = Register.read(RDX, width);
  const low = a * b;
  Operand.write(i, 1, low);
  Operand.write(i, 0, width == 8 ? Wide.multiplyHigh(a, b) : low >> 32);
}
