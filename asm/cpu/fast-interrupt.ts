/**
 * INT n and IRET as the dispatch loop makes them itself: in their plain case, between 64-bit code and 64-bit code or,
 * outside long mode, between flat 32-bit code and its like, in the same ring or between rings 0 and 3, with all that
 * is read and written at hand in the TLB and nothing to look at on the way. Each gives the first record of the block to
 * go on with, or 0, having changed nothing: deliver.ts and exec/iret.ts then do it whole. They call nothing.
 */

import {
  CODE_MODE,
  CPL,
  GDTR_BASE,
  GDTR_LIMIT,
  HOSTED,
  IDTR_BASE,
  IDTR_LIMIT,
  INTR,
  NMI_BLOCKED,
  RFLAGS,
  STEPPING,
  SYSTEM_CONTEXT,
  TLB_READ,
  TLB_WRITE,
} from '../layout';
import { Context } from '../mmu/context';
import {
  Memory,
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_SS,
  SEGMENT_TR,
} from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import {
  ACCESS_DB,
  ACCESS_L,
  ACCESS_UNUSABLE,
  Descriptor,
  Gate,
  SELECTOR_RPL,
  SELECTOR_TI,
  SystemType,
} from './descriptor';
import { Emulation } from './emulation';
import { FaultChain } from './fault-chain';
import { AC, Flags, IF, NT, RF, TF, VM } from './flags';
import { CodeMode, Mode } from './mode';
import { Place, Register } from './operand';
import { Rec } from './record';
import { RingChange } from './ring-change';
import { Segment } from './segment';
import { SystemFlags } from './system-flags';

const RSP: u32 = 4;
const USER: u32 = 3;
/** Bytes 5 of descriptors of accessed segments at DPL 0: code that does not conform, less R; writable data that expands up. */
const CODE_BYTE: u32 = 0x99;
const DATA_BYTE: u32 = 0x93;
const READABLE: u32 = 2;
/** Base 0, limit 4 GiB, D or B set, L clear: all but access rights and AVL. */
const FLAT_MASK: u64 = 0xffef00ff_ffffffff;
const FLAT: u64 = 0x00cf0000_0000ffff;
/** Offsets of the stacks for ring 0 in a 64-bit and a 32-bit TSS. */
const RSP0: u32 = 4;
const STACK_BYTES64: u32 = 8;
const STACK_BYTES32: u32 = 6;

export class FastInterrupt {
  /** INT n. */
  @inline static enter(i: usize): usize {
    const mode = load<u32>(CODE_MODE);
    if ((load<u32>(HOSTED) | load<u32>(STEPPING)) != 0) return 0;
    const vector = <u32>load<u8>(i, 16);
    if (mode == CodeMode.Long) return FastInterrupt.enterLong(i, vector);
    if (mode == CodeMode.Bits32 && !Mode.isLongActive()) return FastInterrupt.enter32(i, vector);
    return 0;
  }

  /** IRETQ and IRETD. */
  @inline static leave(i: usize): usize {
    const mode = load<u32>(CODE_MODE);
    if (load<u32>(STEPPING) != 0 || (load<u32>(RFLAGS) & NT) != 0) return 0;
    const size = Rec.size(i);
    if (mode == CodeMode.Long && size == 8) return FastInterrupt.leaveLong();
    if (mode == CodeMode.Bits32 && size == 4 && !Mode.isLongActive())
      return FastInterrupt.leave32();
    return 0;
  }

  @inline static enterLong(i: usize, vector: u32): usize {
    const context = load<u64>(SYSTEM_CONTEXT);
    const gateAddress = load<u64>(IDTR_BASE) + (vector << 4);
    if ((vector << 4) + 15 > load<u32>(IDTR_LIMIT)) return 0;
    if (!Tlb.hits(TLB_READ, gateAddress, 16, context)) return 0;
    const gate = load<u64>(Tlb.place(TLB_READ, gateAddress));
    const cpl = load<u32>(CPL);
    if (!FastInterrupt.isOpen(gate, cpl) || Gate.ist(gate) != 0) return 0;
    const selector = Gate.selector(gate);
    const code = FastInterrupt.descriptor(selector);
    const isLong = (Descriptor.access(code) & (ACCESS_L | ACCESS_DB)) == ACCESS_L;
    if (!isLong || FastInterrupt.codeByte(code) != CODE_BYTE) return 0;
    let stack = Register.get(RSP);
    if (cpl != 0) {
      const field = Segment.base(SEGMENT_TR) + RSP0;
      if (Segment.limit(SEGMENT_TR) < RSP0 + STACK_BYTES64 - 1) return 0;
      if (!Tlb.hits(TLB_READ, field, STACK_BYTES64, context)) return 0;
      stack = load<u64>(Tlb.place(TLB_READ, field));
    }
    const bottom = (stack & ~(<u64>15)) - 40;
    // A frame that the TLB has whole is canonical.
    if (!Tlb.hits(TLB_WRITE, bottom, 40, context)) return 0;
    const place = Tlb.place(TLB_WRITE, bottom);
    const high = <u64>load<u32>(Tlb.place(TLB_READ, gateAddress), 8);
    const back = Place.next(i);
    const next = RingChange.reach(Gate.offset(gate, high), 0, CodeMode.Long);
    if (next == 0) return 0;
    store<u64>(place, back);
    store<u64>(place, <u64>Segment.selector(SEGMENT_CS), 8);
    store<u64>(place, Flags.image(), 16);
    store<u64>(place, Register.get(RSP), 24);
    store<u64>(place, <u64>Segment.selector(SEGMENT_SS), 32);
    Register.set(RSP, bottom);
    if (cpl != 0) Segment.setNull(SEGMENT_SS, 0, 0);
    FastInterrupt.finish(gate, selector, code);
    return next;
  }

  @inline static enter32(i: usize, vector: u32): usize {
    const context = load<u64>(SYSTEM_CONTEXT);
    const gateAddress = load<u64>(IDTR_BASE) + (vector << 3);
    if ((vector << 3) + 7 > load<u32>(IDTR_LIMIT)) return 0;
    if (!Tlb.hits(TLB_READ, gateAddress, 8, context)) return 0;
    const gate = load<u64>(Tlb.place(TLB_READ, gateAddress));
    const cpl = load<u32>(CPL);
    if (!FastInterrupt.isOpen(gate, cpl)) return 0;
    const selector = Gate.selector(gate);
    const code = FastInterrupt.descriptor(selector);
    if ((code & FLAT_MASK) != FLAT || FastInterrupt.codeByte(code) != CODE_BYTE) return 0;
    const old = Register.get(RSP);
    const inner = cpl != 0;
    let pointer = <u32>old;
    let ss: u32 = 0;
    let data: u64 = 0;
    if (inner) {
      const tr = Segment.access(SEGMENT_TR) & 15;
      const field = Segment.base(SEGMENT_TR) + RSP0;
      if (Gate.isNarrow(tr) || Segment.limit(SEGMENT_TR) < RSP0 + STACK_BYTES32 - 1) return 0;
      if (!Tlb.hits(TLB_READ, field, STACK_BYTES32, context)) return 0;
      const place = Tlb.place(TLB_READ, field);
      pointer = load<u32>(place);
      ss = load<u16>(place, 4);
      data = FastInterrupt.descriptor(ss);
      const fits = (ss & SELECTOR_RPL) == 0 && (data & FLAT_MASK) == FLAT;
      if (!fits || FastInterrupt.byte5(data) != DATA_BYTE) return 0;
    }
    const bytes: u32 = inner ? 20 : 12;
    const bottom = <u64>(pointer - bytes);
    if (pointer < bytes || !Tlb.hits(TLB_WRITE, bottom, bytes, context)) return 0;
    const place = Tlb.place(TLB_WRITE, bottom);
    const back = Place.next(i);
    const next = RingChange.reach(Gate.offset(gate, 0), 0, CodeMode.Bits32);
    if (next == 0) return 0;
    store<u32>(place, <u32>back);
    store<u32>(place, Segment.selector(SEGMENT_CS), 4);
    store<u32>(place, <u32>Flags.image(), 8);
    if (inner) {
      store<u32>(place, <u32>old, 12);
      store<u32>(place, Segment.selector(SEGMENT_SS), 16);
      Segment.set(SEGMENT_SS, ss, data);
    }
    Register.set(RSP, bottom);
    FastInterrupt.finish(gate, selector, code);
    return next;
  }

  @inline static leaveLong(): usize {
    const top = Register.get(RSP);
    const cpl = load<u32>(CPL);
    if (!Tlb.hits(TLB_READ, top, 40, Context.number(cpl))) return 0;
    const place = Tlb.place(TLB_READ, top);
    const rip = load<u64>(place);
    const cs = <u32>load<u16>(place, 8);
    const image = load<u64>(place, 16);
    const ss = <u32>load<u16>(place, 32);
    const code = FastInterrupt.descriptor(cs);
    const outer = cs & SELECTOR_RPL;
    const isLong = (Descriptor.access(code) & (ACCESS_L | ACCESS_DB)) == ACCESS_L;
    if (!isLong || FastInterrupt.codeByte(code) != (CODE_BYTE | (outer << 5))) return 0;
    if (!FastInterrupt.mayReturn(cpl, outer, <u32>image) || !Memory.isCanonical(rip)) return 0;
    const isNull = (ss & ~SELECTOR_RPL) == 0;
    const data = FastInterrupt.descriptor(ss);
    if ((ss & SELECTOR_RPL) != outer || (isNull && outer == USER)) return 0;
    if (!isNull && FastInterrupt.byte5(data) != (DATA_BYTE | (outer << 5))) return 0;
    const next = RingChange.reach(rip, outer, CodeMode.Long);
    if (next == 0) return 0;
    const mask = SystemFlags.returnable(8);
    Register.set(RSP, load<u64>(place, 24));
    if (isNull) Segment.setNull(SEGMENT_SS, ss, outer);
    else Segment.set(SEGMENT_SS, ss, data);
    FastInterrupt.restore(cs, code, outer, image, mask);
    return next;
  }

  @inline static leave32(): usize {
    const top = <u64>(<u32>Register.get(RSP));
    const cpl = load<u32>(CPL);
    if (!Tlb.hits(TLB_READ, top, 20, Context.number(cpl))) return 0;
    const place = Tlb.place(TLB_READ, top);
    const rip = <u64>load<u32>(place);
    const cs = <u32>load<u16>(place, 4);
    const image = load<u32>(place, 8);
    const code = FastInterrupt.descriptor(cs);
    const outer = cs & SELECTOR_RPL;
    const byte = CODE_BYTE | (outer << 5);
    if ((code & FLAT_MASK) != FLAT || FastInterrupt.codeByte(code) != byte) return 0;
    if (!FastInterrupt.mayReturn(cpl, outer, image) || (image & VM) != 0) return 0;
    const outward = outer != cpl;
    const ss = <u32>load<u16>(place, 16);
    const data = FastInterrupt.descriptor(ss);
    if (outward) {
      const fits = (ss & SELECTOR_RPL) == outer && (data & FLAT_MASK) == FLAT;
      if (!fits || FastInterrupt.byte5(data) != (DATA_BYTE | (outer << 5))) return 0;
    }
    const next = RingChange.reach(rip, outer, CodeMode.Bits32);
    if (next == 0) return 0;
    const mask = SystemFlags.returnable(4);
    if (outward) Segment.set(SEGMENT_SS, ss, data);
    Register.set(RSP, outward ? <u64>load<u32>(place, 12) : <u64>(<u32>top + 12));
    FastInterrupt.restore(cs, code, outer, <u64>image, mask);
    return next;
  }

  /** An interrupt or trap gate of 32 or 64 bits that code at `cpl` may use. */
  @inline static isOpen(gate: u64, cpl: u32): bool {
    const byte = FastInterrupt.byte5(gate);
    const type = byte & 0x1e; // S and the type less its last bit
    return type == <u32>SystemType.InterruptGate && (byte & 0x80) != 0 && ((byte >> 5) & 3) >= cpl;
  }

  /** The descriptor in the GDT that `selector` names; 0 if it is not at hand. */
  @inline static descriptor(selector: u32): u64 {
    const index = selector & 0xfff8;
    const address = load<u64>(GDTR_BASE) + index;
    if ((selector & SELECTOR_TI) != 0 || index == 0 || index + 7 > load<u32>(GDTR_LIMIT)) return 0;
    if (!Tlb.hits(TLB_READ, address, 8, load<u64>(SYSTEM_CONTEXT))) return 0;
    return load<u64>(Tlb.place(TLB_READ, address));
  }
  @inline static byte5(low: u64): u32 {
    return <u32>(low >> 40) & 0xff;
  }
  @inline static codeByte(low: u64): u32 {
    return FastInterrupt.byte5(low) & ~READABLE;
  }

  /** From `cpl` to `outer`, with the image of RFLAGS: nothing becomes due by it, and no data segment is lost. */
  @inline static mayReturn(cpl: u32, outer: u32, image: u32): bool {
    if (outer != cpl && (cpl != 0 || outer != USER)) return false;
    if ((image & (TF | RF | AC)) != 0 || ((image & IF) != 0 && load<u32>(INTR) != 0)) return false;
    if (outer == cpl) return true;
    return (
      !Emulation.isOn() &&
      FastInterrupt.stays(SEGMENT_ES) &&
      FastInterrupt.stays(SEGMENT_DS) &&
      FastInterrupt.stays(SEGMENT_FS) &&
      FastInterrupt.stays(SEGMENT_GS)
    );
  }
  /** The segment register keeps its value on a return to ring 3. */
  @inline static stays(segment: u32): bool {
    const access = Segment.access(segment);
    if (access & ACCESS_UNUSABLE) return Segment.selector(segment) == 0;
    return Descriptor.dpl(access) == USER;
  }

  /** CS, CPL and flags of the handler behind `gate`. */
  @inline static finish(gate: u64, selector: u32, code: u64): void {
    const isTrap = (FastInterrupt.byte5(gate) & 15) == <u32>SystemType.TrapGate;
    const cleared = isTrap ? TF | NT | RF | VM : TF | NT | RF | VM | IF;
    FaultChain.clear();
    store<u32>(RFLAGS, load<u32>(RFLAGS) & ~cleared);
    Segment.set(SEGMENT_CS, selector & ~SELECTOR_RPL, code);
    RingChange.setRing(0);
  }

  /** CS, CPL and flags after a return. */
  @inline static restore(cs: u32, code: u64, outer: u32, image: u64, mask: u32): void {
    store<u32>(NMI_BLOCKED, 0);
    Flags.setImage((<u64>load<u32>(RFLAGS) & ~(<u64>mask)) | (image & <u64>mask));
    Segment.set(SEGMENT_CS, cs, code);
    RingChange.setRing(outer);
  }
}
