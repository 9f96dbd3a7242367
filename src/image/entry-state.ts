/**
 * What the states in which images are entered have in common: CPL 0, flat segments, no IDT, interrupts
 * off, registers zero but for those that a boot protocol gives.
 */

import type { SegmentState } from '../machine/cpu-view.ts';
import type { Machine } from '../machine/machine.ts';

const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const FLAT = { base: 0n, limit: 0xffffffff } as const;
const DATA: SegmentState = { ...FLAT, selector: DATA_SELECTOR, access: 0xc093 };
const DATA_DESCRIPTOR = 0x00cf93000000ffffn;

const STACK_TOP = 0x80000n;
const [RBX, RSP] = [3, 4];
const RFLAGS_FIXED = 2n;

/** How many bytes a GDT of `gdtBytes` takes. */
export const GDT_BYTES = 24;

/** A GDT of a null, a code and a data descriptor. */
export function gdtBytes(codeDescriptor: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([0n, codeDescriptor, DATA_DESCRIPTOR]).buffer);
}

export interface EntryState {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** Address of what `gdtBytes` gave. */
  readonly gdt: number;
  /** Access rights of CS. */
  readonly codeAccess: number;
  readonly entry: bigint;
  readonly rax?: number;
  readonly rbx?: number;
}

/** Puts the processor into the state. */
export function enterState(machine: Machine, state: EntryState): void {
  const { processor } = machine;
  const { view } = processor;
  view.setU64('CR0', state.cr0);
  view.setU64('CR3', state.cr3);
  view.setU64('CR4', state.cr4);
  view.setU64('EFER', state.efer);
  view.setU64('GDTR_BASE', BigInt(state.gdt));
  view.setU32('GDTR_LIMIT', GDT_BYTES - 1);
  view.setU64('IDTR_BASE', 0n);
  view.setU32('IDTR_LIMIT', 0);
  view.setSegment('cs', { ...FLAT, selector: CODE_SELECTOR, access: state.codeAccess });
  for (const name of ['ds', 'es', 'ss', 'fs', 'gs'] as const) view.setSegment(name, DATA);
  view.setU32('CPL', 0);
  view.gpr.fill(0n);
  view.gpr[0] = BigInt(state.rax ?? 0);
  view.gpr[RBX] = BigInt(state.rbx ?? 0);
  view.gpr[RSP] = STACK_TOP;
  view.setU64('RIP', state.entry);
  processor.rflags = RFLAGS_FIXED;
  processor.stateChanged();
}
