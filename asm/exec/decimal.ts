/**
 * Decimal adjustment, outside 64-bit mode (SDM 2A AAA, AAD, AAM, AAS, DAA, DAS). Undefined in the manual,
 * and 0 here: OF; the flags of AAA and AAS but AF and CF; AF and CF of AAM and AAD.
 */

import { Event, Vector } from '../cpu/event';
import { AF, CF, Flags } from '../cpu/flags';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { REGS } from '../layout';

const AL: usize = REGS;
const AH: usize = REGS + 1;

/** DAA: AL after an addition of packed digits. */
export function daa(i: usize): void {
  const before: u32 = load<u8>(AL);
  const flags = adjustment(before);
  setAl(before + (flags & AF ? 6 : 0) + (flags & CF ? 0x60 : 0), flags);
}

/** DAS: AL after a subtraction of packed digits, with the borrow out of the lower digit in CF too. */
export function das(i: usize): void {
  const before: u32 = load<u8>(AL);
  const flags = adjustment(before);
  const borrow: u32 = flags & AF && before < 6 ? CF : 0;
  setAl(before - (flags & AF ? 6 : 0) - (flags & CF ? 0x60 : 0), flags | borrow);
}

/** AF and CF where the lower and the upper digit of `al` are to be adjusted. */
function adjustment(al: u32): u32 {
  const status = Flags.status();
  const low = (al & 15) > 9 ? AF : status & AF;
  return low | (al > 0x99 ? CF : status & CF);
}

/** AAA: AX after an addition of unpacked digits. */
export function aaa(i: usize): void {
  unpack(0x106);
}

/** AAS: AX after a subtraction of unpacked digits. */
export function aas(i: usize): void {
  unpack(-0x106);
}

/** Adds `step` to AX where AL holds no digit, and cuts AL off. */
function unpack(step: u32): void {
  const adjusts = (load<u8>(AL) & 15) > 9 || (Flags.status() & AF) != 0;
  if (adjusts) store<u16>(AL, <u16>(load<u16>(AL) + step));
  store<u8>(AL, load<u8>(AL) & 15);
  Flags.setStatus(adjusts ? AF | CF : 0);
}

/** AAM: AL into two digits of base imm8. */
export function aam(i: usize): void {
  const base = <u32>Rec.imm(i) & 0xff;
  if (base == 0) {
    Event.why(Why.DivideByZero, 0, 0, 0);
    Event.raise(Vector.DE, 0, false);
    return;
  }
  const al: u32 = load<u8>(AL);
  store<u8>(AH, <u8>(al / base));
  setAl(al % base, 0);
}

/** AAD: two digits of base imm8 into AL. */
export function aad(i: usize): void {
  const value = load<u8>(AL) + load<u8>(AH) * (<u32>Rec.imm(i) & 0xff);
  store<u8>(AH, 0);
  setAl(value, 0);
}

function setAl(value: u32, others: u32): void {
  store<u8>(AL, <u8>value);
  Flags.setResult<u8>(<u8>value, others);
}
