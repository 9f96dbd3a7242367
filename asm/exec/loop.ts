/**
 * loop, loope, loopne, jcxz, jecxz, jrcxz (SDM 2A LOOP/LOOPcc, Jcc). The counter is rCX at the address
 * size; the branch target has the operand size, 64 bits in 64-bit mode.
 */

import { ConfinedCode } from '../cpu/confined-code';
import { Event } from '../cpu/event';
import { Flags } from '../cpu/flags';
import { Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { REGS, RIP } from '../layout';

const RCX: usize = REGS + (1 << 3);

/** LOOP. */
export function loop(i: usize): void {
  countDown(i, true);
}
/** LOOPE: goes on while ZF is set. */
export function loope(i: usize): void {
  countDown(i, Flags.zf());
}
/** LOOPNE: goes on while ZF is clear. */
export function loopne(i: usize): void {
  countDown(i, !Flags.zf());
}
/** JCXZ, JECXZ, JRCXZ. */
export function jrcxz(i: usize): void {
  if (Register.read(RCX, Rec.addressSize(i)) == 0) branch(i);
}

/** Decrements the counter and branches if it is not 0 and `goesOn`. */
function countDown(i: usize, goesOn: bool): void {
  const width = Rec.addressSize(i);
  const count = Register.read(RCX, width) - 1;
  const zero = width == 8 ? count == 0 : (count & (((<u64>1) << (width << 3)) - 1)) == 0;
  if (goesOn && !zero) {
    branch(i);
    if (Event.raised()) return;
  }
  Register.write(RCX, width, count);
}

/** Moves RIP by the displacement; #GP(0) if that leaves the canonical range or the code segment. */
function branch(i: usize): void {
  const target = load<u64>(RIP) + <u64>(<i64>load<i32>(i, 16));
  const rip = ConfinedCode.target(target, Rec.size(i));
  if (!Event.raised()) store<u64>(RIP, rip);
}
