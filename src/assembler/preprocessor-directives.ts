/** Preprocessor directives other than conditionals (NASM manual 4.1-4.6). */

import { Abort, LineError } from './diagnostics.ts';
import { detokenize, isOp, type Token, tokenize } from './lexer.ts';
import { parseHeader } from './multi-macros.ts';
import type { Preprocessor } from './preprocessor.ts';
import type { RawLine } from './preprocessor-source.ts';

type Handler = (pp: Preprocessor, tokens: readonly Token[], line: RawLine) => void;

const MAX_REPEAT = 1_000_000n;

function define(expandBody: boolean, foldCase: boolean): Handler {
  return (pp, tokens) => {
    const { name, parameters, body } = parseDefine(tokens);
    const kept = expandBody ? pp.expand(body) : body;
    const trimmed = kept.map((token, index) => (index === 0 ? { ...token, space: false } : token));
    pp.single.define({ name, parameters, body: trimmed }, foldCase);
  };
}

function nameOf(token: Token | undefined): string {
  if (token?.kind === 'id') return token.text;
  throw new LineError('macro identifier expected', token?.column);
}

function parseDefine(tokens: readonly Token[]): {
  name: string;
  parameters: readonly string[] | undefined;
  body: readonly Token[];
} {
  const name = nameOf(tokens[0]);
  // Only a parenthesis right behind the name begins parameters.
  if (!isOp(tokens[1], '(') || tokens[1]?.space) {
    return { name, parameters: undefined, body: tokens.slice(1) };
  }
  const parameters: string[] = [];
  let at = 2;
  while (tokens[at] && !isOp(tokens[at], ')')) {
    parameters.push(nameOf(tokens[at]));
    at++;
    if (isOp(tokens[at], ',')) at++;
  }
  if (!tokens[at]) throw new LineError("`)' expected after macro parameters", tokens[1]?.column);
  return { name, parameters, body: tokens.slice(at + 1) };
}

function setNumber(pp: Preprocessor, name: string, value: bigint, foldCase: boolean): void {
  pp.single.define({ name, parameters: undefined, body: numberTokens(value) }, foldCase);
}

function numberTokens(value: bigint): readonly Token[] {
  return tokenize(String(value));
}

function assign(foldCase: boolean): Handler {
  return (pp, tokens) => {
    setNumber(pp, nameOf(tokens[0]), pp.number(tokens.slice(1)), foldCase);
  };
}

function undefine(pp: Preprocessor, tokens: readonly Token[]): void {
  pp.single.undefine(nameOf(tokens[0]));
}

function macro(foldCase: boolean): Handler {
  return (pp, tokens, line) => {
    discardBody(pp, 'macro', line);
    const header = parseHeader(tokens, foldCase);
    const finish = (): void => pp.multi.define(header);
    pp.collector = { kind: 'macro', line, body: header.body, depth: 1, finish };
  };
}

/** Until a header has been understood, its body goes nowhere. */
function discardBody(pp: Preprocessor, kind: 'macro' | 'rep', line: RawLine): void {
  pp.collector = { kind, line, body: [], depth: 1, finish: () => {} };
}

const rep: Handler = (pp, tokens, line) => {
  discardBody(pp, 'rep', line);
  const nolist = tokens.at(-1)?.text === '.nolist';
  const times = pp.number(nolist ? tokens.slice(0, -1) : tokens);
  if (times > MAX_REPEAT)
    throw new LineError(`\`%rep' count ${times} exceeds limit (${MAX_REPEAT})`);
  const body: RawLine[] = [];
  const finish = (): void => {
    if (times > 0n) pp.repeat(body, Number(times), line);
  };
  pp.collector = { kind: 'rep', line, body, depth: 1, finish };
};

const rotate: Handler = (pp, tokens) => {
  const frame = pp.macroFrame;
  if (!frame) throw new LineError("`%rotate' invoked outside a macro call");
  const { length } = frame.parameters;
  if (length === 0) throw new LineError("`%rotate' invoked within macro without parameters");
  const by = Number(((pp.number(tokens) % BigInt(length)) + BigInt(length)) % BigInt(length));
  frame.parameters = [...frame.parameters.slice(by), ...frame.parameters.slice(0, by)];
};

const include: Handler = (pp, tokens, line) => {
  const [token] = pp.expand(tokens);
  if (token?.kind !== 'string')
    throw new LineError("`%include' expects a file name", token?.column);
  pp.include(token.text.slice(1, -1), line);
};

/** Text of %error and its like: one string, or the rest of the line. */
function messageOf(pp: Preprocessor, tokens: readonly Token[]): string {
  const expanded = pp.expand(tokens);
  const [first] = expanded;
  if (first?.kind === 'string' && expanded.length === 1) return first.text.slice(1, -1);
  return detokenize(expanded).trim();
}

const error: Handler = (pp, tokens) => {
  throw new LineError(messageOf(pp, tokens));
};

const warning: Handler = (pp, tokens) => {
  pp.setup.diagnostics.warn(pp.place, `${messageOf(pp, tokens)} [-w+user]`);
};

const fatal: Handler = (pp, tokens) => {
  pp.setup.diagnostics.error(pp.place, messageOf(pp, tokens));
  throw new Abort('syntax');
};

function stringOf(token: Token | undefined): string {
  if (token?.kind === 'string') return token.value as string;
  throw new LineError('string expected', token?.column);
}

const strlen: Handler = (pp, tokens) => {
  const [text] = pp.expand(tokens.slice(1));
  setNumber(pp, nameOf(tokens[0]), BigInt(stringOf(text).length), false);
};

function defineString(pp: Preprocessor, name: string, bytes: string): void {
  const text = `\`${[...bytes].map(escapeByte).join('')}\``;
  pp.single.define({ name, parameters: undefined, body: tokenize(text) }, false);
}

function escapeByte(char: string): string {
  const code = char.charCodeAt(0);
  const plain = code >= 0x20 && code < 0x7f && char !== '`' && char !== '\\';
  return plain ? char : `\\x${code.toString(16).padStart(2, '0')}`;
}

const strcat: Handler = (pp, tokens) => {
  const parts = pp.expand(tokens.slice(1)).filter((token) => !isOp(token, ','));
  defineString(pp, nameOf(tokens[0]), parts.map(stringOf).join(''));
};

const substr: Handler = (pp, tokens) => {
  const [text, ...rest] = pp.expand(tokens.slice(1));
  const bytes = stringOf(text);
  const numbers = isOp(rest[0], ',') ? rest.slice(1) : rest;
  const comma = numbers.findIndex((token) => isOp(token, ','));
  const start = Number(pp.number(comma < 0 ? numbers : numbers.slice(0, comma)));
  const count = comma < 0 ? 1 : Number(pp.number(numbers.slice(comma + 1)));
  const end = count < 0 ? bytes.length + count + 1 : start - 1 + count;
  defineString(pp, nameOf(tokens[0]), bytes.slice(Math.max(start - 1, 0), Math.max(end, 0)));
};

const defstr: Handler = (pp, tokens) => {
  defineString(pp, nameOf(tokens[0]), detokenize(pp.expand(tokens.slice(1))).trim());
};

const unmacro: Handler = (pp, tokens) => {
  pp.multi.undefine(nameOf(tokens[0]));
};

const stray =
  (name: string, opener: string): Handler =>
  () => {
    throw new LineError(`\`${name}' without \`${opener}'`);
  };

const nothing: Handler = () => {};

/** What the next steps of the assembler will bring, refused by name. */
const UNSUPPORTED = [
  '%push',
  '%pop',
  '%repl',
  '%rmacro',
  '%irmacro',
  '%arg',
  '%local',
  '%stacksize',
  '%use',
  '%deftok',
  '%pathsearch',
  '%defalias',
  '%ideftok',
  '%idefstr',
] as const; // prettier-ignore

export const DIRECTIVES: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['%define', define(false, false)],
  ['%idefine', define(false, true)],
  ['%xdefine', define(true, false)],
  ['%ixdefine', define(true, true)],
  ['%undef', undefine],
  ['%assign', assign(false)],
  ['%iassign', assign(true)],
  ['%macro', macro(false)],
  ['%imacro', macro(true)],
  ['%endmacro', stray('%endmacro', '%macro')],
  ['%endm', stray('%endm', '%macro')],
  ['%unmacro', unmacro],
  ['%rep', rep],
  ['%endrep', stray('%endrep', '%rep')],
  ['%exitrep', (pp) => pp.exit('rep')],
  ['%exitmacro', (pp) => pp.exit('macro')],
  ['%rotate', rotate],
  ['%include', include],
  ['%error', error],
  ['%warning', warning],
  ['%fatal', fatal],
  ['%strlen', strlen],
  ['%strcat', strcat],
  ['%substr', substr],
  ['%defstr', defstr],
  ['%pragma', nothing],
  ['%line', nothing],
  ['%note', nothing],
  ...UNSUPPORTED.map((name): [string, Handler] => [
    name,
    () => {
      throw new LineError(`\`${name}' is not supported yet`);
    },
  ]),
]);
