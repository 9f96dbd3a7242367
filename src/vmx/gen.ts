/**
 * The generator of what asm/vmx takes from the tables here:
 *
 *   vmx-fields.ts     the place of each field of the current VMCS in linear memory, and FIELD_GROUPS, from which that of an
 *                     encoding follows (asm/vmx/field.ts)
 *   vmx-controls.ts   the bits of the controls, and what each control field may hold
 */

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

const HEADER = '// Written by src/vmx/gen.ts; not to be edited.\n';

/** Texts of asm/gen, by file name. */
export function generateVmx(): Map<string, string> {
  return new Map([
    ['vmx-fields.ts', HEADER + fields()],
    ['vmx-controls.ts', HEADER + controls()],
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
