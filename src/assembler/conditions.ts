/** Conditions of %if and its family (NASM manual 4.4 Conditional Assembly). */

import { LineError } from './diagnostics.ts';
import { isOp, type Token } from './lexer.ts';

/** What conditions ask about. */
export interface ConditionScope {
  /** True if the expression is not zero. */
  isTrue(tokens: readonly Token[]): boolean;
  isDefined(name: string): boolean;
  /** A multi-line macro that takes this: `name`, `name 1`, `name 1-2`. */
  isMacro(tokens: readonly Token[]): boolean;
  expand(tokens: readonly Token[]): readonly Token[];
}

type Condition = (tokens: readonly Token[], scope: ConditionScope) => boolean;

const onFirst =
  (test: (token: Token | undefined, tokens: readonly Token[]) => boolean): Condition =>
  (tokens, scope) => {
    const expanded = scope.expand(tokens);
    return test(expanded[0], expanded);
  };

function isSign(token: Token | undefined): boolean {
  return isOp(token, '-') || isOp(token, '+');
}

/** A number, with or without a sign. */
function isNumber(tokens: readonly Token[]): boolean {
  return tokens[isSign(tokens[0]) ? 1 : 0]?.kind === 'number';
}

const CONDITIONS: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['', (tokens, scope) => scope.isTrue(tokens)],
  ['def', (tokens, scope) => tokens.some((token) => scope.isDefined(token.text))],
  ['macro', (tokens, scope) => scope.isMacro(tokens)],
  ['idn', (tokens, scope) => isIdentical(tokens, scope, (text) => text)],
  ['idni', (tokens, scope) => isIdentical(tokens, scope, (text) => text.toLowerCase())],
  ['num', onFirst((_, tokens) => isNumber(tokens))],
  ['id', onFirst((token) => token?.kind === 'id')],
  ['str', onFirst((token) => token?.kind === 'string')],
  [
    'token',
    onFirst((token, tokens) => tokens.length === 1 + Number(isSign(token) && isNumber(tokens))),
  ],
  ['empty', onFirst((_, tokens) => tokens.length === 0)],
]);

const NAME = /^%(el)?if([a-z]*)$/;

/** The directive's parts: `elif` or `if`, and its condition; undefined if it is neither. */
export function parseConditional(
  directive: string,
): { readonly isElse: boolean; readonly test: Condition } | undefined {
  const match = NAME.exec(directive);
  if (!match) return undefined;
  const [, el, kind = ''] = match;
  const isElse = el !== undefined;
  const positive = CONDITIONS.get(kind);
  if (positive) return { isElse, test: positive };
  const negated = kind.startsWith('n') ? CONDITIONS.get(kind.slice(1)) : undefined;
  if (negated) return { isElse, test: (tokens, scope) => !negated(tokens, scope) };
  return { isElse, test: () => refuse(directive) };
}

function refuse(directive: string): never {
  throw new LineError(`\`${directive}' is not supported`);
}

function isIdentical(
  tokens: readonly Token[],
  scope: ConditionScope,
  fold: (text: string) => string,
): boolean {
  const expanded = scope.expand(tokens);
  const comma = expanded.findIndex((token) => isOp(token, ','));
  if (comma < 0) throw new LineError("`%ifidn' expects two comma-separated arguments");
  const left = expanded.slice(0, comma);
  const right = expanded.slice(comma + 1);
  const text = ({ kind, text: t, value }: Token): string =>
    kind === 'string' ? `'${fold(value as string)}` : fold(t);
  return left.length === right.length && left.every((t, i) => text(t) === text(right[i] as Token));
}
