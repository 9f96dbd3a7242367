/**
 * #UD of a PV guest, in its kernel or in user code: UD2, "xen", CPUID is answered by the hypervisor (Xen:
 * arch/x86/pv/emul-inv-op.c). Every other #UD is the guest's.
 *
 * DIVERGES: where a page ends behind the beginning of these bytes, Xen raises a page fault before it has looked at them; here
 * UD2 at the end of a page stays what it is unless what can be read of the bytes is that prefix.
 */

import { GP } from '../../../base/vector.ts';
import { XEN_EMULATE_PREFIX } from '../../../xen/cpuid.ts';
import { advance, complete } from './completion.ts';
import { fetchFault, fetchInstruction, readCode } from './instruction.ts';
import { NOT_EMULATED, type Outcome } from './outcome.ts';
import { answerCpuid, type CpuidGuest, isCpuidFaulting } from './processor-info.ts';

const PREFIX_BYTES = XEN_EMULATE_PREFIX.length;
/** CPUID without prefixes. */
const CPUID_BYTES = 2;

/** The guest's instruction at RIP has raised #UD. */
export function emulateInvalidOpcode(guest: CpuidGuest): Outcome {
  const bytes = readCode(guest, guest.rip, PREFIX_BYTES);
  if (bytes.some((byte, n) => XEN_EMULATE_PREFIX[n] !== byte)) return NOT_EMULATED;
  if (bytes.length < PREFIX_BYTES) {
    return { kind: 'event', event: fetchFault(guest, guest.rip, bytes.length), retired: 0 };
  }
  const fetched = fetchInstruction(guest, guest.rip + BigInt(PREFIX_BYTES));
  if (fetched.kind === 'fault') return { kind: 'event', event: fetched.event, retired: 0 };
  if (fetched.kind === 'none') return NOT_EMULATED;
  const { mnemonic, length } = fetched.instruction;
  if (mnemonic !== 'cpuid' || length !== CPUID_BYTES) return NOT_EMULATED;
  return forcedCpuid(guest);
}

/** Where CPUID faults, it does behind the prefix. */
function forcedCpuid(guest: CpuidGuest): Outcome {
  advance(guest, PREFIX_BYTES);
  if (isCpuidFaulting(guest)) {
    return { kind: 'event', event: { vector: GP, error: 0 }, retired: 0 };
  }
  answerCpuid(guest);
  advance(guest, CPUID_BYTES);
  return complete(guest, 1, true);
}
