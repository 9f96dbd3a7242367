/**
 * invlpg, invpcid, invd, wbinvd (SDM 2A, 2D). There are no data caches: the last two do nothing. A page is
 * dropped in every PCID, which is more than the manual asks for.
 */

import { CR4_PCIDE } from '../cpu/control';
import { Event } from '../cpu/event';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { CR4 } from '../layout';
import { Context } from '../mmu/context';
import { Memory } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';

const PCID: u64 = 0xfff;

/** INVPCID_TYPE. */
enum Invalidate {
  Address = 0,
  Pcid = 1,
  All = 2,
  AllButGlobals = 3,
}

/** INVLPG: an address that is not canonical has no translations. */
export function invlpg(i: usize): void {
  const address = Address.linear(i);
  if (Memory.isCanonical(address)) Tlb.invalidatePage(address);
}

/** INVPCID. */
export function invpcid(i: usize): void {
  const type = Operand.read(i, 0);
  const place = Address.linear(i);
  const tag = Memory.read(place, 8, Rec.segment(i));
  if (Event.raised()) return;
  const address = Memory.read(place + 8, 8, Rec.segment(i));
  if (Event.raised()) return;
  if (!isValid(type, tag, address)) Event.gp(0, Why.OperandValue);
  else if (type == Invalidate.Address) Tlb.invalidatePage(address);
  else if (type == Invalidate.Pcid) Context.flushPcid(<u32>tag);
  else Context.flushAll();
}

/** Type and descriptor are acceptable (SDM 2A INVPCID, 64-bit mode exceptions). */
function isValid(type: u64, tag: u64, address: u64): bool {
  if (type > <u64>Invalidate.AllButGlobals || (tag & ~PCID) != 0) return false;
  if (type > <u64>Invalidate.Pcid) return true;
  if (tag != 0 && (load<u32>(CR4) & CR4_PCIDE) == 0) return false;
  return type == Invalidate.Pcid || Memory.isCanonical(address);
}

/** INVD. */
export function invd(i: usize): void {}
/** WBINVD. */
export function wbinvd(i: usize): void {}
