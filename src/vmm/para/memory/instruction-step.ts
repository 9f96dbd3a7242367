/**
 * The instruction at RIP, run on the core in the guest's place (asm/mmu/guest-physical.ts): with the guest's registers and
 * under its own tables, as supervisor, so that U/S does not matter.
 *
 * Those tables may lead to other code than what has faulted, since the guest need not have flushed translations. So only
 * what means the same to a supervisor is run.
 */

import { ROWS } from '../../../isa/table.ts';
import type { Processor } from '../../../machine/processor.ts';
import { PAGE_SHIFT } from '../../frames.ts';
import { type CodeSource, fetchInstruction } from '../privileged/instruction.ts';

/** No PCID of an address space: it is not shared with any, the map of memory being another. */
const PCID = 0;
const CR0_WP = 1n << 16n;

/** What the instruction finds. */
export interface StepMemory {
  /** Frame of its L4 table. */
  readonly root: number;
  /** GUEST_MAP and GUEST_FRAMES. */
  readonly map: number;
  readonly frames: number;
  /** Writes need R/W. */
  readonly protectsWrites: boolean;
}

/**
 * Runs it; `code` is what the tables lead to. False if it faults, or is followed by a trap: then what the processor has stopped for is
 * the guest's.
 */
export function stepInstruction(
  processor: Processor,
  code: CodeSource,
  memory: StepMemory,
): boolean {
  const { view } = processor;
  if (!isHarmless(code, view.u64('RIP'))) return false;
  const cr0 = view.u64('CR0');
  const cr3 = view.u64('CR3');
  view.setU32('GUEST_MAP', memory.map);
  view.setU32('GUEST_FRAMES', memory.frames);
  view.setU32('CPL', 0);
  if (!memory.protectsWrites) view.setU64('CR0', cr0 & ~CR0_WP);
  processor.setRoot(memory.root, PCID);
  processor.flushPcid(PCID);
  const reason = processor.run(1);
  view.setU32('GUEST_MAP', 0);
  view.setU32('CPL', 3);
  view.setU64('CR0', cr0);
  processor.setRoot(Number(cr3 >> BigInt(PAGE_SHIFT)), Number(cr3 & 0xfffn));
  return reason === 'fuel' || reason === 'request';
}

/** The instruction at `rip` does to a supervisor what it does to a user. */
function isHarmless(code: CodeSource, rip: bigint): boolean {
  const fetched = fetchInstruction(code, rip);
  if (fetched.kind !== 'instruction') return false;
  const row = ROWS[fetched.instruction.row];
  return row !== undefined && row.priv === undefined && row.touches === undefined;
}
