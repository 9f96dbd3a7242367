/** Arguments of single-line macros and of preprocessor functions, in parentheses. */

import { LineError } from '../diagnostics.ts';
import type { Token } from '../lexer.ts';

export interface Argument {
  /** The argument as it was written. */
  readonly raw: readonly Token[];
  /** Without the blank before it and the braces around it. */
  readonly tokens: readonly Token[];
}

export interface Call {
  readonly args: readonly Argument[];
  /** Number of tokens from the opening to the closing parenthesis. */
  readonly length: number;
}

/** How deep in parentheses and braces; in braces parentheses do not count. */
class Nesting {
  parentheses = 0;
  braces = 0;

  step(text: string): void {
    if (text === '{') this.braces++;
    else if (text === '}' && this.braces > 0) this.braces--;
    else if (this.braces > 0) return;
    else if (text === '(') this.parentheses++;
    else if (text === ')') this.parentheses--;
  }

  /** True right inside the outermost parentheses. */
  get isOutermost(): boolean {
    return this.parentheses === 1 && this.braces === 0;
  }
}

/** Reads arguments from the first of `tokens` on; undefined where no parenthesis opens there. */
export function readArguments(tokens: Iterable<Token>): Call | undefined {
  const args: Token[][] = [];
  const nesting = new Nesting();
  let length = 0;
  for (const token of tokens) {
    const text = token.kind === 'op' ? token.text : '';
    if (length === 0 && text !== '(') return undefined;
    const separates = length === 0 || (text === ',' && nesting.isOutermost);
    nesting.step(text);
    length++;
    if (nesting.parentheses === 0) return { args: args.map(toArgument), length };
    if (separates) args.push([]);
    else args.at(-1)?.push(token);
  }
  if (length === 0) return undefined;
  throw new LineError("macro call expects terminating `)'");
}

function toArgument(raw: readonly Token[]): Argument {
  const [first] = raw;
  if (!first) return { raw, tokens: raw };
  const inner = isBraced(raw) ? raw.slice(1, -1) : raw;
  return { raw, tokens: inner.map((t, i) => (i === 0 && t.space ? { ...t, space: false } : t)) };
}

/** True if one pair of braces encloses all. */
function isBraced(tokens: readonly Token[]): boolean {
  if (tokens[0]?.text !== '{' || tokens[0].kind !== 'op') return false;
  let depth = 0;
  return tokens.every(({ kind, text }, at) => {
    if (kind === 'op' && text === '{') depth++;
    else if (kind === 'op' && text === '}') depth--;
    return depth > 0 || at === tokens.length - 1;
  });
}
