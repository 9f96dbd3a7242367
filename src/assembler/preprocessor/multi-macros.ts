/** Multi-line macros: their definitions, and which one a call means (NASM manual 4.5). */

import { LineError } from '../diagnostics.ts';
import { isOp, type Token } from '../lexer.ts';
import type { RawLine } from './source.ts';

export interface Signature {
  readonly name: string;
  readonly foldCase: boolean;
  readonly min: number;
  readonly max: number;
  /** The last parameter takes all that is left, commas and all. */
  readonly greedy: boolean;
}

export interface MultiMacro extends Signature {
  readonly listed: boolean;
  readonly defaults: readonly (readonly Token[])[];
  readonly body: RawLine[];
  /** May call itself (%rmacro). */
  readonly recursive: boolean;
  /** The body asks for the label before the call (%00). */
  takesLabel: boolean;
  /** How many expansions of it are going on. A macro that may not recurse is not seen in its own. */
  active: number;
}

const MAX_PARAMETERS = 0x7fffffff;

/** Reads a parameter count: `2`, `1-3`, `1-*`, `2+`; returns it and where the line goes on. */
export function parseCount(
  tokens: readonly Token[],
  directive: string,
): { readonly min: number; readonly max: number; readonly greedy: boolean; readonly end: number } {
  const min = countOf(tokens[0], `\`${directive}' expects a parameter count`);
  let max = min;
  let end = 1;
  if (isOp(tokens[end], '-')) {
    const upper = tokens[end + 1];
    const message = `\`${directive}' expects a parameter count after \`-'`;
    max = isOp(upper, '*') ? Number.POSITIVE_INFINITY : countOf(upper, message);
    if (max < min) {
      throw new LineError('minimum parameter count exceeds maximum', tokens[0]?.column);
    }
    end += 2;
  }
  const greedy = isOp(tokens[end], '+');
  return { min, max, greedy, end: greedy ? end + 1 : end };
}

function countOf(token: Token | undefined, message: string): number {
  if (token?.kind !== 'number') throw new LineError(message, token?.column);
  const value = Number(token.value);
  if (value >= 0 && value <= MAX_PARAMETERS) return value;
  throw new LineError(
    `parameter count \`${token.text}' is out of bounds [0; ${MAX_PARAMETERS}]`,
    token.column,
  );
}

/** True if one number of parameters fits both. */
export function overlaps(a: Signature, b: Signature): boolean {
  return (b.greedy || a.min <= b.max) && (a.greedy || b.min <= a.max);
}

export class MultiMacros {
  readonly #macros = new Map<string, MultiMacro[]>();

  define(macro: MultiMacro): void {
    const key = macro.name.toLowerCase();
    this.#macros.set(key, [macro, ...(this.#macros.get(key) ?? [])]);
  }

  /** Removes the macros with exactly this signature. */
  undefine(signature: Signature): void {
    const key = signature.name.toLowerCase();
    const kept = (this.#macros.get(key) ?? []).filter((macro) => !isSame(macro, signature));
    if (kept.length > 0) this.#macros.set(key, kept);
    else this.#macros.delete(key);
  }

  clear(): void {
    this.#macros.clear();
  }

  /** All macros that a name may mean, the newest first. */
  named(name: string): readonly MultiMacro[] {
    const macros = this.#macros.get(name.toLowerCase());
    if (!macros) return [];
    return macros.filter((macro) => macro.foldCase || macro.name === name);
  }
}

function isSame(a: Signature, b: Signature): boolean {
  const sameName = a.foldCase ? a.name.toLowerCase() === b.name.toLowerCase() : a.name === b.name;
  return (
    sameName &&
    a.foldCase === b.foldCase &&
    a.min === b.min &&
    a.max === b.max &&
    a.greedy === b.greedy
  );
}
