/** What comes behind an instruction that was carried out. */

import { DB } from '../../../base/vector.ts';
import type { GuestCode } from './guest.ts';
import type { Outcome } from './outcome.ts';

const RFLAGS_TF = 1n << 8n;
const RFLAGS_RF = 1n << 16n;
const DR6_BS = 1n << 14n;

/** Each instruction, or iteration of one, is followed by a #DB. */
export function hasTrapFlag({ rflags }: GuestCode): boolean {
  return (rflags & RFLAGS_TF) !== 0n;
}

/** RIP moves past `length` bytes; outside 64-bit code it has 32 bits. */
export function advance(guest: GuestCode, length: number): void {
  guest.rip = BigInt.asUintN(guest.bits === 64 ? 64 : 32, guest.rip + BigInt(length));
}

/** `retired` instructions or iterations are done, and RIP says where the guest goes on: TF traps, and RF ends. */
export function complete(guest: GuestCode, retired: number, isTraced: boolean): Outcome {
  guest.rflags &= ~RFLAGS_RF;
  if (!isTraced || !hasTrapFlag(guest)) return { kind: 'resume', retired };
  return { kind: 'event', event: { vector: DB, dr6: DR6_BS }, retired };
}
