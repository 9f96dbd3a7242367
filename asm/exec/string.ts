/**
 * String instructions on memory (SDM 2A-2B: MOVS, CMPS, STOS, LODS, SCAS), with and without a repeat
 * prefix (repeat.ts). An iteration makes its accesses, then moves the registers: what faults leaves them
 * as the last whole iteration did. As on Intel processors CMPS reads its destination first, and 32-bit
 * addresses cut off the upper halves of the count register, and of the index registers of REP MOVS and
 * REP STOS, even if the count is 0.
 */

import { Event } from '../cpu/event';
import { Flags } from '../cpu/flags';
import { Address, Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { REGS } from '../layout';
import { Memory, SEGMENT_ES } from '../mmu/memory';
import { Repeat, Text } from './repeat';
import { copyRun, fillRun } from './string-run';
import { Width } from './width';

const RAX: usize = REGS;
const RSI: usize = REGS + 48;
const RDI: usize = REGS + 56;

const REPE: u32 = 1;

export function movs(i: usize): void {
  const width = Text.width(i);
  const step = Text.step(width);
  if (Rec.repeat(i) == 0) {
    moveOne(i, width, step);
    return;
  }
  let count = Repeat.begin(i);
  Text.advance(i, RSI, 0);
  Text.advance(i, RDI, 0);
  while (count != 0) {
    let done = copyRun(i, width, step, count);
    if (done == 0) {
      if (!moveOne(i, width, step)) return;
      done = 1;
    } else {
      Text.advance(i, RSI, done * width);
      Text.advance(i, RDI, done * width);
    }
    if (!Repeat.next(i, done, 2, true)) return;
    count -= done;
  }
}

function moveOne(i: usize, width: u32, step: u64): bool {
  const value = readSource(i, width);
  if (Event.raised()) return false;
  Memory.write(destination(i), width, value, SEGMENT_ES);
  if (Event.raised()) return false;
  Text.advance(i, RSI, step);
  Text.advance(i, RDI, step);
  return true;
}

export function stos(i: usize): void {
  const width = Text.width(i);
  const step = Text.step(width);
  if (Rec.repeat(i) == 0) {
    storeOne(i, width, step);
    return;
  }
  let count = Repeat.begin(i);
  Text.advance(i, RDI, 0);
  while (count != 0) {
    let done = fillRun(i, width, step, count);
    if (done == 0) {
      if (!storeOne(i, width, step)) return;
      done = 1;
    } else Text.advance(i, RDI, done * width);
    if (!Repeat.next(i, done, 1, true)) return;
    count -= done;
  }
}

function storeOne(i: usize, width: u32, step: u64): bool {
  Memory.write(destination(i), width, Register.read(RAX, width), SEGMENT_ES);
  if (Event.raised()) return false;
  Text.advance(i, RDI, step);
  return true;
}

export function lods(i: usize): void {
  const width = Text.width(i);
  const step = Text.step(width);
  if (Rec.repeat(i) == 0) {
    loadOne(i, width, step);
    return;
  }
  if (Repeat.begin(i) == 0) return;
  do {
    if (!loadOne(i, width, step)) return;
  } while (Repeat.next(i, 1, 1, true));
}

function loadOne(i: usize, width: u32, step: u64): bool {
  const value = readSource(i, width);
  if (Event.raised()) return false;
  Register.write(RAX, width, value);
  Text.advance(i, RSI, step);
  return true;
}

export function cmps(i: usize): void {
  compareAll(i, true);
}

export function scas(i: usize): void {
  compareAll(i, false);
}

/**
 * CMPS, or with the accumulator in place of the source SCAS. The flags change with the last iteration only:
 * a fault or an interrupt before it finds them as they were.
 */
function compareAll(i: usize, hasSource: bool): void {
  const width = Text.width(i);
  const step = Text.step(width);
  const repeats = Rec.repeat(i) != 0;
  if (repeats && Repeat.begin(i) == 0) return;
  const onEqual = Rec.repeat(i) == REPE;
  const accesses = hasSource ? 2 : 1;
  let a: u64;
  let b: u64;
  do {
    b = Memory.read(destination(i), width, SEGMENT_ES);
    if (Event.raised()) return;
    a = hasSource ? readSource(i, width) : Register.read(RAX, width);
    if (Event.raised()) return;
    if (hasSource) Text.advance(i, RSI, step);
    Text.advance(i, RDI, step);
  } while (repeats && Repeat.next(i, 1, accesses, (a == b) == onEqual));
  if (Event.raised()) return;
  const first = Width.signExtend(a, width);
  const second = Width.signExtend(b, width);
  Flags.setSub<u64>(first, second, Width.signExtend(a - b, width));
}

function readSource(i: usize, width: u32): u64 {
  const segment = Rec.segment(i);
  return Memory.read(Address.inSegment(Text.index(i, RSI), segment), width, segment);
}

function destination(i: usize): u64 {
  return Address.inSegment(Text.index(i, RDI), SEGMENT_ES);
}
