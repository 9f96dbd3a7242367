/**
 * A write of the guest to one of its page tables, which the shadow keeps from being written: the instruction at RIP is
 * emulated on the core under the guest's own tables, and its write told to the shadow (asm/mmu/guest-physical.ts).
 *
 * Those tables may lead to other code than what has faulted, since the guest need not have flushed translations. So only
 * what means the same to a supervisor is emulated.
 */

import { ROWS } from '../../../isa/table.ts';
import type { Processor } from '../../../machine/processor.ts';
import { PAGE_SHIFT } from '../../frames.ts';
import type { GuestMemory } from '../../guest-memory.ts';
import { type CodeSource, fetchInstruction } from '../privileged/instruction.ts';

/** No PCID of an address space: it is not shared with any, the map of the VM being another. */
const PCID = 0;

export class TableWrite {
  readonly #processor: Processor;
  readonly #memory: GuestMemory;

  constructor(processor: Processor, memory: GuestMemory) {
    this.#processor = processor;
    this.#memory = memory;
  }

  /**
   * Emulates under the tables at GPA `root`, as supervisor, so that U/S does not matter; `code` is what they lead to. False
   * if the instruction faults all the same, or is followed by a trap: then what the processor has stopped for is the guest's.
   */
  perform(root: number, code: CodeSource): boolean {
    const processor = this.#processor;
    const { view } = processor;
    if (!isHarmless(code, view.u64('RIP'))) return false;
    const cr3 = view.u64('CR3');
    view.setU32('GUEST_MAP', this.#memory.mapPlace);
    view.setU32('GUEST_FRAMES', this.#memory.frames);
    view.setU32('CPL', 0);
    processor.setRoot(root >>> PAGE_SHIFT, PCID);
    processor.flushPcid(PCID);
    const reason = processor.run(1);
    view.setU32('GUEST_MAP', 0);
    view.setU32('CPL', 3);
    processor.setRoot(Number(cr3 >> BigInt(PAGE_SHIFT)), Number(cr3 & 0xfffn));
    return reason === 'fuel' || reason === 'request';
  }
}

/** The instruction at `rip` does to a supervisor what it does to a user. */
function isHarmless(code: CodeSource, rip: bigint): boolean {
  const fetched = fetchInstruction(code, rip);
  if (fetched.kind !== 'instruction') return false;
  const row = ROWS[fetched.instruction.row];
  return row !== undefined && row.priv === undefined && row.touches === undefined;
}
