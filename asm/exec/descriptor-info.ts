/**
 * arpl (SDM 2A ARPL) and lar, lsl, verr, verw (SDM 2A LAR, LSL; 2D VERR/VERW): what a selector would give at this CPL. Only ZF
 * tells that it gives nothing; the selector itself never faults.
 */

import { ACCESS_S, Descriptor, SELECTOR_RPL, SystemType, Table } from '../cpu/descriptor';
import { Event } from '../cpu/event';
import { Flags, ZF } from '../cpu/flags';
import { Operand } from '../cpu/operand';
import { CPL } from '../layout';
import { Memory } from '../mmu/memory';

/** LAR keeps bits 23:8 of the upper word: hardware leaves 19:16, the manual calls them undefined. */
const LAR_BITS: u64 = 0x00ffff00;

// The descriptor found; state of one instruction only.
let found: u64 = 0;

/** LAR. */
export function lar(i: usize): void {
  if (!find(<u32>Operand.read(i, 1) & 0xffff)) return;
  const type = Descriptor.systemType(Descriptor.access(found));
  const valid = isCodeOrData() || hasLimit(type) || isCallable(type);
  if (!valid) {
    Flags.change(ZF, 0);
    return;
  }
  Operand.write(i, 0, (found >> 32) & LAR_BITS);
  Flags.change(ZF, ZF);
}

/** LSL: the limit in bytes. */
export function lsl(i: usize): void {
  if (!find(<u32>Operand.read(i, 1) & 0xffff)) return;
  if (!isCodeOrData() && !hasLimit(Descriptor.systemType(Descriptor.access(found)))) {
    Flags.change(ZF, 0);
    return;
  }
  Operand.write(i, 0, Descriptor.limit(found));
  Flags.change(ZF, ZF);
}

/** VERR. */
export function verr(i: usize): void {
  if (!find(<u32>Operand.read(i, 0) & 0xffff)) return;
  Flags.change(ZF, Descriptor.isReadable(Descriptor.access(found)) ? ZF : 0);
}

/** VERW. */
export function verw(i: usize): void {
  if (!find(<u32>Operand.read(i, 0) & 0xffff)) return;
  Flags.change(ZF, Descriptor.isWritable(Descriptor.access(found)) ? ZF : 0);
}

/** ARPL: the RPL of the first operand becomes at least that of the second. */
export function arpl(i: usize): void {
  const selector = Operand.readForWrite(i, 0);
  if (Event.raised()) return;
  const rpl = Operand.read(i, 1) & SELECTOR_RPL;
  const raises = (selector & SELECTOR_RPL) < rpl;
  Operand.write(i, 0, raises ? (selector & ~(<u64>SELECTOR_RPL)) | rpl : selector);
  Flags.change(ZF, raises ? ZF : 0);
}

/** Finds the descriptor of `selector` as far as CPL and RPL may see it; else clears ZF or has raised. */
function find(selector: u32): bool {
  if (Event.raised()) return false;
  if (!Table.isNull(selector) && Table.holds(selector, 8)) {
    found = Memory.readSystem(Table.address(selector), 8);
    if (Event.raised()) return false;
    if (isVisible(selector) && isWhole(selector)) return true;
    if (Event.raised()) return false;
  }
  Flags.change(ZF, 0);
  return false;
}

function isVisible(selector: u32): bool {
  const access = Descriptor.access(found);
  if (Descriptor.isConforming(access)) return true;
  const dpl = Descriptor.dpl(access);
  return load<u32>(CPL) <= dpl && (selector & SELECTOR_RPL) <= dpl;
}

/** A system descriptor of long mode lies in the table with both halves and has no reserved bits. */
function isWhole(selector: u32): bool {
  if (isCodeOrData() || !Table.isLong()) return true;
  if (!Table.holds(selector, 16)) return false;
  const high = Memory.readSystem(Table.address(selector) + 8, 8);
  return !Event.raised() && (<u32>(high >> 40) & 0x1f) == 0;
}

function isCodeOrData(): bool {
  return (Descriptor.access(found) & ACCESS_S) != 0;
}

/** System segments with a limit: LDT and TSS. */
function hasLimit(type: u32): bool {
  if (type == SystemType.Ldt || type == SystemType.Tss || type == SystemType.TssBusy) return true;
  return !Table.isLong() && (type == SystemType.Tss16 || type == SystemType.Tss16Busy);
}

/** Gates that LAR shows. */
function isCallable(type: u32): bool {
  if (type == SystemType.CallGate) return true;
  return !Table.isLong() && (type == SystemType.CallGate16 || type == SystemType.TaskGate);
}
