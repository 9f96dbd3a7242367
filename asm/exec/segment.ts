/** Segment registers: mov, push, pop, lss, lfs, lgs, les, lds (SDM 2A-2B). */

import { Event } from '../cpu/event';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Segment } from '../cpu/segment';
import { SHADOW_MOV_SS } from '../cpu/shadow';
import { Stack } from '../cpu/stack';
import { Why } from '../gen/why';
import { SHADOW } from '../layout';
import {
  Memory,
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_SS,
} from '../mmu/memory';

/** MOV from a segment register. */
export function movFromSreg(i: usize): void {
  const segment = Rec.number(i, 1);
  if (segment > SEGMENT_GS) Event.ud(Why.Undefined);
  else Operand.write(i, 0, Segment.selector(segment));
}

/** MOV to a segment register. */
export function movToSreg(i: usize): void {
  const segment = Rec.number(i, 0);
  if (segment > SEGMENT_GS || segment == SEGMENT_CS) {
    Event.ud(Why.Undefined);
    return;
  }
  const selector = <u32>Operand.read(i, 1) & 0xffff;
  if (Event.raised() || !Segment.load(segment, selector)) return;
  if (segment == SEGMENT_SS) store<u32>(SHADOW, SHADOW_MOV_SS);
}

/** PUSH of a segment register: 32-bit pushes write 16 bits only, 64-bit ones zeroes above. */
export function pushSreg(i: usize): void {
  const size = Rec.size(i);
  const offset = Stack.pointer() - size;
  Stack.write(offset, size == 4 ? 2 : size, Segment.selector(Rec.number(i, 0)));
  if (!Event.raised()) Stack.setPointer(offset);
}

/** POP of a segment register. */
export function popSreg(i: usize): void {
  const size = Rec.size(i);
  const segment = Rec.number(i, 0);
  const top = Stack.pointer();
  const selector = <u32>Stack.read(top, size == 4 ? 2 : size) & 0xffff;
  if (Event.raised() || !Segment.load(segment, selector)) return;
  Stack.setPointer(top + size);
  if (segment == SEGMENT_SS) store<u32>(SHADOW, SHADOW_MOV_SS);
}

/** LSS. */
export function lss(i: usize): void {
  loadFar(i, SEGMENT_SS);
}
/** LFS. */
export function lfs(i: usize): void {
  loadFar(i, SEGMENT_FS);
}
/** LGS. */
export function lgs(i: usize): void {
  loadFar(i, SEGMENT_GS);
}
/** LES. */
export function les(i: usize): void {
  loadFar(i, SEGMENT_ES);
}
/** LDS. */
export function lds(i: usize): void {
  loadFar(i, SEGMENT_DS);
}

/** Loads `segment` and a general register from a far pointer in memory. */
function loadFar(i: usize, segment: u32): void {
  const size = Rec.size(i);
  const address = Address.linear(i);
  const offset = Memory.read(address, size, Rec.segment(i));
  if (Event.raised()) return;
  const selector = <u32>Memory.read(address + size, 2, Rec.segment(i));
  if (Event.raised() || !Segment.load(segment, selector)) return;
  Operand.write(i, 0, offset);
}
