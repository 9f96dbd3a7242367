/**
 * Bit test, scan and count (SDM 2A-2D: BT, BTC, BTR, BTS, BSF, BSR, POPCNT, LZCNT, TZCNT). Undefined in
 * the manual, and as on Intel processors here: the bit tests change no flag but CF; the scans clear all but
 * ZF and PF, which follows the result, and leave the destination alone when the source is 0.
 */

import { Event } from '../cpu/event';
import { CF, Flags, ZF } from '../cpu/flags';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Memory } from '../mmu/memory';
import { Width } from './width';

/** Place and number of the tested bit; state of one instruction only. */
let word: u64 = 0;
let bit: u64 = 0;

/**
 * Finds the bit. An immediate offset counts within the operand. A register offset is signed, and may
 * reach any word of memory around the operand.
 */
function locate(i: usize, width: u32): void {
  const offset = Width.signExtend(Operand.read(i, 1), width);
  const log2 = ctz<u32>(width) + 3;
  bit = offset & (((<u64>width) << 3) - 1);
  if (!Operand.isMemory(i, 0)) return;
  let sum = Address.sum(i);
  const isImmediate = Operand.width(i, 1) == 1; // no other offset is a byte
  if (!isImmediate) sum += <u64>((<i64>offset >> log2) * <i64>width);
  word = Address.inSegment(Address.effective(i, sum), Rec.segment(i));
}

export function bt(i: usize): void {
  const width = Operand.width(i, 0);
  locate(i, width);
  const value = Operand.isMemory(i, 0)
    ? Memory.read(word, width, Rec.segment(i))
    : Operand.read(i, 0);
  if (Event.raised()) return;
  Flags.change(CF, <u32>(value >> bit) & CF);
}

export function bts(i: usize): void {
  const value = readWord(i);
  if (Event.raised()) return;
  writeWord(i, value, value | ((<u64>1) << bit));
}

export function btr(i: usize): void {
  const value = readWord(i);
  if (Event.raised()) return;
  writeWord(i, value, value & ~((<u64>1) << bit));
}

export function btc(i: usize): void {
  const value = readWord(i);
  if (Event.raised()) return;
  writeWord(i, value, value ^ ((<u64>1) << bit));
}

/** The word that holds the bit, to be written back. */
function readWord(i: usize): u64 {
  const width = Operand.width(i, 0);
  locate(i, width);
  if (!Operand.isMemory(i, 0)) return Operand.read(i, 0);
  return Memory.readForWrite(word, width, Rec.segment(i));
}

/** Writes the word, CF as its bit was. */
function writeWord(i: usize, old: u64, value: u64): void {
  if (!Operand.isMemory(i, 0)) Operand.write(i, 0, value);
  else Memory.write(word, Operand.width(i, 0), value, Rec.segment(i));
  Flags.change(CF, <u32>(old >> bit) & CF);
}

export function bsf(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  if (source == 0) setScanFlags(0);
  else storeScan(i, ctz<u64>(source));
}

export function bsr(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  if (source == 0) setScanFlags(0);
  else storeScan(i, 63 - clz<u64>(source));
}

function storeScan(i: usize, index: u64): void {
  Operand.write(i, 0, index);
  // Bit 8 shows in neither SF nor PF, and keeps ZF clear.
  setScanFlags(index | 0x100);
}

function setScanFlags(result: u64): void {
  Flags.setResult<u64>(result, 0);
}

export function popcnt(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  Operand.write(i, 0, i64.popcnt(source));
  Flags.setStatus(source == 0 ? ZF : 0);
}

export function tzcnt(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  const bits = <u64>(Operand.width(i, 1) << 3);
  storeCount(i, source == 0 ? bits : ctz<u64>(source), source);
}

export function lzcnt(i: usize): void {
  const source = Operand.read(i, 1);
  if (Event.raised()) return;
  const bits = <u64>(Operand.width(i, 1) << 3);
  storeCount(i, clz<u64>(source) - (64 - bits), source);
}

function storeCount(i: usize, count: u64, source: u64): void {
  Operand.write(i, 0, count);
  Flags.setStatus((source == 0 ? CF : 0) | (count == 0 ? ZF : 0));
}
