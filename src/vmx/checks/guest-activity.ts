/** Checks on guest non-register state and PDPTEs (SDM 3C 27.3.1.5, 27.3.1.6), and on the MSRs to load (27.4). */

import type { CheckRow, CheckSection } from '../check.ts';
import { EPT } from './guests.ts';
import { INJECTS } from './rows.ts';

const INTERRUPT = '(VM_ENTRY_INTERRUPTION_INFORMATION & 0x80000700) == 0x80000000';
const NMI = '(VM_ENTRY_INTERRUPTION_INFORMATION & 0x80000700) == 0x80000200';
const EVENT = '(VM_ENTRY_INTERRUPTION_INFORMATION & 0x7ff)';
const STI = '(GUEST_INTERRUPTIBILITY_STATE & BLOCKED_BY_STI)';
const MOV_SS = '(GUEST_INTERRUPTIBILITY_STATE & BLOCKED_BY_MOV_SS)';
const INJECT_INTERRUPT = {
  VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0020n,
  GUEST_RFLAGS: 0x202n,
} as const;
const INJECT_NMI = { VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0202n } as const;
const [HLT, SHUTDOWN] = [1n, 2n];
/** Exit qualifications of entry failures (SDM 3C 27.8). */
const QUALIFIES = { pdpte: 2, nmi: 3, link: 4 } as const;

const ACTIVITY: readonly CheckRow[] = [
  {
    id: 'guest.activity.supported',
    title: 'activity state',
    holds: 'GUEST_ACTIVITY_STATE <= 2',
    sentence: 'GUEST_ACTIVITY_STATE is 0 (active), 1 (HLT) or 2 (shutdown)',
    satisfy: 'use a state that IA32_VMX_MISC[8:6] tells of; there is no wait-for-SIPI here',
    failing: [{ GUEST_ACTIVITY_STATE: 3n }, { GUEST_ACTIVITY_STATE: 4n }],
    passing: [{ GUEST_ACTIVITY_STATE: 2n }],
  },
  {
    id: 'guest.activity.hlt.dpl',
    title: 'HLT state of a guest above CPL 0',
    when: 'GUEST_ACTIVITY_STATE == 1',
    holds: '((GUEST_SS_ACCESS_RIGHTS >> 5) & 3) == 0',
    sentence: 'the DPL in GUEST_SS_ACCESS_RIGHTS is 0 in the HLT state, which only CPL 0 can enter',
    satisfy: 'make the guest active, or let it be at CPL 0',
    failing: [
      {
        GUEST_ACTIVITY_STATE: HLT,
        GUEST_SS_SELECTOR: 0x13n,
        GUEST_CS_SELECTOR: 0xbn,
        GUEST_SS_ACCESS_RIGHTS: 0xc0f3n,
        GUEST_CS_ACCESS_RIGHTS: 0xa0fbn,
      },
    ],
    passing: [{ GUEST_ACTIVITY_STATE: HLT }],
  },
  {
    id: 'guest.activity.blocking',
    title: 'inactive guest with events blocked',
    when: `(${STI} | ${MOV_SS}) != 0`,
    holds: 'GUEST_ACTIVITY_STATE == 0',
    sentence:
      'GUEST_ACTIVITY_STATE is 0 while GUEST_INTERRUPTIBILITY_STATE has blocking by STI or MOV SS',
    satisfy: 'clear bits 1:0 of GUEST_INTERRUPTIBILITY_STATE: HLT ends that blocking',
    failing: [{ GUEST_ACTIVITY_STATE: SHUTDOWN, GUEST_INTERRUPTIBILITY_STATE: 2n }],
    passing: [{ GUEST_ACTIVITY_STATE: 0n, GUEST_INTERRUPTIBILITY_STATE: 2n }],
  },
  {
    id: 'guest.activity.hlt.event',
    title: 'event that does not wake from the HLT state',
    when: `GUEST_ACTIVITY_STATE == 1 && ${INJECTS}`,
    holds: `wakesFromHlt(${EVENT})`,
    sentence:
      'what is injected into the HLT state is an external interrupt, an NMI, #DB, #MC or a pending MTF VM exit',
    satisfy: 'make the guest active for other events',
    failing: [{ GUEST_ACTIVITY_STATE: HLT, VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0306n }],
    passing: [
      { GUEST_ACTIVITY_STATE: HLT, ...INJECT_INTERRUPT },
      { GUEST_ACTIVITY_STATE: HLT, ...INJECT_NMI },
      { GUEST_ACTIVITY_STATE: HLT, VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0301n },
      { GUEST_ACTIVITY_STATE: HLT, VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0700n },
    ],
  },
  {
    id: 'guest.activity.shutdown.event',
    title: 'event that does not wake from the shutdown state',
    when: `GUEST_ACTIVITY_STATE == 2 && ${INJECTS}`,
    holds: `${EVENT} == 0x202 || ${EVENT} == 0x312`,
    sentence: 'what is injected into the shutdown state is an NMI or #MC',
    satisfy: 'make the guest active for other events',
    failing: [{ GUEST_ACTIVITY_STATE: SHUTDOWN, ...INJECT_INTERRUPT }],
    passing: [
      { GUEST_ACTIVITY_STATE: SHUTDOWN, ...INJECT_NMI },
      { GUEST_ACTIVITY_STATE: SHUTDOWN, VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0312n },
    ],
  },
];

const INTERRUPTIBILITY: readonly CheckRow[] = [
  {
    id: 'guest.interruptibility.reserved',
    title: 'reserved bits of the interruptibility state',
    holds: '(GUEST_INTERRUPTIBILITY_STATE >> 5) == 0',
    sentence: 'bits 31:5 of GUEST_INTERRUPTIBILITY_STATE are 0',
    satisfy: 'clear them',
    failing: [{ GUEST_INTERRUPTIBILITY_STATE: 0x20n }],
    passing: [{ GUEST_INTERRUPTIBILITY_STATE: 8n }],
  },
  {
    id: 'guest.interruptibility.both',
    title: 'blocking by STI and by MOV SS',
    holds: `${STI} == 0 || ${MOV_SS} == 0`,
    sentence:
      'bits 0 (blocking by STI) and 1 (blocking by MOV SS) of GUEST_INTERRUPTIBILITY_STATE are not both 1',
    satisfy: 'clear the one whose instruction was not the last',
    failing: [{ GUEST_INTERRUPTIBILITY_STATE: 3n, GUEST_RFLAGS: 0x202n }],
    passing: [{ GUEST_INTERRUPTIBILITY_STATE: 1n, GUEST_RFLAGS: 0x202n }],
  },
  {
    id: 'guest.interruptibility.sti.if',
    title: 'blocking by STI needs IF',
    when: '(GUEST_RFLAGS & RFLAGS_IF) == 0',
    holds: `${STI} == 0`,
    sentence:
      'bit 0 (blocking by STI) of GUEST_INTERRUPTIBILITY_STATE is 0 where GUEST_RFLAGS has IF clear',
    satisfy: 'clear it: after STI, IF is 1',
    failing: [{ GUEST_INTERRUPTIBILITY_STATE: 1n, GUEST_RFLAGS: 2n }],
    passing: [{ GUEST_INTERRUPTIBILITY_STATE: 1n, GUEST_RFLAGS: 0x202n }],
  },
  {
    id: 'guest.interruptibility.interrupt',
    title: 'injection of an external interrupt that is blocked',
    when: INTERRUPT,
    holds: `(${STI} | ${MOV_SS}) == 0`,
    sentence:
      'bits 1:0 (blocking by STI, by MOV SS) of GUEST_INTERRUPTIBILITY_STATE are 0 where an external interrupt is injected',
    satisfy: 'inject it after the next instruction: INTERRUPT_WINDOW_EXITING tells when',
    failing: [
      { ...INJECT_INTERRUPT, GUEST_INTERRUPTIBILITY_STATE: 1n },
      { ...INJECT_INTERRUPT, GUEST_INTERRUPTIBILITY_STATE: 2n },
    ],
    passing: [INJECT_INTERRUPT],
  },
  {
    id: 'guest.interruptibility.nmi',
    title: 'injection of an NMI that is blocked by MOV SS',
    when: NMI,
    holds: `${MOV_SS} == 0`,
    sentence:
      'bit 1 (blocking by MOV SS) of GUEST_INTERRUPTIBILITY_STATE is 0 where an NMI is injected',
    satisfy: 'inject it after the next instruction: NMI_WINDOW_EXITING tells when',
    qualification: QUALIFIES.nmi,
    failing: [{ ...INJECT_NMI, GUEST_INTERRUPTIBILITY_STATE: 2n }],
    passing: [{ ...INJECT_NMI, GUEST_INTERRUPTIBILITY_STATE: 1n, GUEST_RFLAGS: 0x202n }],
  },
  {
    id: 'guest.interruptibility.smi',
    title: 'blocking by SMI',
    holds: '(GUEST_INTERRUPTIBILITY_STATE & 4) == 0',
    sentence:
      'bit 2 (blocking by SMI) of GUEST_INTERRUPTIBILITY_STATE is 0: the processor is not in SMM',
    satisfy: 'clear it',
    failing: [{ GUEST_INTERRUPTIBILITY_STATE: 4n }],
    passing: [{ GUEST_INTERRUPTIBILITY_STATE: 8n }],
  },
  {
    id: 'guest.interruptibility.virtual-nmi',
    title: 'injection of an NMI that is blocked by NMI',
    when: `VIRTUAL_NMIS && ${NMI}`,
    holds: '(GUEST_INTERRUPTIBILITY_STATE & 8) == 0',
    sentence:
      'bit 3 (blocking by NMI) of GUEST_INTERRUPTIBILITY_STATE is 0 where an NMI is injected with VIRTUAL_NMIS',
    satisfy: 'inject it when the guest has executed IRET: NMI_WINDOW_EXITING tells when',
    failing: [
      { ...INJECT_NMI, NMI_EXITING: 1n, VIRTUAL_NMIS: 1n, GUEST_INTERRUPTIBILITY_STATE: 8n },
    ],
    passing: [
      { ...INJECT_NMI, NMI_EXITING: 1n, VIRTUAL_NMIS: 1n },
      { ...INJECT_NMI, GUEST_INTERRUPTIBILITY_STATE: 8n },
    ],
  },
  {
    id: 'guest.interruptibility.enclave',
    title: 'enclave interruption',
    holds: '(GUEST_INTERRUPTIBILITY_STATE & 0x10) == 0',
    sentence:
      'bit 4 (enclave interruption) of GUEST_INTERRUPTIBILITY_STATE is 0: there is no SGX here',
    satisfy: 'clear it',
    failing: [{ GUEST_INTERRUPTIBILITY_STATE: 0x10n }],
    passing: [{ GUEST_INTERRUPTIBILITY_STATE: 8n }],
  },
];

/** Single-stepping traps at instruction boundaries: TF without BTF. */
const STEPS = '((GUEST_RFLAGS & RFLAGS_TF) != 0 && (GUEST_IA32_DEBUGCTL & DEBUGCTL_BTF) == 0)';
const HELD_OFF = `((${STI} | ${MOV_SS}) != 0 || GUEST_ACTIVITY_STATE == 1)`;

const PENDING: readonly CheckRow[] = [
  {
    id: 'guest.pending-debug.reserved',
    title: 'reserved bits of the pending debug exceptions',
    holds: '(GUEST_PENDING_DEBUG_EXCEPTIONS & ~PENDING_DEBUG_BITS) == 0',
    sentence:
      'GUEST_PENDING_DEBUG_EXCEPTIONS has no bits but 3:0 (breakpoints), 12 (one of them enabled), 14 (BS) and 16 (RTM)',
    satisfy: 'write what a VM exit saved there, or 0',
    failing: [
      { GUEST_PENDING_DEBUG_EXCEPTIONS: 0x10n },
      { GUEST_PENDING_DEBUG_EXCEPTIONS: 0x2_0000n },
    ],
    passing: [{ GUEST_PENDING_DEBUG_EXCEPTIONS: 0x500fn }],
  },
  {
    id: 'guest.pending-debug.bs.required',
    title: 'pending single step',
    when: `${HELD_OFF} && ${STEPS}`,
    holds: '(GUEST_PENDING_DEBUG_EXCEPTIONS & PENDING_BS) != 0',
    sentence:
      'bit 14 (BS) of GUEST_PENDING_DEBUG_EXCEPTIONS is 1 where RFLAGS.TF is 1, IA32_DEBUGCTL.BTF is 0, and STI, MOV SS or HLT holds the trap off',
    satisfy: 'set bit 14, or clear TF',
    failing: [
      { GUEST_INTERRUPTIBILITY_STATE: 2n, GUEST_RFLAGS: 0x102n },
      { GUEST_ACTIVITY_STATE: HLT, GUEST_RFLAGS: 0x102n },
    ],
    passing: [
      {
        GUEST_INTERRUPTIBILITY_STATE: 2n,
        GUEST_RFLAGS: 0x102n,
        GUEST_PENDING_DEBUG_EXCEPTIONS: 0x4000n,
      },
    ],
  },
  {
    id: 'guest.pending-debug.bs.forbidden',
    title: 'pending single step without TF',
    when: `${HELD_OFF} && !${STEPS}`,
    holds: '(GUEST_PENDING_DEBUG_EXCEPTIONS & PENDING_BS) == 0',
    sentence:
      'bit 14 (BS) of GUEST_PENDING_DEBUG_EXCEPTIONS is 0 where STI, MOV SS or HLT holds traps off, and RFLAGS.TF is 0 or IA32_DEBUGCTL.BTF is 1',
    satisfy: 'clear bit 14, or set TF and clear BTF',
    failing: [
      { GUEST_INTERRUPTIBILITY_STATE: 2n, GUEST_PENDING_DEBUG_EXCEPTIONS: 0x4000n },
      {
        GUEST_ACTIVITY_STATE: HLT,
        GUEST_RFLAGS: 0x102n,
        GUEST_IA32_DEBUGCTL: 2n,
        GUEST_PENDING_DEBUG_EXCEPTIONS: 0x4000n,
      },
    ],
    passing: [{ GUEST_INTERRUPTIBILITY_STATE: 2n }, { GUEST_PENDING_DEBUG_EXCEPTIONS: 0x4000n }],
  },
  {
    id: 'guest.pending-debug.rtm',
    title: 'pending debug exception of a transaction',
    holds: '(GUEST_PENDING_DEBUG_EXCEPTIONS & 0x10000) == 0',
    sentence: 'bit 16 (RTM) of GUEST_PENDING_DEBUG_EXCEPTIONS is 0: there are no transactions here',
    satisfy: 'clear it',
    failing: [{ GUEST_PENDING_DEBUG_EXCEPTIONS: 0x1_1000n }],
    passing: [{ GUEST_PENDING_DEBUG_EXCEPTIONS: 0x1000n }],
  },
];

const LINKED = 'VMCS_LINK_POINTER != ALL_ONES';
const noLink = 'write ffffffff_ffffffffh: there is no VMCS shadowing here';
const LINK: readonly CheckRow[] = [
  {
    id: 'guest.link.aligned',
    title: 'alignment of the VMCS link pointer',
    when: LINKED,
    holds: '(VMCS_LINK_POINTER & 0xfff) == 0',
    sentence: 'bits 11:0 of VMCS_LINK_POINTER are 0, if it is not ffffffff_ffffffffh',
    satisfy: noLink,
    qualification: QUALIFIES.link,
    failing: [{ VMCS_LINK_POINTER: 0x3008n }],
    passing: [{ VMCS_LINK_POINTER: 0xffff_ffff_ffff_ffffn }],
  },
  {
    id: 'guest.link.width',
    title: 'address in the VMCS link pointer',
    when: LINKED,
    holds: 'isPhysical(VMCS_LINK_POINTER)',
    sentence:
      'VMCS_LINK_POINTER has no bit beyond the physical-address width of 40, if it is not ffffffff_ffffffffh',
    satisfy: noLink,
    qualification: QUALIFIES.link,
    failing: [{ VMCS_LINK_POINTER: 0x100_0000_0000n }],
    passing: [{ VMCS_LINK_POINTER: 0xffff_ffff_ffff_ffffn }],
  },
  {
    id: 'guest.link.revision',
    title: 'VMCS that the link pointer names',
    when: LINKED,
    holds: 'isVmcs(VMCS_LINK_POINTER)',
    sentence:
      'the 4 bytes at VMCS_LINK_POINTER are the VMCS revision identifier, if it is not ffffffff_ffffffffh',
    satisfy: noLink,
    qualification: QUALIFIES.link,
    failing: [{ VMCS_LINK_POINTER: 0n }],
    passing: [{ VMCS_LINK_POINTER: 0xffff_ffff_ffff_ffffn }],
  },
  {
    id: 'guest.link.current',
    title: 'link pointer to the current VMCS',
    when: LINKED,
    holds: '!isCurrent(VMCS_LINK_POINTER)',
    sentence: 'VMCS_LINK_POINTER is not the address of the current VMCS',
    satisfy: noLink,
    qualification: QUALIFIES.link,
    failing: [{ VMCS_AT: 0x21000n, CURRENT_VMCS: 0x21000n, VMCS_LINK_POINTER: 0x21000n }],
    passing: [{ VMCS_AT: 0x21000n, VMCS_LINK_POINTER: 0x21000n }],
  },
];

const pdpteRow = (n: number): CheckRow => ({
  id: `guest.pdpte${n}`,
  title: `reserved bits of the guest PDPTE${n}`,
  when: '!IA_32E_MODE_GUEST && (GUEST_CR0 & CR0_PG) != 0 && (GUEST_CR4 & CR4_PAE) != 0',
  holds: `isPdpte(ENABLE_EPT ? GUEST_PDPTE${n} : pdpteAt(GUEST_CR3, ${n}))`,
  sentence: `PDPTE${n}, where it is present, has bits 8:5 and 2:1 clear, and none beyond the physical-address width of 40; it is GUEST_PDPTE${n} with EPT, else it lies in memory at GUEST_CR3 + ${n * 8}`,
  satisfy: 'write the address of a page directory with P and, if need be, PWT and PCD; or 0',
  qualification: QUALIFIES.pdpte,
  failing: [
    { ...EPT, IA_32E_MODE_GUEST: 0n, [`GUEST_PDPTE${n}`]: 0x1003n },
    { ...EPT, IA_32E_MODE_GUEST: 0n, [`GUEST_PDPTE${n}`]: 0x100_0000_0001n },
  ],
  passing: [
    { ...EPT, IA_32E_MODE_GUEST: 0n, [`GUEST_PDPTE${n}`]: 0x1019n },
    { ...EPT, IA_32E_MODE_GUEST: 0n, [`GUEST_PDPTE${n}`]: 0x1006n },
    { ...EPT, [`GUEST_PDPTE${n}`]: 0x1003n },
  ],
});

/** Each entry of the VM-entry MSR-load area. */
const MSR_LOAD: readonly CheckRow[] = [
  {
    id: 'msr-load.base',
    title: 'base of FS or GS in the VM-entry MSR-load area',
    holds: 'MSR_INDEX != 0xc0000100 && MSR_INDEX != 0xc0000101',
    sentence: 'the entry does not load IA32_FS_BASE or IA32_GS_BASE',
    satisfy: 'write GUEST_FS_BASE or GUEST_GS_BASE',
    failing: [{ MSR_INDEX: 0xc000_0100n }, { MSR_INDEX: 0xc000_0101n }],
    passing: [{ MSR_INDEX: 0xc000_0102n }],
  },
  {
    id: 'msr-load.x2apic',
    title: 'x2APIC register in the VM-entry MSR-load area',
    holds: '(MSR_INDEX >> 8) != 8',
    sentence: 'the entry does not load an MSR from 800h to 8ffh, those of the x2APIC',
    satisfy: 'leave it out',
    failing: [{ MSR_INDEX: 0x808n }],
    passing: [{ MSR_INDEX: 0x277n }],
  },
  {
    id: 'msr-load.model-specific',
    title: 'MSR that VM entry cannot load',
    holds: 'MSR_INDEX != 0x79 && MSR_INDEX != 0x8b',
    sentence: 'the entry does not load IA32_BIOS_UPDT_TRIG or IA32_BIOS_SIGN_ID',
    satisfy: 'leave it out',
    failing: [{ MSR_INDEX: 0x79n }, { MSR_INDEX: 0x8bn }],
    passing: [{ MSR_INDEX: 0x277n }],
  },
  {
    id: 'msr-load.reserved',
    title: 'reserved bits of an entry of the VM-entry MSR-load area',
    holds: 'MSR_RESERVED == 0',
    sentence: 'bits 63:32 of the entry are 0',
    satisfy: 'clear them: an entry is u32 index, u32 0, u64 value',
    failing: [{ MSR_INDEX: 0x277n, MSR_RESERVED: 1n }],
    passing: [{ MSR_INDEX: 0x277n, MSR_RESERVED: 0n }],
  },
  {
    id: 'msr-load.value',
    title: 'value in the VM-entry MSR-load area',
    holds: 'MSR_ACCEPTED != 0',
    sentence: 'WRMSR at CPL 0 takes the value of the entry, and the MSR exists',
    satisfy: 'load only MSRs that RDMSR knows, with values that WRMSR takes',
    failing: [{ MSR_INDEX: 0x277n, MSR_ACCEPTED: 0n }],
    passing: [{ MSR_INDEX: 0x277n, MSR_ACCEPTED: 1n }],
  },
];

export const GUEST_STATE_CHECKS: readonly CheckSection[] = [
  {
    group: 'guest',
    section: '27.3.1.5 Checks on Guest Non-Register State',
    rows: [...ACTIVITY, ...INTERRUPTIBILITY, ...PENDING, ...LINK],
  },
  {
    group: 'guest',
    section: '27.3.1.6 Checks on Guest Page-Directory-Pointer-Table Entries',
    rows: [0, 1, 2, 3].map(pdpteRow),
  },
];

export const MSR_LOAD_CHECKS: CheckSection = {
  group: 'msrLoad',
  section: '27.4 Loading MSRs',
  rows: MSR_LOAD,
};
