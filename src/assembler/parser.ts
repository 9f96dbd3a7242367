/** Parses one preprocessed line into a statement (NASM manual 3.1 Layout of a NASM Source Line). */

import { whyAbsent } from '../isa/table/absent.ts';
import { parseData } from './data-parser.ts';
import { LineError } from './diagnostics.ts';
import { isDirective, parseDirective } from './directive-parser.ts';
import { type Expression, KEYWORDS, parseExpression, TokenReader } from './expression.ts';
import type { Token } from './lexer.ts';
import { parseOperand } from './operand-parser.ts';
import { REGISTERS, type Register } from './registers.ts';
import { isMnemonic } from './select.ts';
import type { Body, DataSize, Instruction, Label, Statement } from './statement.ts';

const DATA_SIZES: Readonly<Record<string, DataSize>> = {
  db: 1,
  dw: 2,
  dd: 4,
  dq: 8,
  dt: 10,
  do: 16,
  dy: 32,
  dz: 64,
};
const RESERVE_SIZES: Readonly<Record<string, number>> = {
  resb: 1,
  resw: 2,
  resd: 4,
  resq: 8,
  rest: 10,
  reso: 16,
  resy: 32,
  resz: 64,
};
const ENCODINGS = new Set(['rex', 'vex', 'vex2', 'vex3', 'evex']);
const PREFIXES = new Set([
  'bnd',
  'nobnd',
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
  const label = reader.isOp('{') ? undefined : parseLabel(reader);
  if (reader.atEnd) return { label, times: undefined, body: undefined };
  const prefixes = parsePrefixes(reader);
  const isBare = prefixes.words.length === 0 && !prefixes.segment;
  const body = isBare ? parseBody(reader) : parseInstruction(reader, prefixes);
  return { label, times: prefixes.times, body };
}

/** What stands before an instruction; of several `times` the last one counts. */
interface PrefixSyntax {
  readonly words: string[];
  segment: Register | undefined;
  times: Expression | undefined;
}

function parsePrefixes(reader: TokenReader): PrefixSyntax {
  const prefixes: PrefixSyntax = { words: [], segment: undefined, times: undefined };
  while (parsePrefix(reader, prefixes));
  return prefixes;
}

function parsePrefix(reader: TokenReader, prefixes: PrefixSyntax): boolean {
  if (reader.accept('{')) {
    prefixes.words.push(parseBraced(reader));
    return true;
  }
  const { word } = reader;
  if (word === undefined) return false;
  const register = REGISTERS.get(word);
  if (register?.class === 'sreg') prefixes.segment = register;
  else if (PREFIXES.has(word)) prefixes.words.push(word);
  else if (word !== 'times') return false;
  reader.at++;
  if (word === 'times') prefixes.times = parseExpression(reader);
  return true;
}

/** `{rex}`: the encoding that an instruction has to have. */
function parseBraced(reader: TokenReader): string {
  const { word } = reader;
  if (word === undefined || !ENCODINGS.has(word)) {
    return reader.fail(`\`${reader.token?.text ?? ''}' is not a valid decorator with braces`);
  }
  reader.at++;
  reader.expect('}');
  return `{${word}}`;
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
  return parseInstruction(reader, { words: [], segment: undefined, times: undefined });
}

function expectEnd(reader: TokenReader): void {
  if (!reader.atEnd) reader.fail('comma, colon, decorator or end of line expected after operand');
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

function parseInstruction(
  reader: TokenReader,
  { words: prefixes, segment }: PrefixSyntax,
): Instruction {
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
