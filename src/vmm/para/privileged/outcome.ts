/** What comes of an exception that an instruction of the guest has raised. */

import { PF, PF_US, PF_WR } from '../../../base/vector.ts';

/** An exception or software interrupt for the guest's trap table. */
export interface GuestEvent {
  readonly vector: number;
  readonly error?: number;
  /** Of a page fault. */
  readonly address?: bigint;
  /** Of a #DB: bits that DR6 gets. */
  readonly dr6?: bigint;
}

export type Outcome =
  /** The guest goes on at RIP; `retired` instructions, or iterations of one, are done. */
  | { readonly kind: 'resume'; readonly retired: number }
  /** So many are done, then this comes; RIP is what its frame shows. */
  | { readonly kind: 'event'; readonly event: GuestEvent; readonly retired: number }
  /** The guest gets the exception as it came. Nothing has changed. */
  | { readonly kind: 'not-emulated' };

export const NOT_EMULATED: Outcome = { kind: 'not-emulated' };

/** What carrying one instruction out has come to. */
export type Effect =
  | {
      readonly kind: 'done';
      readonly retired: number;
      /** RIP moves on; otherwise the instruction runs again. */
      readonly isWhole: boolean;
      /** TF traps behind it. */
      readonly isTraced: boolean;
    }
  | { readonly kind: 'event'; readonly event: GuestEvent; readonly retired: number }
  /** It does not do this: #GP as it came. */
  | { readonly kind: 'refused' };

export const DONE: Effect = { kind: 'done', retired: 1, isWhole: true, isTraced: true };
/** What Xen does not single-step. */
export const DONE_UNTRACED: Effect = { kind: 'done', retired: 1, isWhole: true, isTraced: false };
export const AGAIN: Effect = { kind: 'done', retired: 0, isWhole: false, isTraced: false };
export const REFUSED: Effect = { kind: 'refused' };

/** `vector` in place of the instruction, after `retired` iterations. */
export function raised(event: GuestEvent, retired = 0): Effect & { readonly kind: 'event' } {
  return { kind: 'event', event, retired };
}

/** A page fault. Its error code says, as Xen's does, no more than what was tried, and by whom. */
export function pageFault(address: bigint, isWrite: boolean, isKernel: boolean): GuestEvent {
  return { vector: PF, error: (isWrite ? PF_WR : 0) | (isKernel ? 0 : PF_US), address };
}
