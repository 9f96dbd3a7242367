/**
 * Calls of multi-line macros: arguments, and the macro that takes them (NASM manual 4.5). An empty last
 * argument is treated as NASM treats it for the sake of sources older than its version 2.15, unless
 * `%pragma preproc sane_empty_expansion` says otherwise.
 */

import { LineError } from '../diagnostics.ts';
import { isOp, type Token } from '../lexer.ts';
import type { MultiMacro } from './multi-macros.ts';
import { trimEnd, trimStart } from './tokens.ts';

export interface MacroCall {
  readonly macro: MultiMacro;
  readonly parameters: readonly (readonly Token[])[];
}

export interface CallOptions {
  readonly saneEmptyExpansion: boolean;
  warn(message: string): void;
}

/** Splits at commas; a part that begins with a brace goes on to the brace that closes it. */
export function splitParameters(tokens: readonly Token[]): (readonly Token[])[] {
  const parts: (readonly Token[])[] = [];
  if (tokens.length === 0) return parts;
  let start = 0;
  for (;;) {
    let end = isOp(tokens[start], '{') ? closingBrace(tokens, start) + 1 : start;
    const braced = end > start;
    while (end < tokens.length && !isOp(tokens[end], ',')) {
      if (braced) {
        throw new LineError('braces do not enclose all of macro parameter', tokens[end]?.column);
      }
      end++;
    }
    parts.push(tokens.slice(start, end));
    if (end >= tokens.length) return parts;
    start = end + 1;
  }
}

function closingBrace(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (isOp(tokens[at], '{')) depth++;
    else if (isOp(tokens[at], '}') && --depth === 0) return at;
  }
  throw new LineError('expecting closing brace in macro parameter', tokens[open]?.column);
}

/** A parameter without the blank before it and the braces around it. */
export function stripBraces(part: readonly Token[]): readonly Token[] {
  return trimStart(isOp(part[0], '{') ? part.slice(1, -1) : part);
}

/** The macro that a call with these tokens behind the name means; undefined if none takes them. */
export function bindCall(
  macros: readonly MultiMacro[],
  tokens: readonly Token[],
  options: CallOptions,
): MacroCall | undefined {
  const first = macros.findIndex((macro) => macro.active === 0 || macro.recursive);
  const candidates = first < 0 ? [] : macros.slice(first);
  const [macro] = candidates;
  if (!macro) return undefined;
  const line = trimEnd(tokens);
  const parts = splitParameters(line);
  const bound = options.saneEmptyExpansion
    ? bind(candidates, parts, line)
    : bindAsOldNasm(candidates, parts, line, tokens.length > 0, options);
  if (bound || isBusy(candidates, parts.length)) return bound;
  const count = parts.length;
  options.warn(
    `multi-line macro \`${macro.name}' exists, but not taking ${count} parameter${count === 1 ? '' : 's'} [-w+pp-macro-params-multi]`,
  );
  return undefined;
}

function find(macros: readonly MultiMacro[], count: number): MultiMacro | undefined {
  return macros.find(({ min, max, greedy }) => count >= min && (greedy || count <= max));
}

/** The macro that would take the call is in progress: its name means something else then. */
function isBusy(macros: readonly MultiMacro[], count: number): boolean {
  const macro = find(macros, count);
  return macro !== undefined && macro.active > 0 && !macro.recursive;
}

function bind(
  macros: readonly MultiMacro[],
  parts: readonly (readonly Token[])[],
  line: readonly Token[],
  count = parts.length,
): MacroCall | undefined {
  const macro = find(macros, count);
  if (!macro || (macro.active > 0 && !macro.recursive)) return undefined;
  return { macro, parameters: complete(macro, parts, line) };
}

/** The parameters, with defaults for those that are missing and the last one greedy. */
function complete(
  { min, max, greedy, defaults }: MultiMacro,
  parts: readonly (readonly Token[])[],
  line: readonly Token[],
): readonly (readonly Token[])[] {
  const parameters = parts.map(stripBraces);
  if (greedy && parts.length > max) {
    parameters.splice(max - 1, Number.POSITIVE_INFINITY, greedyPart(parts, line, max));
  } else if (greedy && parts.length === max && max > 0) {
    parameters[max - 1] = greedyPart(parts, line, max);
  }
  for (let i = parameters.length; i < min + defaults.length; i++) {
    parameters.push(defaults[i - min] ?? []);
  }
  return parameters;
}

/** All from the parameter with number `max` on, with its commas. */
export function greedyPart(
  parts: readonly (readonly Token[])[],
  line: readonly Token[],
  max: number,
): readonly Token[] {
  const start = parts.slice(0, max - 1).reduce((sum, part) => sum + part.length + 1, 0);
  const rest = line.slice(start);
  const last = isOp(rest[0], '{') && closingBrace(rest, 0);
  return trimStart(typeof last === 'number' ? rest.slice(1, last) : rest);
}

const LEGACY = '[-w+pp-macro-params-legacy]';

function bindAsOldNasm(
  macros: readonly MultiMacro[],
  parts: readonly (readonly Token[])[],
  line: readonly Token[],
  hasText: boolean,
  { warn }: CallOptions,
): MacroCall | undefined {
  const count = parts.length;
  const endsEmpty = count > 1 && parts.at(-1)?.length === 0;
  const fitting = find(macros, count);
  let bound: MacroCall | undefined;
  if (!fitting) {
    if (count === 0 && hasText) bound = bind(macros, parts, line, 1);
    else if (endsEmpty) bound = bind(macros, parts.slice(0, -1), line.slice(0, -1));
  } else if (endsEmpty) bound = bindWithoutLast(fitting, macros, parts, line);
  else bound = bind(macros, parts, line);
  if (!bound) return undefined;
  const { name, min, max, greedy } = bound.macro;
  if (count < min || (count > max && !greedy)) {
    warn(`improperly calling multi-line macro \`${name}' with ${count} parameters ${LEGACY}`);
  } else if (endsEmpty) {
    warn(`dropping trailing empty parameter in call to multi-line macro \`${name}' ${LEGACY}`);
  }
  return bound;
}

/** The empty argument gives way to a default, or vanishes. */
function bindWithoutLast(
  { max, greedy }: MultiMacro,
  macros: readonly MultiMacro[],
  parts: readonly (readonly Token[])[],
  line: readonly Token[],
): MacroCall | undefined {
  const shorter = line.slice(0, -1);
  const keepsCount = parts.length > max && greedy;
  return bind(macros, keepsCount ? parts : parts.slice(0, -1), shorter, parts.length);
}
