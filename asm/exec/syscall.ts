/**
 * syscall, sysret, sysenter, sysexit (SDM 2B). Flat segments are loaded without reading descriptors. On a
 * hosted processor SYSCALL and SYSENTER stop: SYSCALL has then written RCX and R11, nothing else is
 * changed, and RIP is behind the instruction.
 */

import { EFER_SCE } from '../cpu/control';
import { Debug } from '../cpu/debug';
import { Table } from '../cpu/descriptor';
import { Emulation } from '../cpu/emulation';
import { Event, ExitReason, Raised } from '../cpu/event';
import { Flags, IF, RF, TF, VM } from '../cpu/flags';
import { Mode } from '../cpu/mode';
import { Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { DPL3, FLAT_CODE32, FLAT_CODE64, FLAT_DATA, SYSRET_FLAGS } from '../cpu/ring-change';
import { Segment } from '../cpu/segment';
import { SystemFlags } from '../cpu/system-flags';
import { Why } from '../gen/why';
import {
  CPL,
  EFER,
  EXIT_REASON,
  FMASK,
  HOSTED,
  LSTAR,
  RAISED,
  RFLAGS,
  RIP,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from '../layout';
import { Memory, SEGMENT_CS, SEGMENT_SS } from '../mmu/memory';

const RCX: u32 = 1;
const RDX: u32 = 2;
const RSP: u32 = 4;
const R11: u32 = 11;

/** What they share, expanded into each: it costs less than the calls. */
class Ring {
  /** IA32_SYSENTER_CS is not null; else #GP(0). */
  @inline static hasSysenter(): bool {
    if (!Table.isNull(load<u32>(SYSENTER_CS))) return true;
    Event.gp(0, Why.SysenterDisabled);
    return false;
  }

  @inline static stopsAtHost(reason: ExitReason): bool {
    if (load<u32>(HOSTED) == 0) return false;
    store<u32>(EXIT_REASON, reason);
    store<u32>(RAISED, Raised.Exit);
    return true;
  }

  /** To CPL 0, with `selector` and the one behind it. */
  @inline static enter(selector: u32, long: bool): void {
    const code = selector & 0xfffc;
    Segment.setFlat(SEGMENT_CS, code, long ? FLAT_CODE64 : FLAT_CODE32);
    Segment.setFlat(SEGMENT_SS, code + 8, FLAT_DATA);
    store<u32>(CPL, 0);
    Mode.update();
  }

  /** To CPL 3. */
  @inline static leave(code: u32, stack: u32, long: bool): void {
    Segment.setFlat(SEGMENT_CS, code | 3, (long ? FLAT_CODE64 : FLAT_CODE32) | DPL3);
    Segment.setFlat(SEGMENT_SS, stack | 3, FLAT_DATA | DPL3);
    store<u32>(CPL, 3);
    Emulation.changeRing(3);
    Mode.update();
  }
}

/** SYSCALL, from 64-bit mode. */
export function syscall(i: usize): void {
  if (!Mode.isLong() || (load<u32>(EFER) & EFER_SCE) == 0) {
    Event.ud(Why.SyscallDisabled);
    return;
  }
  Register.set(RCX, load<u64>(RIP));
  Register.set(R11, Flags.image());
  if (Ring.stopsAtHost(ExitReason.Syscall)) return;
  const traced = (load<u32>(RFLAGS) & TF) != 0;
  SystemFlags.load(0, load<u32>(FMASK) | RF);
  Debug.settleStep(traced, (load<u32>(RFLAGS) & TF) != 0);
  Ring.enter(<u32>(load<u64>(STAR) >> 32), true);
  store<u64>(RIP, load<u64>(LSTAR));
}

/** SYSRET: to 64-bit code with REX.W, else to compatibility mode. */
export function sysret(i: usize): void {
  if (!Mode.isLong() || (load<u32>(EFER) & EFER_SCE) == 0) {
    Event.ud(Why.SyscallDisabled);
    return;
  }
  const long = Rec.size(i) == 8;
  const rip = Register.get(RCX);
  if (long && !Memory.isCanonical(rip)) {
    Event.badTarget(rip, 0);
    return;
  }
  const traced = (load<u32>(RFLAGS) & TF) != 0;
  SystemFlags.load(Register.get(R11) & SYSRET_FLAGS, ~(<u32>2));
  Debug.settleStep(traced, (load<u32>(RFLAGS) & TF) != 0);
  const base = <u32>(load<u64>(STAR) >> 48);
  Ring.leave(long ? base + 16 : base, base + 8, long);
  store<u64>(RIP, long ? rip : <u64>(<u32>rip));
}

/** SYSENTER. */
export function sysenter(i: usize): void {
  if (!Ring.hasSysenter() || Ring.stopsAtHost(ExitReason.Sysenter)) return;
  const long = Table.isLong();
  SystemFlags.load(0, IF | VM | RF);
  Ring.enter(load<u32>(SYSENTER_CS), long);
  const rsp = load<u64>(SYSENTER_ESP);
  const rip = load<u64>(SYSENTER_EIP);
  Register.set(RSP, long ? rsp : <u64>(<u32>rsp));
  store<u64>(RIP, long ? rip : <u64>(<u32>rip));
}

/** SYSEXIT: to 64-bit code with REX.W. */
export function sysexit(i: usize): void {
  if (!Ring.hasSysenter()) return;
  const long = Rec.size(i) == 8;
  const rsp = Register.get(RCX);
  const rip = Register.get(RDX);
  if (long && !Memory.isCanonical(rip)) {
    Event.badTarget(rip, 0);
    return;
  }
  if (long && !Memory.isCanonical(rsp)) {
    Event.gp(0, Why.StackNotCanonical);
    return;
  }
  const code = load<u32>(SYSENTER_CS) + (long ? 32 : 16);
  Ring.leave(code, code + 8, long);
  Register.set(RSP, long ? rsp : <u64>(<u32>rsp));
  store<u64>(RIP, long ? rip : <u64>(<u32>rip));
}
