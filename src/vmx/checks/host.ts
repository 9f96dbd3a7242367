/** Checks on the host-state area (SDM 3C 27.2.2-27.2.4). */

import type { CheckRow, CheckSection } from '../check.ts';
import { canonicalRow, patRow } from './rows.ts';

/** A VMCS of a host and a guest outside IA-32e mode. */
const LEGACY = {
  PROCESSOR_LMA: 0n,
  HOST_ADDRESS_SPACE_SIZE: 0n,
  IA_32E_MODE_GUEST: 0n,
  HOST_RIP: 0x1000n,
} as const;

const CONTROL_REGISTERS: readonly CheckRow[] = [
  {
    id: 'host.cr0.fixed',
    title: 'fixed bits of the host CR0',
    holds: '(HOST_CR0 & CR0_FIXED0) == CR0_FIXED0 && (HOST_CR0 & ~CR0_FIXED1) == 0',
    sentence: 'HOST_CR0 has PE, NE and PG set, and bits 63:32 clear: VMX operation fixes them',
    satisfy: 'copy the CR0 in use; IA32_VMX_CR0_FIXED0 and IA32_VMX_CR0_FIXED1 tell the bits',
    failing: [{ HOST_CR0: 0x8000_0001n }, { HOST_CR0: 0x1_8000_0021n }],
    passing: [{ HOST_CR0: 0x8000_0021n }],
  },
  {
    id: 'host.cr4.fixed',
    title: 'fixed bits of the host CR4',
    holds: '(HOST_CR4 & CR4_FIXED0) == CR4_FIXED0 && (HOST_CR4 & ~cr4Fixed1()) == 0',
    sentence: 'HOST_CR4 has VMXE set, and no bit that this processor does not have',
    satisfy: 'copy the CR4 in use; IA32_VMX_CR4_FIXED0 and IA32_VMX_CR4_FIXED1 tell the bits',
    failing: [{ HOST_CR4: 0x20n }, { HOST_CR4: 0x8000_2020n }],
    passing: [{ HOST_CR4: 0x2020n }],
  },
  {
    id: 'host.cr3.width',
    title: 'reserved bits of the host CR3',
    holds: 'isPhysical(HOST_CR3)',
    sentence: 'HOST_CR3 has no bit beyond the physical-address width of 40',
    satisfy: 'copy the CR3 in use; bit 63 (no flush) is not part of it',
    failing: [{ HOST_CR3: 0x100_0000_0000n }],
    passing: [{ HOST_CR3: 0xff_ffff_f000n }],
  },
  canonicalRow('host.sysenter-esp', 'HOST_IA32_SYSENTER_ESP'),
  canonicalRow('host.sysenter-eip', 'HOST_IA32_SYSENTER_EIP'),
  patRow('host.pat', 'HOST_IA32_PAT', 'LOAD_HOST_IA32_PAT'),
  {
    id: 'host.efer.reserved',
    title: 'reserved bits of the host EFER',
    when: 'LOAD_HOST_IA32_EFER',
    holds: '(HOST_IA32_EFER & ~EFER_BITS) == 0',
    sentence: 'HOST_IA32_EFER has no bits but SCE, LME, LMA and NXE',
    satisfy: 'copy IA32_EFER as RDMSR reads it',
    failing: [{ LOAD_HOST_IA32_EFER: 1n, HOST_IA32_EFER: 0x1502n }],
    passing: [{ LOAD_HOST_IA32_EFER: 1n, HOST_IA32_EFER: 0xd01n }],
  },
  {
    id: 'host.efer.mode',
    title: 'LMA and LME of the host EFER',
    when: 'LOAD_HOST_IA32_EFER',
    holds: '(HOST_IA32_EFER & EFER_MODE) == (HOST_ADDRESS_SPACE_SIZE ? EFER_MODE : 0)',
    sentence: 'LMA and LME of HOST_IA32_EFER are both what HOST_ADDRESS_SPACE_SIZE is',
    satisfy: 'for a 64-bit host set both and HOST_ADDRESS_SPACE_SIZE, for another clear all three',
    failing: [
      { LOAD_HOST_IA32_EFER: 1n, HOST_IA32_EFER: 0x100n },
      { LOAD_HOST_IA32_EFER: 1n, HOST_IA32_EFER: 0x400n },
    ],
    passing: [
      { LOAD_HOST_IA32_EFER: 1n, HOST_IA32_EFER: 0x500n },
      { ...LEGACY, LOAD_HOST_IA32_EFER: 1n, HOST_IA32_EFER: 0n },
    ],
  },
];

const SELECTORS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'TR'] as const;
const BASES = ['FS', 'GS', 'GDTR', 'IDTR', 'TR'] as const;

const selectorRow = (name: string): CheckRow => {
  const field = `HOST_${name}_SELECTOR`;
  return {
    id: `host.${name.toLowerCase()}.rpl`,
    title: `RPL and TI of the host ${name} selector`,
    holds: `(${field} & 7) == 0`,
    sentence: `bits 2:0 of ${field} are 0: the host runs at CPL 0 and has its segments in the GDT`,
    satisfy: 'use a selector of the GDT, AND it with fff8h',
    failing: [{ [field]: 0x13n }, { [field]: 0x14n }],
    passing: [{ [field]: 0x18n }],
  };
};

const notNull = (name: string): CheckRow => {
  const field = `HOST_${name}_SELECTOR`;
  return {
    id: `host.${name.toLowerCase()}.null`,
    title: `host ${name} selector`,
    holds: `${field} != 0`,
    sentence: `${field} is not null`,
    satisfy: `write the selector of the host's ${name === 'TR' ? 'TSS, which LTR must have loaded' : 'code segment'}`,
    failing: [{ [field]: 0n }],
    passing: [{ [field]: 8n }],
  };
};

const SEGMENTS: readonly CheckRow[] = [
  ...SELECTORS.map(selectorRow),
  notNull('CS'),
  notNull('TR'),
  {
    id: 'host.ss.null',
    title: 'host SS selector',
    when: '!HOST_ADDRESS_SPACE_SIZE',
    holds: 'HOST_SS_SELECTOR != 0',
    sentence: 'HOST_SS_SELECTOR is not null for a host outside 64-bit mode',
    satisfy: 'write the selector of a writable data segment with DPL 0',
    failing: [{ ...LEGACY, HOST_SS_SELECTOR: 0n }],
    passing: [{ HOST_SS_SELECTOR: 0n }],
  },
  ...BASES.map((name) => canonicalRow(`host.${name.toLowerCase()}.base`, `HOST_${name}_BASE`)),
];

const ADDRESS_SPACE: readonly CheckRow[] = [
  {
    id: 'host.address-space.guest',
    title: 'a 64-bit guest needs a 64-bit host',
    when: '!HOST_ADDRESS_SPACE_SIZE',
    holds: '!IA_32E_MODE_GUEST',
    sentence: 'IA_32E_MODE_GUEST is 0 where HOST_ADDRESS_SPACE_SIZE is 0',
    satisfy: 'set HOST_ADDRESS_SPACE_SIZE too, from 64-bit mode',
    failing: [{ HOST_ADDRESS_SPACE_SIZE: 0n, HOST_RIP: 0x1000n }],
    passing: [LEGACY],
  },
  {
    id: 'host.address-space.pcide',
    title: 'PCIDs of a host outside 64-bit mode',
    when: '!HOST_ADDRESS_SPACE_SIZE',
    holds: '(HOST_CR4 & CR4_PCIDE) == 0',
    sentence: 'HOST_CR4 has PCIDE clear where HOST_ADDRESS_SPACE_SIZE is 0',
    satisfy: 'clear bit 17 of HOST_CR4',
    failing: [{ ...LEGACY, HOST_CR4: 0x2_2020n }],
    passing: [{ HOST_CR4: 0x2_2020n }],
  },
  {
    id: 'host.address-space.rip',
    title: 'RIP of a host outside 64-bit mode',
    when: '!HOST_ADDRESS_SPACE_SIZE',
    holds: '(HOST_RIP >> 32) == 0',
    sentence: 'bits 63:32 of HOST_RIP are 0 where HOST_ADDRESS_SPACE_SIZE is 0',
    satisfy: 'put the code that handles VM exits below 4 GiB',
    failing: [{ ...LEGACY, HOST_RIP: 0x1_0000_0000n }],
    passing: [{ ...LEGACY, HOST_RIP: 0xffff_ffffn }],
  },
  {
    id: 'host.address-space.pae',
    title: 'PAE of a 64-bit host',
    when: 'HOST_ADDRESS_SPACE_SIZE',
    holds: '(HOST_CR4 & CR4_PAE) != 0',
    sentence: 'HOST_CR4 has PAE set where HOST_ADDRESS_SPACE_SIZE is 1',
    satisfy: 'set bit 5 of HOST_CR4',
    failing: [{ HOST_CR4: 0x2000n }],
    passing: [{ HOST_CR4: 0x2020n }],
  },
  canonicalRow('host.address-space.canonical', 'HOST_RIP', { when: 'HOST_ADDRESS_SPACE_SIZE' }),
  {
    id: 'host.mode.guest',
    title: 'a 64-bit guest, started outside IA-32e mode',
    when: '!PROCESSOR_LMA',
    holds: '!IA_32E_MODE_GUEST',
    sentence: 'IA_32E_MODE_GUEST is 0 where VM entry is executed outside IA-32e mode',
    satisfy: 'execute VMLAUNCH or VMRESUME in 64-bit mode, or clear IA_32E_MODE_GUEST',
    failing: [{ PROCESSOR_LMA: 0n }],
    passing: [LEGACY],
  },
  {
    id: 'host.mode.size',
    title: 'a 64-bit host, started outside IA-32e mode',
    when: '!PROCESSOR_LMA',
    holds: '!HOST_ADDRESS_SPACE_SIZE',
    sentence: 'HOST_ADDRESS_SPACE_SIZE is 0 where VM entry is executed outside IA-32e mode',
    satisfy: 'clear HOST_ADDRESS_SPACE_SIZE, or execute VMLAUNCH or VMRESUME in 64-bit mode',
    failing: [{ PROCESSOR_LMA: 0n, IA_32E_MODE_GUEST: 0n }],
    passing: [LEGACY],
  },
  {
    id: 'host.mode.long',
    title: 'address-space size of a 64-bit host',
    when: 'PROCESSOR_LMA',
    holds: 'HOST_ADDRESS_SPACE_SIZE',
    sentence: 'HOST_ADDRESS_SPACE_SIZE is 1 where VM entry is executed in IA-32e mode',
    satisfy: 'set HOST_ADDRESS_SPACE_SIZE',
    failing: [{ ...LEGACY, PROCESSOR_LMA: 1n }],
    passing: [{ HOST_ADDRESS_SPACE_SIZE: 1n }],
  },
];

export const HOST_CHECKS: readonly CheckSection[] = [
  {
    group: 'host',
    section: '27.2.2 Checks on Host Control Registers, MSRs, and SSP',
    rows: CONTROL_REGISTERS,
  },
  {
    group: 'host',
    section: '27.2.3 Checks on Host Segment and Descriptor-Table Registers',
    rows: SEGMENTS,
  },
  { group: 'host', section: '27.2.4 Checks Related to Address-Space Size', rows: ADDRESS_SPACE },
];
