/**
 * Instructions that were decoded to run alone: single steps, accesses to devices, what a VMM emulates.
 *
 * A direct-mapped table by HPA. Each entry holds the bytes that it was decoded from, and is good as long as these are
 * still there: so nobody has to tell the table of writes, and an instruction may well overwrite itself. Entry,
 * SINGLE_STEP_BYTES:
 *    0 u32 place     HPA of its first byte plus 1 (0: unused)
 *    4 u32 mode      CODE_MODE
 *    8 u64[2] bytes  from there on
 *   24 u64 features  of the processor that it was decoded for
 *   32               as STEP_BLOCK: block header, record, end record
 */

import {
  CODE_MODE,
  FEATURES,
  RAM,
  SINGLE_STEP_BYTES,
  SINGLE_STEP_COUNT,
  SINGLE_STEPS,
  STEP_BLOCK,
} from '../layout';
import { BLOCK_HEADER } from '../mmu/code-pages';
import { Physical } from '../mmu/physical';
import { RECORD } from './record';

const MAX_LENGTH: u32 = 15;
/** From which on the bytes that an entry compares lie in two pages. */
const LAST_OFFSET: u64 = 0xff0;
const BLOCK: usize = 32;

export class SingleSteps {
  /** An instruction at `hpa` with `room` bytes can be in the table. */
  @inline static holds(hpa: u64, room: u32): bool {
    return (hpa & 0xfff) <= LAST_OFFSET && room == MAX_LENGTH && Physical.isRam(hpa);
  }

  /** First record of the instruction at `hpa`; 0 if it is not there. */
  @inline static find(hpa: u32): usize {
    const entry = SingleSteps.entry(hpa);
    const bytes = RAM + hpa;
    const known =
      load<u32>(entry) == hpa + 1 &&
      load<u32>(entry, 4) == load<u32>(CODE_MODE) &&
      load<u64>(entry, 8) == load<u64>(bytes) &&
      load<u64>(entry, 16) == load<u64>(bytes, 8) &&
      load<u64>(entry, 24) == load<u64>(FEATURES);
    return known ? entry + BLOCK + BLOCK_HEADER : 0;
  }

  /** Takes what STEP_BLOCK has for the instruction at `hpa`; its first record. */
  static keep(hpa: u32): usize {
    const entry = SingleSteps.entry(hpa);
    const bytes = RAM + hpa;
    store<u32>(entry, hpa + 1);
    store<u32>(entry, load<u32>(CODE_MODE), 4);
    store<u64>(entry, load<u64>(bytes), 8);
    store<u64>(entry, load<u64>(bytes, 8), 16);
    store<u64>(entry, load<u64>(FEATURES), 24);
    memory.copy(entry + BLOCK, STEP_BLOCK, BLOCK_HEADER + 2 * RECORD);
    return entry + BLOCK + BLOCK_HEADER;
  }

  @inline static entry(hpa: u32): usize {
    const n = (hpa ^ (hpa >> 12)) % SINGLE_STEP_COUNT;
    return SINGLE_STEPS + n * SINGLE_STEP_BYTES;
  }
}
