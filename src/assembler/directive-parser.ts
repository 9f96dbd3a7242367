/**
 * Parses directives (NASM manual 7 Assembler Directives) in their plain and their bracketed form, and
 * the alignment macros, which behave like directives. Those that other output formats need, and other
 * code sizes, are refused by name.
 */

import { type Expression, parseExpression, type TokenReader } from './expression.ts';
import type { Token } from './lexer.ts';
import type { Body, Directive, SectionAttribute, Statement } from './statement.ts';

type FillParser = (reader: TokenReader) => Statement;
type Parser = (reader: TokenReader, column: number, parseFill: FillParser) => Body;

const refuse =
  (why: string): Parser =>
  (reader) =>
    reader.fail(why);

const ignore: Parser = (reader): Directive => {
  const what = (reader.tokens[reader.at - 1] as Token).text;
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
  ['global', ignore],
  ['static', ignore],
  ['cpu', ignore],
  ['float', ignore],
  ['warning', ignore],
  ['list', ignore],
  ['map', ignore],
  ['extern', refuse("`extern': flat output does not support external references")],
  ['common', refuse("`common': flat output does not support common variables")],
]);

export function isDirective(word: string): boolean {
  return PARSERS.has(word);
}

/** Parses `name ...` or `[name ...]`. */
export function parseDirective(reader: TokenReader, parseFill: FillParser): Body {
  const bracket = reader.accept('[');
  const column = reader.column;
  const word = reader.word;
  const parser = word === undefined ? undefined : PARSERS.get(word);
  if (!parser) return reader.fail('unrecognised directive');
  reader.at++;
  const body = parser(reader, column, parseFill);
  if (bracket) reader.expect(']');
  if (!reader.atEnd) reader.fail('unexpected text after directive');
  return body;
}

function fixedBits(value: bigint, column: number): Directive {
  return { kind: 'bits', bits: { kind: 'number', value }, column };
}

function parseDefault(reader: TokenReader): Directive {
  const word = reader.word;
  if (word !== 'rel' && word !== 'abs') {
    return reader.fail("unrecognized `default' directive: `rel' or `abs' expected");
  }
  reader.at++;
  return { kind: 'default', reference: word };
}

const NUMERIC = new Set(['align', 'valign', 'start', 'vstart']);
const NAMING = new Set(['follows', 'vfollows']);
const FLAGS = new Set(['nobits', 'progbits']);

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
  const { column } = reader;
  const name = reader.word ?? (reader.token as Token).text;
  reader.at++;
  if (FLAGS.has(name)) return { name, value: undefined, column };
  if (!NUMERIC.has(name) && !NAMING.has(name)) {
    while (!reader.atEnd && !reader.token?.space && !reader.isOp(']')) reader.at++;
    return { name: `?${name}`, value: undefined, column };
  }
  reader.expect('=');
  if (NAMING.has(name)) {
    const value = readName(reader);
    if (value === undefined) reader.fail(`expecting section name for \`${name}' attribute`);
    return { name, value, column };
  }
  return { name, value: parseAttributeValue(reader), column };
}

/** One term, or an expression in parentheses. */
function parseAttributeValue(reader: TokenReader): Expression {
  if (reader.atEnd) reader.fail("no value given to attribute in `section' directive");
  return parseExpression(reader);
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
