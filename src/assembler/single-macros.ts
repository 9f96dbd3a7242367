/** Single-line macros: %define and its kin (NASM manual 4.1), and their expansion in a line. */

import { LineError } from './diagnostics.ts';
import { detokenize, isOp, type Token, tokenize } from './lexer.ts';

export interface SingleMacro {
  readonly name: string;
  /** Undefined for a macro without parentheses. */
  readonly parameters: readonly string[] | undefined;
  readonly body: readonly Token[];
}

const MAX_TOKENS = 200_000;
const MAX_DEPTH = 500;

export class SingleMacros {
  readonly #exact = new Map<string, SingleMacro[]>();
  readonly #folded = new Map<string, SingleMacro[]>();
  /** Macros whose text depends on where they are used (__LINE__). */
  readonly #dynamic: ReadonlyMap<string, () => string>;
  #budget = 0;

  constructor(dynamic: ReadonlyMap<string, () => string>) {
    this.#dynamic = dynamic;
  }

  define(macro: SingleMacro, foldCase: boolean): void {
    const table = foldCase ? this.#folded : this.#exact;
    const key = foldCase ? macro.name.toLowerCase() : macro.name;
    const others = (table.get(key) ?? []).filter(
      (other) => other.parameters?.length !== macro.parameters?.length,
    );
    table.set(key, [macro, ...others]);
  }

  undefine(name: string): void {
    this.#exact.delete(name);
    this.#folded.delete(name.toLowerCase());
  }

  isDefined(name: string): boolean {
    return this.#exact.has(name) || this.#folded.has(name.toLowerCase()) || this.#dynamic.has(name);
  }

  /** Tokens with all macros expanded, `%+` joined and `%[...]` resolved. */
  expand(tokens: readonly Token[]): readonly Token[] {
    if (!this.#concerns(tokens)) return tokens;
    this.#budget = MAX_TOKENS;
    const expanded = this.#expand(tokens, new Set());
    if (!expanded.some((token) => token.text === '%+')) return expanded;
    return this.#expand(joinMarked(expanded), new Set());
  }

  #concerns(tokens: readonly Token[]): boolean {
    return tokens.some(
      (token) =>
        (token.kind === 'id' && this.isDefined(token.text)) ||
        (token.kind === 'pp' && (token.text === '%+' || token.text === '%[')),
    );
  }

  #expand(tokens: readonly Token[], active: ReadonlySet<SingleMacro>): Token[] {
    if (active.size > MAX_DEPTH) throw new LineError('single-line macros are nested too deeply');
    const out: Token[] = [];
    for (let at = 0; at < tokens.length; ) {
      const token = tokens[at] as Token;
      if (token.text === '%[' && token.kind === 'pp') {
        const end = closingBracket(tokens, at);
        out.push(...respace(this.#expand(tokens.slice(at + 1, end), active), token));
        at = end + 1;
        continue;
      }
      const used = token.kind === 'id' ? this.#expandName(tokens, at, active, out) : 0;
      if (used === 0) out.push(token);
      at += used || 1;
      if (out.length > this.#budget) throw new LineError('macro expansion is too long');
    }
    this.#budget -= out.length;
    if (this.#budget <= 0) throw new LineError('macro expansion is too long');
    return out;
  }

  /** Expands the macro named at `at`; returns how many tokens the call took, 0 if there is none. */
  #expandName(
    tokens: readonly Token[],
    at: number,
    active: ReadonlySet<SingleMacro>,
    out: Token[],
  ): number {
    const token = tokens[at] as Token;
    const dynamic = this.#dynamic.get(token.text);
    if (dynamic) {
      out.push(...respace(tokenize(dynamic()), token));
      return 1;
    }
    const macros = this.#exact.get(token.text) ?? this.#folded.get(token.text.toLowerCase());
    if (!macros) return 0;
    const plain = macros.find(({ parameters }) => parameters === undefined);
    const call = macros.length > 1 || !plain ? readCall(tokens, at + 1) : undefined;
    const wanted = call && macros.find(({ parameters }) => matches(parameters, call.args));
    const macro = wanted ?? plain;
    if (!macro || active.has(macro)) return 0;
    const inner = new Set(active).add(macro);
    if (!wanted || !call) {
      out.push(...respace(this.#expand(joinMarked(macro.body), inner), token));
      return 1;
    }
    const args = call.args.map((arg) => this.#expand(arg, active));
    const body = joinMarked(substitute(macro, args));
    out.push(...respace(this.#expand(body, inner), token));
    return call.end - at;
  }
}

function matches(parameters: readonly string[] | undefined, args: readonly unknown[]): boolean {
  if (!parameters) return false;
  return parameters.length === args.length || (parameters.length === 0 && args.length === 1);
}

/** The text of an expansion takes the place and the blank of the name it replaces. */
function respace(tokens: readonly Token[], place: Token): Token[] {
  return tokens.map((token, index) => ({
    ...token,
    column: place.column,
    space: index === 0 ? place.space : token.space,
  }));
}

function substitute(
  { parameters, body }: SingleMacro,
  args: readonly (readonly Token[])[],
): Token[] {
  const index = new Map((parameters ?? []).map((name, i) => [name, i]));
  return body.flatMap((token) => {
    const i = token.kind === 'id' ? index.get(token.text) : undefined;
    if (i === undefined) return [token];
    return (args[i] ?? []).map((arg, n) => (n === 0 ? { ...arg, space: token.space } : arg));
  });
}

/** Arguments in parentheses from `at`; undefined if there are none. `end` is behind the `)`. */
function readCall(
  tokens: readonly Token[],
  at: number,
): { args: readonly (readonly Token[])[]; end: number } | undefined {
  if (!isOp(tokens[at], '(')) return undefined;
  const args: Token[][] = [[]];
  let depth = 0;
  let braces = 0;
  for (let i = at + 1; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    const text = token.kind === 'op' ? token.text : '';
    if (text === ')' && depth === 0 && braces === 0) return { args: args.map(unbrace), end: i + 1 };
    if (text === ',' && depth === 0 && braces === 0) {
      args.push([]);
      continue;
    }
    if (text === '(') depth++;
    else if (text === ')') depth--;
    else if (text === '{') braces++;
    else if (text === '}') braces--;
    args.at(-1)?.push(token);
  }
  return undefined;
}

/** An argument in braces loses them. */
export function unbrace(arg: readonly Token[]): readonly Token[] {
  const inner = isOp(arg[0], '{') && isOp(arg.at(-1), '}') ? arg.slice(1, -1) : arg;
  return inner.map((token, index) => (index === 0 ? { ...token, space: false } : token));
}

function closingBracket(tokens: readonly Token[], at: number): number {
  let depth = 0;
  for (let i = at; i < tokens.length; i++) {
    const { text, kind } = tokens[i] as Token;
    if (text === '%[' || (kind === 'op' && text === '[')) depth++;
    else if (kind === 'op' && text === ']' && --depth === 0) return i;
  }
  throw new LineError("unterminated `%['", (tokens[at] as Token).column);
}

/** Joins the tokens on both sides of each `%+`. */
function joinMarked(tokens: readonly Token[]): readonly Token[] {
  if (!tokens.some((token) => token.text === '%+')) return tokens;
  const out: Token[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const left = out.at(-1);
    const right = tokens[at + 1];
    if (token.kind === 'pp' && token.text === '%+') {
      if (!left || !right) continue;
      out.pop();
      out.push(...respace(tokenize(left.text + right.text), left));
      at++;
    } else out.push(token);
  }
  return out;
}

/**
 * Joins names and numbers that stand next to each other without a blank, as they do when a parameter
 * was put beside text (`foo%1`, `%1_end`).
 */
export function joinAdjacent(tokens: readonly Token[]): readonly Token[] {
  const out: Token[] = [];
  for (const token of tokens) {
    const left = out.at(-1);
    if (left && !token.space && isWord(left) && isWord(token)) {
      out.pop();
      out.push(...respace(tokenize(detokenize([{ ...left, space: false }, token])), left));
    } else out.push(token);
  }
  return out;
}

const isWord = ({ kind }: Token): boolean => kind === 'id' || kind === 'number';
