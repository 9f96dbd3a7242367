/** %strlen, %substr and their like: directives that make macros of strings (NASM manual 4.3). */

import { LineError } from '../diagnostics.ts';
import { TokenReader } from '../expression.ts';
import { isOp, type Token, tokenize } from '../lexer.ts';
import {
  type Handler,
  type PreprocessorApi,
  takeFileName,
  takeName,
  takeString,
} from './directive.ts';
import { textOf } from './expansion.ts';
import { numberTokens, stringToken } from './tokens.ts';

/** Body of the macro that a directive defines, from the tokens behind its name. */
type Maker = (pp: PreprocessorApi, tokens: readonly Token[], directive: string) => readonly Token[];

function making(maker: Maker, foldCase: boolean): Handler {
  return (pp, tokens, { name: directive }) => {
    const { name, rest } = takeName(pp.macros, tokens, directive);
    const body = maker(pp, rest, directive);
    pp.macros.define(name, { parameters: undefined, body, foldCase });
  };
}

const stringNeeded = (directive: string): string =>
  `\`${directive}' requires string as second parameter`;

const length: Maker = ({ macros }, tokens, directive) => {
  const { bytes } = takeString(macros, tokens, stringNeeded(directive));
  return numberTokens(BigInt(bytes.length));
};

const MAX_STRING = 1 << 24;

const concatenation: Maker = ({ macros }, tokens, directive) => {
  let bytes = '';
  for (const token of macros.expand(tokens)) {
    if (token.kind === 'string') bytes += token.value as string;
    else if (!isOp(token, ',')) {
      throw new LineError(`non-string passed to \`${directive}': ${token.text}`, token.column);
    }
    if (bytes.length > MAX_STRING) throw new LineError('string is too long', token.column);
  }
  return [stringToken(bytes)];
};

/** `'text' start` or `'text' start, count`; one byte where no count is given. */
const part: Maker = ({ macros }, tokens, directive) => {
  const { bytes, rest } = takeString(macros, tokens, stringNeeded(directive));
  const reader = new TokenReader(rest);
  const start = macros.readNumber(reader);
  const count = reader.accept(',') ? macros.readNumber(reader) : 1n;
  return [stringToken(substring(bytes, start, count))];
};

/** `count` bytes from `start` (the first is 1) on; a negative count stops that far before the end. */
export function substring(bytes: string, start: bigint, count: bigint): string {
  const size = BigInt(bytes.length);
  const from = start < 1n ? 0n : start - 1n;
  const taken = count < 0n ? size + count + 1n - from : count;
  if (taken <= 0n || from >= size) return '';
  const end = from + taken > size ? size : from + taken;
  return bytes.slice(Number(from), Number(end));
}

const textAsString: Maker = ({ macros }, tokens) => [
  stringToken(textOf(macros.withEnvironment(macros.expandWithBlank(tokens)))),
];

const stringAsText: Maker = ({ macros }, tokens, directive) =>
  tokenize(takeString(macros, tokens, stringNeeded(directive)).bytes);

const path: Maker = (pp, tokens, directive) => {
  const name = takeFileName(pp.macros, tokens, directive);
  return [stringToken(pp.findFile(name) ?? name)];
};

const MAKERS: readonly (readonly [string, Maker])[] = [
  ['strlen', length],
  ['strcat', concatenation],
  ['substr', part],
  ['defstr', textAsString],
  ['deftok', stringAsText],
  ['pathsearch', path],
];

export const STRING_DIRECTIVES: readonly (readonly [string, Handler])[] = MAKERS.flatMap(
  ([name, maker]) => [
    [`%${name}`, making(maker, false)] as const,
    [`%i${name}`, making(maker, true)] as const,
  ],
);
