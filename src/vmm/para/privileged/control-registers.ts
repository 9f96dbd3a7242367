/**
 * MOV to and from control registers, and CLTS, in the guest's kernel. CR0 is the processor's but for TS, the only bit that
 * may be changed. A root is named by its frame; the other bits of CR3 are ignored. Of CR4 the guest sees what it has
 * chosen, and that there are PAE, machine checks and SSE; changes of other bits do nothing. There is no CR8.
 */

import type { RegisterValue } from '../../../isa/operand-value.ts';
import { PAGE_SHIFT } from '../../frames.ts';
import type { ControlState, GuestCode } from './guest.ts';
import { AGAIN, DONE, type Effect, REFUSED } from './outcome.ts';
import { readOperand, writeOperand } from './registers.ts';

type Guest = GuestCode & ControlState;

const CR0_TS = 1n << 3n;

const CR4_TSD = 1n << 2n;
const CR4_DE = 1n << 3n;
const CR4_FSGSBASE = 1n << 16n;
/** PAE, MCE, OSFXSR, OSXMMEXCPT. */
const CR4_SHOWN = (1n << 5n) | (1n << 6n) | (1n << 9n) | (1n << 10n);

/** RDTSC and RDTSCP may be used where the code runs. */
export function allowsTimeStamp({ isKernel, cr4 }: GuestCode & ControlState): boolean {
  return isKernel || (cr4 & CR4_TSD) === 0n;
}

export function readControl(guest: Guest, register: number, to: RegisterValue): Effect {
  if (!guest.isKernel) return REFUSED;
  const value = controlRegister(guest, register);
  if (value === undefined) return REFUSED;
  writeOperand(guest, to, value);
  return DONE;
}

function controlRegister(guest: ControlState, register: number): bigint | undefined {
  switch (register) {
    case 0:
      return virtualCr0(guest);
    case 2:
      return guest.cr2;
    case 3:
      return guest.root << BigInt(PAGE_SHIFT);
    case 4:
      return guest.cr4;
    default:
      return undefined;
  }
}

function virtualCr0({ native, ts }: ControlState): bigint {
  return (native.cr0 & ~CR0_TS) | (ts ? CR0_TS : 0n);
}

export function writeControl(guest: Guest, register: number, from: RegisterValue): Effect {
  if (!guest.isKernel) return REFUSED;
  const value = readOperand(guest, from);
  switch (register) {
    case 0:
      if (((value ^ guest.native.cr0) & ~CR0_TS) !== 0n) return REFUSED;
      guest.ts = (value & CR0_TS) !== 0n;
      return DONE;
    case 2:
      guest.cr2 = value;
      return DONE;
    case 3:
      return switchRoot(guest, value >> BigInt(PAGE_SHIFT));
    case 4:
      guest.cr4 = guestCr4(guest, value);
      return DONE;
    default:
      return REFUSED;
  }
}

function switchRoot(guest: ControlState, frame: bigint): Effect {
  const result = guest.setRoot(frame);
  if (result === 'refused') return REFUSED;
  return result === 'again' ? AGAIN : DONE;
}

/** What the guest reads of CR4 when it has written `value`; before that, `value` is 0. */
export function guestCr4(
  { native, features }: Pick<ControlState, 'native' | 'features'>,
  value: bigint,
): bigint {
  const chosen = CR4_TSD | CR4_DE | (features.has('fsgsbase') ? CR4_FSGSBASE : 0n);
  return (value & chosen) | (native.cr4 & CR4_SHOWN);
}

export function clearTs(guest: Guest): Effect {
  if (!guest.isKernel) return REFUSED;
  guest.ts = false;
  return DONE;
}
