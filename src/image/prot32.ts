/**
 * The state in which a prot32 image is entered: 32-bit protected mode, no paging. It is what Multiboot
 * (3.2 Machine state) and PVH ask for, with a GDT and a stack besides, which both leave undefined.
 */

import type { Machine } from '../machine/machine.ts';
import { enterState, gdtBytes } from './entry-state.ts';

const CR0_ET_PE = 0x11n;
const CODE32 = 0x00cf9b000000ffffn;
const CODE32_ACCESS = 0xc09b;
/** A 32-bit TSS at 0, busy, of 104 bytes: what PVH wants TR to hold. */
const TSS = { selector: 0, base: 0n, limit: 0x67, access: 0x8b } as const;

/** The GDT of a prot32 image. */
export const PROT32_GDT = gdtBytes(CODE32);

export interface Prot32Entry {
  readonly entry: bigint;
  /** Where PROT32_GDT lies. */
  readonly gdt: number;
  readonly rax?: number;
  readonly rbx?: number;
}

/** Puts the processor at `entry`. */
export function enterProt32(machine: Machine, entry: Prot32Entry): void {
  machine.processor.view.setSegment('tr', TSS);
  enterState(machine, {
    cr0: CR0_ET_PE,
    cr3: 0n,
    cr4: 0n,
    efer: 0n,
    codeAccess: CODE32_ACCESS,
    ...entry,
  });
}
