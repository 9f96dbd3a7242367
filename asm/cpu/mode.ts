/**
 * The code mode: what decoding depends on (SDM 3A 2.2 Modes of Operation; 5.2.1 Code-Segment Descriptor
 * in 64-bit Mode).
 *
 * CODE_MODE is 0 in 64-bit mode. Elsewhere bits 1:0 are the default size of the code, and two bits tell
 * where segmentation shows: flat 32-bit code, which has neither, runs much as 64-bit code does.
 */

import { CODE_MODE, EFER, RIP, SEG_ACCESS, SEG_BASE, SEG_BYTES, SEG_LIMIT, SEGS } from '../layout';
import { Context } from '../mmu/context';
import { EFER_LMA } from './control';
import { ACCESS_DB, ACCESS_L, Descriptor } from './descriptor-fields';
import { SEGMENT_CS, SEGMENT_DS, SEGMENT_ES, SEGMENT_SS } from './segment-number';

/** Bits 1:0 of CODE_MODE. */
export enum CodeMode {
  Long = 0,
  Bits32 = 1,
  Bits16 = 2,
}
export const CODE_SIZE: u32 = 3;
/** ES, SS or DS is not flat, or the stack pointer has 16 bits. */
export const CODE_SEGMENTED: u32 = 4;
/** CS has a base, or a limit below 4 GiB: blocks are not linked, and each is checked as it is entered. */
export const CODE_CONFINED: u32 = 8;

/** Values of ACTIVITY, those of a VMCS (SDM 3C 24.4.2). */
export enum Activity {
  Running = 0,
  Halted = 1,
  Shutdown = 2,
}

export class Mode {
  /** CS, CPL or EFER.LMA changed: recomputes CODE_MODE and the TLB contexts. */
  @inline static update(): void {
    const access = load<u32>(SEGS + SEGMENT_CS * SEG_BYTES, SEG_ACCESS);
    const long = Mode.isLongActive() && (access & ACCESS_L) != 0;
    store<u32>(CODE_MODE, long ? CodeMode.Long : Mode.legacy());
    Context.refresh();
  }
  /** ES, SS or DS changed while CS stayed. */
  static segmentChanged(): void {
    if (!Mode.isLong()) store<u32>(CODE_MODE, Mode.legacy());
  }

  /** CODE_MODE outside 64-bit mode. */
  @inline static legacy(): u32 {
    const code = SEGS + SEGMENT_CS * SEG_BYTES;
    let mode: u32 = load<u32>(code, SEG_ACCESS) & ACCESS_DB ? CodeMode.Bits32 : CodeMode.Bits16;
    const stack = load<u32>(SEGS + SEGMENT_SS * SEG_BYTES, SEG_ACCESS);
    const flat = Mode.isFlat(SEGMENT_ES) && Mode.isFlat(SEGMENT_DS) && Mode.isFlat(SEGMENT_SS);
    if (!flat || (stack & ACCESS_DB) == 0) mode |= CODE_SEGMENTED;
    if (load<u64>(code, SEG_BASE) != 0 || load<u32>(code, SEG_LIMIT) != 0xffffffff) {
      mode |= CODE_CONFINED;
    }
    return mode;
  }
  /** All 4 GiB may be read and written through the segment, at their linear addresses. */
  @inline static isFlat(segment: u32): bool {
    const place = SEGS + segment * SEG_BYTES;
    if (load<u64>(place, SEG_BASE) != 0 || load<u32>(place, SEG_LIMIT) != 0xffffffff) return false;
    return Descriptor.isOpen(load<u32>(place, SEG_ACCESS));
  }

  /** Long mode is active: 64-bit or compatibility mode. */
  @inline static isLongActive(): bool {
    return (load<u32>(EFER) & EFER_LMA) != 0;
  }
  /** 64-bit code runs. */
  @inline static isLong(): bool {
    return load<u32>(CODE_MODE) == CodeMode.Long;
  }

  /** Outside 64-bit mode code that runs on at the end of the 4 GiB comes to their start. */
  @inline static wrap(): void {
    if (!Mode.isLong()) store<u64>(RIP, <u64>load<u32>(RIP));
  }
}
