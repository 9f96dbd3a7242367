/**
 * The generator of what asm/vmx takes from the tables here:
 *
 *   vmx-fields.ts     the place of each field of the current VMCS in linear memory, and FIELD_GROUPS, from which that of an
 *                     encoding follows (asm/vmx/field.ts)
 *   vmx-controls.ts   the bits of the controls, and what each control field may hold
 *   vmx-capabilities.ts, vmx-instruction-errors.ts   the capability MSRs, the numbers of VM-instruction errors
 *   vmx-checks.ts     the checks of VM entry (gen-checks.ts)
 */

import {
  CAPABILITY_MSRS,
  CR0_FIXED0,
  CR0_FIXED1,
  CR3_TARGETS,
  CR4_FIXED0,
  PREEMPTION_TIMER_SHIFT,
  VMCS_REVISION_IDENTIFIER,
} from './capabilities.ts';
import { CONTROL_KINDS, CONTROLS, trueSettings } from './controls.ts';
import {
  FIELD_TYPES,
  FIELD_WIDTHS,
  fieldIndex,
  VMCS_FIELDS,
  VMCS_LAUNCH_STATE_OFFSET,
  VMCS_REVISION_OFFSET,
  VMCS_USED_BYTES,
} from './fields.ts';
import { generateChecks } from './gen-checks.ts';
import { INSTRUCTION_ERRORS } from './instruction-errors.ts';

const HEADER = '// Written by src/vmx/gen.ts; not to be edited.\n';

/** Texts of asm/gen, by file name. */
export function generateVmx(): Map<string, string> {
  return new Map([
    ['vmx-fields.ts', HEADER + fields()],
    ['vmx-controls.ts', HEADER + controls()],
    ['vmx-capabilities.ts', HEADER + capabilities()],
    ['vmx-instruction-errors.ts', HEADER + errors()],
    ['vmx-checks.ts', HEADER + generateChecks()],
  ]);
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

function fields(): string {
  return `
import { VMCS } from '../layout';

export const VMCS_REVISION: usize = VMCS + ${hex(VMCS_REVISION_OFFSET)};
export const VMCS_LAUNCH_STATE: usize = VMCS + ${hex(VMCS_LAUNCH_STATE_OFFSET)};
export const VMCS_USED_BYTES: usize = ${hex(VMCS_USED_BYTES)};

${VMCS_FIELDS.map(({ name, offset }) => `export const ${name}: usize = VMCS + ${hex(offset)};\n`).join('')}
/** Of each width and type in the order of bits 14:13 and 11:10 of the encodings: u32 bit n: there is a field with index
 *  n; u32 place of the first one. The others follow, 8 bytes each. */
export const FIELD_GROUPS: usize = memory.data<u32>([
${groups()}]);
`;
}

function groups(): string {
  const lines = FIELD_WIDTHS.flatMap((width) =>
    FIELD_TYPES.map((type) => {
      const members = VMCS_FIELDS.filter((field) => field.width === width && field.type === type);
      const mask = members.reduce((bits, { encoding }) => bits | (1 << fieldIndex(encoding)), 0);
      return `  ${hex(mask)}, <u32>VMCS + ${hex(members[0]?.offset ?? 0)}, // ${width} ${type}\n`;
    }),
  );
  return lines.join('');
}

function controls(): string {
  const bits = CONTROLS.map(({ name, bit }) => `export const ${name}: u32 = ${hex(1 << bit)};\n`);
  const allowed = CONTROL_KINDS.map((kind) => {
    const { allowed1, required1 } = trueSettings(kind);
    const name = kind.toUpperCase();
    return `export const ${name}_ALLOWED: u32 = ${hex(allowed1)};
export const ${name}_REQUIRED: u32 = ${hex(required1)};\n`;
  });
  return `
${bits.join('')}
/** Bits of each control field that may be 1, and that must be. */
${allowed.join('')}`;
}

function capabilities(): string {
  const values = CAPABILITY_MSRS.map(
    ({ name, value = 0n }) => `  0x${value.toString(16)}, // ${name}\n`,
  );
  return `
export const VMCS_REVISION_IDENTIFIER: u32 = ${hex(VMCS_REVISION_IDENTIFIER)};
export const CR0_FIXED0: u32 = ${hex(CR0_FIXED0)};
export const CR0_FIXED1: u32 = ${hex(CR0_FIXED1)};
export const CR4_FIXED0: u32 = ${hex(CR4_FIXED0)};
export const CR3_TARGETS: u32 = ${CR3_TARGETS};
export const PREEMPTION_TIMER_SHIFT: u32 = ${PREEMPTION_TIMER_SHIFT};

export const CAPABILITY_FIRST: u32 = ${hex(CAPABILITY_MSRS[0]?.index ?? 0)};
export const CAPABILITY_COUNT: u32 = ${CAPABILITY_MSRS.length};
/** u64 each, in the order of their indices; that of IA32_VMX_CR4_FIXED1 is not here. */
export const CAPABILITY_VALUES: usize = memory.data<u64>([
${values.join('')}]);
`;
}

function errors(): string {
  const entries = INSTRUCTION_ERRORS.map(({ number, name }) => `  ${name} = ${number},\n`);
  return `
export enum InstructionError {
${entries.join('')}}
`;
}
