/**
 * What `%` tokens stand for in the body of a multi-line macro: parameters, their number and ranges,
 * condition codes, local labels, the macro's name (NASM manual 4.5); and `%[...]`, which is resolved at
 * the same time, before directives are looked at.
 */

import { LineError } from '../diagnostics.ts';
import { type Token, tokenize } from '../lexer.ts';
import { invertCondition, isCondition } from './condition-codes.ts';
import type { MacroFrame } from './source.ts';
import { nameToken, numberTokens, TokenLine } from './tokens.ts';

const MAX_DEPTH = 100;

/** The line with all of them replaced. `expand` expands single-line macros inside `%[...]`. */
export function substitute(
  tokens: readonly Token[],
  frame: MacroFrame | undefined,
  expand: (tokens: readonly Token[]) => readonly Token[],
  depth = 0,
): readonly Token[] {
  if (!tokens.some(({ kind }) => kind === 'pp' || kind === 'indirect')) return tokens;
  if (depth > MAX_DEPTH) throw new LineError("`%[...]' is nested too deeply");
  const line = new TokenLine();
  let changed = false;
  for (const token of tokens) {
    const replacement =
      token.kind === 'indirect'
        ? expand(substitute(tokenize(token.value as string), frame, expand, depth + 1))
        : token.kind === 'pp'
          ? replacementOf(token, frame)
          : undefined;
    if (replacement) {
      changed = true;
      line.replace(token, replacement);
    } else line.push(token);
  }
  return changed ? joinNeighbours(line.finish()) : tokens;
}

const PARAMETER = /^%(?:[+-]?\d|:|%[^%])/;

/** What a token stands for; undefined if it is none of the macro's. */
function replacementOf(token: Token, frame: MacroFrame | undefined): readonly Token[] | undefined {
  const { text, column } = token;
  if (text === '%?') return frame && [nameToken(frame.calledAs)];
  if (text === '%??') return frame && [nameToken(frame.name)];
  if (!PARAMETER.test(text)) return undefined;
  if (!frame) throw new LineError(`\`${text}': not in a macro call`, column);
  if (text.startsWith('%%')) return [nameToken(`..@${frame.id}.${text.slice(2)}`)];
  if (text.includes(':')) return range(text, frame, column);
  if (text === '%0') return numberTokens(BigInt(frame.parameters.length));
  if (text === '%00') return frame.label;
  const [, sign, digits] = /^%([+-]?)(\d+)$/.exec(text) ?? [];
  if (digits === undefined) throw new LineError(`invalid macro parameter: \`${text}'`, column);
  const value = rotated(frame, Number(digits) - 1);
  return sign === '' ? value : conditionOf(text, value, column);
}

/** The parameter at `index`, counted from where %rotate has put the first; empty if there is none. */
function rotated({ parameters, rotation }: MacroFrame, index: number): readonly Token[] {
  const { length } = parameters;
  return index < length ? (parameters[(index + rotation) % length] as readonly Token[]) : [];
}

/** `%+1` is the condition code in a parameter, `%-1` its opposite. */
function conditionOf(text: string, value: readonly Token[], column: number): readonly Token[] {
  const [token] = value;
  const code = token?.text.toLowerCase() ?? '';
  if (token?.kind !== 'id' || value.length !== 1 || !isCondition(code)) {
    throw new LineError(`macro parameter \`${text}' is not a condition code`, column);
  }
  if (text.startsWith('%+')) return [nameToken(code)];
  const inverse = invertCondition(code);
  if (inverse === undefined) {
    throw new LineError(`condition code \`${code}' is not invertible`, column);
  }
  return [nameToken(inverse)];
}

const COMMA: Token = { kind: 'op', text: ',', column: 0, space: false };

/** `%{2:4}`: parameters from one to another, backwards if need be; negative numbers count from the end. */
function range(text: string, frame: MacroFrame, column: number): readonly Token[] {
  const { length } = frame.parameters;
  const [, from, to] = /^%(-?\d+):(-?\d+)$/.exec(text) ?? [];
  const indexOf = (digits: string | undefined): number => {
    const number = Number(digits ?? 0);
    if (number === 0 || Math.abs(number) > length) {
      throw new LineError(`\`%{${text.slice(1)}}': macro parameters out of range`, column);
    }
    return number < 0 ? number + length : number - 1;
  };
  const first = indexOf(from);
  const last = indexOf(to);
  const step = first <= last ? 1 : -1;
  const out: Token[] = [];
  for (let index = first; ; index += step) {
    out.push(...rotated(frame, index));
    if (index === last) return out;
    out.push(COMMA);
  }
}

const HEADS = new Set(['id', 'float']);
const TAILS = new Set(['id', 'number', 'float', 'op']);

/** Joins what a replacement put beside a name (`foo%1`, `%1_end`), and numbers. */
function joinNeighbours(tokens: readonly Token[]): readonly Token[] {
  const out: Token[] = [];
  for (let at = 0; at < tokens.length; ) {
    const token = tokens[at] as Token;
    let end = at + 1;
    const tails = HEADS.has(token.kind) ? TAILS : token.kind === 'number' ? NUMBERS : NONE;
    while (end < tokens.length && !tokens[end]?.space && tails.has(tokens[end]?.kind ?? '')) end++;
    if (end === at + 1) out.push(token);
    else out.push(...retokenize(tokens.slice(at, end)));
    at = end;
  }
  return out;
}

const NUMBERS = new Set(['number']);
const NONE = new Set<string>();

/** Cuts the text of neighbours anew. */
export function retokenize(tokens: readonly Token[]): readonly Token[] {
  const [first] = tokens;
  if (!first) return tokens;
  const text = tokens.map((token) => token.text).join('');
  return tokenize(text).map((token, index) => ({
    ...token,
    column: first.column,
    space: index === 0 ? first.space : token.space,
  }));
}

const WORDS = new Set(['id', 'number', 'float']);

/** Joins words that stand side by side, as a line of text would when it is read again. */
export function joinWords(tokens: readonly Token[]): readonly Token[] {
  let out: Token[] | undefined;
  tokens.forEach((token, at) => {
    const left = (out ?? tokens)[(out?.length ?? at) - 1];
    if (left && !token.space && WORDS.has(left.kind) && WORDS.has(token.kind)) {
      out ??= tokens.slice(0, at);
      out.pop();
      out.push(...retokenize([left, token]));
    } else out?.push(token);
  });
  return out ?? tokens;
}
