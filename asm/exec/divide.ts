/**
 * Division (SDM 2A DIV, IDIV). The dividend is rDX:rAX, AX for bytes. #DE if the divisor is 0 or the
 * quotient does not fit. The flags, undefined in the manual, stay as on Intel processors.
 */

import { Event, Vector } from '../cpu/event';
import { Operand, Register } from '../cpu/operand';
import { Why } from '../gen/why';
import { REGS } from '../layout';
import { Wide } from './wide';
import { Width } from './width';

const RAX: usize = REGS;
const AH: usize = REGS + 1;
const RDX: usize = REGS + 16;

export function div(i: usize): void {
  const divisor = Operand.read(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const high = dividendHigh(width);
  if (high >= divisor) return refuse(divisor);
  const low = Register.read(RAX, width);
  let quotient: u64;
  let rest: u64;
  if (width == 8) {
    quotient = Wide.divide(high, low, divisor);
    rest = Wide.remainder();
  } else {
    const dividend = (high << (width << 3)) | low;
    quotient = dividend / divisor;
    rest = dividend % divisor;
  }
  storeQuotient(quotient, rest, width);
}

export function idiv(i: usize): void {
  const operand = Operand.read(i, 0);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  let low = Register.read(RAX, width);
  let high = dividendHigh(width);
  if (width < 8) {
    low = Width.signExtend((high << (width << 3)) | low, width << 1);
    high = <u64>(<i64>low >> 63);
  }
  const negative = <i64>high < 0;
  if (negative) {
    low = -low;
    high = ~high + <u64>(low == 0);
  }
  const divisor = Width.signExtend(operand, width);
  const magnitude = <i64>divisor < 0 ? -divisor : divisor;
  if (high >= magnitude) return refuse(divisor);
  const quotient = Wide.divide(high, low, magnitude);
  const negates = negative != <i64>divisor < 0;
  const limit = ((<u64>1) << ((width << 3) - 1)) - <u64>!negates;
  if (quotient > limit) return refuse(divisor);
  const rest = Wide.remainder();
  storeQuotient(negates ? -quotient : quotient, negative ? -rest : rest, width);
}

/** Upper half of the dividend. */
function dividendHigh(width: u32): u64 {
  return width == 1 ? <u64>load<u8>(AH) : Register.read(RDX, width);
}

function storeQuotient(quotient: u64, rest: u64, width: u32): void {
  Register.write(RAX, width, quotient);
  Register.write(width == 1 ? AH : RDX, width, rest);
}

function refuse(divisor: u64): void {
  Event.why(divisor == 0 ? Why.DivideByZero : Why.QuotientTooLarge, 0, 0, 0);
  Event.raise(Vector.DE, 0, false);
}
