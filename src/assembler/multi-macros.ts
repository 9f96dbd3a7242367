/** Multi-line macros: %macro (NASM manual 4.3), their parameters and how they are called. */

import { LineError } from './diagnostics.ts';
import { isOp, type Token } from './lexer.ts';
import type { MacroFrame, RawLine } from './preprocessor-source.ts';
import { joinAdjacent, unbrace } from './single-macros.ts';

export interface MultiMacro {
  readonly name: string;
  readonly foldCase: boolean;
  readonly min: number;
  readonly max: number;
  /** The last parameter takes all that is left, commas and all. */
  readonly greedy: boolean;
  readonly listed: boolean;
  readonly defaults: readonly (readonly Token[])[];
  readonly body: RawLine[];
  /** Being expanded: its name then means what it means without the macro. */
  inProgress: boolean;
}

/** Reads `name min-max+ .nolist defaults` behind %macro. */
export function parseHeader(tokens: readonly Token[], foldCase: boolean): MultiMacro {
  const [name, min] = tokens;
  if (name?.kind !== 'id') throw new LineError("`%macro' expects a macro name", name?.column ?? 0);
  if (min?.kind !== 'number') {
    throw new LineError("`%macro' expects a parameter count", min?.column ?? name.column);
  }
  let at = 2;
  let max = count(min);
  if (isOp(tokens[at], '-')) {
    const upper = tokens[at + 1];
    if (isOp(upper, '*')) max = Number.POSITIVE_INFINITY;
    else if (upper?.kind === 'number') max = count(upper);
    else throw new LineError("`%macro' expects a parameter count after `-'", upper?.column ?? 0);
    at += 2;
  }
  if (max < count(min)) throw new LineError('minimum parameter count exceeds maximum', min.column);
  const greedy = isOp(tokens[at], '+');
  if (greedy) at++;
  const listed = tokens[at]?.text.toLowerCase() !== '.nolist';
  if (!listed) at++;
  const defaults = at < tokens.length ? splitArguments(tokens.slice(at)) : [];
  return {
    name: name.text,
    foldCase,
    min: count(min),
    max,
    greedy,
    listed,
    defaults,
    body: [],
    inProgress: false,
  };
}

const MAX_PARAMETERS = 1000;

function count(token: Token): number {
  const value = Number(token.value);
  if (value >= 0 && value <= MAX_PARAMETERS) return value;
  throw new LineError('unreasonable macro parameter count', token.column);
}

export class MultiMacros {
  readonly #exact = new Map<string, MultiMacro[]>();
  readonly #folded = new Map<string, MultiMacro[]>();

  define(macro: MultiMacro): void {
    const table = macro.foldCase ? this.#folded : this.#exact;
    const key = macro.foldCase ? macro.name.toLowerCase() : macro.name;
    const others = (table.get(key) ?? []).filter((m) => m.min !== macro.min || m.max !== macro.max);
    table.set(key, [macro, ...others]);
  }

  undefine(name: string): void {
    this.#exact.delete(name);
    this.#folded.delete(name.toLowerCase());
  }

  /** All macros of a name. */
  named(name: string): readonly MultiMacro[] {
    const exact = this.#exact.get(name) ?? [];
    const folded = this.#folded.size > 0 ? (this.#folded.get(name.toLowerCase()) ?? []) : [];
    return folded.length > 0 ? [...exact, ...folded] : exact;
  }
}

/** Splits a call's arguments at commas; braces keep commas in. */
export function splitArguments(tokens: readonly Token[]): (readonly Token[])[] {
  if (tokens.length === 0) return [];
  const args: Token[][] = [[]];
  let braces = 0;
  for (const token of tokens) {
    const text = token.kind === 'op' ? token.text : '';
    if (text === '{') braces++;
    else if (text === '}') braces--;
    if (text === ',' && braces === 0) args.push([]);
    else args.at(-1)?.push(token);
  }
  return args.map(unbrace);
}

/** Picks the macro that takes these arguments, and completes them with defaults. */
export function bindArguments(
  macros: readonly MultiMacro[],
  tokens: readonly Token[],
): { macro: MultiMacro; parameters: (readonly Token[])[] } | undefined {
  const args = splitArguments(tokens);
  const fits = (macro: MultiMacro): boolean =>
    args.length >= macro.min && (args.length <= macro.max || macro.greedy);
  const macro = macros.find((m) => fits(m) && !m.inProgress);
  if (!macro) return undefined;
  const parameters = args;
  if (macro.greedy && args.length > macro.max) {
    parameters.splice(macro.max - 1, Infinity, restFrom(tokens, macro.max - 1));
  }
  for (let i = parameters.length; i < macro.min + macro.defaults.length && i < macro.max; i++) {
    parameters.push(macro.defaults[i - macro.min] ?? []);
  }
  return { macro, parameters };
}

/** The text from the argument with this index on, with its commas. */
function restFrom(tokens: readonly Token[], index: number): readonly Token[] {
  let braces = 0;
  let commas = 0;
  for (let at = 0; at < tokens.length; at++) {
    if (commas === index)
      return tokens.slice(at).map((t, i) => (i === 0 ? { ...t, space: false } : t));
    if (isOp(tokens[at], '{')) braces++;
    else if (isOp(tokens[at], '}')) braces--;
    else if (isOp(tokens[at], ',') && braces === 0) commas++;
  }
  return [];
}

/** Puts the parameters of `frame` into a line of its body. */
export function substituteParameters(
  tokens: readonly Token[],
  frame: MacroFrame,
): readonly Token[] {
  if (!tokens.some((token) => token.kind === 'pp')) return tokens;
  const out: Token[] = [];
  let changed = false;
  for (const token of tokens) {
    const replacement = token.kind === 'pp' ? replace(token, frame) : undefined;
    if (!replacement) out.push(token);
    else {
      changed = true;
      replacement.forEach((part, index) => {
        const space = index === 0 ? token.space : part.space;
        out.push({ ...part, column: token.column, space });
      });
    }
  }
  return changed ? joinAdjacent(out) : tokens;
}

const PLACE = { column: 0, space: false } as const;

/** What a `%` token of a macro's body stands for; undefined if it is none of the macro's. */
function replace({ text, column }: Token, frame: MacroFrame): readonly Token[] | undefined {
  const inner = text.startsWith('%{') ? text.slice(2).replace(/\}$/, '') : text.slice(1);
  if (inner === '0') {
    const value = BigInt(frame.parameters.length);
    return [{ ...PLACE, kind: 'number', text: String(value), value }];
  }
  if (inner === '00') return frame.label;
  if (/^\d+$/.test(inner)) return frame.parameters[Number(inner) - 1] ?? [];
  if (inner.startsWith('%') && inner.length > 1) {
    return [{ ...PLACE, kind: 'id', text: `..@${frame.id}.${inner.slice(1)}` }];
  }
  if (/^[+-]\d+$/.test(inner)) {
    throw new LineError(`condition-code parameter \`${text}' is not supported yet`, column);
  }
  return undefined;
}
