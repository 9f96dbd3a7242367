/** The instruction at RIP for a dump: its bytes, and what they say in the mode of CS. */

import { firstInstruction, instructionSet } from '../disassembler/disassemble.ts';
import { ROWS } from '../isa/table.ts';
import type { CpuView } from '../machine/cpu-view.ts';
import type { Machine } from '../machine/machine.ts';
import { digits } from './hex.ts';
import { readLinear } from './linear-memory.ts';

const MAX_BYTES = 15;
const CS_L = 0x2000;
const CS_D = 0x4000;

/** Width of the code that CS selects. */
export function codeBits(view: CpuView): 16 | 32 | 64 {
  const { access } = view.segment('cs');
  return access & CS_L ? 64 : access & CS_D ? 32 : 16;
}

/** `CODE=0f 0b  ud2`, nothing where it cannot be fetched. */
export function dumpCode(machine: Machine): string[] {
  const { view } = machine.processor;
  const rip = view.u64('RIP');
  const bytes = readLinear(machine, view.segment('cs').base + rip, MAX_BYTES);
  const options = { mode: codeBits(view), origin: rip } as const;
  const first = firstInstruction(bytes, instructionSet(ROWS), options);
  if (first === undefined) return [];
  return [`CODE=${[...first.bytes].map((byte) => digits(byte, 2)).join(' ')}  ${first.text}`];
}
