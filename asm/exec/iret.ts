/**
 * iret and far ret of 64-bit code (SDM 2A IRET/IRETD/IRETQ, 2B RET): within a ring and outward, to 64-bit
 * and compatibility code. IRET always pops SS:RSP. Returns of other code are in iret-legacy.ts.
 */

import { CodeSegment } from '../cpu/code-segment';
import { Descriptor, SELECTOR_RPL, Table } from '../cpu/descriptor';
import { Event, Vector } from '../cpu/event';
import { NT } from '../cpu/flags';
import { Mode } from '../cpu/mode';
import { Rec } from '../cpu/record';
import { Segment } from '../cpu/segment';
import { Stack } from '../cpu/stack';
import { SystemFlags } from '../cpu/system-flags';
import { Why } from '../gen/why';
import { CPL, NMI_BLOCKED, RFLAGS, RIP } from '../layout';
import { Tlb } from '../mmu/tlb';
import { NmiUnblocking } from '../vmx/nmi-unblocking';
import { ReturnLegacy } from './iret-legacy';

/** An IRETQ frame that the TLB has whole, as an address in linear memory, or 0; of one return only. */
let whole: usize = 0;
/** SS:rSP of the caller as popped, and the descriptor of SS; of one return only. */
let pointer: u64 = 0;
let ss: u32 = 0;
let stack: u64 = 0;

class Return {
  /** The n-th slot of `size` bytes of a frame at `top`; may raise. */
  @inline static slot(n: u32, top: u64, size: u32): u64 {
    return whole != 0 ? load<u64>(whole + (n << 3)) : Stack.read(top + n * size, size);
  }

  /**
   * Checks the return to cs:rip, then goes there. The caller's SS:rSP lies at `rest`, if it is popped: on
   * a return outward, or `always`; `absent` is the vector for a stack segment that is not present. False if
   * it raised; nothing has changed then but accessed bits.
   */
  @inline static to(
    cs: u32,
    rip: u64,
    rest: u64,
    size: u32,
    dropped: u64,
    always: bool,
    absent: u32,
  ): bool {
    const low = CodeSegment.read(cs, 0);
    if (Event.raised() || !CodeSegment.checkReturn(cs, low)) return false;
    if (!CodeSegment.checkTarget(rip, low, 0)) {
      Event.foundAt(Stack.linear(Stack.pointer()));
      return false;
    }
    const cpl = cs & SELECTOR_RPL;
    const outward = cpl > load<u32>(CPL);
    if (outward || always) {
      if (!Return.readStack(rest, size, dropped, cpl, low, absent)) return false;
      if (!Table.touch(cs, low) || !Segment.touchStack(ss, stack)) return false;
      Segment.commitStack(ss, stack, cpl);
      CodeSegment.commit(cs, low, cpl);
      Stack.setPointer(pointer);
      if (outward) Segment.dropInner(cpl);
    } else {
      if (!Table.touch(cs, low)) return false;
      Stack.setPointer(rest); // as the code pops that returns, not that which it returns to
      CodeSegment.commit(cs, low, cpl);
    }
    store<u64>(RIP, rip);
    return true;
  }

  /** Reads the caller's SS:rSP at `rest` and checks it for `cpl` and the code `low`; false if it raised. */
  @inline static readStack(
    rest: u64,
    size: u32,
    dropped: u64,
    cpl: u32,
    low: u64,
    absent: u32,
  ): bool {
    pointer = (whole != 0 ? load<u64>(whole, 24) : Stack.read(rest, size)) + dropped;
    if (Event.raised()) return false;
    ss = <u32>(whole != 0 ? load<u64>(whole, 32) : Stack.read(rest + size, size)) & 0xffff;
    if (Event.raised()) return false;
    const long = Table.isLong() && Descriptor.isLongCode(Descriptor.access(low));
    stack = Segment.checkStack(ss, cpl, long, absent);
    return !Event.raised();
  }
}

/** IRET, IRETD, IRETQ. */
export function iret(i: usize): void {
  const wasBlocked = load<u32>(NMI_BLOCKED) != 0;
  if (Mode.isLong()) iretLong(Rec.size(i));
  else ReturnLegacy.iret(Rec.size(i));
  if (wasBlocked && Event.raised()) NmiUnblocking.faulted();
}

function iretLong(size: u32): void {
  if (load<u32>(RFLAGS) & NT) {
    Event.gp(0, Why.NestedTask);
    return;
  }
  NmiUnblocking.unblock();
  const top = Stack.pointer();
  whole = size == 8 ? Tlb.read(top, 5 * 8) : 0;
  const rip = Return.slot(0, top, size);
  if (Event.raised()) return;
  const cs = <u32>Return.slot(1, top, size) & 0xffff;
  if (Event.raised()) return;
  const image = Return.slot(2, top, size);
  if (Event.raised()) return;
  const mask = SystemFlags.returnable(size);
  if (Return.to(cs, rip, top + 3 * size, size, 0, true, Vector.NP)) SystemFlags.load(image, mask);
}

/** RETF: the immediate is dropped from both stacks. */
export function retFar(i: usize): void {
  const size = Rec.size(i);
  if (!Mode.isLong()) {
    ReturnLegacy.retFar(size, Rec.imm(i) & 0xffff);
    return;
  }
  const top = Stack.pointer();
  whole = 0;
  const rip = Stack.read(top, size);
  if (Event.raised()) return;
  const cs = <u32>Stack.read(top + size, size) & 0xffff;
  if (Event.raised()) return;
  const dropped = Rec.imm(i) & 0xffff;
  Return.to(cs, rip, top + 2 * size + dropped, size, dropped, false, Vector.SS);
}
