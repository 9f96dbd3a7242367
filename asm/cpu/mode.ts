/**
 * The code mode: what decoding depends on (SDM 3A 2.2 Modes of Operation; 5.2.1 Code-Segment Descriptor
 * in 64-bit Mode).
 */

import { CODE_MODE, EFER, SEG_ACCESS, SEG_BYTES, SEGS } from '../layout';
import { Context } from '../mmu/context';
import { SEGMENT_CS } from '../mmu/memory';
import { EFER_LMA } from './control';
import { ACCESS_DB, ACCESS_L } from './descriptor';

/** Values of CODE_MODE. */
export enum CodeMode {
  Long = 0,
  Bits32 = 1,
  Bits16 = 2,
}

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
    const long = (load<u32>(EFER) & EFER_LMA) != 0 && (access & ACCESS_L) != 0;
    store<u32>(
      CODE_MODE,
      long ? CodeMode.Long : access & ACCESS_DB ? CodeMode.Bits32 : CodeMode.Bits16,
    );
    Context.refresh();
  }

  /** 64-bit code runs. */
  @inline static isLong(): bool {
    return load<u32>(CODE_MODE) == CodeMode.Long;
  }
}
