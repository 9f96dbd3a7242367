/** Conditions of %if and its family, and of the functions %is...() (NASM manual 4.6). */

import { LineError } from '../diagnostics.ts';
import { isOp, type Token } from '../lexer.ts';
import { parseCount } from './multi-macros.ts';

/** What conditions ask about. */
export interface ConditionScope {
  number(tokens: readonly Token[]): bigint;
  /** A single-line macro, or with `alias` an alias, of this name. */
  isDefined(token: Token, alias: boolean): boolean;
  /** A multi-line macro that takes one of these counts. */
  isMacro(name: string, min: number, max: number, greedy: boolean): boolean;
  isInContext(name: string): boolean;
  isEnvironment(name: string): boolean;
  /** Packages of %use: known, or loaded. */
  isUsable(name: string): boolean;
  isUsing(name: string): boolean;
  expand(tokens: readonly Token[]): readonly Token[];
  /** Tokens with environment variables in the place of `%!NAME`. */
  withEnvironment(tokens: readonly Token[]): readonly Token[];
  warn(message: string): void;
}

type Condition = (tokens: readonly Token[], scope: ConditionScope, directive: string) => boolean;

const onExpanded =
  (test: (tokens: readonly Token[]) => boolean): Condition =>
  (tokens, scope) =>
    test(scope.expand(tokens));

/** A number, with or without signs. */
function isNumber(tokens: readonly Token[]): boolean {
  return tokens.find((token) => !isOp(token, '-') && !isOp(token, '+'))?.kind === 'number';
}

const anyName =
  (test: (token: Token, scope: ConditionScope) => boolean, what: string): Condition =>
  (tokens, scope, directive) => {
    for (const token of tokens) {
      const isName = token.kind === 'id' || (token.kind === 'pp' && token.text.startsWith('%$'));
      if (!isName) throw new LineError(`\`${directive}' expects ${what}`, token.column);
      if (test(token, scope)) return true;
    }
    return false;
  };

const ofPackage =
  (test: (name: string, scope: ConditionScope) => boolean): Condition =>
  (tokens, scope, directive) => {
    const [token] = scope.expand(tokens);
    return test(packageName(token, directive), scope);
  };

/** Name of a package: a word or a string. */
export function packageName(token: Token | undefined, directive: string): string {
  if (token?.kind === 'id') return token.text;
  if (token?.kind === 'string') return token.value as string;
  const found = token ? `\`${token.text}'` : 'end of line';
  throw new LineError(`\`${directive}' expects a package name, got ${found}`, token?.column);
}

/** Name of an environment variable: a word, a string, or `%!name`. */
function environmentName({ kind, text, value, column }: Token, directive: string): string {
  if (kind === 'id') return text;
  if (kind === 'string') return value as string;
  if (kind === 'pp' && text.startsWith('%!'))
    return text.slice(2).replace(/^(["'`])(.*)\1$/s, '$2');
  throw new LineError(`\`${directive}' expects environment variable names`, column);
}

const isMacro: Condition = (tokens, scope, directive) => {
  const [name, ...rest] = tokens;
  if (name?.kind !== 'id') {
    throw new LineError(`\`${directive}' expects a macro name`, name?.column);
  }
  const counts = scope.expand(rest);
  if (counts.length === 0) return scope.isMacro(name.text, 0, Number.POSITIVE_INFINITY, false);
  const { min, max, greedy, end } = parseCount(counts, directive);
  if (end < counts.length)
    scope.warn(`trailing garbage after \`${directive}' ignored [-w+pp-trailing]`);
  return scope.isMacro(name.text, min, max, greedy);
};

const CONDITIONS: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['', (tokens, scope) => scope.number(tokens) !== 0n],
  ['ctx', anyName((token, scope) => scope.isInContext(token.text), 'context identifiers')],
  ['def', anyName((token, scope) => scope.isDefined(token, false), 'macro identifiers')],
  ['defalias', anyName((token, scope) => scope.isDefined(token, true), 'macro identifiers')],
  [
    'env',
    (tokens, scope, directive) =>
      scope.expand(tokens).some((token) => scope.isEnvironment(environmentName(token, directive))),
  ],
  ['macro', isMacro],
  ['idn', (tokens, scope, directive) => isIdentical(tokens, scope, directive, (text) => text)],
  [
    'idni',
    (tokens, scope, directive) =>
      isIdentical(tokens, scope, directive, (text) => text.toLowerCase()),
  ],
  ['num', onExpanded(isNumber)],
  ['id', onExpanded(([token]) => token?.kind === 'id')],
  ['str', onExpanded(([token]) => token?.kind === 'string')],
  ['token', onExpanded((tokens) => tokens.length === 1)],
  ['empty', onExpanded((tokens) => tokens.length === 0)],
  ['usable', ofPackage((name, scope) => scope.isUsable(name))],
  ['using', ofPackage((name, scope) => scope.isUsing(name))],
]);

/** A condition by the end of its directive's name: `def`, `ndef`, or nothing for plain %if. */
export function conditionNamed(kind: string): Condition | undefined {
  const positive = CONDITIONS.get(kind);
  if (positive) return positive;
  const negated = kind.startsWith('n') ? CONDITIONS.get(kind.slice(1)) : undefined;
  return negated && ((...args) => !negated(...args));
}

function isIdentical(
  tokens: readonly Token[],
  scope: ConditionScope,
  directive: string,
  fold: (text: string) => string,
): boolean {
  const expanded = scope.expand(tokens);
  const comma = expanded.findIndex((token) => isOp(token, ','));
  if (comma < 0) throw new LineError(`\`${directive}' expects two comma-separated arguments`);
  const left = expanded.slice(0, comma);
  const right = expanded.slice(comma + 1);
  const text = ({ kind, text: t, value }: Token): string =>
    kind === 'string' ? `'${fold(value as string)}` : fold(t);
  return left.length === right.length && left.every((t, i) => text(t) === text(right[i] as Token));
}
