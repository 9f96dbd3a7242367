/**
 * Parses directives (NASM manual 7 Assembler Directives) in their plain and their bracketed form, and
 * the alignment macros, which behave like directives.
 */

import { type Expression, parseExpression, type TokenReader } from './expression.ts';
import type { Affix } from './format.ts';
import { detokenize } from './lexer.ts';
import type {
  Body,
  DeclaredSymbol,
  Directive,
  Linkage,
  ProcessorWord,
  SectionAttribute,
  Statement,
} from './statement.ts';

type FillParser = (reader: TokenReader) => Statement;
type Parser = (reader: TokenReader, column: number, parseFill: FillParser) => Body;

const ignore: Parser = (reader): Directive => {
  const what = reader.tokens[reader.at - 1]?.text ?? '';
  while (!reader.atEnd && !reader.isOp(']')) reader.at++;
  return { kind: 'ignored', what };
};

const PARSERS: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  ['bits', (reader, column) => ({ kind: 'bits', bits: parseExpression(reader), column })],
  ['use64', (_, column) => fixedBits(64n, column)],
  ['use32', (_, column) => fixedBits(32n, column)],
  ['use16', (_, column) => fixedBits(16n, column)],
  ['default', parseDefault],
  ['org', (reader, column) => ({ kind: 'org', origin: parseExpression(reader), column })],
  [
    'absolute',
    (reader, column) => ({ kind: 'absolute', address: parseExpression(reader), column }),
  ],
  ['section', parseSection],
  ['segment', parseSection],
  ['align', parseAlign],
  ['alignb', parseAlignb],
  ['sectalign', parseSectionAlignment],
  ['userel', () => ({ kind: 'default', reference: 'rel' })],
  ['useabs', () => ({ kind: 'default', reference: 'abs' })],
  ['usebnd', () => ({ kind: 'default', reference: 'bnd' })],
  ['usenobnd', () => ({ kind: 'default', reference: 'nobnd' })],
  ['global', symbolParser('global')],
  ['static', symbolParser('static')],
  ['extern', symbolParser('extern')],
  ['required', symbolParser('required')],
  ['common', symbolParser('common')],
  ['cpu', parseProcessor],
  ['osabi', parseAbi],
  ['list', parseList],
  ['float', ignore],
  ['warning', parseWarning],
  ['map', ignore],
  ['debug', ignore],
  ['pragma', parsePragma],
]);

/** Directives that are written in brackets only, and those that are macros in NASM: never in brackets. */
const BRACKETED = new Set(['warning', 'list', 'debug', 'pragma']);
const PLAIN = new Set([
  ...['use16', 'use32', 'use64', 'userel', 'useabs', 'usebnd', 'usenobnd', 'align', 'alignb'],
]);

/** True for the name of a directive that may stand without brackets. */
export function isDirective(word: string): boolean {
  return PARSERS.has(word) && !BRACKETED.has(word);
}

/** Parses `name ...` or `[name ...]`. */
export function parseDirective(reader: TokenReader, parseFill: FillParser): Body {
  const bracket = reader.accept('[');
  const column = reader.column;
  const word = reader.word;
  const known = word !== undefined && !(bracket && PLAIN.has(word));
  const parser = known ? PARSERS.get(word) : undefined;
  if (!parser) return reader.fail('unrecognised directive');
  reader.at++;
  const body = parser(reader, column, parseFill);
  if (bracket) reader.expect(']');
  if (!reader.atEnd) reader.fail('unexpected text after directive');
  return body;
}

/** Words with blanks or commas between them. */
function parseProcessor(reader: TokenReader): Directive {
  const words: ProcessorWord[] = [];
  while (!reader.atEnd && !reader.isOp(']')) {
    const { column } = reader;
    if (!reader.accept(',')) words.push({ text: readWord(reader), column });
  }
  return { kind: 'cpu', words };
}

/** Tokens up to a blank, a comma or `]`. */
function readWord(reader: TokenReader): string {
  let text = '';
  for (let token = reader.token; token; token = reader.token) {
    if (text !== '' && (token.space || reader.isOp(',') || reader.isOp(']'))) break;
    text += token.text;
    reader.at++;
  }
  return text;
}

/** `osabi 3, 1`: the system, and the version of its ABI. */
function parseAbi(reader: TokenReader, column: number): Directive {
  const abi = parseExpression(reader);
  const version = reader.accept(',') ? parseExpression(reader) : undefined;
  return { kind: 'osabi', abi, version, column };
}

const AFFIXES: ReadonlyMap<string, Affix> = new Map([
  ['prefix', 'gprefix'],
  ['gprefix', 'gprefix'],
  ['suffix', 'gsuffix'],
  ['gsuffix', 'gsuffix'],
  ['lprefix', 'lprefix'],
  ['lsuffix', 'lsuffix'],
]);

/** `pragma output gprefix _`; those that say nothing here are ignored. */
function parsePragma(reader: TokenReader, column: number, parseFill: FillParser): Body {
  const facility = reader.word ?? '';
  reader.at++;
  const which = AFFIXES.get(reader.word ?? '');
  if (which === undefined) return ignore(reader, column, parseFill);
  reader.at++;
  return { kind: 'affix', facility, which, text: readPart(reader) };
}

/** `warning -zeroing`, `warning push`. */
function parseWarning(reader: TokenReader): Directive {
  const words: string[] = [];
  while (!reader.atEnd && !reader.isOp(']')) {
    if (!reader.accept(',')) words.push(readWord(reader).toLowerCase());
  }
  return { kind: 'warning', words };
}

/** `list -` stops the listing until `list +`. */
function parseList(reader: TokenReader): Directive {
  const isOn = reader.accept('+');
  if (!isOn) reader.expect('-', 'invalid parameter to [list] directive');
  return { kind: 'list', isOn };
}

function fixedBits(value: bigint, column: number): Directive {
  return { kind: 'bits', bits: { kind: 'number', value }, column };
}

function parseDefault(reader: TokenReader): Directive {
  const word = reader.word;
  if (word !== 'rel' && word !== 'abs' && word !== 'bnd' && word !== 'nobnd') {
    return reader.fail(`unrecognized \`default' directive: ${reader.token?.text ?? ''}`);
  }
  reader.at++;
  return { kind: 'default', reference: word };
}

/** `sectalign on` and `off` say whether `align` raises the section's alignment, a number raises it. */
function parseSectionAlignment(reader: TokenReader, column: number): Directive {
  const word = reader.word;
  if (word === 'on' || word === 'off') {
    reader.at++;
    return { kind: 'sectalign', alignment: word === 'on', column };
  }
  return { kind: 'sectalign', alignment: parseExpression(reader), column };
}

/** Attributes whose value is the name of another section. */
const NAMING = new Set(['follows', 'vfollows']);

function parseSection(reader: TokenReader, column: number): Directive {
  const name = readName(reader);
  if (name === undefined) return reader.fail('section name expected');
  const attributes: SectionAttribute[] = [];
  while (!reader.atEnd && !reader.isOp(']')) attributes.push(parseAttribute(reader));
  return { kind: 'section', name, attributes, column };
}

/** A section name: tokens without blanks between them (`.text`, `.data.rel`, `my-section`). */
function readName(reader: TokenReader): string | undefined {
  let name = '';
  for (let token = reader.token; token && !(name !== '' && token.space); token = reader.token) {
    if (reader.isOp(']')) break;
    name += token.kind === 'string' ? token.text.slice(1, -1) : token.text;
    reader.at++;
  }
  return name === '' ? undefined : name;
}

function parseAttribute(reader: TokenReader): SectionAttribute {
  const { column, at } = reader;
  const text = readPart(reader);
  const name = text.toLowerCase();
  if (!reader.accept('=')) return { name, value: undefined, text, column };
  if (NAMING.has(name)) {
    const value = readName(reader);
    if (value === undefined) reader.fail(`expecting section name for \`${name}' attribute`);
    return { name, value, text, column };
  }
  if (reader.atEnd || reader.isOp(']')) {
    reader.fail("no value given to attribute in `section' directive");
  }
  const value = parseExpression(reader);
  return { name, value, text: detokenize(reader.tokens.slice(at, reader.at)).trim(), column };
}

/** Tokens up to a blank, `=` or `]`. */
function readPart(reader: TokenReader): string {
  let text = '';
  for (let token = reader.token; token; token = reader.token) {
    if (text !== '' && (token.space || reader.isOp('=') || reader.isOp(']'))) break;
    text += token.text;
    reader.at++;
  }
  return text;
}

function symbolParser(linkage: Linkage): Parser {
  return (reader) => {
    const symbols = [parseSymbol(reader, linkage)];
    while (reader.accept(',')) symbols.push(parseSymbol(reader, linkage));
    return { kind: 'symbols', linkage, symbols };
  };
}

/** Words that may stand behind the colon; what follows them is the size. */
const SYMBOL_WORDS = new Set([
  ...['function', 'data', 'object', 'notype', 'default', 'internal', 'hidden', 'protected'],
  ...['weak', 'strong'],
]);

function parseSymbol(reader: TokenReader, linkage: Linkage): DeclaredSymbol {
  const { token, column } = reader;
  if (token?.kind !== 'id') {
    const found = token ? `\`${token.text}'` : 'end of line';
    return reader.fail(`identifier expected after ${linkage}, got ${found}`);
  }
  reader.at++;
  const name = token.text.startsWith('$') ? token.text.slice(1) : token.text;
  if (linkage === 'common') return { name, words: [], column, ...parseCommon(reader) };
  const words: string[] = [];
  let size: Expression | undefined;
  if (reader.accept(':')) {
    for (; SYMBOL_WORDS.has(reader.word ?? ''); reader.at++) words.push(reader.word as string);
    if (!isAtEnd(reader)) size = parseExpression(reader);
  } else if (!isAtEnd(reader)) reader.fail(`invalid syntax in ${linkage} declaration`);
  return { name, words, size, alignment: undefined, column };
}

function parseCommon(reader: TokenReader): Pick<DeclaredSymbol, 'size' | 'alignment'> {
  if (isAtEnd(reader)) reader.fail('no size specified in common declaration');
  const size = parseExpression(reader);
  return { size, alignment: reader.accept(':') ? parseExpression(reader) : undefined };
}

function isAtEnd(reader: TokenReader): boolean {
  return reader.atEnd || reader.isOp(',') || reader.isOp(']');
}

function parseAlign(reader: TokenReader, column: number, parseFill: FillParser): Body {
  const alignment = parseExpression(reader);
  const fill = reader.accept(',') ? parseFill(reader) : undefined;
  return { kind: 'align', alignment, fill, reserves: false, column };
}

function parseAlignb(reader: TokenReader, column: number, parseFill: FillParser): Body {
  const alignment = parseExpression(reader);
  const fill = reader.accept(',') ? parseFill(reader) : undefined;
  return { kind: 'align', alignment, fill, reserves: fill === undefined, column };
}
