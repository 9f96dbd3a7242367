/** Evaluation of expressions: 64-bit arithmetic on constants, sections and registers kept symbolic. */

import { LineError } from './diagnostics.ts';
import type { Expression } from './expression.ts';
import {
  add,
  constant,
  isScalar,
  multiply,
  ofRegister,
  toScalar,
  UNKNOWN,
  type Value,
} from './value.ts';

/** Where the names of an expression come from. */
export interface Scope {
  /** Value of a symbol; UNKNOWN if it is still to be defined; throws where that is not allowed. */
  symbol(name: string, column: number): Value;
  /** True for a symbol that has been defined, in this pass or an earlier one. */
  isKnown(name: string): boolean;
  /** The special symbol of the output format that `wrt` names; throws where there is none. */
  wrt(name: string, column: number): string;
  /** `$` and `$$`. */
  here(): Value;
  base(): Value;
}

export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'number':
      return constant(expression.value);
    case 'register':
      return ofRegister(expression.register);
    case 'symbol':
      return scope.symbol(expression.name, expression.column);
    case 'here':
      return scope.here();
    case 'base':
      return scope.base();
    case 'unary':
      return unary(expression.operator, evaluate(expression.operand, scope));
    case 'choice': {
      const condition = evaluate(expression.condition, scope);
      // Both are evaluated, so that what is wrong with the other one is told, too.
      const yes = evaluate(expression.yes, scope);
      const no = evaluate(expression.no, scope);
      if (condition.unknown) return UNKNOWN;
      return toScalar(condition, "`?' operator") !== 0n ? yes : no;
    }
    case 'wrt': {
      const { name, column } = expression;
      return { ...evaluate(expression.value, scope), wrt: scope.wrt(name, column) };
    }
    case 'binary': {
      const { operator, left, right, column } = expression;
      return binary(operator, evaluate(left, scope), evaluate(right, scope), column);
    }
  }
}

function unary(operator: string, value: Value): Value {
  if (operator === '+') return value;
  if (operator === '-') return multiply(value, -1n, false);
  if (value.unknown) return UNKNOWN;
  const number = toScalar(value, `\`${operator}' operator`);
  if (operator.startsWith('ilog2')) return constant(logarithm(operator, number));
  return constant(operator === '~' ? ~number : number === 0n ? 1n : 0n);
}

/** The binary logarithm of an unsigned number: `ilog2c` rounds up, the others down. */
function logarithm(operator: string, value: bigint): bigint {
  const number = unsigned(value);
  const isPower = (number & (number - 1n)) === 0n;
  if (operator === 'ilog2e' && (!isPower || number === 0n)) {
    throw new LineError('ilog2 argument is not a power of two');
  }
  const floor = number === 0n ? 0 : number.toString(2).length - 1;
  return BigInt(operator === 'ilog2c' && !isPower ? floor + 1 : floor);
}

function binary(operator: string, a: Value, b: Value, column: number): Value {
  switch (operator) {
    case '+':
      return add(a, b);
    case '-':
      return add(a, multiply(b, -1n, false));
    case '*':
      return times(a, b, column);
  }
  if (operator === '<=>' || COMPARISONS.has(operator)) return compare(operator, a, b, column);
  if (a.unknown || b.unknown) return UNKNOWN;
  const what = SHIFTS.has(operator) ? 'shift operator' : `\`${operator}' operator`;
  const x = toScalar(a, what);
  const y = toScalar(b, what);
  const divides = operator === '/' || operator === '//' || operator === '%' || operator === '%%';
  if (divides && y === 0n) throw new LineError('division by zero', column);
  return constant(arithmetic(operator, x, y));
}

function times(a: Value, b: Value, column: number): Value {
  if (isScalar(a)) return multiply(b, a.constant, true);
  if (isScalar(b)) return multiply(a, b.constant, true);
  if (a.unknown || b.unknown) return UNKNOWN;
  throw new LineError('unable to multiply two non-scalar objects', column);
}

/** Comparisons, as a test of the difference's sign. */
const COMPARISONS: ReadonlyMap<string, (sign: number) => boolean> = new Map([
  ['=', (sign) => sign === 0],
  ['==', (sign) => sign === 0],
  ['!=', (sign) => sign !== 0],
  ['<>', (sign) => sign !== 0],
  ['<', (sign) => sign < 0],
  ['<=', (sign) => sign <= 0],
  ['>', (sign) => sign > 0],
  ['>=', (sign) => sign >= 0],
]);
const EQUALITIES = new Set(['=', '==', '!=', '<>']);
const SHIFTS = new Set(['<<', '>>', '<<<', '>>>']);

function compare(operator: string, a: Value, b: Value, column: number): Value {
  const difference = add(a, multiply(b, -1n, false));
  if (difference.unknown) return UNKNOWN;
  const holds = COMPARISONS.get(operator);
  if (!isScalar(difference)) {
    // Places in different sections are different, whatever the distance will be.
    if (holds && EQUALITIES.has(operator)) return constant(truth(holds(1)));
    throw new LineError(`\`${operator}': operands differ by a non-scalar`, column);
  }
  const sign = difference.constant < 0n ? -1 : difference.constant > 0n ? 1 : 0;
  return constant(holds ? truth(holds(sign)) : BigInt(sign));
}

const unsigned = (x: bigint): bigint => BigInt.asUintN(64, x);
const truth = (condition: boolean): bigint => (condition ? 1n : 0n);

/** Operators on signed 64-bit numbers; `/`, `%`, `>>` take them as unsigned. */
function arithmetic(operator: string, x: bigint, y: bigint): bigint {
  // The processor's shift takes the count modulo 64, and NASM leaves it to the processor.
  const count = y & 63n;
  switch (operator) {
    case '||':
      return truth(x !== 0n || y !== 0n);
    case '^^':
      return truth((x !== 0n) !== (y !== 0n));
    case '&&':
      return truth(x !== 0n && y !== 0n);
    case '|':
      return x | y;
    case '^':
      return x ^ y;
    case '&':
      return x & y;
    case '<<':
    case '<<<':
      return x << count;
    case '>>':
      return unsigned(x) >> count;
    case '>>>':
      return x >> count;
    case '/':
      return unsigned(x) / unsigned(y);
    case '//':
      return x / y;
    case '%':
      return unsigned(x) % unsigned(y);
    default:
      return x % y;
  }
}
