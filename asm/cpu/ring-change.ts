/**
 * SYSCALL, SYSRET, SYSENTER and SYSEXIT as the dispatch loop makes them itself: in their plain case, from flat code to
 * flat code that is decoded already, with nothing to look at on the way. Each gives the first record of the block to
 * go on with, or 0, having changed nothing: exec/syscall.ts then does it whole. They call nothing.
 */

import {
  CODE_MODE,
  CPL,
  DR7,
  EFER,
  FMASK,
  HOSTED,
  INTR,
  LSTAR,
  RFLAGS,
  STAR,
  STEPPING,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from '../layout';
import { Context } from '../mmu/context';
import { Memory, SEGMENT_CS, SEGMENT_SS } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { CodeCache } from './code-cache';
import { EFER_LMA, EFER_SCE } from './control';
import { SELECTOR_RPL } from './descriptor';
import { Emulation } from './emulation';
import { AC, Flags, IF, RF, STATUS, TF, VM } from './flags';
import { CodeMode } from './mode';
import { Place, Register } from './operand';
import { Rec } from './record';
import { Segment } from './segment';

const RCX: u32 = 1;
const RDX: u32 = 2;
const RSP: u32 = 4;
const R11: u32 = 11;

/** Access rights of flat segments at DPL 0. */
export const FLAT_CODE64: u32 = 0xa09b;
export const FLAT_CODE32: u32 = 0xc09b;
export const FLAT_DATA: u32 = 0xc093;
export const DPL3: u32 = 3 << 5;
/** RFLAGS bits that SYSRET takes from R11. */
export const SYSRET_FLAGS: u32 = 0x3c7fd7;

export class RingChange {
  @inline static syscall(i: usize): usize {
    const mask = load<u32>(FMASK) | RF;
    const efer = load<u32>(EFER);
    const busy = load<u32>(CODE_MODE) | load<u32>(HOSTED) | load<u32>(STEPPING) | (mask & STATUS);
    if (busy != 0 || (~efer & (EFER_SCE | EFER_LMA)) != 0) return 0;
    const back = Place.next(i);
    const next = RingChange.reach(load<u64>(LSTAR), 0, CodeMode.Long);
    if (next == 0) return 0;
    Register.set(RCX, back);
    Register.set(R11, Flags.image());
    store<u32>(RFLAGS, load<u32>(RFLAGS) & ~mask);
    RingChange.enter(load<u32>(STAR, 4) & 0xfffc, FLAT_CODE64);
    return next;
  }

  /** The privilege rule holds. */
  @inline static sysret(i: usize): usize {
    const efer = load<u32>(EFER);
    const image = load<u32>(Register.place(R11));
    const rip = Register.get(RCX);
    const busy = load<u32>(CODE_MODE) | load<u32>(STEPPING) | (image & (TF | RF | AC));
    if (busy != 0 || Emulation.isOn() || (~efer & (EFER_SCE | EFER_LMA)) != 0 || Rec.size(i) != 8)
      return 0;
    if (!Memory.isCanonical(rip) || ((image & IF) != 0 && load<u32>(INTR) != 0)) return 0;
    const next = RingChange.reach(rip, 3, CodeMode.Long);
    if (next == 0) return 0;
    Flags.setImage(<u64>(image & SYSRET_FLAGS));
    const base = <u32>load<u16>(STAR, 6);
    RingChange.leave(base + 16, base + 8, FLAT_CODE64);
    return next;
  }

  @inline static sysenter(i: usize): usize {
    const long = (load<u32>(EFER) & EFER_LMA) != 0;
    const mode: u32 = long ? CodeMode.Long : CodeMode.Bits32;
    const busy = load<u32>(HOSTED) | load<u32>(STEPPING) | (load<u32>(CODE_MODE) ^ mode);
    const code = load<u32>(SYSENTER_CS) & 0xfffc;
    if (busy != 0 || code == 0) return 0;
    const rip = load<u64>(SYSENTER_EIP);
    const next = RingChange.reach(long ? rip : <u64>(<u32>rip), 0, mode);
    if (next == 0) return 0;
    const rsp = load<u64>(SYSENTER_ESP);
    Register.set(RSP, long ? rsp : <u64>(<u32>rsp));
    store<u32>(RFLAGS, load<u32>(RFLAGS) & ~(IF | VM | RF));
    RingChange.enter(code, long ? FLAT_CODE64 : FLAT_CODE32);
    return next;
  }

  /** The privilege rule holds. */
  @inline static sysexit(i: usize): usize {
    const long = Rec.size(i) == 8;
    const mode: u32 = long ? CodeMode.Long : CodeMode.Bits32;
    const code = load<u32>(SYSENTER_CS) & 0xfffc;
    const busy = load<u32>(STEPPING) | (load<u32>(CODE_MODE) ^ mode);
    if (busy != 0 || Emulation.isOn() || code == 0) return 0;
    const rsp = Register.get(RCX);
    const rip = Register.get(RDX);
    if (long && !(Memory.isCanonical(rip) && Memory.isCanonical(rsp))) return 0;
    const next = RingChange.reach(long ? rip : <u64>(<u32>rip), 3, mode);
    if (next == 0) return 0;
    const selector = load<u32>(SYSENTER_CS) + (long ? 32 : 16);
    RingChange.leave(selector, selector + 8, long ? FLAT_CODE64 : FLAT_CODE32);
    Register.set(RSP, long ? rsp : <u64>(<u32>rsp));
    return next;
  }

  /** The block at `rip` as code at `cpl` in `mode`, or 0 if it is not decoded or accesses then need a look. */
  @inline static reach(rip: u64, cpl: u32, mode: u32): usize {
    const number = Context.number(cpl);
    const watched = (load<u32>(RFLAGS) & AC) | (load<u32>(DR7) & 0xff);
    const guarded = watched != 0 || number == 0 || Context.number(0) == 0;
    return CodeCache.known(Tlb.fetchAt(rip, cpl, number), rip, mode, guarded);
  }

  /** To CPL 0: CS is `code`, SS the selector behind it. */
  @inline static enter(code: u32, access: u32): void {
    Segment.setFlat(SEGMENT_CS, code, access);
    Segment.setFlat(SEGMENT_SS, code + 8, FLAT_DATA);
    RingChange.setRing(0);
  }

  /** To CPL 3. */
  @inline static leave(code: u32, stack: u32, access: u32): void {
    Segment.setFlat(SEGMENT_CS, code | SELECTOR_RPL, access | DPL3);
    Segment.setFlat(SEGMENT_SS, stack | SELECTOR_RPL, FLAT_DATA | DPL3);
    RingChange.setRing(3);
  }

  /** Sets CPL, and the TLB contexts that `reach` has found to be there. */
  @inline static setRing(cpl: u32): void {
    store<u32>(CPL, cpl);
    Context.use(Context.number(cpl), Context.number(0), cpl == 3);
  }
}
