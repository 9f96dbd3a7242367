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
 *   24 u32 length    bytes
 * Blocks are linked to others of their page only, so that they die together: a write that overlaps decoded
 * bytes drops all blocks of the page. An instruction that crosses a page end, or lies outside RAM, is
 * never cached but decoded each time into STEP_BLOCK. Instructions that must run alone have a cache of their own
 * (cpu/single-steps.ts).
 */

import {
  BLOCKS_END,
  BUSY_BYTES,
  CACHE_NEXT,
  CODE_MODE,
  CODE_PAGE,
  COUNT_BLOCKS_DECODED,
  FETCHED,
  FUEL,
  RAISED,
  RAM,
  RIP,
  SENSITIVE_WATCH,
  STEP_BLOCK,
  STEPPING,
} from '../layout';
import { BLOCK_HEADER, CodePages } from '../mmu/code-pages';
import { Memory } from '../mmu/memory';
import { Physical } from '../mmu/physical';
import { Tlb } from '../mmu/tlb';
import { ConfinedCode } from './confined-code';
import { Decoder } from './decode';
import { Raised } from './event';
import { CODE_CONFINED, Mode } from './mode';
import { Outcome } from './outcome';
import { RECORD, Rec } from './record';
import { SingleSteps } from './single-steps';

/** Offset of the cost from the first record. */
export const COST: usize = 16;
/** Offset of the length from the first record. */
const LENGTH: usize = 8;
const MAX_INSTRUCTIONS: u32 = 64;
const PAGE: usize = 0x1000;

export class CodeCache {
  /** First record of the block at `rip`, decoded if need be; 0 with RAISED set if it cannot be had. */
  static find(rip: u64): usize {
    if (load<u32>(CODE_MODE) & CODE_CONFINED) return CodeCache.findConfined(rip);
    const hpa = Tlb.fetch(rip);
    if (hpa < 0) return CodeCache.miss(rip);
    store<u64>(CODE_PAGE, rip & ~(<u64>0xfff));
    return CodeCache.block(<u32>hpa);
  }

  /** The block at `hpa` in RAM. */
  @inline static block(hpa: u32): usize {
    const mode = load<u32>(CODE_MODE);
    const slot = CodePages.slot(hpa, mode);
    if (load<u32>(slot) == hpa && load<u32>(slot, 4) == mode) return load<u32>(slot, 8);
    return CodeCache.build(hpa, mode);
  }

  /** As CodeCache.find, in a segment with a base or a limit; what reaches beyond the limit is left to CodeCache.alone. */
  static findConfined(rip: u64): usize {
    Mode.wrap();
    const eip = <u64>(<u32>rip);
    if (ConfinedCode.room(eip) == 0) return ConfinedCode.refuse();
    const linear = ConfinedCode.linear(eip);
    const hpa = Memory.fetch(linear);
    if (load<u32>(RAISED) != Raised.Nothing) return 0;
    store<u64>(CODE_PAGE, eip - (linear & 0xfff));
    const i = CodeCache.at(hpa);
    if (i == 0) return 0;
    return ConfinedCode.holds(eip + load<u32>(i - LENGTH) - 1) ? i : CodeCache.refuse();
  }

  static miss(rip: u64): usize {
    Mode.wrap();
    const start = Memory.wrap(rip);
    const hpa = Memory.fetch(start);
    if (load<u32>(RAISED) != Raised.Nothing) return 0;
    store<u64>(CODE_PAGE, start & ~(<u64>0xfff));
    return CodeCache.at(hpa);
  }
  /** The block at `hpa`, which may lie outside RAM. */
  @inline static at(hpa: u64): usize {
    return Physical.isRam(hpa) ? CodeCache.block(<u32>hpa) : CodeCache.refuse();
  }

  /** The instruction must be run alone. */
  static refuse(): usize {
    store<u32>(RAISED, Raised.Alone);
    return 0;
  }

  /** Decodes the block at `hpa`. */
  static build(hpa: u32, mode: u32): usize {
    if (load<u32>(CACHE_NEXT) + 2 * PAGE > BLOCKS_END) CodePages.reset();
    const page = CodePages.page(hpa >> 12);
    const start: usize = load<u32>(CACHE_NEXT);
    let i = start + BLOCK_HEADER;
    let offset = hpa & 0xfff;
    let count: u32 = 0;
    let accesses: u32 = 0;
    let open = true;
    while (open && count < MAX_INSTRUCTIONS && offset < 0x1000) {
      const length = Decoder.decode(RAM + (hpa & 0xfffff000) + offset, 0x1000 - offset, offset, i);
      if (length == 0 || (load<u32>(SENSITIVE_WATCH) != 0 && Rec.isSensitive(i))) break;
      CodePages.mark(page, offset, length);
      accesses += Decoder.accesses(i);
      open = !Decoder.ends(i);
      offset += length;
      count++;
      i += RECORD;
    }
    if (count == 0) return CodeCache.refuse();
    if (open) i = Decoder.end(i, offset) + RECORD;
    const header = CodeCache.settle(start, i - start);
    const first = header + BLOCK_HEADER;
    store<u32>(CACHE_NEXT, <u32>(header + (i - start)));
    CodeCache.number(first, count);
    store<u32>(header, hpa);
    store<u32>(header, mode, 4);
    store<u32>(header, load<u32>(page), 8);
    store<u32>(header, count, 12);
    store<i64>(header, ((<i64>count) << 32) - <i64>accesses, 16);
    store<u32>(header, offset - (hpa & 0xfff), 24);
    store<u32>(page, <u32>header);
    const slot = CodePages.slot(hpa, mode);
    store<u32>(slot, hpa);
    store<u32>(slot, mode, 4);
    store<u32>(slot, <u32>first, 8);
    store<u64>(COUNT_BLOCKS_DECODED, load<u64>(COUNT_BLOCKS_DECODED) + 1);
    return first;
  }

  /**
   * Moves a block of `bytes` that was decoded at `start` to where it is read fast, and returns that place. A
   * processor holds up a load whose address agrees with that of a recent store in the lowest 12 bits, for it may be
   * of the same bytes. So no block shares these with the registers, which nearly every record writes.
   */
  static settle(start: usize, bytes: usize): usize {
    const offset = start & (PAGE - 1);
    let header = start;
    if (offset < BUSY_BYTES) header += BUSY_BYTES - offset;
    else if (offset + bytes > PAGE) header += PAGE - offset + BUSY_BYTES;
    if (header != start) memory.copy(header, start, bytes);
    return header;
  }

  /** Tells each record how many instructions of its block are left. */
  static number(first: usize, count: u32): void {
    for (let n: u32 = 0; n < count; n++) store<u8>(first + n * RECORD, <u8>(count - n), 7);
  }

  /** The one instruction at `rip`, decoded to run alone; 0 with RAISED set if it cannot be fetched. */
  static alone(rip: u64): usize {
    const room = ConfinedCode.room(rip);
    if (room == 0) return ConfinedCode.refuse();
    const start = ConfinedCode.linear(rip);
    const hpa = Memory.fetch(start);
    if (load<u32>(RAISED) != Raised.Nothing) return 0;
    const offset = <u32>start & 0xfff;
    store<u64>(CODE_PAGE, rip - offset);
    if (SingleSteps.holds(hpa, room)) {
      const known = SingleSteps.find(<u32>hpa);
      if (known != 0) return known;
    }
    const first = STEP_BLOCK + BLOCK_HEADER;
    const here = min<u32>(room, 0x1000 - offset);
    CodeCache.gather(hpa, 0, here);
    let length = Decoder.decode(FETCHED, here, offset, first);
    if (length == 0 && here < room) {
      const rest = Memory.fetch(start + here);
      if (load<u32>(RAISED) != Raised.Nothing) return 0;
      CodeCache.gather(rest, here, room - here);
      length = Decoder.decode(FETCHED, room, offset, first);
    }
    if (length == 0) return ConfinedCode.refuse();
    if (!Decoder.ends(first)) Decoder.end(first + RECORD, offset + length);
    CodeCache.number(first, 1);
    store<i64>(STEP_BLOCK, ((<i64>1) << 32) - <i64>Decoder.accesses(first), 16);
    return SingleSteps.holds(hpa, room) ? SingleSteps.keep(<u32>hpa) : first;
  }

  static gather(hpa: u64, at: u32, count: u32): void {
    for (let n: u32 = 0; n < count; n++) {
      store<u8>(FETCHED + at + n, <u8>Physical.read(hpa + n, 1));
    }
  }

  /**
   * Block at `target`, to which the record at `i` branches. 0 if the run loop must go on at RIP, which is then
   * set.
   */
  static branch(i: usize, target: u64): usize {
    const rip = ConfinedCode.target(target, Rec.size(i));
    if (load<u32>(RAISED) == Raised.Nothing) return CodeCache.follow(i, 24, rip);
    Outcome.interrupt(i);
    return 0;
  }

  /**
   * Block at `rip`, where the record at `i` leads. The link is kept in the record's field at `place` if it
   * stays in the page.
   */
  static follow(i: usize, place: usize, rip: u64): usize {
    const page = load<u64>(CODE_PAGE);
    const before = load<u32>(CACHE_NEXT);
    const next = CodeCache.jump(rip);
    if (next == 0 || load<u32>(CODE_MODE) & CODE_CONFINED) return next;
    const stands = load<u32>(CACHE_NEXT) >= before;
    if (stands && (rip & ~(<u64>0xfff)) == page) store<u32>(i + place, <u32>next);
    return next;
  }

  /** Block at `rip` if it can be entered at once, without a call: else 0, and nothing has changed. */
  @inline static reach(rip: u64): usize {
    const mode = load<u32>(CODE_MODE);
    const guarded = load<u32>(STEPPING) | (mode & CODE_CONFINED);
    return CodeCache.known(Tlb.fetch(rip), rip, mode, guarded != 0);
  }
  /** Block of `mode` at `hpa`, where `rip` is; 0 if it is not decoded, `hpa` is -1, or it is `guarded`. */
  @inline static known(hpa: i64, rip: u64, mode: u32, guarded: bool): usize {
    const slot = CodePages.slot(<u32>hpa, mode);
    const known = load<u32>(slot) == <u32>hpa && load<u32>(slot, 4) == mode;
    if (hpa < 0 || !known || guarded) return 0;
    store<u64>(CODE_PAGE, rip & ~(<u64>0xfff));
    return load<u32>(slot, 8);
  }

  /** Block at `rip`, or 0 if the run loop must go on at RIP, which is then set. */
  static jump(rip: u64): usize {
    store<u64>(RIP, rip);
    if (load<u32>(STEPPING) != 0 || load<i64>(FUEL) >> 32 <= 0) return 0;
    return CodeCache.find(rip);
  }
}
