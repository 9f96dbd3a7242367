/**
 * What a row of the table of VM-entry checks is.
 *
 * `when` and `holds` are expressions in the common part of AssemblyScript and TypeScript, in which stand
 *   GUEST_CR0            a field of the VMCS (fields.ts), as u64
 *   ENABLE_EPT           a control (controls.ts), as bool; secondary controls count only while they are activated
 *   PIN_ALLOWED, ...     constants of asm/gen/vmx-controls.ts and asm/gen/vmx-capabilities.ts
 *   isCanonical(x), ...  functions and constants of asm/vmx/terms.ts
 * `changes` for tests are written by the same names: fields and controls to set in a VMCS that passes all checks.
 */

import { CONTROL_FIELDS, CONTROLS } from './controls.ts';
import { VMCS_FIELDS } from './fields.ts';

/** In the order in which the processor evaluates them. */
export const CHECK_GROUPS = ['controls', 'host', 'guest', 'msrLoad'] as const;
export type CheckGroup = (typeof CHECK_GROUPS)[number];

/** New values by names of fields, of controls (0 or 1), and of what the processor has (STATE_TERMS). */
export type FieldChange = Readonly<Record<string, bigint>>;

/**
 * What checks look at besides the VMCS: EFER.LMA; the address of the current VMCS, and an address at which another one
 * lies; of an entry of the VM-entry MSR-load area its index, its reserved bits, and whether WRMSR takes its value.
 */
export const STATE_TERMS = [
  'PROCESSOR_LMA',
  'CURRENT_VMCS',
  'VMCS_AT',
  'MSR_INDEX',
  'MSR_RESERVED',
  'MSR_ACCEPTED',
] as const;

export interface CheckRow {
  /** `host.cr0.fixed`: unique. */
  readonly id: string;
  readonly title: string;
  /** When the requirement counts; without it, always. */
  readonly when?: string;
  readonly holds: string;
  /** What is required. */
  readonly sentence: string;
  /** What would satisfy it. */
  readonly satisfy: string;
  /** Exit qualification that a failed check on guest state leaves, 0 without. */
  readonly qualification?: number;
  /** Changes that make a valid VMCS fail this check, and changes with which it just passes. */
  readonly failing: readonly FieldChange[];
  readonly passing: readonly FieldChange[];
}

export interface EntryCheck extends CheckRow {
  /** From 1, in the order of evaluation; FAILED_CHECK of asm/layout.ts holds it. */
  readonly number: number;
  readonly group: CheckGroup;
  /** Number and title of the manual's section. */
  readonly section: string;
  /** Names of the fields that it is about, those of controls included. */
  readonly fields: readonly string[];
}

/** Rows of a section of the manual. */
export interface CheckSection {
  readonly group: CheckGroup;
  readonly section: string;
  readonly rows: readonly CheckRow[];
}

const FIELD_NAMES: ReadonlySet<string> = new Set(VMCS_FIELDS.map(({ name }) => name));
const FIELD_OF_CONTROL: ReadonlyMap<string, string> = new Map(
  CONTROLS.map(({ name, kind }) => [name, CONTROL_FIELDS[kind]]),
);

/** Names in an expression, each once. */
export function namesIn(expression: string): readonly string[] {
  return [...new Set(expression.match(/\b[A-Za-z_]\w*/g) ?? [])];
}

export function isField(name: string): boolean {
  return FIELD_NAMES.has(name);
}

/** The field that holds control `name`; undefined if there is no such control. */
export function fieldOfControl(name: string): string | undefined {
  return FIELD_OF_CONTROL.get(name);
}

/** Fields that a row is about: of its requirement first, then of its condition. */
export function fieldsOf({ holds, when = '' }: CheckRow): readonly string[] {
  const names = namesIn(`${holds} ${when}`).map((name) => fieldOfControl(name) ?? name);
  return [...new Set(names.filter(isField))];
}
