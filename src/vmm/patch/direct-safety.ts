/**
 * What becomes of an instruction of the guest's kernel that runs at CPL 3 as it is: what the rows of the instruction
 * table say, no list of opcodes.
 */

import type { Insn, Privilege } from '../../isa/row.ts';

/** It does what it should: it depends on nothing that the VMM has changed. */
export const PLAIN = 1;
/** It traps, so that the VMM gets to see it. */
export const TRAPPING = 2;
/** It may do something else than at the guest's own privilege, and nobody would notice. */
export const SENSITIVE = 3;

/** Software interrupts stop at the host, whose gates are its own. */
const STOPS: ReadonlySet<string> = new Set(['int', 'int1', 'int3', 'into']);

/** Rules that the host's registers break at CPL 3: IOPL 0, no open port, CR4.TSD set, CR4.PCE clear. */
const TRAPS: ReadonlySet<Privilege> = new Set(['cpl0', 'iopl', 'io', 'tsd', 'pce', 'always']);

export function directSafety({ priv, touches, uop }: Insn): number {
  if (TRAPS.has(priv ?? 'never') || STOPS.has(uop)) return TRAPPING;
  return touches === undefined ? PLAIN : SENSITIVE;
}
