/** What changes from one classification to another: classes of forms, and verdicts. */

import type { Classification } from './classify.ts';
import type { ClassifiedForm } from './mnemonics.ts';

export interface ClassDifference {
  readonly form: string;
  /** Classes, with the control bits that would make it trap; undefined where the form does not exist. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface ClassificationDifference {
  readonly forms: readonly ClassDifference[];
  readonly theorems: readonly {
    readonly theorem: number;
    readonly before: boolean;
    readonly after: boolean;
  }[];
}

export function compareClassifications(
  before: Classification,
  after: Classification,
): ClassificationDifference {
  const first = classesOf(before);
  const second = classesOf(after);
  const texts = [...new Set([...first.keys(), ...second.keys()])];
  const forms = texts
    .map((form) => ({ form, before: first.get(form), after: second.get(form) }))
    .filter((one) => one.before !== one.after);
  const theorems = before.theorems.map(({ theorem, holds }, n) => {
    return { theorem, before: holds, after: after.theorems[n]?.holds ?? holds };
  });
  return { forms, theorems: theorems.filter((one) => one.before !== one.after) };
}

function classesOf({ mnemonics }: Classification): ReadonlyMap<string, string> {
  const forms = mnemonics.flatMap((mnemonic) => mnemonic.forms);
  return new Map(forms.map((form) => [form.text, describe(form)]));
}

function describe({ names, unless }: ClassifiedForm): string {
  return names.join(', ') + (unless.length > 0 ? ` unless ${unless.join(' or ')}` : '');
}
