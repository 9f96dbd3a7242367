/** What was found, by mnemonic: forms of one may be of different classes (MOV from a segment register, other MOV). */

import type { FormReport } from './classify.ts';
import type { Evidence } from './evidence.ts';
import { type ClassName, classOf, type FormClass } from './form-class.ts';

export interface ClassifiedForm extends FormClass {
  readonly text: string;
  readonly unless: readonly string[];
  readonly evidence: Evidence;
}

export interface MnemonicReport {
  readonly mnemonic: string;
  readonly forms: readonly ClassifiedForm[];
  /** Classes of its forms, the one that matters most first. */
  readonly classes: readonly ClassName[];
  readonly isSensitive: boolean;
  readonly isUserSensitive: boolean;
  readonly changes: readonly string[];
  readonly shows: readonly string[];
  /** Control bits each of which makes all of its forms sensitive no more. */
  readonly unless: readonly string[];
  readonly states: number;
}

const ORDER: readonly ClassName[] = [
  'control-sensitive',
  'behaviour-sensitive',
  'privileged',
  'always traps',
  'innocuous',
];

/** In the order in which mnemonics come first. */
export function reportMnemonics(reports: readonly FormReport[]): MnemonicReport[] {
  const groups = new Map<string, ClassifiedForm[]>();
  for (const { evidence, unless } of reports) {
    const { mnemonic, text } = evidence.form;
    const form = { text, unless, evidence, ...classOf(evidence) };
    groups.set(mnemonic, [...(groups.get(mnemonic) ?? []), form]);
  }
  return [...groups].map(([mnemonic, forms]) => reportMnemonic(mnemonic, forms));
}

function reportMnemonic(mnemonic: string, forms: readonly ClassifiedForm[]): MnemonicReport {
  const names = new Set(forms.flatMap((form) => form.names));
  const sensitive = forms.filter((form) => form.isSensitive);
  const told = sensitive.length > 0 ? sensitive : forms;
  const [first] = sensitive;
  return {
    mnemonic,
    forms,
    classes: ORDER.filter((name) => names.has(name)),
    isSensitive: sensitive.length > 0,
    isUserSensitive: forms.some((form) => form.isUserSensitive),
    changes: [...new Set(told.flatMap((form) => form.changes))],
    shows: [...new Set(told.flatMap((form) => form.shows))],
    unless: (first?.unless ?? []).filter((control) =>
      sensitive.every((form) => form.unless.includes(control)),
    ),
    states: forms.reduce((sum, { evidence }) => sum + evidence.states, 0),
  };
}
