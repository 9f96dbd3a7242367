/** Checks on guest control registers, debug registers and MSRs, descriptor tables, RIP and RFLAGS (SDM 3C 27.3.1). */

import type { CheckRow, CheckSection } from '../check.ts';
import { EPT, LEGACY_GUEST, VIRTUAL_8086_GUEST } from './guests.ts';
import { canonicalRow, patRow } from './rows.ts';

const CONTROL_REGISTERS: readonly CheckRow[] = [
  {
    id: 'guest.cr0.fixed',
    title: 'fixed bits of the guest CR0',
    holds:
      '(GUEST_CR0 & guestCr0Fixed0(UNRESTRICTED_GUEST)) == guestCr0Fixed0(UNRESTRICTED_GUEST) && (GUEST_CR0 & ~CR0_FIXED1) == 0',
    sentence:
      'GUEST_CR0 has NE set, PE and PG too unless UNRESTRICTED_GUEST is 1, and bits 63:32 clear',
    satisfy: 'OR it with IA32_VMX_CR0_FIXED0; what the guest is to read goes into CR0_READ_SHADOW',
    failing: [{ GUEST_CR0: 0x31n }, { GUEST_CR0: 0x8000_0011n }, { GUEST_CR0: 0x1_8000_0031n }],
    passing: [
      { GUEST_CR0: 0x8000_0021n },
      { ...EPT, ...LEGACY_GUEST, UNRESTRICTED_GUEST: 1n, GUEST_CR0: 0x21n },
    ],
  },
  {
    id: 'guest.cr0.paging',
    title: 'paging of the guest needs protected mode',
    when: '(GUEST_CR0 & CR0_PG) != 0',
    holds: '(GUEST_CR0 & CR0_PE) != 0',
    sentence: 'GUEST_CR0 has PE set where it has PG set',
    satisfy: 'set bit 0 of GUEST_CR0, or clear bit 31',
    failing: [{ ...EPT, UNRESTRICTED_GUEST: 1n, GUEST_CR0: 0x8000_0020n }],
    passing: [{ ...EPT, UNRESTRICTED_GUEST: 1n, GUEST_CR0: 0x8000_0021n }],
  },
  {
    id: 'guest.cr4.fixed',
    title: 'fixed bits of the guest CR4',
    holds: '(GUEST_CR4 & CR4_FIXED0) == CR4_FIXED0 && (GUEST_CR4 & ~cr4Fixed1()) == 0',
    sentence: 'GUEST_CR4 has VMXE set, and no bit that this processor does not have',
    satisfy: 'OR it with IA32_VMX_CR4_FIXED0; what the guest is to read goes into CR4_READ_SHADOW',
    failing: [{ GUEST_CR4: 0x20n }, { GUEST_CR4: 0x8000_2020n }],
    passing: [{ GUEST_CR4: 0x2020n }],
  },
  {
    id: 'guest.debugctl',
    title: 'reserved bits of the guest IA32_DEBUGCTL',
    when: 'LOAD_DEBUG_CONTROLS',
    holds: '(GUEST_IA32_DEBUGCTL & ~DEBUGCTL_BITS) == 0',
    sentence: 'GUEST_IA32_DEBUGCTL has no bits but LBR and BTF',
    satisfy: 'clear all but bits 1:0 of GUEST_IA32_DEBUGCTL, or clear LOAD_DEBUG_CONTROLS',
    failing: [{ LOAD_DEBUG_CONTROLS: 1n, GUEST_IA32_DEBUGCTL: 4n }],
    passing: [{ LOAD_DEBUG_CONTROLS: 1n, GUEST_IA32_DEBUGCTL: 3n }],
  },
  {
    id: 'guest.long.paging',
    title: 'paging of a 64-bit guest',
    when: 'IA_32E_MODE_GUEST',
    holds: '(GUEST_CR0 & CR0_PG) != 0',
    sentence: 'GUEST_CR0 has PG set where IA_32E_MODE_GUEST is 1',
    satisfy: 'set bit 31 of GUEST_CR0, or clear IA_32E_MODE_GUEST',
    failing: [{ ...EPT, UNRESTRICTED_GUEST: 1n, GUEST_CR0: 0x21n }],
    passing: [{ ...EPT, UNRESTRICTED_GUEST: 1n, GUEST_CR0: 0x8000_0021n }],
  },
  {
    id: 'guest.long.pae',
    title: 'PAE of a 64-bit guest',
    when: 'IA_32E_MODE_GUEST',
    holds: '(GUEST_CR4 & CR4_PAE) != 0',
    sentence: 'GUEST_CR4 has PAE set where IA_32E_MODE_GUEST is 1',
    satisfy: 'set bit 5 of GUEST_CR4, or clear IA_32E_MODE_GUEST',
    failing: [{ GUEST_CR4: 0x2000n }],
    passing: [{ GUEST_CR4: 0x2020n }],
  },
  {
    id: 'guest.legacy.pcide',
    title: 'PCIDs of a guest outside IA-32e mode',
    when: '!IA_32E_MODE_GUEST',
    holds: '(GUEST_CR4 & CR4_PCIDE) == 0',
    sentence: 'GUEST_CR4 has PCIDE clear where IA_32E_MODE_GUEST is 0',
    satisfy: 'clear bit 17 of GUEST_CR4',
    failing: [{ ...LEGACY_GUEST, GUEST_CR4: 0x2_2000n }],
    passing: [{ GUEST_CR4: 0x2_2020n }],
  },
  {
    id: 'guest.cr3.width',
    title: 'reserved bits of the guest CR3',
    holds: 'isPhysical(GUEST_CR3)',
    sentence: 'GUEST_CR3 has no bit beyond the physical-address width of 40',
    satisfy: 'write the address of the top paging structure; bit 63 (no flush) is not part of it',
    failing: [{ GUEST_CR3: 0x100_0000_0000n }],
    passing: [{ GUEST_CR3: 0xff_ffff_f000n }],
  },
  {
    id: 'guest.dr7.high',
    title: 'high half of the guest DR7',
    when: 'LOAD_DEBUG_CONTROLS',
    holds: '(GUEST_DR7 >> 32) == 0',
    sentence: 'bits 63:32 of GUEST_DR7 are 0',
    satisfy: 'clear them, or clear LOAD_DEBUG_CONTROLS; DR7 is 400h after power-up',
    failing: [{ LOAD_DEBUG_CONTROLS: 1n, GUEST_DR7: 0x1_0000_0400n }],
    passing: [{ LOAD_DEBUG_CONTROLS: 1n, GUEST_DR7: 0xffff_ffffn }],
  },
  canonicalRow('guest.sysenter-esp', 'GUEST_IA32_SYSENTER_ESP'),
  canonicalRow('guest.sysenter-eip', 'GUEST_IA32_SYSENTER_EIP'),
  patRow('guest.pat', 'GUEST_IA32_PAT', 'LOAD_IA32_PAT'),
  {
    id: 'guest.efer.reserved',
    title: 'reserved bits of the guest EFER',
    when: 'LOAD_IA32_EFER',
    holds: '(GUEST_IA32_EFER & ~EFER_BITS) == 0',
    sentence: 'GUEST_IA32_EFER has no bits but SCE, LME, LMA and NXE',
    satisfy: 'clear all others',
    failing: [{ LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0x1500n }],
    passing: [{ LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0xd01n }],
  },
  {
    id: 'guest.efer.lma',
    title: 'LMA of the guest EFER',
    when: 'LOAD_IA32_EFER',
    holds: '((GUEST_IA32_EFER & EFER_LMA) != 0) == IA_32E_MODE_GUEST',
    sentence: 'LMA of GUEST_IA32_EFER is what IA_32E_MODE_GUEST is',
    satisfy: 'set both for a guest in IA-32e mode, clear both for another',
    failing: [{ LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0n }],
    passing: [
      { LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0x500n },
      { ...LEGACY_GUEST, LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0n },
    ],
  },
  {
    id: 'guest.efer.lme',
    title: 'LME of the guest EFER',
    when: 'LOAD_IA32_EFER && (GUEST_CR0 & CR0_PG) != 0',
    holds: '((GUEST_IA32_EFER & EFER_LME) != 0) == ((GUEST_IA32_EFER & EFER_LMA) != 0)',
    sentence: 'LMA and LME of GUEST_IA32_EFER are alike where GUEST_CR0 has PG set',
    satisfy: 'set both or clear both',
    failing: [{ LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0x400n }],
    passing: [{ LOAD_IA32_EFER: 1n, GUEST_IA32_EFER: 0x500n }],
  },
];

const tableRows = (name: 'GDTR' | 'IDTR'): readonly CheckRow[] => [
  canonicalRow(`guest.${name.toLowerCase()}.base`, `GUEST_${name}_BASE`),
  {
    id: `guest.${name.toLowerCase()}.limit`,
    title: `guest ${name} limit`,
    holds: `(GUEST_${name}_LIMIT >> 16) == 0`,
    sentence: `bits 31:16 of GUEST_${name}_LIMIT are 0`,
    satisfy: 'a limit is at most ffffh',
    failing: [{ [`GUEST_${name}_LIMIT`]: 0x1_0000n }],
    passing: [{ [`GUEST_${name}_LIMIT`]: 0xffffn }],
  },
];

const RIP_AND_FLAGS: readonly CheckRow[] = [
  {
    id: 'guest.rip.high',
    title: 'RIP of a guest outside 64-bit mode',
    when: '!IA_32E_MODE_GUEST || (GUEST_CS_ACCESS_RIGHTS & ACCESS_L) == 0',
    holds: '(GUEST_RIP >> 32) == 0',
    sentence: 'bits 63:32 of GUEST_RIP are 0 for a guest that is not in 64-bit mode',
    satisfy: 'clear them, or set L in GUEST_CS_ACCESS_RIGHTS and IA_32E_MODE_GUEST',
    failing: [
      { ...LEGACY_GUEST, GUEST_RIP: 0x1_0000_0000n },
      { GUEST_CS_ACCESS_RIGHTS: 0xc09bn, GUEST_RIP: 0x1_0000_0000n },
    ],
    passing: [{ ...LEGACY_GUEST, GUEST_RIP: 0xffff_ffffn }, { GUEST_RIP: 0x1_0000_0000n }],
  },
  {
    id: 'guest.rip.linear',
    title: 'RIP of a guest in 64-bit mode',
    when: 'IA_32E_MODE_GUEST && (GUEST_CS_ACCESS_RIGHTS & ACCESS_L) != 0',
    holds: '(GUEST_RIP >> 48) == 0 || (GUEST_RIP >> 48) == 0xffff',
    sentence: 'bits 63:48 of GUEST_RIP are all alike',
    satisfy: 'write a canonical address',
    failing: [{ GUEST_RIP: 0x1_0000_0000_0000n }],
    passing: [{ GUEST_RIP: 0x8000_0000_0000n }],
  },
  {
    id: 'guest.rflags.reserved',
    title: 'reserved bits of the guest RFLAGS',
    holds: '(GUEST_RFLAGS & RFLAGS_RESERVED) == 0 && (GUEST_RFLAGS & 2) != 0',
    sentence: 'bits 63:22, 15, 5 and 3 of GUEST_RFLAGS are 0, and bit 1 is 1',
    satisfy: 'AND it with 3f7fd7h, OR it with 2',
    failing: [{ GUEST_RFLAGS: 0n }, { GUEST_RFLAGS: 0xan }, { GUEST_RFLAGS: 0x40_0002n }],
    passing: [{ GUEST_RFLAGS: 2n }],
  },
  {
    id: 'guest.rflags.vm',
    title: 'virtual-8086 mode of the guest',
    when: 'IA_32E_MODE_GUEST || (GUEST_CR0 & CR0_PE) == 0',
    holds: '(GUEST_RFLAGS & RFLAGS_VM) == 0',
    sentence: 'GUEST_RFLAGS has VM clear in IA-32e mode and in real-address mode',
    satisfy: 'clear bit 17 of GUEST_RFLAGS',
    failing: [{ ...VIRTUAL_8086_GUEST, IA_32E_MODE_GUEST: 1n, GUEST_CR4: 0x2020n }],
    passing: [{ GUEST_RFLAGS: 2n }, VIRTUAL_8086_GUEST],
  },
  {
    id: 'guest.rflags.if',
    title: 'injection of an external interrupt needs IF',
    when: '(VM_ENTRY_INTERRUPTION_INFORMATION & 0x80000700) == 0x80000000',
    holds: '(GUEST_RFLAGS & RFLAGS_IF) != 0',
    sentence: 'GUEST_RFLAGS has IF set where an external interrupt is injected',
    satisfy: 'keep the interrupt back until the guest sets IF: INTERRUPT_WINDOW_EXITING tells when',
    failing: [{ VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0020n, GUEST_RFLAGS: 2n }],
    passing: [{ VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0020n, GUEST_RFLAGS: 0x202n }],
  },
];

export const GUEST_CONTROL_REGISTER_CHECKS: CheckSection = {
  group: 'guest',
  section: '27.3.1.1 Checks on Guest Control Registers, Debug Registers, and MSRs',
  rows: CONTROL_REGISTERS,
};

export const GUEST_TABLE_AND_RIP_CHECKS: readonly CheckSection[] = [
  {
    group: 'guest',
    section: '27.3.1.3 Checks on Guest Descriptor-Table Registers',
    rows: [...tableRows('GDTR'), ...tableRows('IDTR')],
  },
  { group: 'guest', section: '27.3.1.4 Checks on Guest RIP, RFLAGS, and SSP', rows: RIP_AND_FLAGS },
];
