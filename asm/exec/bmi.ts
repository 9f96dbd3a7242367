/**
 * BMI1 and BMI2 (SDM 2A-2D: ANDN, BEXTR, BLSI, BLSMSK, BLSR, BZHI, PDEP, PEXT, RORX, SARX, SHLX, SHRX; mulx
 * is in multiply.ts). Flags that the manual leaves undefined become 0 as on Intel processors.
 */

import { Event } from '../cpu/event';
import { CF, Flags, ZF } from '../cpu/flags';
import { Operand } from '../cpu/operand';
import { Width } from './width';

/** Writes the first operand and sets SF and ZF by it, CF as given, the other flags to 0. */
function storeFlagged(i: usize, result: u64, carry: bool): void {
  Operand.write(i, 0, result);
  Flags.setStatus(Width.signZero(result, Operand.width(i, 0)) | (carry ? CF : 0));
}

export function andn(i: usize): void {
  const b = Operand.read(i, 2);
  if (Event.raised()) return;
  storeFlagged(i, ~Operand.read(i, 1) & b, false);
}

/** Extracts bits: the control's first byte is where they start, its second how many they are. */
export function bextr(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  const control = <u32>Operand.read(i, 2);
  const start = control & 0xff;
  const length = (control >> 8) & 0xff;
  const moved = start < 64 ? source >> start : 0;
  const result = length < 64 ? moved & (((<u64>1) << length) - 1) : moved;
  Operand.write(i, 0, result);
  Flags.setStatus(result == 0 ? ZF : 0);
}

export function blsi(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  storeFlagged(i, source & -source, source != 0);
}

export function blsmsk(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  storeFlagged(i, source ^ (source - 1), source == 0);
}

export function blsr(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  storeFlagged(i, source & (source - 1), source == 0);
}

/** Clears the bits from the given one upward; CF tells that there is no such bit. */
export function bzhi(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  const first = <u32>Operand.read(i, 2) & 0xff;
  const beyond = first >= Operand.width(i, 0) << 3;
  storeFlagged(i, beyond ? source : source & (((<u64>1) << first) - 1), beyond);
}

/** Deposits the low bits of the second operand where the mask has ones. */
export function pdep(i: usize): void {
  let mask = Operand.read(i, 2);
  if (Event.raised()) return;
  let source = Operand.read(i, 1);
  let result: u64 = 0;
  for (; mask != 0; mask &= mask - 1) {
    if (source & 1) result |= mask & -mask;
    source >>= 1;
  }
  Operand.write(i, 0, result);
}

/** Gathers the bits of the second operand where the mask has ones. */
export function pext(i: usize): void {
  let mask = Operand.read(i, 2);
  if (Event.raised()) return;
  const source = Operand.read(i, 1);
  let result: u64 = 0;
  for (let n: u64 = 0; mask != 0; mask &= mask - 1) {
    result |= ((source >> ctz<u64>(mask)) & 1) << n++;
  }
  Operand.write(i, 0, result);
}

export function rorx(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  const count = Operand.read(i, 2);
  const is64 = Operand.width(i, 0) == 8;
  Operand.write(i, 0, is64 ? rotr<u64>(source, count) : rotr<u32>(<u32>source, <u32>count));
}

export function sarx(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  const extended = <i64>Width.signExtend(source, Operand.width(i, 0));
  Operand.write(i, 0, <u64>(extended >> <i64>countOf(i)));
}

export function shlx(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  Operand.write(i, 0, source << countOf(i));
}

export function shrx(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  Operand.write(i, 0, source >> countOf(i));
}

/** Count of a shift without flags: the third operand, modulo the operand size. */
function countOf(i: usize): u64 {
  return Operand.read(i, 2) & (((<u64>Operand.width(i, 0)) << 3) - 1);
}
