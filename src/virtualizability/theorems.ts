/**
 * The theorems of Popek and Goldberg (1974), judged by what was found.
 *
 * 1. A VMM can be constructed if every sensitive instruction is privileged.
 * 2. The machine is recursively virtualizable if it is virtualizable and a VMM without timing dependencies can be
 *    constructed. What a program knows of time it has from R (a counter, which is R here): if all that shows it traps, the
 *    VMM decides what time it is.
 * 3. A hybrid VMM, which interprets all supervisor code, can be constructed if every user-sensitive instruction is privileged.
 */

import type { MnemonicReport } from './mnemonics.ts';

export interface Verdict {
  readonly theorem: 1 | 2 | 3;
  readonly claim: string;
  readonly holds: boolean;
  /** Mnemonics that stand in the way. */
  readonly because: readonly string[];
}

export function judge(mnemonics: readonly MnemonicReport[]): Verdict[] {
  const sensitive = mnemonics.filter((one) => one.isSensitive).map(({ mnemonic }) => mnemonic);
  const user = mnemonics.filter((one) => one.isUserSensitive).map(({ mnemonic }) => mnemonic);
  return [
    verdict(1, 'a VMM can be constructed', sensitive),
    verdict(2, 'the machine is recursively virtualizable', sensitive),
    verdict(3, 'a hybrid VMM can be constructed', user),
  ];
}

function verdict(theorem: Verdict['theorem'], claim: string, because: readonly string[]): Verdict {
  return { theorem, claim, holds: because.length === 0, because };
}
