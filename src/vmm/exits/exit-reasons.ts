/**
 * Why control passes from a guest to the VMM: one vocabulary for all techniques, with Intel's names and numbers
 * (SDM 3D Appendix C, table C-1); what Intel has no name for starts at 0x10000.
 */

import { BASIC_EXIT_REASONS } from '../../base/exit-reasons.ts';

export const EXIT_NUMBERS = {
  ...BASIC_EXIT_REASONS,
  /** A system call, of a program that knows of no VMM. */
  SYSCALL: 0x10000,
  SYSRET: 0x10001,
  /** INT n, INT3, INTO, INT1. */
  SOFTWARE_INTERRUPT: 0x10002,
  IRET: 0x10003,
  /** A far transfer, or a selector loaded, that the descriptor tables of the view do not allow. */
  SEGMENT: 0x10004,
  /** CLI, STI, POPF, PUSHF: the interrupt flag. */
  INTERRUPT_FLAG: 0x10005,
  /** CLAC, STAC. */
  ALIGNMENT_FLAG: 0x10006,
  /** SWAPGS, RDFSBASE and their like. */
  SEGMENT_BASE: 0x10007,
  /** A page fault that only the shadow page tables have made. */
  SHADOW_FILL: 0x10100,
  /** A write to one of the guest's page tables or descriptor tables. */
  TABLE_WRITE: 0x10101,
  /** An access to memory that is not RAM. */
  MMIO: 0x10102,
  /** A page of the local descriptor table of a PV guest, which is used for the first time. */
  LDT_PAGE: 0x10103,
  /** Kernel code that is not known yet. */
  CODE_SCAN: 0x10110,
  /** An instruction of the kernel that is replaced by a call of the VMM. */
  PATCHED: 0x10111,
  /** A harmless instruction of the kernel with what is not in its middle. */
  ENTANGLED_CODE: 0x10112,
  /** A data access to code that runs from a copy. */
  CODE_ACCESS: 0x10113,
  /** Code that must be looked at instruction by instruction: single steps, breakpoints, shadows. */
  STEP: 0x10200,
  /** The guest's segment registers cannot be loaded from its tables any more. */
  STALE_SEGMENTS: 0x10201,
} as const;

export type ExitName = keyof typeof EXIT_NUMBERS;

const BY_MNEMONIC: Readonly<Record<string, ExitName>> = {
  syscall: 'SYSCALL',
  sysenter: 'SYSCALL',
  sysret: 'SYSRET',
  sysexit: 'SYSRET',
  int: 'SOFTWARE_INTERRUPT',
  int1: 'SOFTWARE_INTERRUPT',
  int3: 'SOFTWARE_INTERRUPT',
  into: 'SOFTWARE_INTERRUPT',
  iret: 'IRET',
  iretd: 'IRET',
  iretq: 'IRET',
  cli: 'INTERRUPT_FLAG',
  sti: 'INTERRUPT_FLAG',
  popf: 'INTERRUPT_FLAG',
  popfd: 'INTERRUPT_FLAG',
  popfq: 'INTERRUPT_FLAG',
  clac: 'ALIGNMENT_FLAG',
  stac: 'ALIGNMENT_FLAG',
  swapgs: 'SEGMENT_BASE',
  call: 'SEGMENT',
  jmp: 'SEGMENT',
  retf: 'SEGMENT',
  mov: 'SEGMENT',
  pop: 'SEGMENT',
};

/** The reason that an instruction which trapped stands for. `exit` is its row's. */
export function exitOfInstruction(mnemonic: string, exit: string | undefined): ExitName {
  // A row names Intel's reason, which for MOV to CR and the like says more than the mnemonic.
  if (exit !== undefined && exit in EXIT_NUMBERS && exit !== 'EXCEPTION_NMI') {
    return exit as ExitName;
  }
  return BY_MNEMONIC[mnemonic] ?? 'EXCEPTION_NMI';
}
