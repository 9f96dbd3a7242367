/** The instruction that a machine is about to run. */

import { firstInstruction, instructionSet } from '../disassembler/disassemble.ts';
import { codeBits } from '../explain/code.ts';
import { readLinear } from '../explain/linear-memory.ts';
import { ROWS } from '../isa/table.ts';
import type { Machine } from '../machine/machine.ts';

export interface GuestInstruction {
  readonly rip: bigint;
  readonly cpl: number;
  /** None if it cannot be fetched. */
  readonly bytes: Uint8Array;
  readonly text: string;
}

const MAX_BYTES = 15;
const SET = instructionSet(ROWS);

export function instructionAt(machine: Machine): GuestInstruction {
  const { view } = machine.processor;
  const rip = view.u64('RIP');
  const bytes = readLinear(machine, view.segment('cs').base + rip, MAX_BYTES);
  const first = firstInstruction(bytes, SET, { mode: codeBits(view), origin: rip });
  const { bytes: own = new Uint8Array(), text = '(not mapped)' } = first ?? {};
  return { rip, cpl: view.u32('CPL'), bytes: own.slice(), text };
}
