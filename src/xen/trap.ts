/** Traps: the table of the guest's handlers (arch-x86/xen.h), and the way back from them (xen-x86_64.h). */

import { struct, u8, u16, u64 } from './structure.ts';

/** In `flags` of a trap: the least privileged level that may come here by INT, and "mask events on the way". */
export const TI_DPL_MASK = 3;
export const TI_IF = 4;

/** A table of them ends with one whose `address` is 0. */
export const TRAP_INFO = struct('trap_info', { vector: u8, flags: u8, cs: u16, address: u64 });

/** In `flags` of an iret_context: return as SYSRET does, without RCX, R11, CS and SS. */
export const VGCF_in_syscall = 0x100;

/** What lies at RSP when the guest jumps to the stub of iret; the stub pushes the first three. */
export const IRET_CONTEXT = struct('iret_context', {
  rax: u64,
  r11: u64,
  rcx: u64,
  flags: u64,
  rip: u64,
  cs: u64,
  rflags: u64,
  rsp: u64,
  ss: u64,
});
