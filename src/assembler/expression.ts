/**
 * Syntax of expressions: NASM's operators and precedence (manual 3.5 Expressions), as a tree that can
 * be evaluated anew in each pass.
 */

import { LineError, locate } from './diagnostics.ts';
import { type FloatFunction, floatBits, floatFunction } from './float.ts';
import { isOp, type Token } from './lexer.ts';
import { stringValue } from './quotes.ts';
import { REGISTERS, type Register } from './registers.ts';
import { stringFunction } from './string-encoding.ts';

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'register'; readonly register: Register }
  | { readonly kind: 'symbol'; readonly name: string; readonly column: number }
  | { readonly kind: 'here' }
  | { readonly kind: 'base' }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly column: number;
    }
  | {
      /** `value wrt ..got`. */
      readonly kind: 'wrt';
      readonly value: Expression;
      readonly name: string;
      readonly column: number;
    }
  | {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    };

/** True if the value is the same in every pass: no symbols, no places. */
export function isFixed(expression: Expression): boolean {
  switch (expression.kind) {
    case 'number':
    case 'register':
      return true;
    case 'unary':
      return isFixed(expression.operand);
    case 'binary':
      return isFixed(expression.left) && isFixed(expression.right);
    default:
      return false;
  }
}

/** Binary operators, loosest first; `=` and `<>` are other spellings. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['^^'],
  ['&&'],
  ['=', '==', '!=', '<>', '<', '<=', '>', '>=', '<=>'],
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>', '<<<', '>>>'],
  ['+', '-'],
  ['*', '/', '//', '%', '%%'],
];
const OPERATORS: readonly ReadonlySet<string>[] = LEVELS.map((level) => new Set(level));
const UNARY = new Set(['-', '+', '~', '!']);
/** Functions of integers, which need no parentheses: `__?ilog2e?__` and its like. */
const LOGARITHM = /^__(\??)(ilog2[ewfc])\1__$/i;
const MAX_DEPTH = 200;

/** Tokens being read, with a position. */
export class TokenReader {
  readonly tokens: readonly Token[];
  at = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get token(): Token | undefined {
    return this.tokens[this.at];
  }

  get atEnd(): boolean {
    return this.at >= this.tokens.length;
  }

  /** Column of the current token, or just behind the last. */
  get column(): number {
    const token = this.token;
    if (token) return token.column;
    const last = this.tokens.at(-1);
    return last ? last.column + last.text.length : 1;
  }

  isOp(text: string): boolean {
    return isOp(this.token, text);
  }

  /** Lower-case text of the current token if it is a name. */
  get word(): string | undefined {
    const token = this.token;
    return token?.kind === 'id' ? token.text.toLowerCase() : undefined;
  }

  accept(text: string): boolean {
    if (!this.isOp(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string, message = `expecting \`${text}'`): void {
    if (!this.accept(text)) this.fail(message);
  }

  fail(message: string): never {
    throw new LineError(message, this.column);
  }
}

/** Reads one expression; stops at the first token that cannot continue it. */
export function parseExpression(reader: TokenReader): Expression {
  return parseWhole(reader, 0);
}

/** An expression with the special symbol that it is taken relative to. */
function parseWhole(reader: TokenReader, depth: number): Expression {
  const value = parseChoice(reader, depth);
  if (reader.word !== 'wrt') return value;
  reader.at++;
  const { token, column } = reader;
  if (token?.kind !== 'id') return reader.fail('invalid right-hand operand to WRT');
  reader.at++;
  return { kind: 'wrt', value, name: token.text, column };
}

function parseChoice(reader: TokenReader, depth: number): Expression {
  if (depth > MAX_DEPTH) reader.fail('expression is nested too deeply');
  const condition = parseLevel(reader, 0, depth);
  if (!reader.accept('?')) return condition;
  const yes = parseChoice(reader, depth + 1);
  reader.expect(':');
  return { kind: 'choice', condition, yes, no: parseChoice(reader, depth + 1) };
}

function parseLevel(reader: TokenReader, level: number, depth: number): Expression {
  const operators = OPERATORS[level];
  if (!operators) return parseUnary(reader, depth);
  let left = parseLevel(reader, level + 1, depth);
  for (;;) {
    const token = reader.token;
    if (token?.kind !== 'op' || !operators.has(token.text)) return left;
    reader.at++;
    const right = parseLevel(reader, level + 1, depth);
    left = { kind: 'binary', operator: token.text, left, right, column: token.column };
  }
}

function parseUnary(reader: TokenReader, depth: number): Expression {
  if (depth > MAX_DEPTH) reader.fail('expression is nested too deeply');
  const token = reader.token;
  if (!token) reader.fail('expression syntax error');
  if (token.kind === 'op') {
    if (UNARY.has(token.text)) {
      reader.at++;
      return { kind: 'unary', operator: token.text, operand: parseUnary(reader, depth + 1) };
    }
    if (token.text === '(') {
      reader.at++;
      const inner = parseWhole(reader, depth + 1);
      reader.expect(')');
      return inner;
    }
  }
  const logarithm = LOGARITHM.exec(token.kind === 'id' ? token.text : '')?.[2]?.toLowerCase();
  if (logarithm !== undefined) {
    reader.at++;
    return { kind: 'unary', operator: logarithm, operand: parseUnary(reader, depth + 1) };
  }
  const bytes = parseStringCall(reader);
  if (bytes !== undefined) return { kind: 'number', value: stringValue(bytes) };
  const primary = parsePrimary(token, reader);
  reader.at++;
  return primary;
}

function parsePrimary(token: Token, reader: TokenReader): Expression {
  switch (token.kind) {
    case 'number':
      if (typeof token.value !== 'bigint') reader.fail(`invalid number \`${token.text}'`);
      return { kind: 'number', value: token.value };
    case 'string':
      return { kind: 'number', value: stringValue(token.value as string) };
    case 'float':
      return reader.fail('floating-point constant in an expression');
    case 'id':
      return parseName(token, reader);
    case 'op':
      if (token.text === '$') return { kind: 'here' };
      if (token.text === '$$') return { kind: 'base' };
      return reader.fail('expression syntax error');
    default:
      return reader.fail(`unexpected preprocessor token \`${token.text}'`);
  }
}

/** Words that an expression cannot hold; they would otherwise be taken for symbols. */
const REFUSED = new Map([
  ['seg', '`seg` is not supported: neither flat output nor ELF has segment bases'],
  ['wrt', 'expression syntax error'],
]);

function parseName(token: Token, reader: TokenReader): Expression {
  if (token.text.startsWith('$')) {
    return { kind: 'symbol', name: token.text.slice(1), column: token.column };
  }
  const float = floatFunction(token.text);
  if (float) return parseFloatCall(reader, float);
  const lower = token.text.toLowerCase();
  const register = REGISTERS.get(lower);
  if (register) return { kind: 'register', register };
  const refused = REFUSED.get(lower);
  if (refused !== undefined) reader.fail(refused);
  if (KEYWORDS.has(lower)) reader.fail('expression syntax error');
  return { kind: 'symbol', name: token.text, column: token.column };
}

/** `__?float64?__(-1.5)`: the bits as a number. Stops at the closing parenthesis. */
function parseFloatCall(reader: TokenReader, { format, shift }: FloatFunction): Expression {
  reader.at++;
  reader.expect('(');
  const negative = reader.isOp('-');
  if (negative || reader.isOp('+')) reader.at++;
  const { token } = reader;
  if (token?.kind !== 'float') return reader.fail('floating-point constant expected');
  reader.at++;
  if (!reader.isOp(')')) reader.fail("expecting `)'");
  const bits = floatBits(token.text, format, negative) >> shift;
  return { kind: 'number', value: BigInt.asIntN(64, bits) };
}

/**
 * `__?utf16?__('text')`, also without parentheses: the string in another encoding, as bytes. Undefined
 * where no such function stands.
 */
export function parseStringCall(reader: TokenReader): string | undefined {
  const { token } = reader;
  const encode = token?.kind === 'id' ? stringFunction(token.text) : undefined;
  if (!encode) return undefined;
  reader.at++;
  const inParentheses = reader.accept('(');
  const text = reader.token;
  if (text?.kind !== 'string') {
    return reader.fail(`\`${token?.text}' must be followed by a string constant`);
  }
  reader.at++;
  if (inParentheses) reader.expect(')');
  return locate(text.column, () => encode(text.value as string));
}

/** Names that are never symbols (without a leading $). */
export const KEYWORDS: ReadonlySet<string> = new Set([
  'byte',
  'word',
  'dword',
  'qword',
  'tword',
  'oword',
  'yword',
  'zword',
  'strict',
  'short',
  'near',
  'far',
  'rel',
  'abs',
  'nosplit',
  'times',
  'to',
]); // prettier-ignore
