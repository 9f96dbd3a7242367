/**
 * The decoded-code cache: blocks of records, keyed by the HPA of their first byte and the code mode.
 *
 * A block is straight-line code within one page, ended by a branch, by an instruction that may change what
 * the run loop must look at, or by the end of the page. Header, BLOCK_HEADER bytes before the first record:
 *    0 u32 hpa       of the first byte (DEAD after invalidation)
 *    4 u32 mode      CODE_MODE
 *    8 u32 next      block of the same page, 0 at the end of the list
 *   12 u32 count     instructions
 *   16 i64 cost      what entering it subtracts from FUEL: count << 32, less the memory accesses it makes
 * Blocks are linked to others of their page only, so that they die together: a write that overlaps decoded
 * bytes drops all blocks of the page. An instruction that crosses a page end, or lies outside RAM, is
 * never cached but decoded each time into STEP_BLOCK, as is every instruction that must run alone.
 */

import { Memory } from '../mmu/memory';
import { FRAME_CODE_BIT, FRAME_WRITABLE, Physical } from '../mmu/physical';
import { Tlb } from '../mmu/tlb';
import {
  BLOCK_SLOTS,
  BLOCK_TABLE,
  BLOCKS,
  BLOCKS_END,
  CACHE_NEXT,
  CODE_MODE,
  CODE_PAGE,
  CODE_PAGE_BYTES,
  CODE_PAGE_COUNT,
  CODE_PAGE_FREE,
  CODE_PAGE_NEXT,
  CODE_PAGES,
  COUNT_BLOCKS_DECODED,
  FETCHED,
  FUEL,
  FRAME_CODE,
  FRAME_FLAGS,
  RAISED,
  RAM,
  RIP,
  STEP_BLOCK,
  STEPPING,
} from '../layout';
import { Decoder } from './decode';
import { Raised } from './event';
import { RECORD } from './record';

export const BLOCK_HEADER: usize = 32;
/** Offset of the cost from the first record. */
export const COST: usize = 16;
const DEAD: u32 = 0xffffffff;
const MAX_INSTRUCTIONS: u32 = 64;
const BITMAP: usize = 8;

export class CodeCache {
  /** First record of the block at `rip`, decoded if need be; 0 with RAISED set if it cannot be had. */
  static find(rip: u64): usize {
    const hpa = Tlb.fetch(rip);
    if (hpa < 0) return CodeCache.miss(rip);
    store<u64>(CODE_PAGE, rip & ~(<u64>0xfff));
    return CodeCache.block(<u32>hpa);
  }

  /** The block at `hpa` in RAM. */
  @inline static block(hpa: u32): usize {
    const mode = load<u32>(CODE_MODE);
    const slot = CodeCache.slot(hpa, mode);
    if (load<u32>(slot) == hpa && load<u32>(slot, 4) == mode) return load<u32>(slot, 8);
    return CodeCache.build(hpa, mode);
  }

  static miss(rip: u64): usize {
    const hpa = Memory.fetch(rip);
    if (load<u32>(RAISED) != Raised.Nothing) return 0;
    store<u64>(CODE_PAGE, rip & ~(<u64>0xfff));
    return Physical.isRam(hpa) ? CodeCache.block(<u32>hpa) : CodeCache.refuse();
  }

  @inline static slot(hpa: u32, mode: u32): usize {
    return BLOCK_TABLE + (((hpa ^ (hpa >> 15) ^ (mode << 13)) & (BLOCK_SLOTS - 1)) << 4);
  }

  /** The instruction must be run alone. */
  static refuse(): usize {
    store<u32>(RAISED, Raised.Alone);
    return 0;
  }

  /** Decodes the block at `hpa`. */
  static build(hpa: u32, mode: u32): usize {
    if (load<u32>(CACHE_NEXT) + (MAX_INSTRUCTIONS + 2) * RECORD + BLOCK_HEADER > BLOCKS_END) {
      CodeCache.reset();
    }
    const page = CodeCache.page(hpa >> 12);
    const header: usize = load<u32>(CACHE_NEXT);
    const first = header + BLOCK_HEADER;
    let i = first;
    let offset = hpa & 0xfff;
    let count: u32 = 0;
    let accesses: u32 = 0;
    let open = true;
    while (open && count < MAX_INSTRUCTIONS && offset < 0x1000) {
      const length = Decoder.decode(RAM + (hpa & 0xfffff000) + offset, 0x1000 - offset, offset, i);
      if (length == 0) break;
      CodeCache.mark(page, offset, length);
      accesses += Decoder.accesses(i);
      open = !Decoder.ends(i);
      offset += length;
      count++;
      i += RECORD;
    }
    if (count == 0) return CodeCache.refuse();
    if (open) i = Decoder.end(i, offset) + RECORD;
    store<u32>(CACHE_NEXT, <u32>i);
    CodeCache.number(first, count);
    store<u32>(header, hpa);
    store<u32>(header, mode, 4);
    store<u32>(header, load<u32>(page), 8);
    store<u32>(header, count, 12);
    store<i64>(header, (<i64>count << 32) - <i64>accesses, 16);
    store<u32>(page, <u32>header);
    const slot = CodeCache.slot(hpa, mode);
    store<u32>(slot, hpa);
    store<u32>(slot, mode, 4);
    store<u32>(slot, <u32>first, 8);
    store<u64>(COUNT_BLOCKS_DECODED, load<u64>(COUNT_BLOCKS_DECODED) + 1);
    return first;
  }

  /** Tells each record how many instructions of its block are left. */
  static number(first: usize, count: u32): void {
    for (let n: u32 = 0; n < count; n++) store<u8>(first + n * RECORD, <u8>(count - n), 7);
  }

  /** Decodes the one instruction at `rip` into STEP_BLOCK; 0 with RAISED set if it cannot be fetched. */
  static alone(rip: u64): usize {
    const hpa = Memory.fetch(rip);
    if (load<u32>(RAISED) != Raised.Nothing) return 0;
    const offset = <u32>rip & 0xfff;
    store<u64>(CODE_PAGE, rip & ~(<u64>0xfff));
    const first = STEP_BLOCK + BLOCK_HEADER;
    const here = min<u32>(15, 0x1000 - offset);
    CodeCache.gather(hpa, 0, here);
    let length = Decoder.decode(FETCHED, here, offset, first);
    if (length == 0) {
      const rest = Memory.fetch(rip + here);
      if (load<u32>(RAISED) != Raised.Nothing) return 0;
      CodeCache.gather(rest, here, 15 - here);
      length = Decoder.decode(FETCHED, 15, offset, first);
    }
    if (!Decoder.ends(first)) Decoder.end(first + RECORD, offset + length);
    CodeCache.number(first, 1);
    store<i64>(STEP_BLOCK, (<i64>1 << 32) - <i64>Decoder.accesses(first), 16);
    return first;
  }

  static gather(hpa: u64, at: u32, count: u32): void {
    for (let n: u32 = 0; n < count; n++) {
      store<u8>(FETCHED + at + n, <u8>Physical.read(hpa + n, 1));
    }
  }

  /**
   * Block at `rip` for a direct branch of the record at `i`, in whose field at `place` the link is kept if
   * it stays in the page. 0 if the run loop must go on at RIP, which is then set.
   */
  static link(i: usize, place: usize, rip: u64): usize {
    const page = load<u64>(CODE_PAGE);
    const before = load<u32>(CACHE_NEXT);
    const next = CodeCache.jump(rip);
    const stands = load<u32>(CACHE_NEXT) >= before;
    if (next != 0 && stands && (rip & ~(<u64>0xfff)) == page) store<u32>(i + place, <u32>next);
    return next;
  }

  /** Block at `rip`, or 0 if the run loop must go on at RIP, which is then set. */
  static jump(rip: u64): usize {
    store<u64>(RIP, rip);
    if (load<u32>(STEPPING) != 0 || load<i64>(FUEL) >> 32 <= 0) return 0;
    return CodeCache.find(rip);
  }

  // --- Code pages ------------------------------------------------------------------------------

  /** Code page of `frame`, made if need be: from now on writes to the frame are looked at. */
  static page(frame: u32): usize {
    const place = FRAME_CODE + (frame << 1);
    let index: u32 = load<u16>(place);
    if (index == 0) {
      index = CodeCache.freePage();
      store<u16>(place, <u16>index);
      const page = CODE_PAGES + index * CODE_PAGE_BYTES;
      memory.fill(page, 0, CODE_PAGE_BYTES);
      store<u32>(page, frame, 4);
      const flags = load<u8>(FRAME_FLAGS + frame);
      store<u8>(FRAME_FLAGS + frame, flags | FRAME_CODE_BIT);
      if (flags & FRAME_WRITABLE) Tlb.dropWrites(frame);
    }
    return CODE_PAGES + index * CODE_PAGE_BYTES;
  }

  static freePage(): u32 {
    const free = load<u32>(CODE_PAGE_FREE);
    if (free != 0) {
      store<u32>(CODE_PAGE_FREE, load<u32>(CODE_PAGES + free * CODE_PAGE_BYTES));
      return free;
    }
    if (load<u32>(CODE_PAGE_NEXT) == CODE_PAGE_COUNT) CodeCache.reset();
    const next = load<u32>(CODE_PAGE_NEXT);
    store<u32>(CODE_PAGE_NEXT, next + 1);
    return next;
  }

  /** Notes that `length` bytes from `offset` of the page are decoded. */
  static mark(page: usize, offset: u32, length: u32): void {
    for (let n = offset; n < offset + length; n++) {
      const place = page + (n >> 3);
      store<u8>(place, load<u8>(place, BITMAP) | <u8>(<u32>1 << (n & 7)), BITMAP);
    }
  }

  /** Some of the `size` bytes at `hpa` (those in its page) are decoded. */
  static holds(hpa: u32, size: u32): bool {
    const index: u32 = load<u16>(FRAME_CODE + ((hpa >> 12) << 1));
    if (index == 0) return false;
    const page = CODE_PAGES + index * CODE_PAGE_BYTES;
    const end = min<u32>((hpa & 0xfff) + size, 0x1000);
    for (let n = hpa & 0xfff; n < end; n++) {
      if ((load<u8>(page + (n >> 3), BITMAP) >> (n & 7)) & 1) return true;
    }
    return false;
  }

  /** `length` bytes at `hpa` change: drops what was decoded from the page if they overlap it. */
  static written(hpa: u32, length: u32): void {
    if (CodeCache.holds(hpa, length)) CodeCache.drop(hpa >> 12);
  }

  static drop(frame: u32): void {
    const index: u32 = load<u16>(FRAME_CODE + (frame << 1));
    const page = CODE_PAGES + index * CODE_PAGE_BYTES;
    for (let header: usize = load<u32>(page); header != 0; header = load<u32>(header, 8)) {
      const slot = CodeCache.slot(load<u32>(header), load<u32>(header, 4));
      if (load<u32>(slot, 8) == <u32>(header + BLOCK_HEADER)) store<u64>(slot, DEAD);
      store<u32>(header, DEAD);
    }
    store<u16>(FRAME_CODE + (frame << 1), 0);
    store<u8>(FRAME_FLAGS + frame, load<u8>(FRAME_FLAGS + frame) & ~FRAME_CODE_BIT);
    store<u32>(page, load<u32>(CODE_PAGE_FREE));
    store<u32>(CODE_PAGE_FREE, index);
  }

  /** Empties the cache. Never while a block of it runs, except to run another. */
  static reset(): void {
    for (let index: u32 = 1; index < load<u32>(CODE_PAGE_NEXT); index++) {
      const frame = load<u32>(CODE_PAGES + index * CODE_PAGE_BYTES, 4);
      store<u16>(FRAME_CODE + (frame << 1), 0);
      store<u8>(FRAME_FLAGS + frame, load<u8>(FRAME_FLAGS + frame) & ~FRAME_CODE_BIT);
    }
    memory.fill(BLOCK_TABLE, 0xff, BLOCK_SLOTS << 4);
    store<u32>(CACHE_NEXT, <u32>BLOCKS);
    store<u32>(CODE_PAGE_NEXT, 1);
    store<u32>(CODE_PAGE_FREE, 0);
  }
}
