/**
 * iret and far ret of 32-bit and 16-bit code (SDM 2A IRET/IRETD/IRETQ, 2B RET): within a ring and outward,
 * also to 64-bit code where long mode is active. SS:ESP is popped on the way outward only.
 */

import { CodeSegment } from '../cpu/code-segment';
import { Descriptor, SELECTOR_RPL, Table } from '../cpu/descriptor';
import { Absent, Event, Vector } from '../cpu/event';
import { NT, VM } from '../cpu/flags';
import { Segment } from '../cpu/segment';
import { Stack } from '../cpu/stack';
import { SystemFlags } from '../cpu/system-flags';
import { TaskSwitch } from '../cpu/task-switch';
import { Why } from '../gen/why';
import { CPL, RFLAGS, RIP } from '../layout';
import { Tlb } from '../mmu/tlb';
import { NmiUnblocking } from '../vmx/nmi-unblocking';

// What was popped; state of one instruction only.
let cs: u32 = 0;
let eip: u64 = 0;
let pointer: u64 = 0;
let ss: u32 = 0;
/** The descriptor of SS. */
let stack: u64 = 0;
/** An IRETD frame that the TLB has whole, as an address in linear memory, or 0. */
let whole: usize = 0;

/** The steps of a return; expanded into IRET and RETF. */
class Return {
  /** The n-th slot of `size` bytes of a frame at `top`; may raise. */
  @inline static slot(n: u32, top: u64, size: u32): u64 {
    return whole != 0 ? <u64>load<u32>(whole + (n << 2)) : Stack.read(top + n * size, size);
  }

  /** Reads the instruction pointer and CS, the first of `slots` on the stack; false if it raised. */
  @inline static popTarget(top: u64, size: u32, slots: u32): bool {
    if (!Stack.holds(top, slots, size)) return false;
    eip = Return.slot(0, top, size);
    if (Event.raised()) return false;
    cs = <u32>Return.slot(1, top, size) & 0xffff;
    return !Event.raised();
  }

  /** VM counts at CPL 0 only, and not in long mode. */
  @inline static entersVirtual8086(image: u64, size: u32): bool {
    return (image & <u64>VM) != 0 && size == 4 && load<u32>(CPL) == 0 && !Table.isLong();
  }

  /**
   * Checks the return, then goes there. The outer ring's SS:ESP lies at `rest`; `absent` is the vector for
   * a stack segment that is not present. False if it raised; nothing has changed then but accessed bits.
   */
  @inline static to(rest: u64, size: u32, dropped: u64, absent: u32): bool {
    const low = CodeSegment.read(cs, 0);
    if (Event.raised() || !CodeSegment.checkReturn(cs, low)) return false;
    const cpl = cs & SELECTOR_RPL;
    const outward = cpl > load<u32>(CPL);
    if (outward && !Return.readStack(rest, size, dropped, cpl, low, absent)) return false;
    if (!CodeSegment.checkTarget(eip, low, 0) || !Table.touch(cs, low)) return false;
    if (outward) {
      if (!Segment.touchStack(ss, stack)) return false;
      Segment.commitStack(ss, stack, cpl);
      CodeSegment.commit(cs, low, cpl);
      Stack.setPointer(pointer);
      Segment.dropInner(cpl);
    } else {
      Stack.setPointer(rest); // as the code pops that returns, not that which it returns to
      CodeSegment.commit(cs, low, cpl);
    }
    store<u64>(RIP, eip);
    return true;
  }

  /** Reads the outer ring's SS:ESP at `rest` and checks it for `cpl` and the code `low`; false if it raised. */
  @inline static readStack(
    rest: u64,
    size: u32,
    dropped: u64,
    cpl: u32,
    low: u64,
    absent: u32,
  ): bool {
    if (!Stack.holds(rest, 2, size)) return false;
    pointer = (whole != 0 ? <u64>load<u32>(whole, 12) : Stack.read(rest, size)) + dropped;
    if (Event.raised()) return false;
    ss = <u32>(whole != 0 ? <u64>load<u32>(whole, 16) : Stack.read(rest + size, size)) & 0xffff;
    if (Event.raised()) return false;
    const long = Table.isLong() && Descriptor.isLongCode(Descriptor.access(low));
    stack = Segment.checkStack(ss, cpl, long, absent);
    return !Event.raised();
  }
}

export class ReturnLegacy {
  /** IRET, IRETD. */
  static iret(size: u32): void {
    if (load<u32>(RFLAGS) & NT) {
      if (Table.isLong()) Event.gp(0, Why.NestedTask);
      else TaskSwitch.back();
      return;
    }
    NmiUnblocking.unblock();
    const top = Stack.pointer();
    whole = size == 4 && Stack.isWide() ? Tlb.read(Stack.linear(top), 5 * 4) : 0;
    if (!Return.popTarget(top, size, 3)) return;
    const image = Return.slot(2, top, size);
    if (Event.raised()) return;
    if (Return.entersVirtual8086(image, size)) {
      Event.absent(Absent.Virtual8086);
      return;
    }
    const mask = SystemFlags.returnable(size);
    if (Return.to(top + 3 * size, size, 0, Vector.NP)) SystemFlags.load(image, mask);
  }

  /** RETF: `dropped` bytes are dropped from both stacks. */
  static retFar(size: u32, dropped: u64): void {
    const top = Stack.pointer();
    whole = 0;
    if (Return.popTarget(top, size, 2))
      Return.to(top + 2 * size + dropped, size, dropped, Vector.SS);
  }
}
