/** What was found, compared with the published lists. */

import { ROWS } from '../../isa/table.ts';
import type { Classification } from '../classify.ts';
import { entryOf, HISTORICAL, LATER, type ListEntry } from './published-list.ts';

export interface ListComparison {
  /** Entries of the historical list that have a form in this mode, and that were found sensitive. */
  readonly expected: readonly string[];
  readonly found: readonly string[];
  /** Of those that came later, the ones found sensitive, each with the control bits that would make it trap. */
  readonly later: readonly { readonly name: string; readonly unless: readonly string[] }[];
  /** Sensitive forms that are on neither list. */
  readonly others: readonly string[];
}

export function compareWithLists({ mnemonics }: Classification): ListComparison {
  const forms = mnemonics.flatMap(({ mnemonic, forms: own }) =>
    own.map((form) => ({ mnemonic, form })),
  );
  const of = (list: readonly ListEntry[], text: string): ListEntry | undefined => {
    const row = ROWS.find((one) => `${one.mnemonic} ${one.operandText}`.trim() === text);
    return row && entryOf(list, row);
  };
  const sensitive = forms.filter(({ form }) => form.isSensitive);
  const names = (list: readonly ListEntry[], among: typeof forms): string[] => {
    const found = new Set(among.map(({ form }) => of(list, form.text)?.name));
    return list.map(({ name }) => name).filter((name) => found.has(name));
  };
  return {
    expected: names(HISTORICAL, forms),
    found: names(HISTORICAL, sensitive),
    later: names(LATER, sensitive).map((name) => {
      const own = sensitive.filter(({ form }) => of(LATER, form.text)?.name === name);
      const [first] = own;
      const unless = (first?.form.unless ?? []).filter((control) =>
        own.every(({ form }) => form.unless.includes(control)),
      );
      return { name, unless };
    }),
    others: sensitive
      .filter(({ form }) => !of(HISTORICAL, form.text) && !of(LATER, form.text))
      .map(({ form }) => form.text),
  };
}
