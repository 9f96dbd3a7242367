/** Parses one preprocessed line into a statement (NASM manual 3.1 Layout of a NASM Source Line). */

import { whyAbsent } from '../isa/table/absent.ts';
import { LineError } from './diagnostics.ts';
import { isDirective, parseDirective } from './directive-parser.ts';
import { KEYWORDS, parseExpression, TokenReader } from './expression.ts';
import { isOp, type Token } from './lexer.ts';
import { parseOperand } from './operand-parser.ts';
import { REGISTERS, type Register } from './registers.ts';
import { isMnemonic } from './select.ts';
import type { Body, Data, DataItem, Label, Statement } from './statement.ts';

const DATA_SIZES: Readonly<Record<string, 1 | 2 | 4 | 8>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const RESERVE_SIZES: Readonly<Record<string, number>> = {
  resb: 1,
  resw: 2,
  resd: 4,
  resq: 8,
  rest: 10,
  reso: 16,
};
const UNSUPPORTED_DATA = new Set(['dt', 'do', 'dy', 'dz', 'resy', 'resz']);
const PREFIXES = new Set([
  'rep',
  'repe',
  'repz',
  'repne',
  'repnz',
  'xacquire',
  'xrelease',
  'lock',
  'a16',
  'a32',
  'a64',
  'o16',
  'o32',
  'o64',
]); // prettier-ignore

/** True for names that begin a statement by themselves and so are no labels. */
export function isStatementWord(word: string): boolean {
  return (
    isMnemonic(word) ||
    word in DATA_SIZES ||
    word in RESERVE_SIZES ||
    UNSUPPORTED_DATA.has(word) ||
    PREFIXES.has(word) ||
    isDirective(word) ||
    word === 'equ' ||
    word === 'times' ||
    word === 'incbin'
  );
}

/** Parses a line. Undefined for an empty one. */
export function parseLine(tokens: readonly Token[]): Statement | undefined {
  if (tokens.length === 0) return undefined;
  return parseStatement(new TokenReader(tokens));
}

function parseStatement(reader: TokenReader): Statement {
  if (reader.isOp('[')) {
    return { label: undefined, times: undefined, body: parseDirective(reader, parseFill) };
  }
  const label = parseLabel(reader);
  let times: Statement['times'];
  if (reader.word === 'times') {
    reader.at++;
    times = parseExpression(reader);
  }
  if (reader.atEnd) {
    if (times) reader.fail('parser: instruction expected');
    return { label, times: undefined, body: undefined };
  }
  return { label, times, body: parseBody(reader) };
}

/** What `align` fills with: the rest of the line is a statement of its own. */
function parseFill(reader: TokenReader): Statement {
  return parseStatement(reader);
}

function parseLabel(reader: TokenReader): Label | undefined {
  const token = reader.token as Token;
  if (token.kind !== 'id') reader.fail('label or instruction expected at start of line');
  const next = reader.tokens[reader.at + 1];
  const colon = next?.kind === 'op' && next.text === ':';
  const word = token.text.toLowerCase();
  const register = REGISTERS.get(word);
  if (!colon && (isStatementWord(word) || register?.class === 'sreg')) return undefined;
  const reserved = register !== undefined || KEYWORDS.has(word) || word === 'seg' || word === 'wrt';
  if (reserved) reader.fail('label or instruction expected at start of line');
  if (!colon) refuseAbsent(reader);
  const name = token.text.startsWith('$') ? token.text.slice(1) : token.text;
  reader.at += colon ? 2 : 1;
  return { name, column: token.column, colon };
}

/** Fails at the name of an instruction that is known to exist but has no rows. */
function refuseAbsent(reader: TokenReader): void {
  const { word } = reader;
  const why = word === undefined ? undefined : whyAbsent(word);
  if (why !== undefined) reader.fail(why);
}

function parseBody(reader: TokenReader): Body {
  const word = reader.word;
  if (word === undefined) return reader.fail('parser: instruction expected');
  const column = reader.column;
  if (isDirective(word)) return parseDirective(reader, parseFill);
  if (UNSUPPORTED_DATA.has(word)) return reader.fail(`\`${word}' is not supported`);
  const dataSize = DATA_SIZES[word];
  if (dataSize !== undefined) {
    reader.at++;
    return parseData(reader, dataSize);
  }
  const reserveSize = RESERVE_SIZES[word];
  if (reserveSize !== undefined) {
    reader.at++;
    const count = parseExpression(reader);
    expectEnd(reader);
    return { kind: 'reserve', size: reserveSize, count, column };
  }
  if (word === 'equ') {
    reader.at++;
    const value = parseExpression(reader);
    expectEnd(reader);
    return { kind: 'equ', value, column };
  }
  if (word === 'incbin') return parseIncbin(reader);
  return parseInstruction(reader);
}

function expectEnd(reader: TokenReader): void {
  if (!reader.atEnd) reader.fail('comma, colon, decorator or end of line expected after operand');
}

function parseData(reader: TokenReader, size: 1 | 2 | 4 | 8): Data {
  const items: DataItem[] = [];
  while (!reader.atEnd) {
    items.push(parseItem(reader));
    if (reader.atEnd) break;
    reader.expect(',', 'comma expected after operand');
  }
  return { kind: 'data', size, items };
}

function parseItem(reader: TokenReader, depth = 0): DataItem {
  const token = reader.token;
  const { column } = reader;
  const next = reader.tokens[reader.at + 1];
  const alone = next === undefined || isOp(next, ',') || isOp(next, ')');
  if (alone && token?.kind === 'string') {
    reader.at++;
    return { kind: 'string', bytes: token.value as string };
  }
  if (alone && token?.text === '?') {
    reader.at++;
    return { kind: 'reserve' };
  }
  const signed = isOp(token, '-') || isOp(token, '+');
  const number = signed ? next : token;
  if (number?.kind === 'float') {
    reader.at += signed ? 2 : 1;
    return { kind: 'float', text: number.text, negative: isOp(token, '-'), column };
  }
  const expression = parseExpression(reader);
  if (reader.word !== 'dup') return { kind: 'value', expression, column };
  reader.at++;
  return { kind: 'repeat', count: expression, items: parseRepeated(reader, depth + 1), column };
}

const MAX_DUP_DEPTH = 50;

/** What stands behind `dup`: an item, or several in parentheses. */
function parseRepeated(reader: TokenReader, depth: number): DataItem[] {
  if (depth > MAX_DUP_DEPTH) reader.fail("`dup' is nested too deeply");
  if (!reader.accept('(')) return [parseItem(reader, depth)];
  const items = [parseItem(reader, depth)];
  while (reader.accept(',')) items.push(parseItem(reader, depth));
  reader.expect(')');
  return items;
}

function parseIncbin(reader: TokenReader): Body {
  reader.at++;
  const token = reader.token;
  if (token?.kind !== 'string') return reader.fail("`incbin' expects a file name");
  reader.at++;
  const offset = reader.accept(',') ? parseExpression(reader) : undefined;
  const length = reader.accept(',') ? parseExpression(reader) : undefined;
  if (!reader.atEnd) reader.fail("`incbin': more than three parameters");
  return { kind: 'incbin', path: token.text.slice(1, -1), offset, length };
}

function parseInstruction(reader: TokenReader): Body {
  const prefixes: string[] = [];
  let segment: Register | undefined;
  for (; ; reader.at++) {
    const word = reader.word;
    if (word === undefined) break;
    const register = REGISTERS.get(word);
    if (PREFIXES.has(word)) prefixes.push(word);
    else if (register?.class === 'sreg') segment = register;
    else break;
  }
  const column = reader.column;
  const mnemonic = reader.word;
  if (mnemonic === undefined || !isMnemonic(mnemonic)) {
    if (reader.atEnd && (prefixes.length > 0 || segment)) {
      return { kind: 'instruction', mnemonic: '', column, prefixes, segment, operands: [] };
    }
    refuseAbsent(reader);
    return reader.fail('parser: instruction expected');
  }
  reader.at++;
  const operands = [];
  while (!reader.atEnd) {
    operands.push(parseOperand(reader));
    if (reader.atEnd) break;
    reader.expect(',', 'comma, colon, decorator or end of line expected after operand');
    if (reader.atEnd) throw new LineError('expression syntax error', reader.column);
  }
  return { kind: 'instruction', mnemonic, column, prefixes, segment, operands };
}
