/**
 * TLB contexts: the number in the low bits of a TLB tag that says for whom an entry is valid.
 *
 * A number is interned for everything that a cached translation depends on: PCID, paging mode, CR0.WP, the CR4
 * and EFER bits that the walker reads, PKRU, the map of guest-physical memory, VPID and EPT pointer, and the kind of
 * access (supervisor, supervisor with EFLAGS.AC, user).
 * A *space* (SPACES) holds one number per kind. To flush a space is to forget its numbers: O(1). When the
 * numbers run out, the TLBs are cleared and counting starts anew. Globals are dropped with the rest, which
 * the manual allows (SDM 3A 4.10.4: a processor may invalidate more than it must).
 *
 * Space, SPACE_BYTES: u16 numbers[3] (0: none yet), u16 in use, u32 pcid, u32 environment, u32 pkru, u32 map, u64 tag
 * (VPID and EPT pointer).
 */

import { CR0_AM, CR0_WP, CR4_PCIDE, CR4_PKE, CR4_SMAP, CR4_SMEP, EFER_NXE } from '../cpu/control';
import { AC } from '../cpu/flags';
import {
  BY_EPT,
  CONTEXT,
  CONTEXT_LAST,
  COUNT_FLUSHES,
  CPL,
  CR0,
  CR3,
  CR4,
  DATA_CONTEXT,
  DR7,
  EFER,
  EPTP,
  FETCH_CONTEXT,
  GUEST_MAP,
  INVALIDATED,
  INVALIDATED_ALL,
  LARGE_PAGES,
  LARGE_PAGES_BYTES,
  PAGING_MODE,
  PKRU,
  RFLAGS,
  SPACE_BYTES,
  SPACE_COUNT,
  SPACE_CURRENT,
  SPACE_VICTIM,
  SPACES,
  SYSTEM_CONTEXT,
  TLB_END,
  TLB_READ,
  VPID,
} from '../layout';
import { FRAME } from './entry-bits';

/** Set in the tag of an entry whose accesses always take the slow path: devices, decoded code. */
export const TAG_SLOW: u64 = 0x800;
/** A context that no entry carries. */
export const NO_CONTEXT: u64 = 0x7ff;
const LAST_CONTEXT: u32 = 0x7fe;

/** Kinds of access within a space. */
export enum Access {
  Supervisor = 0,
  /** Supervisor, explicit, with EFLAGS.AC set: SMAP is suspended. */
  SupervisorAc = 1,
  User = 2,
}

const IN_USE: usize = 6;
const PCID: usize = 8;
const ENVIRONMENT: usize = 12;
const KEYS: usize = 16;
const MAP: usize = 20;
const TAG: usize = 24;

/** Bits of a tag: 63:48 VPID; of the EPT pointer, what is not ignored. */
const VPID_SHIFT: u64 = 48;
const VPID_BITS: u64 = 0xffff << VPID_SHIFT;
const EPT_BITS: u64 = FRAME | 0x7f;

export class Context {
  /** Finds the space for the control registers as they are now, and makes its numbers current. */
  static select(): void {
    store<u32>(INVALIDATED, INVALIDATED_ALL);
    const cr4 = load<u32>(CR4);
    const pcid = cr4 & CR4_PCIDE ? load<u32>(CR3) & 0xfff : 0;
    const environment = Context.environment(cr4);
    const keys = cr4 & CR4_PKE ? load<u32>(PKRU) : 0;
    const map = Context.map();
    const tag = Context.tag();
    for (let n: u32 = 0; n < SPACE_COUNT; n++) {
      const space = SPACES + n * SPACE_BYTES;
      if (
        load<u16>(space, IN_USE) != 0 &&
        load<u32>(space, PCID) == pcid &&
        load<u32>(space, ENVIRONMENT) == environment &&
        load<u32>(space, KEYS) == keys &&
        load<u32>(space, MAP) == map &&
        load<u64>(space, TAG) == tag
      ) {
        store<u32>(SPACE_CURRENT, n);
        Context.refresh();
        return;
      }
    }
    const victim = load<u32>(SPACE_VICTIM) % SPACE_COUNT;
    store<u32>(SPACE_VICTIM, victim + 1);
    const space = SPACES + victim * SPACE_BYTES;
    memory.fill(space, 0, SPACE_BYTES);
    store<u16>(space, 1, IN_USE);
    store<u32>(space, pcid, PCID);
    store<u32>(space, environment, ENVIRONMENT);
    store<u32>(space, keys, KEYS);
    store<u32>(space, map, MAP);
    store<u64>(space, tag, TAG);
    store<u32>(SPACE_CURRENT, victim);
    Context.refresh();
  }

  /** The map of guest-physical memory that an emulator uses, or 0. */
  @inline static map(): u32 {
    const map = load<u32>(GUEST_MAP);
    return map == BY_EPT ? 0 : map;
  }
  @inline static tag(): u64 {
    return ((<u64>load<u32>(VPID)) << VPID_SHIFT) | (load<u64>(EPTP) & EPT_BITS);
  }

  /** The control bits that the walker's answer depends on. */
  static environment(cr4: u32): u32 {
    const bits = (load<u32>(CR0) & CR0_WP) | (load<u32>(EFER) & EFER_NXE);
    return load<u32>(PAGING_MODE) | bits | (cr4 & (CR4_SMEP | CR4_SMAP | CR4_PKE));
  }

  /** CPL, EFLAGS.AC, CR0.AM or DR7 changed: picks the numbers of the current space. */
  static refresh(): void {
    const user = load<u32>(CPL) == 3;
    const ac = (load<u32>(RFLAGS) & AC) != 0;
    const access = user ? Access.User : ac ? Access.SupervisorAc : Access.Supervisor;
    const space = Context.space();
    const place = space + ((<u32>access) << 1);
    // Handing out a number may start numbering anew, which voids the one before.
    while (load<u16>(place) == 0 || load<u16>(space) == 0) {
      Context.assign(load<u16>(place) == 0 ? place : space);
    }
    const data = <u64>load<u16>(place);
    Context.use(data, <u64>load<u16>(space), user);
    if (Context.watched(user && ac)) store<u64>(CONTEXT, NO_CONTEXT);
  }

  /** The space in use. */
  @inline static space(): usize {
    return SPACES + load<u32>(SPACE_CURRENT) * SPACE_BYTES;
  }

  /** The number of the space in use for code at `cpl` with EFLAGS.AC clear; 0: none yet. */
  @inline static number(cpl: u32): u64 {
    const access: usize = cpl == 3 ? Access.User : Access.Supervisor;
    return <u64>load<u16>(Context.space() + (access << 1));
  }

  /** Makes the numbers current of explicit and of implicit accesses, where none need a look. */
  @inline static use(data: u64, system: u64, user: bool): void {
    store<u64>(DATA_CONTEXT, data);
    store<u64>(SYSTEM_CONTEXT, system);
    store<u64>(FETCH_CONTEXT, user ? data : system);
    store<u64>(CONTEXT, data);
  }

  /** Every access must be looked at: alignment checking or a data breakpoint is on. */
  @inline static watched(userAc: bool): bool {
    if (userAc && (load<u32>(CR0) & CR0_AM) != 0) return true;
    const dr7 = load<u32>(DR7);
    return (dr7 & 0xff) != 0 && (dr7 & 0x11110000) != 0;
  }

  /** Gives the kind of access at `place` of a space its number. */
  static assign(place: usize): void {
    if (load<u32>(CONTEXT_LAST) == LAST_CONTEXT) Context.restart();
    const next = load<u32>(CONTEXT_LAST) + 1;
    store<u32>(CONTEXT_LAST, next);
    store<u16>(place, <u16>next);
  }

  /** The numbers are used up: empties the TLBs and forgets all numbers. */
  static restart(): void {
    memory.fill(TLB_READ, 0, TLB_END - TLB_READ);
    store<u32>(CONTEXT_LAST, 0);
    for (let n: u32 = 0; n < SPACE_COUNT; n++) Context.clear(SPACES + n * SPACE_BYTES);
  }

  /**
   * Forgets the numbers of the spaces of this processor, under the VPID that is in use and any EPT, whose PCID equals
   * `pcid` in the bits of `mask`.
   */
  static forget(pcid: u32, mask: u32): void {
    for (let n: u32 = 0; n < SPACE_COUNT; n++) {
      const space = SPACES + n * SPACE_BYTES;
      const own = Context.isOwn(space);
      if (own && ((load<u32>(space, PCID) ^ pcid) & mask) == 0) Context.clear(space);
    }
  }
  /** The space is of this processor and the VPID that is in use. */
  @inline static isOwn(space: usize): bool {
    const other = (load<u64>(space, TAG) ^ Context.tag()) & VPID_BITS;
    return other == 0 && load<u32>(space, MAP) == Context.map();
  }

  /** Forgets what is under `vpid`, through any EPT. Context.refresh must follow, as after the next three. */
  static forgetVpid(vpid: u32): void {
    Context.forgetTag((<u64>vpid) << VPID_SHIFT, VPID_BITS);
  }
  /** Forgets what came through the EPT of `eptp`, whatever else it says. */
  static forgetEpt(eptp: u64): void {
    Context.forgetTag(eptp, FRAME);
  }
  /** Forgets the spaces of this processor whose tag equals `tag` in the bits of `mask`. */
  static forgetTag(tag: u64, mask: u64): void {
    for (let n: u32 = 0; n < SPACE_COUNT; n++) {
      const space = SPACES + n * SPACE_BYTES;
      const own = load<u32>(space, MAP) == Context.map();
      if (own && ((load<u64>(space, TAG) ^ tag) & mask) == 0) Context.clear(space);
    }
  }
  /** Forgets what came through any EPT. */
  static forgetEpts(): void {
    Context.forgetTagged(EPT_BITS);
  }
  /** Forgets what is under any VPID but 0. */
  static forgetVpids(): void {
    Context.forgetTagged(VPID_BITS);
  }
  static forgetTagged(mask: u64): void {
    for (let n: u32 = 0; n < SPACE_COUNT; n++) {
      const space = SPACES + n * SPACE_BYTES;
      if (load<u64>(space, TAG) & mask) Context.clear(space);
    }
  }
  @inline static clear(space: usize): void {
    store<u32>(space, 0);
    store<u16>(space, 0, 4);
  }

  /** Drops every translation of `pcid`. */
  static flushPcid(pcid: u32): void {
    store<u32>(INVALIDATED, INVALIDATED_ALL);
    store<u64>(COUNT_FLUSHES, load<u64>(COUNT_FLUSHES) + 1);
    Context.forget(pcid, 0xfff);
    Context.refresh();
  }

  /** Drops every translation. */
  static flushAll(): void {
    store<u32>(INVALIDATED, INVALIDATED_ALL);
    Context.dropAll();
  }
  static dropAll(): void {
    store<u64>(COUNT_FLUSHES, load<u64>(COUNT_FLUSHES) + 1);
    Context.forget(0, 0);
    if (Context.isAlone()) memory.fill(LARGE_PAGES, 0, LARGE_PAGES_BYTES);
    Context.refresh();
  }

  /** Every space is of this processor and VPID: others would still need to know of their large pages. */
  static isAlone(): bool {
    for (let n: u32 = 0; n < SPACE_COUNT; n++) {
      const space = SPACES + n * SPACE_BYTES;
      if (load<u16>(space, IN_USE) != 0 && !Context.isOwn(space)) return false;
    }
    return true;
  }
}
