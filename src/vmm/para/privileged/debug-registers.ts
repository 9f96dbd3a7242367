/** MOV to and from debug registers in the guest's kernel, with the checks of set_debugreg. */

import { UD } from '../../../base/vector.ts';
import type { RegisterValue } from '../../../isa/operand-value.ts';
import { ERRNO } from '../../../xen/errno.ts';
import type { DebugState, GuestCode } from './guest.ts';
import { DONE, type Effect, REFUSED, raised } from './outcome.ts';
import { readOperand, writeOperand } from './registers.ts';

type Guest = GuestCode & DebugState;

export function readDebugRegister(guest: Guest, register: number, to: RegisterValue): Effect {
  if (!guest.isKernel) return REFUSED;
  const value = guest.readDebug(register);
  if (value === undefined) return raised({ vector: UD });
  writeOperand(guest, to, value);
  return DONE;
}

export function writeDebugRegister(guest: Guest, register: number, from: RegisterValue): Effect {
  if (!guest.isKernel) return REFUSED;
  const error = guest.writeDebug(register, readOperand(guest, from));
  if (error === -ERRNO.ENODEV) return raised({ vector: UD });
  return error === 0 ? DONE : REFUSED;
}
