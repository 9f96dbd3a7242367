/**
 * INT n of a PV guest. All gates of the VMM's IDT that are not for CPL 3 turn it into #GP, whose error code names the vector:
 * the guest's trap table says who may come that way.
 */

import { advance } from './completion.ts';
import type { GuestCode, TrapState } from './guest.ts';
import { fetchInstruction } from './instruction.ts';
import { NOT_EMULATED, type Outcome } from './outcome.ts';

/** Bits 2:0 of an error code (SDM 3A 6.13): bit 1 is set for a gate of the IDT, bit 0 for what the program has not caused. */
const SOURCE_MASK = 3;
const IN_IDT = 2;
const INDEX_SHIFT = 3;

/** The guest's kernel counts as level 1: a trap of level 0 is for the hypervisor and the processor alone. */
const KERNEL_LEVEL = 1;
const USER_LEVEL = 3;

const INSTRUCTIONS: readonly string[] = ['int', 'int3', 'into'];

/** #GP with an error code, other than 0, for the instruction at RIP. */
export function softwareInterrupt(guest: GuestCode & TrapState, error: number): Outcome {
  if ((error & SOURCE_MASK) !== IN_IDT) return NOT_EMULATED;
  const vector = error >> INDEX_SHIFT;
  const { dpl } = guest.traps.trap(vector);
  if (dpl < (guest.isKernel ? KERNEL_LEVEL : USER_LEVEL)) return NOT_EMULATED;
  const fetched = fetchInstruction(guest, guest.rip);
  if (fetched.kind !== 'instruction') return NOT_EMULATED;
  const { mnemonic, length } = fetched.instruction;
  if (!INSTRUCTIONS.includes(mnemonic)) return NOT_EMULATED;
  advance(guest, length);
  return { kind: 'event', event: { vector }, retired: 1 };
}
