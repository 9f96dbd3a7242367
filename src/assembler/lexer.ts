/**
 * Cuts a line of NASM source into tokens, for the preprocessor and the parser alike.
 *
 * Blanks are not tokens: each token knows whether a blank stands before it (token pasting and the
 * listing need that). Comments end a line. NASM manual: 3.1 Layout of a Source Line, 3.4 Constants.
 */

import { LineError } from './diagnostics.ts';
import { isFloat, isSpecialFloat } from './float.ts';
import { parseNumber } from './numbers.ts';
import { unquote } from './quotes.ts';

export type TokenKind =
  /** Name, mnemonic, register or keyword. */
  | 'id'
  | 'number'
  | 'float'
  /** Quoted; `text` keeps the quotes, `value` is what they hold. */
  | 'string'
  /** Operator or punctuation. */
  | 'op'
  /** Preprocessor token: `%name`, `%1`, `%%name`, `%$name`, `%+`; `%{name}` is `%name`. */
  | 'pp'
  /** `%[...]`; `value` is what stands in the brackets. */
  | 'indirect'
  /** Parameter in the body of a single-line macro; `value` is its index. */
  | 'parameter'
  /** A blank at the end of a line that only expansion can leave there. */
  | 'blank';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** 1-based column in the line as the user wrote it. */
  readonly column: number;
  readonly space: boolean;
  /** Number, or bytes of a string as code units 0-255. */
  readonly value?: bigint | string;
}

const ID = /[A-Za-z_.?@\u0080-\uffff][\w.?@$#~\u0080-\uffff]*/y;
const DOLLAR_ID = /\$[A-Za-z_.?@\u0080-\uffff][\w.?@$#~\u0080-\uffff]*/y;
// `%macro m 0.nolist` is the one place where a name is written right behind a number.
// In a hexadecimal number e is a digit, and a sign behind it an operator.
const NUMBER =
  /(?:\$\d|\d[\d_]*[xXhH])(?:[pP][+-]|\w|\.(?!nolist))*|\d(?:[eEpP][+-]|\w|\.(?!nolist))*/y;
const NAME = '[\\w.?@$#~\\u0080-\\uffff]+';
const PREPROCESSOR = new RegExp(
  `%(?:[+-]?\\d+|[%$]${NAME}|\\*?\\?\\??|!${NAME}|!(?=["'\`])|${NAME}|\\+|,)`,
  'y',
);
const OPERATOR = /<<<|>>>|<=>|<<|>>|<=|>=|<>|==|!=|&&|\|\||\^\^|\/\/|%%|\$\$|[^\s]/y;

/** Tokens of one line. Throws LineError for a string without its closing quote. */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let space = false;
  for (let at = 0; at < line.length; ) {
    const char = line[at] as string;
    if (char === ' ' || char === '\t' || char === '\r' || char === '\f' || char === '\v') {
      space = true;
      at++;
      continue;
    }
    if (char === ';') break;
    const end = scan(line, at, space, tokens);
    at = end;
    space = false;
  }
  return tokens;
}

/** Appends the token at `at`; returns the index behind it. */
function scan(line: string, at: number, space: boolean, tokens: Token[]): number {
  const char = line[at] as string;
  if (char === "'" || char === '"' || char === '`') {
    const text = quoted(line, at);
    tokens.push({ kind: 'string', text, column: at + 1, space, value: unquote(text) });
    return at + text.length;
  }
  if (char === '%' && (line[at + 1] === '{' || line[at + 1] === '[')) {
    return scanBracketed(line, at, space, tokens);
  }
  const token = scanPlain(line, at, space, char);
  tokens.push(token);
  return at + token.text.length;
}

function take(pattern: RegExp, line: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(line)?.[0];
}

/** `%{...}`, which stands for `%...`, and `%[...]`. */
function scanBracketed(line: string, at: number, space: boolean, tokens: Token[]): number {
  const end = closing(line, at + 1);
  const inner = line.slice(at + 2, end);
  const column = at + 1;
  if (line[at + 1] === '[') {
    tokens.push({ kind: 'indirect', text: `%[${inner}]`, column, space, value: inner });
  } else tokens.push({ kind: 'pp', text: `%${inner}`, column, space });
  return end + 1;
}

/** Index of the bracket that closes the one at `open`; brackets nest, strings do not count. */
function closing(line: string, open: number): number {
  const opener = line[open] as string;
  const closer = opener === '{' ? '}' : ']';
  let depth = 0;
  for (let at = open; at < line.length; at++) {
    const char = line[at] as string;
    if (char === opener) depth++;
    else if (char === closer && --depth === 0) return at;
    else if (char === "'" || char === '"' || char === '`') at += quoted(line, at).length - 1;
  }
  throw new LineError(`unterminated \`%${opener}'`, open);
}

function scanPlain(line: string, at: number, space: boolean, char: string): Token {
  const column = at + 1;
  if (char === '%') {
    let text = take(PREPROCESSOR, line, at);
    if (text === '%!') text += quoted(line, at + 2);
    if (text !== undefined) return { kind: 'pp', text, column, space };
  }
  if (char === '$') {
    const text = take(DOLLAR_ID, line, at);
    // A leading $ makes a name of what would be a register or keyword; the token keeps it.
    if (text !== undefined) return { kind: 'id', text, column, space };
  }
  const number = take(NUMBER, line, at);
  if (number !== undefined) {
    const value = parseNumber(number);
    if (value !== undefined) return { kind: 'number', text: number, column, space, value };
    if (isFloat(number)) return { kind: 'float', text: number, column, space };
    return { kind: 'number', text: number, column, space };
  }
  const id = take(ID, line, at);
  if (id !== undefined && isSpecialFloat(id)) return { kind: 'float', text: id, column, space };
  if (id !== undefined && id !== '?') return { kind: 'id', text: id, column, space };
  return { kind: 'op', text: take(OPERATOR, line, at) as string, column, space };
}

function quoted(line: string, at: number): string {
  const quote = line[at] as string;
  let end = at + 1;
  while (end < line.length && line[end] !== quote) {
    end += quote === '`' && line[end] === '\\' ? 2 : 1;
  }
  if (end >= line.length) throw new LineError('unterminated string', at + 1);
  return line.slice(at, end + 1);
}

/** The text of tokens, with one blank where the source had any. */
export function detokenize(tokens: readonly Token[]): string {
  let text = '';
  for (const token of tokens) text += token.space ? ` ${token.text}` : token.text;
  return text;
}

/** True for the operator `text`. */
export function isOp(token: Token | undefined, text: string): boolean {
  return token !== undefined && token.kind === 'op' && token.text === text;
}
