/** Which function carries an instruction out. */

import type { OperandValue, RegisterValue } from '../../../isa/operand-value.ts';
import { clearTs, readControl, writeControl } from './control-registers.ts';
import { readDebugRegister, writeDebugRegister } from './debug-registers.ts';
import type { PrivilegedGuest } from './guest.ts';
import type { Instruction } from './instruction.ts';
import { readMsr, writeMsr } from './model-specific-registers.ts';
import { DONE, type Effect, REFUSED } from './outcome.ts';
import { portString } from './port-strings.ts';
import { changeInterruptFlag, input, output } from './ports.ts';
import { cpuid, rdtsc, rdtscp } from './processor-info.ts';

type Operation = (guest: PrivilegedGuest, instruction: Instruction) => Effect;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['mov', move],
  ['clts', clearTs],
  ['rdmsr', readMsr],
  ['wrmsr', writeMsr],
  ['cpuid', cpuid],
  ['rdtsc', rdtsc],
  ['rdtscp', rdtscp],
  ['wbinvd', flushCaches],
  ['cli', changeInterruptFlag],
  ['sti', changeInterruptFlag],
  ['in', input],
  ['out', output],
  ['insb', portString],
  ['insw', portString],
  ['insd', portString],
  ['outsb', portString],
  ['outsw', portString],
  ['outsd', portString],
]);

export function carryOut(guest: PrivilegedGuest, instruction: Instruction): Effect {
  return OPERATIONS.get(instruction.mnemonic)?.(guest, instruction) ?? REFUSED;
}

function move(guest: PrivilegedGuest, { operands }: Instruction): Effect {
  const [to, from] = operands;
  if (!isRegister(to) || !isRegister(from)) return REFUSED;
  if (to.class === 'cr') return writeControl(guest, to.number, from);
  if (from.class === 'cr') return readControl(guest, from.number, to);
  if (to.class === 'dr') return writeDebugRegister(guest, to.number, from);
  if (from.class === 'dr') return readDebugRegister(guest, from.number, to);
  return REFUSED;
}

function isRegister(operand: OperandValue | undefined): operand is RegisterValue {
  return operand?.kind === 'reg';
}

/** The guest has no device whose memory the caches could be wrong about. */
function flushCaches({ isKernel }: PrivilegedGuest): Effect {
  return isKernel ? DONE : REFUSED;
}
