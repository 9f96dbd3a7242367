/** Moves (SDM 2B-2D: MOV, MOVZX, MOVSX/MOVSXD, MOVBE, MOVNTI, BSWAP, XLAT/XLATB). */

import { Event } from '../cpu/event';
import { Flags } from '../cpu/flags';
import { Address, Operand, Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { REGS } from '../layout';
import { Memory } from '../mmu/memory';
import { Width } from './width';

const RAX: usize = REGS;
const RBX: usize = REGS + 24;

export class Move {
  @inline static mov<T>(b: T): T {
    return b;
  }
  @inline static movzx<T, S>(b: S): T {
    return <T>b;
  }
  @inline static movsx<T, S>(b: S): T {
    return <T>Flags.extend<S>(b);
  }
}

/** Moves with the bytes in opposite order. */
export function movbe(i: usize): void {
  const value = Operand.read(i, 1);
  if (Event.raised()) return;
  Operand.write(i, 0, Width.reverse(value, Operand.width(i, 1)));
}

/** Stores; that it goes past the caches does not show. */
export function movnti(i: usize): void {
  Operand.write(i, 0, Operand.read(i, 1));
}

/** Reverses the bytes; a 16-bit register, undefined in the manual, becomes 0 as on Intel processors. */
export function bswap(i: usize): void {
  const width = Operand.width(i, 0);
  Operand.write(i, 0, width == 2 ? 0 : Width.reverse(Operand.read(i, 0), width));
}

/** AL = the byte at rBX + AL. */
export function xlatb(i: usize): void {
  const sum = load<u64>(RBX) + <u64>load<u8>(RAX);
  const segment = Rec.segment(i);
  const value = Memory.read(Address.inSegment(Address.effective(i, sum), segment), 1, segment);
  if (Event.raised()) return;
  Register.write(RAX, 1, value);
}
