/**
 * What a host does with the processor beside running it: puts the block of a virtual processor in its place
 * and back, and resumes a guest as an IRET of its would.
 */

import { CPL, PROCESSOR, PROCESSOR_BYTES, RAISED, SPARE_BLOCK } from '../layout';
import { Context } from '../mmu/context';
import { SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_GS } from '../mmu/memory';
import { CodeSegment } from './code-segment';
import { Event, Raised, Vector } from './event';
import { Mode } from './mode';
import { Segment } from './segment';

const USER: u32 = 3;

export class Virtual {
  /** Exchanges the processor block and that at `place`; the TLB context follows. */
  static exchange(place: usize): void {
    memory.copy(SPARE_BLOCK, PROCESSOR, PROCESSOR_BYTES);
    memory.copy(PROCESSOR, place, PROCESSOR_BYTES);
    memory.copy(place, SPARE_BLOCK, PROCESSOR_BYTES);
    Context.select();
  }

  /**
   * Loads the segment registers from the host's tables: ES, DS, FS and GS as MOV does at CPL 0, then SS and CS as
   * an IRET to CPL 3. False if a descriptor does not allow it: the event block then holds the fault.
   */
  static resume(es: u32, cs: u32, ss: u32, ds: u32, fs: u32, gs: u32): bool {
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

  static enter(cs: u32, ss: u32): bool {
    const stack = Segment.checkStack(ss, USER, false, Vector.NP);
    if (Event.raised()) return false;
    const code = CodeSegment.read(cs, 0);
    if (Event.raised() || !CodeSegment.checkReturn(cs, code)) return false;
    Segment.commitStack(ss, stack, USER);
    CodeSegment.commit(cs, code, USER);
    return true;
  }
}
