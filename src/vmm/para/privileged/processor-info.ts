/** CPUID, RDTSC and RDTSCP where they trap. Code of the guest's kernel may always use them. */

import { allowsTimeStamp } from './control-registers.ts';
import type { ControlState, GuestCode, ModelState } from './guest.ts';
import { DONE, type Effect, REFUSED } from './outcome.ts';
import type { PvCpuid } from './pv-cpuid.ts';
import { RAX, RBX, RCX, RDX, readU32, writeGpr, writePair } from './registers.ts';

export interface CpuidGuest extends GuestCode, Pick<ModelState, 'hasCpuidFaulting'> {
  readonly cpuid: PvCpuid;
}

/** The guest has made CPUID fault where its code runs now. */
export function isCpuidFaulting({ isKernel, hasCpuidFaulting }: CpuidGuest): boolean {
  return !isKernel && hasCpuidFaulting;
}

/** EAX and ECX are the leaf and subleaf. */
export function answerCpuid(guest: CpuidGuest): void {
  const answer = guest.cpuid(readU32(guest, RAX), readU32(guest, RCX));
  for (const [n, register] of [RAX, RBX, RCX, RDX].entries()) {
    writeGpr(guest, register, 32, BigInt(answer[n] ?? 0));
  }
}

export function cpuid(guest: CpuidGuest): Effect {
  if (isCpuidFaulting(guest)) return REFUSED;
  answerCpuid(guest);
  return DONE;
}

type TimeGuest = GuestCode & ControlState & ModelState;

export function rdtsc(guest: TimeGuest): Effect {
  if (!allowsTimeStamp(guest)) return REFUSED;
  writePair(guest, guest.tsc);
  return DONE;
}

export function rdtscp(guest: TimeGuest): Effect {
  const effect = rdtsc(guest);
  if (effect === DONE) writeGpr(guest, RCX, 32, guest.tscAux);
  return effect;
}
