/** Checks on VMX controls (SDM 3C 27.2.1). */

import type { CheckRow, CheckSection } from '../check.ts';
import { CONTROL_FIELDS, type ControlKind, trueSettings } from '../controls.ts';
import { EPT } from './guests.ts';
import { addressRows, INJECTS, msrAreaRows } from './rows.ts';

/** The capability MSRs that tell which bits may be 1 and which must be. */
const CAPABILITY: Readonly<Record<ControlKind, string>> = {
  pin: 'IA32_VMX_TRUE_PINBASED_CTLS',
  primary: 'IA32_VMX_TRUE_PROCBASED_CTLS',
  secondary: 'IA32_VMX_PROCBASED_CTLS2',
  exit: 'IA32_VMX_TRUE_EXIT_CTLS',
  entry: 'IA32_VMX_TRUE_ENTRY_CTLS',
};

/** The bits of a control field that are fixed. `forbidden` and `required`: one bit each of those, for tests. */
function reserved(kind: ControlKind, forbidden: number, required?: number): CheckRow {
  const field = CONTROL_FIELDS[kind];
  const prefix = kind.toUpperCase();
  const { required1 } = trueSettings(kind);
  const minimum = BigInt(required1);
  const isSecondary = kind === 'secondary';
  const active = isSecondary ? { ACTIVATE_SECONDARY_CONTROLS: 1n } : {};
  const values = [minimum | (1n << BigInt(forbidden))];
  if (required !== undefined) values.push(minimum & ~(1n << BigInt(required)));
  return {
    id: `controls.${kind}.reserved`,
    title: `reserved bits of ${field}`,
    ...(isSecondary && { when: 'ACTIVATE_SECONDARY_CONTROLS' }),
    holds: `(${field} & ~${prefix}_ALLOWED) == 0 && (${field} & ${prefix}_REQUIRED) == ${prefix}_REQUIRED`,
    sentence: `${field} has only bits set that this processor offers, and all that must be set`,
    satisfy: `AND it with the high half of ${CAPABILITY[kind]}, and OR it with the low half`,
    failing: values.map((value) => ({ ...active, [field]: value })),
    passing: [{ ...active, [field]: minimum }],
  };
}

// What only controls that are not offered ask for is left out: their bits are reserved.
const EXECUTION: readonly CheckRow[] = [
  reserved('pin', 7, 1),
  reserved('primary', 21, 1),
  reserved('secondary', 0),
  {
    id: 'controls.cr3-target-count',
    title: 'CR3-target count',
    holds: 'CR3_TARGET_COUNT <= CR3_TARGETS',
    sentence: 'CR3_TARGET_COUNT is at most 4',
    satisfy: 'use no more CR3-target values than IA32_VMX_MISC[24:16] tells',
    failing: [{ CR3_TARGET_COUNT: 5n }],
    passing: [{ CR3_TARGET_COUNT: 4n }],
  },
  ...addressRows('controls.io-bitmap-a', 'I/O bitmap A', 'IO_BITMAP_A_ADDRESS', 12, {
    USE_IO_BITMAPS: 1n,
  }),
  ...addressRows('controls.io-bitmap-b', 'I/O bitmap B', 'IO_BITMAP_B_ADDRESS', 12, {
    USE_IO_BITMAPS: 1n,
  }),
  ...addressRows('controls.msr-bitmaps', 'MSR bitmaps', 'MSR_BITMAPS_ADDRESS', 12, {
    USE_MSR_BITMAPS: 1n,
  }),
  {
    id: 'controls.virtual-nmis',
    title: 'virtual NMIs need NMI exiting',
    when: '!NMI_EXITING',
    holds: '!VIRTUAL_NMIS',
    sentence: 'VIRTUAL_NMIS is 0 where NMI_EXITING is 0',
    satisfy: 'set NMI_EXITING too, or clear VIRTUAL_NMIS',
    failing: [{ NMI_EXITING: 0n, VIRTUAL_NMIS: 1n }],
    passing: [{ NMI_EXITING: 1n, VIRTUAL_NMIS: 1n }],
  },
  {
    id: 'controls.nmi-window',
    title: 'NMI-window exiting needs virtual NMIs',
    when: '!VIRTUAL_NMIS',
    holds: '!NMI_WINDOW_EXITING',
    sentence: 'NMI_WINDOW_EXITING is 0 where VIRTUAL_NMIS is 0',
    satisfy: 'set VIRTUAL_NMIS (and NMI_EXITING) too, or clear NMI_WINDOW_EXITING',
    failing: [{ NMI_EXITING: 1n, NMI_WINDOW_EXITING: 1n }],
    passing: [{ NMI_EXITING: 1n, VIRTUAL_NMIS: 1n, NMI_WINDOW_EXITING: 1n }],
  },
  {
    id: 'controls.vpid',
    title: 'VPID',
    when: 'ENABLE_VPID',
    holds: 'VIRTUAL_PROCESSOR_IDENTIFIER != 0',
    sentence: 'VIRTUAL_PROCESSOR_IDENTIFIER is not 0, which is the VPID of VMX root operation',
    satisfy: 'give the virtual processor a VPID from 1 to ffffh',
    failing: [{ ENABLE_VPID: 1n, VIRTUAL_PROCESSOR_IDENTIFIER: 0n }],
    passing: [{ ENABLE_VPID: 1n, VIRTUAL_PROCESSOR_IDENTIFIER: 1n }],
  },
  {
    id: 'controls.ept-pointer.memory-type',
    title: 'memory type of the EPT paging structures',
    when: 'ENABLE_EPT',
    holds: '(EPT_POINTER & 7) == 0 || (EPT_POINTER & 7) == 6',
    sentence:
      'bits 2:0 of EPT_POINTER are a memory type that this processor supports for EPT paging structures: 0 (UC) or 6 (WB)',
    satisfy: 'set bits 2:0 of EPT_POINTER to 6',
    failing: [{ ...EPT, EPT_POINTER: 0x1_0019n }],
    passing: [EPT, { ...EPT, EPT_POINTER: 0x1_0018n }],
  },
  {
    id: 'controls.ept-pointer.walk-length',
    title: 'EPT page-walk length',
    when: 'ENABLE_EPT',
    holds: '((EPT_POINTER >> 3) & 7) == 3',
    sentence: 'bits 5:3 of EPT_POINTER are 3, one less than the page-walk length of 4',
    satisfy: 'set bits 5:3 of EPT_POINTER to 3',
    failing: [{ ...EPT, EPT_POINTER: 0x1_0026n }],
    passing: [EPT],
  },
  {
    id: 'controls.ept-pointer.reserved',
    title: 'reserved bits of the EPT pointer',
    when: 'ENABLE_EPT',
    holds: '(EPT_POINTER & 0xf80) == 0 && isPhysical(EPT_POINTER)',
    sentence: 'bits 11:7 of EPT_POINTER, and those beyond the physical-address width of 40, are 0',
    satisfy:
      'OR only flags from bit 6 down to the address of the EPT PML4 table, which lies in machine memory',
    failing: [
      { ...EPT, EPT_POINTER: 0x1_009en },
      { ...EPT, EPT_POINTER: 0x100_0001_001en },
    ],
    passing: [
      { ...EPT, EPT_POINTER: 0x1_005en },
      { ...EPT, EPT_POINTER: 0xff_ffff_f01en },
    ],
  },
  {
    id: 'controls.pml.ept',
    title: 'page-modification logging needs EPT',
    when: 'ENABLE_PML',
    holds: 'ENABLE_EPT',
    sentence: 'ENABLE_EPT is 1 where ENABLE_PML is',
    satisfy: 'set ENABLE_EPT too, or clear ENABLE_PML',
    failing: [{ ENABLE_PML: 1n }],
    passing: [{ ...EPT, ENABLE_PML: 1n }],
  },
  ...addressRows(
    'controls.pml',
    'page-modification log',
    'PML_ADDRESS',
    12,
    { ...EPT, ENABLE_PML: 1n },
    'ENABLE_PML',
  ),
  {
    id: 'controls.unrestricted-guest.ept',
    title: 'unrestricted guest needs EPT',
    when: 'UNRESTRICTED_GUEST',
    holds: 'ENABLE_EPT',
    sentence: 'ENABLE_EPT is 1 where UNRESTRICTED_GUEST is',
    satisfy: 'set ENABLE_EPT too, or clear UNRESTRICTED_GUEST',
    failing: [{ UNRESTRICTED_GUEST: 1n }],
    passing: [{ ...EPT, UNRESTRICTED_GUEST: 1n }],
  },
];

const EXIT: readonly CheckRow[] = [
  reserved('exit', 12, 0),
  {
    id: 'controls.preemption-timer.save',
    title: 'saving the VMX-preemption timer needs the timer',
    when: '!ACTIVATE_VMX_PREEMPTION_TIMER',
    holds: '!SAVE_VMX_PREEMPTION_TIMER_VALUE',
    sentence: 'SAVE_VMX_PREEMPTION_TIMER_VALUE is 0 where ACTIVATE_VMX_PREEMPTION_TIMER is 0',
    satisfy: 'set ACTIVATE_VMX_PREEMPTION_TIMER too, or clear SAVE_VMX_PREEMPTION_TIMER_VALUE',
    failing: [{ SAVE_VMX_PREEMPTION_TIMER_VALUE: 1n }],
    passing: [{ SAVE_VMX_PREEMPTION_TIMER_VALUE: 1n, ACTIVATE_VMX_PREEMPTION_TIMER: 1n }],
  },
  ...msrAreaRows('controls.exit-msr-store', 'VM-exit MSR-store area', 'VM_EXIT_MSR_STORE'),
  ...msrAreaRows('controls.exit-msr-load', 'VM-exit MSR-load area', 'VM_EXIT_MSR_LOAD'),
];

const TYPE = '((VM_ENTRY_INTERRUPTION_INFORMATION >> 8) & 7)';
const VECTOR = '(VM_ENTRY_INTERRUPTION_INFORMATION & 0xff)';
const HAS_ERROR = '((VM_ENTRY_INTERRUPTION_INFORMATION >> 11) & 1)';
const injects = (value: bigint, more: Readonly<Record<string, bigint>> = {}) => ({
  VM_ENTRY_INTERRUPTION_INFORMATION: value,
  ...more,
});

const ENTRY: readonly CheckRow[] = [
  reserved('entry', 13, 0),
  {
    id: 'controls.injection.type',
    title: 'type of the injected event',
    when: INJECTS,
    holds: `${TYPE} != 1`,
    sentence: 'bits 10:8 of VM_ENTRY_INTERRUPTION_INFORMATION are not 1, which is reserved',
    satisfy:
      'use type 0 external interrupt, 2 NMI, 3 hardware exception, 4 software interrupt, 5 privileged software exception, 6 software exception, or 7 other event',
    failing: [injects(0x8000_0120n)],
    passing: [injects(0x8000_0020n)],
  },
  {
    id: 'controls.injection.nmi-vector',
    title: 'vector of an injected NMI',
    when: `${INJECTS} && ${TYPE} == 2`,
    holds: `${VECTOR} == 2`,
    sentence: 'the vector of an injected NMI is 2',
    satisfy: 'set bits 7:0 of VM_ENTRY_INTERRUPTION_INFORMATION to 2',
    failing: [injects(0x8000_0203n)],
    passing: [injects(0x8000_0202n)],
  },
  {
    id: 'controls.injection.exception-vector',
    title: 'vector of an injected hardware exception',
    when: `${INJECTS} && ${TYPE} == 3`,
    holds: `${VECTOR} <= 31`,
    sentence: 'the vector of an injected hardware exception is at most 31',
    satisfy: 'inject vectors from 32 up as external interrupts (type 0)',
    failing: [injects(0x8000_0320n)],
    passing: [injects(0x8000_031fn)],
  },
  {
    id: 'controls.injection.other-vector',
    title: 'vector of an injected other event',
    when: `${INJECTS} && ${TYPE} == 7`,
    holds: `${VECTOR} == 0`,
    sentence: 'the vector of an other event is 0, pending MTF VM exit',
    satisfy: 'clear bits 7:0 of VM_ENTRY_INTERRUPTION_INFORMATION',
    failing: [injects(0x8000_0701n)],
    passing: [injects(0x8000_0700n)],
  },
  {
    id: 'controls.injection.error-code.required',
    title: 'error code of an injected exception that has one',
    when: `${INJECTS} && ${HAS_ERROR} == 0`,
    holds: `!(deliversErrorCode(VM_ENTRY_INTERRUPTION_INFORMATION) && (!UNRESTRICTED_GUEST || (GUEST_CR0 & CR0_PE) != 0))`,
    sentence:
      'a hardware exception that has an error code in protected mode (8, 10 to 14, 17) is injected with one',
    satisfy:
      'set bit 11 of VM_ENTRY_INTERRUPTION_INFORMATION, and write VM_ENTRY_EXCEPTION_ERROR_CODE',
    failing: [injects(0x8000_030dn)],
    passing: [injects(0x8000_0b0dn)],
  },
  {
    id: 'controls.injection.error-code.type',
    title: 'error code of an event that has none',
    when: `${INJECTS} && ${HAS_ERROR} != 0`,
    holds: 'deliversErrorCode(VM_ENTRY_INTERRUPTION_INFORMATION)',
    sentence:
      'only a hardware exception with vector 8, 10 to 14 or 17 is injected with an error code',
    satisfy: 'clear bit 11 of VM_ENTRY_INTERRUPTION_INFORMATION',
    failing: [injects(0x8000_0b06n), injects(0x8000_082en)],
    passing: [injects(0x8000_0b0en), injects(0x8000_0306n)],
  },
  {
    id: 'controls.injection.error-code.mode',
    title: 'error code in real-address mode',
    when: `${INJECTS} && ${HAS_ERROR} != 0`,
    holds: '!UNRESTRICTED_GUEST || (GUEST_CR0 & CR0_PE) != 0',
    sentence: 'nothing is injected with an error code into a guest in real-address mode',
    satisfy: 'clear bit 11 of VM_ENTRY_INTERRUPTION_INFORMATION, or set CR0.PE of the guest',
    failing: [
      injects(0x8000_0b0dn, {
        ...EPT,
        UNRESTRICTED_GUEST: 1n,
        GUEST_CR0: 0x20n,
        IA_32E_MODE_GUEST: 0n,
      }),
    ],
    passing: [injects(0x8000_0b0dn, { ...EPT, UNRESTRICTED_GUEST: 1n })],
  },
  {
    id: 'controls.injection.reserved',
    title: 'reserved bits of the interruption information',
    when: INJECTS,
    holds: '(VM_ENTRY_INTERRUPTION_INFORMATION & 0x7ffff000) == 0',
    sentence: 'bits 30:12 of VM_ENTRY_INTERRUPTION_INFORMATION are 0',
    satisfy:
      'clear bits 30:12; bit 12 of what a VM exit saved (NMI unblocking) must go before it is injected again',
    failing: [injects(0x8000_1020n)],
    passing: [injects(0x8000_0020n)],
  },
  {
    id: 'controls.injection.error-code.reserved',
    title: 'reserved bits of the injected error code',
    when: `${INJECTS} && ${HAS_ERROR} != 0`,
    holds: '(VM_ENTRY_EXCEPTION_ERROR_CODE >> 16) == 0',
    sentence: 'bits 31:16 of VM_ENTRY_EXCEPTION_ERROR_CODE are 0',
    satisfy: 'clear them',
    failing: [injects(0x8000_0b0dn, { VM_ENTRY_EXCEPTION_ERROR_CODE: 0x1_0000n })],
    passing: [injects(0x8000_0b0dn, { VM_ENTRY_EXCEPTION_ERROR_CODE: 0xffffn })],
  },
  {
    id: 'controls.injection.instruction-length',
    title: 'instruction length of an injected software event',
    when: `${INJECTS} && ${TYPE} >= 4 && ${TYPE} <= 6`,
    holds: 'VM_ENTRY_INSTRUCTION_LENGTH >= 1 && VM_ENTRY_INSTRUCTION_LENGTH <= 15',
    sentence:
      'VM_ENTRY_INSTRUCTION_LENGTH is from 1 to 15 for software interrupts and exceptions (types 4, 5, 6)',
    satisfy:
      'write the length of the INT, INT1, INT3 or INTO, as VM_EXIT_INSTRUCTION_LENGTH has it',
    failing: [
      injects(0x8000_0480n, { VM_ENTRY_INSTRUCTION_LENGTH: 0n }),
      injects(0x8000_0603n, { VM_ENTRY_INSTRUCTION_LENGTH: 16n }),
    ],
    passing: [
      injects(0x8000_0480n, { VM_ENTRY_INSTRUCTION_LENGTH: 1n }),
      injects(0x8000_0603n, { VM_ENTRY_INSTRUCTION_LENGTH: 15n }),
    ],
  },
  ...msrAreaRows('controls.entry-msr-load', 'VM-entry MSR-load area', 'VM_ENTRY_MSR_LOAD'),
];

export const CONTROL_CHECKS: readonly CheckSection[] = [
  { group: 'controls', section: '27.2.1.1 VM-Execution Control Fields', rows: EXECUTION },
  { group: 'controls', section: '27.2.1.2 VM-Exit Control Fields', rows: EXIT },
  { group: 'controls', section: '27.2.1.3 VM-Entry Control Fields', rows: ENTRY },
];
