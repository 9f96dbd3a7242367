/**
 * #GP of a PV guest: what Xen does when it comes from INT n or a privileged instruction (Xen:
 * arch/x86/pv/emul-priv-op.c, arch/x86/traps.c). Kernel and user code of the guest both run at CPL 3; most is for the
 * kernel only.
 *
 * | instruction | emulated |
 * |---|---|
 * | INT n | as the DPL of the guest's trap table permits |
 * | MOV CR0, CR2, CR3, CR4; CLTS | yes; CR8 is not there |
 * | MOV DR | yes |
 * | RDMSR, WRMSR | the registers that `model-specific-registers.ts` lists |
 * | CPUID, RDTSC, RDTSCP | where they trap; in user code, unless the guest has made them fault there |
 * | WBINVD | does nothing |
 * | CLI, STI | do nothing, if the I/O privilege level allows them |
 * | IN, OUT, INS, OUTS | yes: `ports.ts` says which ports |
 *
 * Not emulated, so that the guest gets the #GP: HLT (SCHEDOP_block), INVD, INVLPG and INVPCID (MMUEXT_OP), LMSW, LGDT, LIDT,
 * LLDT, LTR (hypercalls), RDPMC, SMSW and the like where UMIP makes them trap (Xen does not), SYSRET and IRET to where they may not
 * go, and all that is no privileged instruction at all. XSETBV, XGETBV, MONITOR and VMX instructions raise #UD, which
 * stays one.
 */

import { advance, complete } from './completion.ts';
import type { PrivilegedGuest } from './guest.ts';
import { fetchInstruction } from './instruction.ts';
import { carryOut } from './operations.ts';
import { NOT_EMULATED, type Outcome } from './outcome.ts';
import { softwareInterrupt } from './software-interrupt.ts';

/** The guest's instruction at RIP has raised #GP with this error code. */
export function emulateGeneralProtection(guest: PrivilegedGuest, error: number): Outcome {
  return error === 0 ? privilegedInstruction(guest) : softwareInterrupt(guest, error);
}

function privilegedInstruction(guest: PrivilegedGuest): Outcome {
  const fetched = fetchInstruction(guest, guest.rip);
  if (fetched.kind === 'fault') return { kind: 'event', event: fetched.event, retired: 0 };
  if (fetched.kind === 'none') return NOT_EMULATED;
  const effect = carryOut(guest, fetched.instruction);
  if (effect.kind === 'refused') return NOT_EMULATED;
  if (effect.kind === 'event') return effect;
  if (effect.retired === 0) return { kind: 'resume', retired: 0 };
  if (effect.isWhole) advance(guest, fetched.instruction.length);
  return complete(guest, effect.retired, effect.isTraced);
}
