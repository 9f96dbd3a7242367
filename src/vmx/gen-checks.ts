/**
 * The generator of asm/gen/vmx-checks.ts: a function for each group of VM-entry checks, which gives the number of the
 * first that fails. Fields and controls that a group's expressions name are read once, at its start; neighbours with the
 * same condition share it.
 */

import { assert } from '../base/assert.ts';
import { type CheckGroup, type EntryCheck, fieldOfControl, isField, namesIn } from './check.ts';
import { ENTRY_CHECKS } from './checks.ts';
import { CONTROL_FIELDS, CONTROLS } from './controls.ts';

/** Names that are locals or parameters of a group's function although they are no fields and no controls. */
const STATE = 'PROCESSOR_LMA';
const PARAMETERS: Readonly<Partial<Record<CheckGroup, readonly string[]>>> = {
  msrLoad: ['MSR_INDEX', 'MSR_RESERVED', 'MSR_ACCEPTED'],
};
/** Constants that asm/gen/vmx-controls.ts has; others are those of asm/vmx/terms.ts. */
const OF_CONTROLS = /_(ALLOWED|REQUIRED)$/;
const SECONDARY = CONTROL_FIELDS.secondary;
const ACTIVE = 'ACTIVATE_SECONDARY_CONTROLS';
/** Rows that tell whether VM entry takes an EPT pointer, as INVEPT must. */
const EPT_POINTER = 'EPT_POINTER';
const EPT_POINTER_ROWS = 'controls.ept-pointer.';

interface Names {
  readonly terms: Set<string>;
  readonly constants: Set<string>;
}

export function generateChecks(): string {
  const names: Names = { terms: new Set(['processorLma']), constants: new Set() };
  const functions = [
    group('checkControls', 'controls', names),
    group('checkHost', 'host', names),
    group('checkGuest', 'guest', names),
    group('checkMsrLoad', 'msrLoad', names),
    eptPointer(names),
  ];
  const list = (set: Set<string>): string => [...set].sort().join(', ');
  return `
import { ${list(names.terms)} } from '../vmx/terms';
import * as Control from './vmx-controls';
import { ${list(names.constants)} } from './vmx-controls';
import * as Field from './vmx-fields';

${functions.join('\n')}
/** u8 per check, by its number: the exit qualification that its failure leaves. */
export const ENTRY_QUALIFICATIONS: usize = memory.data<u8>([${[0, ...ENTRY_CHECKS.map((check) => check.qualification ?? 0)].join(', ')}]);
`;
}

function group(name: string, of: CheckGroup, names: Names): string {
  const rows = ENTRY_CHECKS.filter((check) => check.group === of);
  const parameters = PARAMETERS[of] ?? [];
  const used = new Set(rows.flatMap(({ holds, when = '' }) => namesIn(`${holds} ${when}`)));
  const isSecondary = [...used].some((one) => fieldOfControl(one) === SECONDARY);
  if (isSecondary) used.add(ACTIVE);
  return `export function ${name}(${parameters.map((one) => `${one}: u64`).join(', ')}): u32 {
${locals(used)}${body(rows, (text) => translate(text, names, parameters))}  return 0;
}
`;
}

/** Fields first, then controls, which may need ${ACTIVE} before them. */
function locals(used: ReadonlySet<string>): string {
  const fields = [...used].filter(isField);
  const controls = CONTROLS.filter((control) => used.has(control.name));
  const bit = (one: string): string => {
    const field = fieldOfControl(one);
    const read = `(load<u32>(Field.${field}) & Control.${one}) != 0`;
    return `  const ${one} = ${field === SECONDARY ? `${ACTIVE} && ` : ''}${read};\n`;
  };
  return [
    ...fields.map((one) => `  const ${one} = load<u64>(Field.${one});\n`),
    ...controls.map((control) => bit(control.name)),
    used.has(STATE) ? `  const ${STATE} = processorLma();\n` : '',
  ].join('');
}

function body(rows: readonly EntryCheck[], text: (expression: string) => string): string {
  const lines: string[] = [];
  let open: string | undefined;
  for (const { when, holds, number } of rows) {
    if (when !== open) {
      if (open !== undefined) lines.push('  }\n');
      if (when !== undefined) lines.push(`  if (${text(when)}) {\n`);
      open = when;
    }
    lines.push(`    if (!(${text(holds)})) return ${number};\n`);
  }
  if (open !== undefined) lines.push('  }\n');
  return lines.join('');
}

/** Gives constants the type of fields, and notes what is to be imported. */
function translate(expression: string, names: Names, parameters: readonly string[]): string {
  return expression.replace(/\b[A-Za-z_]\w*/g, (name) => {
    const isLocal = isField(name) || fieldOfControl(name) !== undefined;
    if (isLocal || name === STATE || parameters.includes(name)) return name;
    if (OF_CONTROLS.test(name)) {
      names.constants.add(name);
      return `(<u64>${name})`;
    }
    names.terms.add(name);
    return name === name.toUpperCase() ? `(<u64>${name})` : name;
  });
}

function eptPointer(names: Names): string {
  const rows = ENTRY_CHECKS.filter(({ id }) => id.startsWith(EPT_POINTER_ROWS));
  assert(rows.length > 0, 'checks of the EPT pointer');
  const text = rows.map(({ holds }) => `(${translate(holds, names, [])})`).join(' &&\n    ');
  return `/** VM entry with EPT would take the pointer. */
export function acceptsEptPointer(${EPT_POINTER}: u64): bool {
  return ${text};
}
`;
}
