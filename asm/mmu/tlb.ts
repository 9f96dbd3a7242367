/**
 * The translation cache: three direct-mapped arrays, for reads, writes and fetches (layout: TLB_READ ...).
 *
 * Entry, 16 bytes: u64 tag (GVA of the page | context), u32 addend (offset in linear memory minus GVA,
 * mod 2^32), u32 frame number. A hit is a compare and an add: the tag is compared with the page of the
 * access's *last* byte, so an access that crosses a page misses by itself. An entry exists only when the
 * walker allowed the access with nothing left to do (write entries have D set). Entries with TAG_SLOW
 * never hit: frames outside RAM or under an alias (dram.ts), frames whose code is decoded (writes).
 * The walker must be right without it: Tlb.insert may be dropped and nothing but speed changes.
 */

import {
  CONTEXT,
  CPL,
  FETCH_CONTEXT,
  FETCH_SLOTS,
  FRAME_ALIASED,
  FRAME_CODE_BIT,
  FRAME_DIRTY,
  FRAME_FLAGS,
  FRAME_SLOT,
  FRAME_WRITABLE,
  INVALIDATED,
  INVALIDATED_ALL,
  INVALIDATED_NONE,
  INVALIDATED_ONE,
  INVALIDATED_PAGE,
  LARGE_PAGES,
  LARGE_PAGES_BYTES,
  RAM,
  RAM_BYTES,
  TLB_DISABLED,
  TLB_FETCH,
  TLB_READ,
  TLB_SLOTS,
  TLB_WRITE,
  WALK_HPA,
  WALK_SHIFT,
} from '../layout';
import { Context, TAG_SLOW } from './context';

const PAGE: u64 = ~(<u64>0xfff);

export class Tlb {
  /** Linear-memory address of `size` bytes at `gva` for an explicit read, or 0 on a miss. */
  @inline static read(gva: u64, size: u32): usize {
    return Tlb.find(TLB_READ, gva, size, load<u64>(CONTEXT));
  }
  /** Linear-memory address of `size` bytes at `gva` for an explicit write, or 0 on a miss. */
  @inline static write(gva: u64, size: u32): usize {
    return Tlb.find(TLB_WRITE, gva, size, load<u64>(CONTEXT));
  }
  /** The same for either array and any context. */
  @inline static find(array: usize, gva: u64, size: u32, context: u64): usize {
    return Tlb.hits(array, gva, size, context) ? Tlb.place(array, gva) : 0;
  }
  /** The entry for `gva` serves `size` bytes; their address is then Tlb.place. `array` is a constant. */
  @inline static hits(array: usize, gva: u64, size: u32, context: u64): bool {
    const slot: usize = (<u32>gva >> 8) & TLB_SLOTS;
    return load<u64>(slot + array) == (((gva + (size - 1)) & PAGE) | context);
  }
  @inline static place(array: usize, gva: u64): usize {
    const slot: usize = (<u32>gva >> 8) & TLB_SLOTS;
    return <usize>(<u32>gva + load<u32>(slot + array, 8));
  }
  /** HPA of the instruction byte at `gva` in RAM, or -1 on a miss. */
  @inline static fetch(gva: u64): i64 {
    return Tlb.fetchAt(gva, load<u32>(CPL), load<u64>(FETCH_CONTEXT));
  }
  /** The same for code at `cpl`, whose fetches have `context`. */
  @inline static fetchAt(gva: u64, cpl: u32, context: u64): i64 {
    const entry = TLB_FETCH + Tlb.fetchSlot(gva, cpl);
    if (load<u64>(entry) != ((gva & PAGE) | context)) return -1;
    return <i64>((load<u32>(entry, 12) << 12) | (<u32>gva & 0xfff));
  }

  /** User and supervisor often fetch from one page in toy kernels: the ring takes part in the slot. */
  @inline static fetchSlot(gva: u64, cpl: u32): usize {
    return ((<u32>gva >> 8) ^ ((cpl & 2) << 12)) & FETCH_SLOTS;
  }
  @inline static slot(array: usize, gva: u64): usize {
    return array == TLB_FETCH ? Tlb.fetchSlot(gva, load<u32>(CPL)) : (<u32>gva >> 8) & TLB_SLOTS;
  }

  /** Frame number of `gva` in the array at `array` for `context`, slow entries included, or -1. */
  static frame(array: usize, gva: u64, context: u64): i64 {
    const entry = array + Tlb.slot(array, gva);
    if ((load<u64>(entry) & ~TAG_SLOW) != ((gva & PAGE) | context)) return -1;
    return <i64>load<u32>(entry, 12);
  }

  /** Caches what the walker found for the page of `gva` in `array`. */
  static insert(array: usize, gva: u64, context: u64): void {
    if (load<u32>(TLB_DISABLED) != 0) return;
    const hpa = load<u64>(WALK_HPA) & PAGE;
    const frame = <u32>(hpa >> 12);
    const entry = array + Tlb.slot(array, gva);
    let tag = (gva & PAGE) | context;
    if (hpa >= load<u64>(RAM_BYTES)) tag |= TAG_SLOW;
    else if (array == TLB_WRITE) {
      const flags = load<u8>(FRAME_FLAGS + frame);
      if (flags & FRAME_CODE_BIT) {
        tag |= TAG_SLOW;
        store<u8>(FRAME_FLAGS + frame, flags | FRAME_DIRTY);
      } else Tlb.noteWritable(frame, flags, <u16>((entry - TLB_WRITE) >> 4));
    }
    store<u64>(entry, tag);
    store<u32>(entry, <u32>(RAM + <usize>hpa) - <u32>(gva & PAGE), 8);
    store<u32>(entry, frame, 12);
    const shift = load<u32>(WALK_SHIFT);
    if (shift > 12) Tlb.noteLarge(gva, shift);
  }

  /** Entry `number` of the write TLB has `frame` from now on. */
  @inline static noteWritable(frame: u32, flags: u8, number: u16): void {
    const place = FRAME_SLOT + (frame << 1);
    let now: u8 = flags | FRAME_DIRTY | FRAME_WRITABLE;
    if (!(flags & FRAME_WRITABLE)) store<u16>(place, number);
    else if (load<u16>(place) != number) now |= FRAME_ALIASED;
    store<u8>(FRAME_FLAGS + frame, now);
  }

  /** A slow entry whose frame holds no code any more serves writes again; `frame` is what it has. */
  static refresh(gva: u64, context: u64, frame: u32): void {
    const entry = TLB_WRITE + Tlb.slot(TLB_WRITE, gva);
    if ((load<u64>(entry) & TAG_SLOW) == 0 || (<u64>frame) << 12 >= load<u64>(RAM_BYTES)) return;
    if (load<u8>(FRAME_FLAGS + frame) & FRAME_CODE_BIT) return;
    store<u64>(WALK_HPA, (<u64>frame) << 12);
    store<u32>(WALK_SHIFT, 12);
    Tlb.insert(TLB_WRITE, gva, context);
  }

  /** Drops the page of `gva` in every context; all translations if it may be part of a large page. */
  static invalidatePage(gva: u64): void {
    const isFirst = load<u32>(INVALIDATED) == INVALIDATED_NONE;
    store<u32>(INVALIDATED, isFirst ? INVALIDATED_ONE : INVALIDATED_ALL);
    store<u64>(INVALIDATED_PAGE, gva);
    if (Tlb.mayBeLarge(gva)) {
      Context.dropAll();
      return;
    }
    Tlb.dropPage(gva);
  }
  /** Drops what is cached of the page of `gva` alone, in every context. */
  static dropPage(gva: u64): void {
    Tlb.drop(TLB_READ + ((<u32>gva >> 8) & TLB_SLOTS), gva);
    Tlb.drop(TLB_WRITE + ((<u32>gva >> 8) & TLB_SLOTS), gva);
    Tlb.drop(TLB_FETCH + Tlb.fetchSlot(gva, 0), gva);
    Tlb.drop(TLB_FETCH + Tlb.fetchSlot(gva, 3), gva);
  }
  @inline static drop(entry: usize, gva: u64): void {
    if (((load<u64>(entry) ^ gva) & PAGE) == 0) store<u64>(entry, 0);
  }

  /** Forgets the write entries of a frame, so that the next write to it is looked at. */
  static dropWrites(frame: u32): void {
    const flags = load<u8>(FRAME_FLAGS + frame);
    if (flags & FRAME_ALIASED) {
      for (let entry = TLB_WRITE; entry < TLB_FETCH; entry += 16) Tlb.dropFrame(entry, frame);
    } else {
      const number: usize = load<u16>(FRAME_SLOT + (frame << 1));
      Tlb.dropFrame(TLB_WRITE + (number << 4), frame);
    }
    store<u8>(FRAME_FLAGS + frame, flags & ~(FRAME_WRITABLE | FRAME_ALIASED));
  }
  /** Forgets the data translations to `frame`, which is in RAM. */
  static dropData(frame: u32): void {
    Tlb.dropNumber(frame);
    const place = FRAME_FLAGS + frame;
    store<u8>(place, load<u8>(place) & ~(FRAME_WRITABLE | FRAME_ALIASED));
  }
  /** Forgets the data translations to the frame with that number, which may be in no RAM. */
  static dropNumber(frame: u32): void {
    for (let entry = TLB_READ; entry < TLB_FETCH; entry += 16) Tlb.dropFrame(entry, frame);
  }
  @inline static dropFrame(entry: usize, frame: u32): void {
    if (load<u32>(entry, 12) == frame) store<u64>(entry, 0);
  }

  /** One bit per hash of a 2 MiB region: a superset of the regions with large translations cached; a
   *  1 GiB page sets them all. */
  static noteLarge(gva: u64, shift: u32): void {
    if (shift > 22) {
      memory.fill(LARGE_PAGES, 0xff, LARGE_PAGES_BYTES);
      return;
    }
    const bit = <u32>(gva >> 21) & 0xfff;
    const bits = shift == 21 ? (<u32>1) << (bit & 7) : (<u32>3) << (bit & 6);
    const place = LARGE_PAGES + (bit >> 3);
    store<u8>(place, load<u8>(place) | <u8>bits);
  }
  static mayBeLarge(gva: u64): bool {
    const bit = <u32>(gva >> 21) & 0xfff;
    return ((load<u8>(LARGE_PAGES + (bit >> 3)) >> (bit & 7)) & 1) != 0;
  }
}
