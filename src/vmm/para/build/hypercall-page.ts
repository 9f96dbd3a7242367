/**
 * The hypercall page (xen-x86_64.h): a stub of 32 bytes for each hypercall, which the guest calls with arguments in RDI,
 * RSI, RDX, R10 and R8. SYSCALL takes RCX and R11, so the stub keeps them.
 */

import { HYPERVISOR } from '../../../xen/hypercalls.ts';
import { PAGE_SIZE } from '../../frames.ts';

const STUB_BYTES = 32;
const INT3 = 0xcc;
const PUSH_RAX = [0x50] as const;
const PUSH_RCX = [0x51] as const;
const PUSH_R11 = [0x41, 0x53] as const;
const MOV_EAX = 0xb8;
const SYSCALL = [0x0f, 0x05] as const;
const POP_R11 = [0x41, 0x5b] as const;
const POP_RCX = [0x59] as const;
const RET = [0xc3] as const;

export function hypercallPage(): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE).fill(INT3);
  for (let number = 0; number < PAGE_SIZE / STUB_BYTES; number++) {
    page.set(number === HYPERVISOR.iret ? iretStub() : stub(number), number * STUB_BYTES);
  }
  return page;
}

function stub(number: number): number[] {
  const call = [MOV_EAX, number, 0, 0, 0, ...SYSCALL];
  return [...PUSH_RCX, ...PUSH_R11, ...call, ...POP_R11, ...POP_RCX, ...RET];
}

/** It is jumped to, does not return, and makes the first three fields of an iret_context. */
function iretStub(): number[] {
  const call = [MOV_EAX, HYPERVISOR.iret, 0, 0, 0, ...SYSCALL];
  return [...PUSH_RCX, ...PUSH_R11, ...PUSH_RAX, ...call];
}
