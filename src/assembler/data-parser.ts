/** Parses the operands of db to dz: numbers, strings, floating-point constants, `?`, dup, lists. */

import { parseExpression, parseStringCall, type TokenReader } from './expression.ts';
import { isOp, type Token } from './lexer.ts';
import type { Data, DataItem, DataSize } from './statement.ts';

const SIZES: ReadonlyMap<string, DataSize> = new Map([
  ['byte', 1],
  ['word', 2],
  ['dword', 4],
  ['qword', 8],
  ['tword', 10],
  ['oword', 16],
  ['yword', 32],
  ['zword', 64],
]);

const MAX_DEPTH = 50;

export function parseData(reader: TokenReader, size: DataSize): Data {
  const items: DataItem[] = [];
  while (!reader.atEnd) {
    items.push(parseItem(reader, 0));
    if (reader.atEnd) break;
    reader.expect(',', 'comma expected after operand');
  }
  return { kind: 'data', size, items };
}

/** An item, which may say its own size: `word 5`, `byte (1, 2)`, `%(1, 2)`. */
function parseItem(reader: TokenReader, depth: number): DataItem {
  if (depth > MAX_DEPTH) reader.fail('data is nested too deeply');
  const size = acceptSize(reader);
  const isList = size !== undefined && reader.isOp('(');
  if (acceptPercent(reader) || isList) {
    return { kind: 'group', size, items: parseList(reader, depth + 1) };
  }
  const item = parsePlain(reader, depth);
  return size === undefined ? item : { kind: 'group', size, items: [item] };
}

function acceptSize(reader: TokenReader): DataSize | undefined {
  const size = SIZES.get(reader.word ?? '');
  if (size !== undefined) reader.at++;
  return size;
}

/** The percent sign that tells a list from an expression. */
function acceptPercent(reader: TokenReader): boolean {
  return isOp(reader.tokens[reader.at + 1], '(') && reader.accept('%');
}

function parsePlain(reader: TokenReader, depth: number): DataItem {
  const { token, column } = reader;
  const next = reader.tokens[reader.at + 1];
  const alone = next === undefined || isOp(next, ',') || isOp(next, ')');
  if (alone && token?.kind === 'string') {
    reader.at++;
    return { kind: 'string', bytes: token.value as string };
  }
  const bytes = parseStringCall(reader);
  if (bytes !== undefined) return { kind: 'string', bytes };
  if (alone && token?.text === '?') {
    reader.at++;
    return { kind: 'reserve' };
  }
  const float = parseFloatItem(reader, token, next, column);
  if (float) return float;
  const expression = parseExpression(reader);
  if (reader.word !== 'dup') return { kind: 'value', expression, column };
  reader.at++;
  return { kind: 'repeat', count: expression, items: parseRepeated(reader, depth + 1), column };
}

function parseFloatItem(
  reader: TokenReader,
  token: Token | undefined,
  next: Token | undefined,
  column: number,
): DataItem | undefined {
  const signed = isOp(token, '-') || isOp(token, '+');
  const number = signed ? next : token;
  if (number?.kind !== 'float') return undefined;
  reader.at += signed ? 2 : 1;
  return { kind: 'float', text: number.text, negative: isOp(token, '-'), column };
}

/** What stands behind `dup`: an item, or several in parentheses. */
function parseRepeated(reader: TokenReader, depth: number): DataItem[] {
  return reader.isOp('(') ? parseList(reader, depth) : [parseItem(reader, depth)];
}

function parseList(reader: TokenReader, depth: number): DataItem[] {
  reader.expect('(');
  const items = [parseItem(reader, depth)];
  while (reader.accept(',')) items.push(parseItem(reader, depth));
  reader.expect(')');
  return items;
}
