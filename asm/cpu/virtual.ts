/**
 * What a host does with the processor beside running it: puts the block of a virtual processor in its place
 * and back, and runs a guest as it would after an IRET of its own.
 *
 * Guest and host: while a VM is current the guest's block is in the processor's place, where it is emulated, and the
 * block of the host's processor lies beside. For a direct run the host's part of it that makes one processor another
 * (SYSTEM_BYTES) is in place, and the guest's in SPARE_BLOCK.
 */

import {
  ARE_LOADED,
  CODE_MODE,
  CPL,
  LOADED_SELECTORS,
  PROCESSOR,
  PROCESSOR_BYTES,
  RAISED,
  RESUMED_SELECTORS,
  RFLAGS,
  SEG_ACCESS,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGS,
  SPARE_BLOCK,
  SYSTEM_BYTES,
  TIME,
} from '../layout';
import { Context } from '../mmu/context';
import {
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_SS,
} from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { CodeSegment } from './code-segment';
import { ACCESS_DB, ACCESS_L, ACCESS_UNUSABLE } from './descriptor';
import { Event, Raised, Vector } from './event';
import { IF, IOPL, RF, VM } from './flags';
import { CodeMode, Mode } from './mode';
import { Run } from './run';
import { Segment } from './segment';

const USER: u32 = 3;
/** Segment registers that a program loads. */
const SEGMENTS: u32 = 6;
/** Flags that are the host's while the guest runs. VIF and VIP are the guest's: an IRET to CPL 3 loads them, too. */
const HOST_FLAGS: u32 = IF | IOPL | VM;
/** Instead of the number of a page: all of them, none. */
const ANYWHERE: f64 = -1;
const NOWHERE: f64 = -2;

/** Instead of an ExitReason: the guest's segments cannot be had through the host's tables. */
const REFUSED: u32 = 0xff;
/** In the result of a direct run, a bit for each segment register that the guest has loaded. */
const LOADED_SHIFT: u32 = 8;

export class Virtual {
  /** Exchanges the processor block and that at `place`; the TLB context follows. */
  static exchange(place: usize): void {
    memory.copy(SPARE_BLOCK, PROCESSOR, PROCESSOR_BYTES);
    memory.copy(PROCESSOR, place, PROCESSOR_BYTES);
    memory.copy(place, SPARE_BLOCK, PROCESSOR_BYTES);
    Context.select();
  }

  /**
   * Runs the guest for at most `fuel` instructions on the host's processor, whose block is at `place`, at CPL 3. `stack`
   * is a selector for the SS of 64-bit code that has none. `flush`: number of the page (GVA bits 47:12) whose
   * translations must go, ANYWHERE or NOWHERE; `reload`: what selectors mean may have changed. Returns an ExitReason or
   * REFUSED, and from LOADED_SHIFT up which segment registers the guest has loaded: they are to be found in the host's
   * block. All else of the guest's registers is taken over.
   */
  static direct(place: usize, fuel: u32, stack: u32, flush: f64, reload: bool): u32 {
    const host = place - PROCESSOR;
    const guest = SPARE_BLOCK - PROCESSOR;
    const time = load<u64>(TIME);
    const flags = load<u32>(RFLAGS);
    memory.copy(guest + SEGS, SEGS, SYSTEM_BYTES);
    memory.copy(SEGS, host + SEGS, SYSTEM_BYTES);
    store<u32>(RFLAGS, (flags & ~HOST_FLAGS) | IF);
    Context.select();
    if (flush == ANYWHERE) Context.flushAll();
    else if (flush != NOWHERE) Tlb.invalidatePage(<u64>(((<i64>flush) << 28) >> 16));
    const long = load<u32>(guest + CODE_MODE) == CodeMode.Long;
    if (reload) store<u32>(host + ARE_LOADED, 0);
    let result = REFUSED;
    // An INT that has not come to its end, as the filler of `patch`, leaves RF as it was.
    let kept = HOST_FLAGS | RF;
    if (Virtual.resume(guest, host, stack, long)) {
      result = Run.run(fuel);
      const loaded = Virtual.changedSelectors(host);
      if (loaded != 0) store<u32>(host + ARE_LOADED, 0);
      result |= loaded << LOADED_SHIFT;
      if (load<u64>(TIME) != time) kept = HOST_FLAGS;
      Virtual.copyBases(0, guest);
    }
    store<u32>(RFLAGS, (load<u32>(RFLAGS) & ~kept) | (flags & kept));
    memory.copy(host + SEGS, SEGS, SYSTEM_BYTES);
    memory.copy(SEGS, guest + SEGS, SYSTEM_BYTES);
    Context.select();
    return result;
  }

  /**
   * Loads the guest's segment registers on the host's processor, where they have not stayed in it; false if they do not
   * come out as they were.
   */
  static resume(guest: usize, host: usize, stack: u32, long: bool): bool {
    if (!Virtual.areLoaded(guest, host) && !Virtual.loadAll(guest, host, stack, long)) return false;
    // The MSRs set them in every mode.
    Virtual.copyBases(guest, 0);
    return Virtual.areSame(guest, long);
  }

  static loadAll(guest: usize, host: usize, stack: u32, long: bool): bool {
    const cs = Virtual.selector(guest, SEGMENT_CS) | USER;
    const ss = Virtual.selector(guest, SEGMENT_SS) | USER;
    const ds = Virtual.selector(guest, SEGMENT_DS);
    const es = Virtual.selector(guest, SEGMENT_ES);
    const fs = Virtual.selector(guest, SEGMENT_FS);
    const gs = Virtual.selector(guest, SEGMENT_GS);
    store<u32>(host + ARE_LOADED, 0);
    if (!Virtual.load(es, cs, ss, ds, fs, gs)) {
      // 64-bit code hardly looks at the others.
      if (!long) return false;
      if (!Virtual.load(0, cs, ss, 0, 0, 0) && !Virtual.load(0, cs, stack, 0, 0, 0)) return false;
    }
    store<u32>(host + ARE_LOADED, 1);
    for (let n: u32 = 0; n < SEGMENTS; n++) {
      store<u16>(host + RESUMED_SELECTORS + (n << 1), <u16>Virtual.selector(guest, n));
      store<u16>(host + LOADED_SELECTORS + (n << 1), <u16>Virtual.selector(0, n));
    }
    return true;
  }

  /** The host's processor still has what was loaded for the guest's selectors. */
  static areLoaded(guest: usize, host: usize): bool {
    if (load<u32>(host + ARE_LOADED) == 0) return false;
    for (let n: u32 = 0; n < SEGMENTS; n++) {
      const before: u32 = load<u16>(host + RESUMED_SELECTORS + (n << 1));
      if (Virtual.selector(guest, n) != before) return false;
    }
    return true;
  }

  /** ES, DS, FS and GS as MOV does at CPL 0, then SS and CS as an IRET to CPL 3. */
  static load(es: u32, cs: u32, ss: u32, ds: u32, fs: u32, gs: u32): bool {
    store<u32>(CPL, 0);
    store<u32>(RAISED, Raised.Nothing);
    const loaded =
      Segment.loadData(SEGMENT_ES, es) &&
      Segment.loadData(SEGMENT_DS, ds) &&
      Segment.loadData(SEGMENT_FS, fs) &&
      Segment.loadData(SEGMENT_GS, gs) &&
      Virtual.enter(cs, ss);
    store<u32>(RAISED, Raised.Nothing);
    if (!loaded) Mode.update();
    return loaded;
  }

  /** A host's IRET to CPL 3 of a guest that runs there: its segments alone. */
  static enterUser(cs: u32, ss: u32): bool {
    store<u32>(CPL, 0);
    store<u32>(RAISED, Raised.Nothing);
    const entered = Virtual.enter(cs, ss);
    store<u32>(RAISED, Raised.Nothing);
    store<u32>(CPL, USER);
    Mode.update();
    return entered;
  }

  static loadGs(selector: u32): bool {
    store<u32>(RAISED, Raised.Nothing);
    const loaded = Segment.loadData(SEGMENT_GS, selector);
    store<u32>(RAISED, Raised.Nothing);
    return loaded;
  }

  static enter(cs: u32, ss: u32): bool {
    const stack = Segment.checkStack(ss, USER, false, Vector.NP);
    if (Event.raised()) return false;
    const code = CodeSegment.read(cs, 0);
    if (Event.raised() || !CodeSegment.checkReturn(cs, code)) return false;
    Segment.commitStack(ss, stack, USER);
    CodeSegment.commit(cs, code, USER);
    return true;
  }

  /** FS and GS base from the block at `from` to that at `to`, both as distances from the processor's. */
  @inline static copyBases(from: usize, to: usize): void {
    const fs = Segment.place(SEGMENT_FS);
    const gs = Segment.place(SEGMENT_GS);
    store<u64>(to + fs, load<u64>(from + fs, SEG_BASE), SEG_BASE);
    store<u64>(to + gs, load<u64>(from + gs, SEG_BASE), SEG_BASE);
  }

  /** What was loaded is what the guest's registers hold: its tables may have changed since it loaded them. */
  static areSame(guest: usize, long: bool): bool {
    const cs = Segment.place(SEGMENT_CS);
    const access = load<u32>(guest + cs, SEG_ACCESS) ^ load<u32>(cs, SEG_ACCESS);
    if (access & (ACCESS_L | ACCESS_DB)) return false;
    if (long) return true;
    for (let n: u32 = 0; n < SEGMENTS; n++) {
      const place = Segment.place(n);
      const usable = load<u32>(place, SEG_ACCESS) & ACCESS_UNUSABLE;
      if (usable != (load<u32>(guest + place, SEG_ACCESS) & ACCESS_UNUSABLE)) return false;
      if (usable != 0) continue;
      if (load<u64>(place, SEG_BASE) != load<u64>(guest + place, SEG_BASE)) return false;
      if (load<u32>(place, SEG_LIMIT) != load<u32>(guest + place, SEG_LIMIT)) return false;
    }
    return true;
  }

  @inline static selector(block: usize, segment: u32): u32 {
    return load<u16>(block + Segment.place(segment), SEG_SELECTOR);
  }

  /** A bit for each segment register whose selector is not what was loaded. */
  static changedSelectors(host: usize): u32 {
    let changed: u32 = 0;
    for (let n: u32 = 0; n < SEGMENTS; n++) {
      const before: u32 = load<u16>(host + LOADED_SELECTORS + (n << 1));
      if (Virtual.selector(0, n) != before) changed |= (<u32>1) << n;
    }
    return changed;
  }
}
