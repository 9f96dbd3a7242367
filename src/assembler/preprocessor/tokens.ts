/** Tokens that the preprocessor makes, and lines in which tokens give way to others. */

import { type Token, tokenize } from '../lexer.ts';
import { quote } from '../quotes.ts';

/** Tokens with the blank before the first one taken away. */
export function trimStart(tokens: readonly Token[]): readonly Token[] {
  const [first] = tokens;
  return first?.space ? [{ ...first, space: false }, ...tokens.slice(1)] : tokens;
}

/** Tokens without the blank that expansion may have left at their end. */
export function trimEnd(tokens: readonly Token[]): readonly Token[] {
  return tokens.at(-1)?.kind === 'blank' ? tokens.slice(0, -1) : tokens;
}

const MADE = { column: 0, space: false } as const;

export const BLANK: Token = { ...MADE, kind: 'blank', text: '', space: true };

export function numberTokens(value: bigint): readonly Token[] {
  if (value < 0n) return tokenize(String(value));
  return [{ ...MADE, kind: 'number', text: String(value), value }];
}

export function nameToken(text: string): Token {
  return { ...MADE, kind: 'id', text };
}

/** A quoted string that holds `bytes`. */
export function stringToken(bytes: string): Token {
  return { ...MADE, kind: 'string', text: quote(bytes), value: bytes };
}

/** A line under construction in which tokens give way to others, maybe to none. */
export class TokenLine {
  readonly tokens: Token[] = [];
  /** A blank stood before a token that left nothing. */
  #blank = false;

  push(token: Token): void {
    this.tokens.push(this.#blank && !token.space ? { ...token, space: true } : token);
    this.#blank = false;
  }

  /** Puts `replacement` in the place of `token`: its blank goes before the first, its column to all. */
  replace(token: Token, replacement: readonly Token[]): void {
    this.#blank ||= token.space;
    replacement.forEach((part, index) => {
      const space = index === 0 ? this.#blank : part.space;
      this.push({ ...part, column: token.column, space });
    });
  }

  /** The line, with a blank token at its end where the last replacement was empty. */
  finish(): readonly Token[] {
    return this.#blank ? [...this.tokens, BLANK] : this.tokens;
  }
}
