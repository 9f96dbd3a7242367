/**
 * Addition and subtraction (SDM 2A-2D: ADD, ADC, SUB, SBB, CMP, INC, DEC, NEG, ADCX, ADOX). The value
 * functions note their operands and leave the flags to whoever asks (cpu/flags.ts).
 */

import { Event } from '../cpu/event';
import { AF, CF, Flags, OF } from '../cpu/flags';
import { Operand } from '../cpu/operand';
import { Sign, Width } from './width';

export class Arith {
  @inline static add<T>(a: T, b: T): T {
    const result = <T>(a + b);
    Flags.setAdd<T>(a, b, result);
    return result;
  }
  @inline static adc<T>(a: T, b: T): T {
    const result = <T>(a + b + <T>Flags.cf());
    Flags.setAdc<T>(a, b, result);
    return result;
  }
  @inline static sub<T>(a: T, b: T): T {
    const result = <T>(a - b);
    Flags.setSub<T>(a, b, result);
    return result;
  }
  @inline static sbb<T>(a: T, b: T): T {
    const result = <T>(a - b - <T>Flags.cf());
    Flags.setSbb<T>(a, b, result);
    return result;
  }
  @inline static cmp<T>(a: T, b: T): void {
    Flags.setSub<T>(a, b, <T>(a - b));
  }
  @inline static neg<T>(a: T): T {
    return Arith.sub<T>(0, a);
  }
  /** Leaves CF as it was. */
  @inline static inc<T>(a: T): T {
    const result = <T>(a + 1);
    const others = <u32>Flags.cf() | (<u32>(a ^ result) & AF) | Sign.overflow<T>(~a & result);
    Flags.setResult<T>(result, others);
    return result;
  }
  /** Leaves CF as it was. */
  @inline static dec<T>(a: T): T {
    const result = <T>(a - 1);
    const others = <u32>Flags.cf() | (<u32>(a ^ result) & AF) | Sign.overflow<T>(a & ~result);
    Flags.setResult<T>(result, others);
    return result;
  }
}

/** Unsigned addition that carries through CF alone. */
export function adcx(i: usize): void {
  addThrough(i, CF);
}

/** Unsigned addition that carries through OF alone. */
export function adox(i: usize): void {
  addThrough(i, OF);
}

/** First operand += second + the flag, which takes the carry. */
function addThrough(i: usize, flag: u32): void {
  const b = Operand.read(i, 1);
  if (Event.raised()) return;
  const width = Operand.width(i, 0);
  const a = Operand.read(i, 0);
  const status = Flags.status();
  const sum = a + b + <u64>((status & flag) != 0);
  const carry = Width.sign((a & b) | ((a | b) & ~sum), width);
  Operand.write(i, 0, sum);
  Flags.setStatus(carry ? status | flag : status & ~flag);
}
