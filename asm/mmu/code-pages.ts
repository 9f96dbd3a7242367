/**
 * Code pages: which bytes of which frames of RAM are decoded, and what is dropped when they change.
 *
 * A frame whose code is decoded has a code page (layout: CODE_PAGES) with a bitmap of the decoded bytes
 * and the list of its blocks (cpu/code-cache.ts tells their header). Writes to such a frame never take the
 * TLB's fast path; one that overlaps decoded bytes drops all blocks of the page.
 */

import {
  BLOCK_SLOTS,
  BLOCK_TABLE,
  BLOCKS,
  CACHE_NEXT,
  CODE_PAGE_BYTES,
  CODE_PAGE_COUNT,
  CODE_PAGE_FREE,
  CODE_PAGE_NEXT,
  CODE_PAGES,
  FRAME_CODE,
  FRAME_CODE_BIT,
  FRAME_FLAGS,
  FRAME_WRITABLE,
} from '../layout';
import { Tlb } from './tlb';

/** Bytes of a block's header, before its first record. */
export const BLOCK_HEADER: usize = 32;
/** HPA in the header of a block that was dropped. */
const DEAD: u32 = 0xffffffff;
const BITMAP: usize = 8;

export class CodePages {
  /** Place in the block table of the block at `hpa`. */
  @inline static slot(hpa: u32, mode: u32): usize {
    return BLOCK_TABLE + (((hpa ^ (hpa >> 15) ^ (mode << 13)) & (BLOCK_SLOTS - 1)) << 4);
  }

  /** Code page of `frame`, made if need be: from now on writes to the frame are looked at. */
  static page(frame: u32): usize {
    const place = FRAME_CODE + (frame << 1);
    let index: u32 = load<u16>(place);
    if (index == 0) {
      index = CodePages.freePage();
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
    if (load<u32>(CODE_PAGE_NEXT) == CODE_PAGE_COUNT) CodePages.reset();
    const next = load<u32>(CODE_PAGE_NEXT);
    store<u32>(CODE_PAGE_NEXT, next + 1);
    return next;
  }

  /** Notes that `length` bytes from `offset` of the page are decoded. */
  static mark(page: usize, offset: u32, length: u32): void {
    for (let n = offset; n < offset + length; n++) {
      const place = page + (n >> 3);
      store<u8>(place, load<u8>(place, BITMAP) | <u8>((<u32>1) << (n & 7)), BITMAP);
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
    if (CodePages.holds(hpa, length)) CodePages.drop(hpa >> 12);
  }

  static drop(frame: u32): void {
    const index: u32 = load<u16>(FRAME_CODE + (frame << 1));
    const page = CODE_PAGES + index * CODE_PAGE_BYTES;
    for (let header: usize = load<u32>(page); header != 0; header = load<u32>(header, 8)) {
      const slot = CodePages.slot(load<u32>(header), load<u32>(header, 4));
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
