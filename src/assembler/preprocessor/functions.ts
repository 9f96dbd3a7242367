/** Preprocessor functions: %eval(), %strlen() and their like (NASM manual 4.4). */

import { LineError } from '../diagnostics.ts';
import { type Token, tokenize } from '../lexer.ts';
import type { Argument } from './arguments.ts';
import { type ConditionScope, conditionNamed } from './conditions.ts';
import { textOf } from './expansion.ts';
import { substring } from './string-directives.ts';
import { numberTokens, stringToken } from './tokens.ts';

type Function = (args: readonly Argument[], scope: ConditionScope) => readonly Token[];

const comma = (column: number): Token => ({ kind: 'op', text: ',', column, space: false });

function joined(args: readonly Argument[]): readonly Token[] {
  return args.flatMap(({ tokens }, i) => (i === 0 ? tokens : [comma(0), ...tokens]));
}

/** Number of an argument; `fallback` where it is not given. */
function number(arg: Argument | undefined, scope: ConditionScope, fallback?: bigint): bigint {
  if (arg && arg.tokens.length > 0) return scope.number(arg.tokens);
  if (fallback !== undefined) return fallback;
  throw new LineError('expression expected');
}

/** Bytes of an argument: those of the string that it is, or its text. */
function bytesOf(arg: Argument | undefined, scope: ConditionScope): string {
  const tokens = scope.expand(arg?.tokens ?? []);
  const [first] = tokens;
  return first?.kind === 'string' && tokens.length === 1 ? (first.value as string) : textOf(tokens);
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_';

/** %num(value, digits, base): the digits as a string, at least or exactly so many. */
function digitsOf(value: bigint, count: bigint, base: bigint): string {
  if (base < 2n || base > 64n) throw new LineError(`invalid base ${base} given to %num()`);
  const least = count < 0n ? -count : count;
  if (least > 255n) throw new LineError(`more than 255 digits asked from %num()`);
  let rest = BigInt.asUintN(64, value);
  let text = '';
  while (rest > 0n || text.length < Number(least)) {
    if (count > 0n && text.length >= Number(count)) break;
    text = (DIGITS[Number(rest % base)] as string) + text;
    rest /= base;
  }
  return text;
}

const FUNCTIONS: ReadonlyMap<string, Function> = new Map<string, Function>([
  [
    '%eval',
    (args, scope) =>
      args.flatMap((arg, i) => {
        const value = numberTokens(number(arg, scope));
        return i === 0 ? value : [comma(0), ...value];
      }),
  ],
  [
    '%abs',
    ([arg], scope) => {
      const value = number(arg, scope);
      return numberTokens(value < 0n ? -value : value);
    },
  ],
  [
    '%cond',
    ([condition, yes, no], scope) => (number(condition, scope) !== 0n ? yes : no)?.tokens ?? [],
  ],
  ['%sel', ([index, ...rest], scope) => rest[Number(number(index, scope)) - 1]?.tokens ?? []],
  ['%count', (args) => numberTokens(BigInt(args.length))],
  [
    '%num',
    ([value, count, base], scope) => [
      stringToken(
        digitsOf(number(value, scope), number(count, scope, -1n), number(base, scope, 10n)),
      ),
    ],
  ],
  [
    '%str',
    (args, scope) => [stringToken(textOf(scope.withEnvironment(scope.expand(joined(args)))))],
  ],
  ['%strcat', (args, scope) => [stringToken(args.map((arg) => bytesOf(arg, scope)).join(''))]],
  ['%strlen', ([arg], scope) => numberTokens(BigInt(bytesOf(arg, scope).length))],
  [
    '%substr',
    ([text, start, count], scope) => [
      stringToken(substring(bytesOf(text, scope), number(start, scope), number(count, scope, -1n))),
    ],
  ],
  ['%tok', ([arg], scope) => tokenize(bytesOf(arg, scope))],
]);

/** A function by its name, in any case. */
export function functionNamed(name: string): Function | undefined {
  const lower = name.toLowerCase();
  const known = FUNCTIONS.get(lower);
  if (known || !lower.startsWith('%is')) return known;
  const condition = conditionNamed(lower.slice('%is'.length));
  return (
    condition && ((args, scope) => numberTokens(condition(joined(args), scope, lower) ? 1n : 0n))
  );
}
