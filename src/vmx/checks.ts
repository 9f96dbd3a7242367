/**
 * All checks of a VM entry, a row for each bullet of the manual's sections (SDM 3C 27.2-27.4), in the order in which the
 * processor evaluates them: asm/gen/vmx-checks.ts is made of it. What the manual asks for on behalf of features that
 * this processor does not offer is left out; where a control switches such a feature on, it is a reserved bit.
 */

import { assert } from '../base/assert.ts';
import { type CheckSection, type EntryCheck, fieldsOf } from './check.ts';
import { CONTROL_CHECKS } from './checks/controls.ts';
import { GUEST_STATE_CHECKS, MSR_LOAD_CHECKS } from './checks/guest-activity.ts';
import {
  GUEST_CONTROL_REGISTER_CHECKS,
  GUEST_TABLE_AND_RIP_CHECKS,
} from './checks/guest-registers.ts';
import { GUEST_SEGMENT_CHECKS } from './checks/guest-segments.ts';
import { HOST_CHECKS } from './checks/host.ts';
import { vmcsField } from './fields.ts';

const SECTIONS: readonly CheckSection[] = [
  ...CONTROL_CHECKS,
  ...HOST_CHECKS,
  GUEST_CONTROL_REGISTER_CHECKS,
  GUEST_SEGMENT_CHECKS,
  ...GUEST_TABLE_AND_RIP_CHECKS,
  ...GUEST_STATE_CHECKS,
  MSR_LOAD_CHECKS,
];

export const ENTRY_CHECKS: readonly EntryCheck[] = SECTIONS.flatMap(({ group, section, rows }) =>
  rows.map((row) => ({ ...row, group, section, fields: fieldsOf(row) })),
).map((row, n) => ({ ...row, number: n + 1 }));

/** The check with that number. */
export function entryCheck(number: number): EntryCheck {
  const check = ENTRY_CHECKS[number - 1];
  assert(check !== undefined, `VM-entry check ${number}`);
  return check;
}

/** What a failed check has to tell. */
export interface CheckExplanation {
  readonly id: string;
  readonly title: string;
  /** `SDM 3C 27.2.2 ...`. */
  readonly section: string;
  readonly fields: readonly {
    readonly name: string;
    readonly encoding: number;
    readonly value: bigint;
  }[];
  readonly sentence: string;
  readonly satisfy: string;
}

/** Explains a failed check; `read` gives the value of a field by its name. */
export function explainCheck(check: EntryCheck, read: (name: string) => bigint): CheckExplanation {
  const { id, title, section, sentence, satisfy } = check;
  const fields = check.fields.map((name) => ({
    name,
    encoding: vmcsField(name).encoding,
    value: read(name),
  }));
  return { id, title, section: `SDM 3C ${section}`, fields, sentence, satisfy };
}
