/**
 * Runs of REP MOVS and REP STOS: all iterations up to the next end of a page at once, where they go
 * forward and every access hits the TLB, so that none can fault, reach a device or change decoded code.
 * The result is what the iterations one by one would give; where there can be no run the answer is 0.
 */

import { Mode } from '../cpu/mode';
import { Address } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { REGS } from '../layout';
import { Logical } from '../mmu/logical';
import { Memory, SEGMENT_ES } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { Repeat, Text } from './repeat';

const AL: usize = REGS;
const RSI: usize = REGS + 48;
const RDI: usize = REGS + 56;

const PAGE: u64 = 0x1000;

/** Moves up to `count` elements; the registers are left to the caller. Returns how many. */
export function copyRun(i: usize, width: u32, step: u64, count: u64): u64 {
  if (step != width) return 0;
  const fromOffset = Text.index(i, RSI);
  const toOffset = Text.index(i, RDI);
  const from = Address.inSegment(fromOffset, Rec.segment(i));
  const to = Address.inSegment(toOffset, SEGMENT_ES);
  const room = min(
    roomAt(i, fromOffset, from, Rec.segment(i)),
    roomAt(i, toOffset, to, SEGMENT_ES),
  );
  const run = min(room / width, min(count, Repeat.allowance()));
  if (run == 0) return 0;
  const bytes = <u32>(run * width);
  const source = Tlb.read(from, bytes);
  const target = Tlb.write(to, bytes);
  if (source == 0 || target == 0) return 0;
  if (target > source && target - source < bytes) copyElements(target, source, width, bytes);
  else memory.copy(target, source, bytes);
  return run;
}

/** Overlapping copy in which later elements read what earlier ones wrote. */
function copyElements(target: usize, source: usize, width: u32, bytes: u32): void {
  for (let n: u32 = 0; n < bytes; n += width) {
    Memory.store(target + n, width, Memory.load(source + n, width));
  }
}

/** Stores the accumulator into up to `count` elements; the registers are left to the caller. Returns how many. */
export function fillRun(i: usize, width: u32, step: u64, count: u64): u64 {
  if (step != width) return 0;
  const offset = Text.index(i, RDI);
  const to = Address.inSegment(offset, SEGMENT_ES);
  const run = min(roomAt(i, offset, to, SEGMENT_ES) / width, min(count, Repeat.allowance()));
  if (run == 0) return 0;
  const bytes = <u32>(run * width);
  const target = Tlb.write(to, bytes);
  if (target == 0) return 0;
  if (width == 1) memory.fill(target, load<u8>(AL), bytes);
  else fillElements(target, width, bytes);
  return run;
}

function fillElements(target: usize, width: u32, bytes: u32): void {
  Memory.store(target, width, load<u64>(AL));
  for (let filled = width; filled < bytes; filled <<= 1) {
    memory.copy(target + filled, target, min(filled, bytes - filled));
  }
}

/** Bytes before the end of the page of `gva`, of the segment, or of the addresses that `offset` can count to. */
function roomAt(i: usize, offset: u64, gva: u64, segment: u32): u64 {
  const room = PAGE - (gva & (PAGE - 1));
  const size = Rec.addressSize(i);
  const counted = size == 8 ? room : min(room, ((<u64>1) << (size << 3)) - offset);
  return Mode.isLong() ? counted : min(counted, Logical.room(offset, segment));
}
