/**
 * The fields of a VMCS (SDM 3D Appendix B, Field Encoding in VMCS), as far as what this processor offers needs them:
 * a field whose control is not offered (controls.ts) does not exist, and VMREAD of it fails.
 *
 * Names are the manual's in upper snake, with "Address of X" as X_ADDRESS and signs left out: "Address of I/O bitmap A"
 * is IO_BITMAP_A_ADDRESS. Two differ, for what they would be taken for: VM_EXIT_REASON ("Exit reason") and
 * GUEST_PREEMPTION_TIMER_VALUE ("VMX-preemption timer value", a guest-state field).
 *
 * An encoding is
 *
 *    14:13 width   12 0   11:10 type   9:1 index   0 access: 1 for the high half of a 64-bit field
 *
 * In linear memory and in a VMCS region each field has 8 bytes, zero-extended, in the order of this table.
 */

import { assert } from '../base/assert.ts';
import type { ControlName } from './controls.ts';

/** Bits 14:13 of an encoding are the index. */
export const FIELD_WIDTHS = ['16', '64', '32', 'natural'] as const;
export type FieldWidth = (typeof FIELD_WIDTHS)[number];
/** Bits 11:10 of an encoding are the index. */
export const FIELD_TYPES = ['control', 'readOnly', 'guest', 'host'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export interface VmcsField {
  readonly name: string;
  /** With access type 0. */
  readonly encoding: number;
  readonly width: FieldWidth;
  readonly type: FieldType;
  /** It exists where one of these controls can be 1; without any, always. */
  readonly controls: readonly ControlName[];
  /** Where it lies, from the start of the VMCS. */
  readonly offset: number;
}

/** A VMCS begins with u32 revision identifier, u32 VMX-abort indicator, u32 launch state (0 clear); fields follow. */
export const VMCS_HEADER_BYTES = 0x10;
export const VMCS_REVISION_OFFSET = 0;
export const VMCS_LAUNCH_STATE_OFFSET = 8;
const FIELD_BYTES = 8;

type Row = readonly [name: string, encoding: number, ...controls: ControlName[]];

// biome-ignore format: one field per line, in the order of the encodings.
const ROWS: readonly Row[] = [
  // 16 bits
  ['VIRTUAL_PROCESSOR_IDENTIFIER', 0x0000, 'ENABLE_VPID'],
  ['GUEST_ES_SELECTOR', 0x0800],
  ['GUEST_CS_SELECTOR', 0x0802],
  ['GUEST_SS_SELECTOR', 0x0804],
  ['GUEST_DS_SELECTOR', 0x0806],
  ['GUEST_FS_SELECTOR', 0x0808],
  ['GUEST_GS_SELECTOR', 0x080a],
  ['GUEST_LDTR_SELECTOR', 0x080c],
  ['GUEST_TR_SELECTOR', 0x080e],
  ['PML_INDEX', 0x0812, 'ENABLE_PML'],
  ['HOST_ES_SELECTOR', 0x0c00],
  ['HOST_CS_SELECTOR', 0x0c02],
  ['HOST_SS_SELECTOR', 0x0c04],
  ['HOST_DS_SELECTOR', 0x0c06],
  ['HOST_FS_SELECTOR', 0x0c08],
  ['HOST_GS_SELECTOR', 0x0c0a],
  ['HOST_TR_SELECTOR', 0x0c0c],
  // 64 bits
  ['IO_BITMAP_A_ADDRESS', 0x2000],
  ['IO_BITMAP_B_ADDRESS', 0x2002],
  ['MSR_BITMAPS_ADDRESS', 0x2004, 'USE_MSR_BITMAPS'],
  ['VM_EXIT_MSR_STORE_ADDRESS', 0x2006],
  ['VM_EXIT_MSR_LOAD_ADDRESS', 0x2008],
  ['VM_ENTRY_MSR_LOAD_ADDRESS', 0x200a],
  ['EXECUTIVE_VMCS_POINTER', 0x200c],
  ['PML_ADDRESS', 0x200e, 'ENABLE_PML'],
  ['TSC_OFFSET', 0x2010],
  ['EPT_POINTER', 0x201a, 'ENABLE_EPT'],
  ['GUEST_PHYSICAL_ADDRESS', 0x2400, 'ENABLE_EPT'],
  ['VMCS_LINK_POINTER', 0x2800],
  ['GUEST_IA32_DEBUGCTL', 0x2802],
  ['GUEST_IA32_PAT', 0x2804, 'LOAD_IA32_PAT', 'SAVE_IA32_PAT'],
  ['GUEST_IA32_EFER', 0x2806, 'LOAD_IA32_EFER', 'SAVE_IA32_EFER'],
  ['GUEST_PDPTE0', 0x280a, 'ENABLE_EPT'],
  ['GUEST_PDPTE1', 0x280c, 'ENABLE_EPT'],
  ['GUEST_PDPTE2', 0x280e, 'ENABLE_EPT'],
  ['GUEST_PDPTE3', 0x2810, 'ENABLE_EPT'],
  ['HOST_IA32_PAT', 0x2c00, 'LOAD_HOST_IA32_PAT'],
  ['HOST_IA32_EFER', 0x2c02, 'LOAD_HOST_IA32_EFER'],
  // 32 bits
  ['PIN_BASED_VM_EXECUTION_CONTROLS', 0x4000],
  ['PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS', 0x4002],
  ['EXCEPTION_BITMAP', 0x4004],
  ['PAGE_FAULT_ERROR_CODE_MASK', 0x4006],
  ['PAGE_FAULT_ERROR_CODE_MATCH', 0x4008],
  ['CR3_TARGET_COUNT', 0x400a],
  ['VM_EXIT_CONTROLS', 0x400c],
  ['VM_EXIT_MSR_STORE_COUNT', 0x400e],
  ['VM_EXIT_MSR_LOAD_COUNT', 0x4010],
  ['VM_ENTRY_CONTROLS', 0x4012],
  ['VM_ENTRY_MSR_LOAD_COUNT', 0x4014],
  ['VM_ENTRY_INTERRUPTION_INFORMATION', 0x4016],
  ['VM_ENTRY_EXCEPTION_ERROR_CODE', 0x4018],
  ['VM_ENTRY_INSTRUCTION_LENGTH', 0x401a],
  ['SECONDARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS', 0x401e, 'ACTIVATE_SECONDARY_CONTROLS'],
  ['VM_INSTRUCTION_ERROR', 0x4400],
  ['VM_EXIT_REASON', 0x4402],
  ['VM_EXIT_INTERRUPTION_INFORMATION', 0x4404],
  ['VM_EXIT_INTERRUPTION_ERROR_CODE', 0x4406],
  ['IDT_VECTORING_INFORMATION', 0x4408],
  ['IDT_VECTORING_ERROR_CODE', 0x440a],
  ['VM_EXIT_INSTRUCTION_LENGTH', 0x440c],
  ['VM_EXIT_INSTRUCTION_INFORMATION', 0x440e],
  ['GUEST_ES_LIMIT', 0x4800],
  ['GUEST_CS_LIMIT', 0x4802],
  ['GUEST_SS_LIMIT', 0x4804],
  ['GUEST_DS_LIMIT', 0x4806],
  ['GUEST_FS_LIMIT', 0x4808],
  ['GUEST_GS_LIMIT', 0x480a],
  ['GUEST_LDTR_LIMIT', 0x480c],
  ['GUEST_TR_LIMIT', 0x480e],
  ['GUEST_GDTR_LIMIT', 0x4810],
  ['GUEST_IDTR_LIMIT', 0x4812],
  ['GUEST_ES_ACCESS_RIGHTS', 0x4814],
  ['GUEST_CS_ACCESS_RIGHTS', 0x4816],
  ['GUEST_SS_ACCESS_RIGHTS', 0x4818],
  ['GUEST_DS_ACCESS_RIGHTS', 0x481a],
  ['GUEST_FS_ACCESS_RIGHTS', 0x481c],
  ['GUEST_GS_ACCESS_RIGHTS', 0x481e],
  ['GUEST_LDTR_ACCESS_RIGHTS', 0x4820],
  ['GUEST_TR_ACCESS_RIGHTS', 0x4822],
  ['GUEST_INTERRUPTIBILITY_STATE', 0x4824],
  ['GUEST_ACTIVITY_STATE', 0x4826],
  ['GUEST_SMBASE', 0x4828],
  ['GUEST_IA32_SYSENTER_CS', 0x482a],
  ['GUEST_PREEMPTION_TIMER_VALUE', 0x482e, 'ACTIVATE_VMX_PREEMPTION_TIMER'],
  ['HOST_IA32_SYSENTER_CS', 0x4c00],
  // Natural width
  ['CR0_GUEST_HOST_MASK', 0x6000],
  ['CR4_GUEST_HOST_MASK', 0x6002],
  ['CR0_READ_SHADOW', 0x6004],
  ['CR4_READ_SHADOW', 0x6006],
  ['CR3_TARGET_VALUE_0', 0x6008],
  ['CR3_TARGET_VALUE_1', 0x600a],
  ['CR3_TARGET_VALUE_2', 0x600c],
  ['CR3_TARGET_VALUE_3', 0x600e],
  ['EXIT_QUALIFICATION', 0x6400],
  ['IO_RCX', 0x6402],
  ['IO_RSI', 0x6404],
  ['IO_RDI', 0x6406],
  ['IO_RIP', 0x6408],
  ['GUEST_LINEAR_ADDRESS', 0x640a],
  ['GUEST_CR0', 0x6800],
  ['GUEST_CR3', 0x6802],
  ['GUEST_CR4', 0x6804],
  ['GUEST_ES_BASE', 0x6806],
  ['GUEST_CS_BASE', 0x6808],
  ['GUEST_SS_BASE', 0x680a],
  ['GUEST_DS_BASE', 0x680c],
  ['GUEST_FS_BASE', 0x680e],
  ['GUEST_GS_BASE', 0x6810],
  ['GUEST_LDTR_BASE', 0x6812],
  ['GUEST_TR_BASE', 0x6814],
  ['GUEST_GDTR_BASE', 0x6816],
  ['GUEST_IDTR_BASE', 0x6818],
  ['GUEST_DR7', 0x681a],
  ['GUEST_RSP', 0x681c],
  ['GUEST_RIP', 0x681e],
  ['GUEST_RFLAGS', 0x6820],
  ['GUEST_PENDING_DEBUG_EXCEPTIONS', 0x6822],
  ['GUEST_IA32_SYSENTER_ESP', 0x6824],
  ['GUEST_IA32_SYSENTER_EIP', 0x6826],
  ['HOST_CR0', 0x6c00],
  ['HOST_CR3', 0x6c02],
  ['HOST_CR4', 0x6c04],
  ['HOST_FS_BASE', 0x6c06],
  ['HOST_GS_BASE', 0x6c08],
  ['HOST_TR_BASE', 0x6c0a],
  ['HOST_GDTR_BASE', 0x6c0c],
  ['HOST_IDTR_BASE', 0x6c0e],
  ['HOST_IA32_SYSENTER_ESP', 0x6c10],
  ['HOST_IA32_SYSENTER_EIP', 0x6c12],
  ['HOST_RSP', 0x6c14],
  ['HOST_RIP', 0x6c16],
];

export const VMCS_FIELDS: readonly VmcsField[] = ROWS.map(([name, encoding, ...controls], n) => ({
  name,
  encoding,
  width: FIELD_WIDTHS[(encoding >> 13) & 3] as FieldWidth,
  type: FIELD_TYPES[(encoding >> 10) & 3] as FieldType,
  controls,
  offset: VMCS_HEADER_BYTES + n * FIELD_BYTES,
}));

/** Bytes of a VMCS that are in use. */
export const VMCS_USED_BYTES = VMCS_HEADER_BYTES + VMCS_FIELDS.length * FIELD_BYTES;

/** Bits 9:1 of an encoding. */
export function fieldIndex(encoding: number): number {
  return (encoding >> 1) & 0x1ff;
}

const byName: ReadonlyMap<string, VmcsField> = new Map(
  VMCS_FIELDS.map((field) => [field.name, field]),
);

/** The field of that name, which must exist. */
export function vmcsField(name: string): VmcsField {
  const field = byName.get(name);
  assert(field !== undefined, `VMCS field ${name}`);
  return field;
}
