/**
 * Expansion of single-line macros in a line (NASM manual 4.1), by the rules of NASM's own expander: a
 * macro's text is expanded from its end to its beginning, each name with the text behind it in view, so
 * that a call may take its arguments from behind the macro that named it; a macro that is in progress
 * is left alone; names and numbers that come to stand side by side are joined, and the line is then
 * expanded once more.
 */

import { LineError } from '../diagnostics.ts';
import { type Token, tokenize } from '../lexer.ts';
import { type Argument, readArguments } from './arguments.ts';
import { type MacroTable, type SingleMacro, takesCount } from './single-macros.ts';
import { BLANK, numberTokens, stringToken } from './tokens.ts';

/** What macros mean where a line is expanded. */
export interface MacroScope {
  /** Table and key of a name; undefined for tokens that name no macro. */
  find(token: Token): { readonly table: MacroTable; readonly key: string } | undefined;
  /** True for a macro whose text depends on where it stands (__LINE__). */
  isDynamic(name: string): boolean;
  dynamic(name: string): readonly Token[];
  /** Preprocessor functions (%strlen) and their results. */
  isFunction(name: string): boolean;
  call(name: string, args: readonly Argument[]): readonly Token[];
  /** Number that an expression has. */
  number(tokens: readonly Token[]): bigint;
  readonly usesAliases: boolean;
  warn(message: string): void;
}

/** A line as a chain; `length` counts the cells from this one to the end. */
interface Cell {
  readonly token: Token;
  readonly next: List;
  readonly length: number;
}
type List = Cell | undefined;

const lengthOf = (list: List): number => list?.length ?? 0;
const cons = (token: Token, next: List): Cell => ({ token, next, length: lengthOf(next) + 1 });

/** The line from an expanded call on, and the length of what stands behind the expansion. */
interface Expanded {
  readonly list: List;
  readonly rest: number;
}

const MAX_EXPANSIONS = 100_000;
const MAX_TOKENS = 200_000;
const MAX_DEPTH = 500;
const MAX_ROUNDS = 1000;

export class Expander {
  readonly #scope: MacroScope;
  #expansions = 0;
  #depth = 0;

  constructor(scope: MacroScope) {
    this.#scope = scope;
  }

  /** Tokens with all macros expanded and `%+` resolved. */
  expand(tokens: readonly Token[]): readonly Token[] {
    if (!tokens.some((token) => this.#concerns(token))) return tokens;
    if (this.#depth === 0) this.#expansions = 0;
    return this.#expand(tokens);
  }

  #concerns(token: Token): boolean {
    if (token.kind === 'pp') return true;
    if (token.kind !== 'id') return false;
    const scope = this.#scope;
    return scope.isDynamic(token.text) || scope.find(token)?.table.has(token.text) === true;
  }

  #expand(tokens: readonly Token[]): readonly Token[] {
    let line = tokens;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const expanded = this.#expandOnce(line);
      if (!expanded && round > 0) return line;
      line = expanded ?? line;
      const pasted = paste(line);
      if (!pasted) return line;
      line = pasted;
    }
    throw new LineError('macro expansion does not come to an end');
  }

  /** All macros of a line; undefined if there is none. */
  #expandOnce(tokens: readonly Token[]): readonly Token[] | undefined {
    let cell: List;
    for (let at = tokens.length - 1; at >= 0; at--) cell = cons(tokens[at] as Token, cell);
    const out: Token[] = [];
    let any = false;
    while (cell) {
      const expanded = this.#expandCell(cell);
      if (!expanded) {
        out.push(cell.token);
        cell = cell.next;
        continue;
      }
      any = true;
      cell = expanded.list;
      for (; cell && cell.length > expanded.rest; cell = cell.next) out.push(cell.token);
      if (out.length > MAX_TOKENS) throw new LineError('macro expansion is too long');
    }
    return any ? out : undefined;
  }

  /** Expands the macro that `cell` begins with; undefined if it begins with none. */
  #expandCell(cell: Cell): Expanded | undefined {
    const { token } = cell;
    if (token.kind !== 'id' && token.kind !== 'pp') return undefined;
    if (token.kind === 'id' && this.#scope.isDynamic(token.text)) {
      return this.#chain(this.#scope.dynamic(token.text), cell, cell.next);
    }
    if (token.kind === 'pp' && this.#scope.isFunction(token.text)) return this.#callFunction(cell);
    const place = this.#scope.find(token);
    if (!place) return undefined;
    const macros = place.table
      .named(place.key)
      .filter(({ alias }) => !alias || this.#scope.usesAliases);
    const [first] = macros;
    if (!first) return undefined;
    if (!first.parameters) {
      return first.inProgress ? undefined : this.#expandMacro(first, [], cell, cell.next);
    }
    return this.#expandCall(macros, cell);
  }

  #expandCall(macros: readonly SingleMacro[], cell: Cell): Expanded | undefined {
    const call = readArguments(behind(cell));
    if (!call) return undefined;
    const count = call.args.length;
    const macro = macros.find((m) => takesCount(m, count));
    if (!macro) {
      const message = `single-line macro \`${cell.token.text}' exists, but not taking ${count} parameter${count === 1 ? '' : 's'}`;
      this.#scope.warn(`${message} [-w+pp-macro-params-single]`);
      return undefined;
    }
    if (macro.inProgress) return undefined;
    let after = cell.next;
    for (let i = 0; i < call.length; i++) after = after?.next;
    return this.#expandMacro(macro, call.args, cell, after);
  }

  #callFunction(cell: Cell): Expanded | undefined {
    const call = readArguments(behind(cell));
    if (!call) return undefined;
    let after = cell.next;
    for (let i = 0; i < call.length; i++) after = after?.next;
    const result = this.#guard(() => this.#scope.call(cell.token.text, call.args));
    return this.#chain(result, cell, after);
  }

  #expandMacro(macro: SingleMacro, args: readonly Argument[], cell: Cell, after: List): Expanded {
    macro.inProgress = true;
    try {
      const values = this.#prepare(macro, args);
      return this.#chain(macro.body, cell, after, values, macro);
    } finally {
      macro.inProgress = false;
    }
  }

  /** What stands for each parameter: the argument, its number, or its text in quotes. */
  #prepare({ parameters = [] }: SingleMacro, args: readonly Argument[]): (readonly Token[])[] {
    return parameters.map((parameter, index) => {
      const given = parameter.greedy ? joinArguments(args.slice(index)) : args[index];
      let value = (parameter.verbatim ? given?.raw : given?.tokens) ?? [];
      if (parameter.evaluated) {
        value = value.length === 0 ? [] : numberTokens(this.#scope.number(value));
      }
      return parameter.quoted
        ? quoteTokens(this.#expand(value), parameter.quoted === 'once')
        : value;
    });
  }

  /** Puts the expansion of `body` between the blank of `cell` and `after`. */
  #chain(
    body: readonly Token[],
    cell: Cell,
    after: List,
    values: readonly (readonly Token[])[] = [],
    macro?: SingleMacro,
  ): Expanded {
    return this.#guard(() => {
      const chain = new Chain(after, cell.token, (c) => this.#expandCell(c));
      for (let at = body.length - 1; at >= 0; at--) {
        const token = body[at] as Token;
        if (token.kind === 'parameter') chain.addValue(token, values[Number(token.value)] ?? []);
        else if (token.kind === 'pp') chain.add(selfReference(token, cell.token, macro));
        else chain.add(token);
      }
      return chain.finish();
    });
  }

  #guard<T>(action: () => T): T {
    if (++this.#expansions > MAX_EXPANSIONS) throw new LineError('macro expansion is too long');
    if (++this.#depth > MAX_DEPTH) {
      this.#depth = 0;
      throw new LineError('single-line macros are nested too deeply');
    }
    try {
      return action();
    } finally {
      this.#depth--;
    }
  }
}

/** The expansion of one macro as it grows, from its end to its beginning, before what stands behind it. */
class Chain {
  readonly #place: Token;
  readonly #expand: (cell: Cell) => Expanded | undefined;
  #list: List;
  #rest: number;
  /** Something stands behind this point, up to the parameter that a `%,` waits for. */
  #isFilled = false;

  constructor(after: List, place: Token, expand: (cell: Cell) => Expanded | undefined) {
    this.#list = after;
    this.#rest = lengthOf(after);
    this.#place = place;
    this.#expand = expand;
  }

  add(token: Token): void {
    if (token.kind === 'pp' && token.text === '%,') {
      if (this.#isFilled) this.#push({ ...token, kind: 'op', text: ',' });
      return;
    }
    const cell = cons({ ...token, column: this.#place.column }, this.#list);
    const expanded = this.#expand(cell);
    if (!expanded) {
      this.#list = cell;
      this.#isFilled = true;
      return;
    }
    this.#list = expanded.list;
    this.#isFilled ||= lengthOf(expanded.list) > expanded.rest;
    // A call that took arguments from behind the macro: all that is left counts as expanded.
    if (expanded.rest < this.#rest) this.#rest = 0;
  }

  /** A parameter's value takes the blank of the parameter. */
  addValue({ space }: Token, value: readonly Token[]): void {
    this.#isFilled = false;
    if (value.length === 0 && space) this.#list = withBlank(this.#list);
    for (let at = value.length - 1; at >= 0; at--) {
      const token = value[at] as Token;
      this.add(at === 0 && token.space !== space ? { ...token, space } : token);
    }
  }

  finish(): Expanded {
    const { space } = this.#place;
    const first = lengthOf(this.#list) > this.#rest ? this.#list : undefined;
    if (first) this.#list = cons({ ...first.token, space }, first.next);
    else if (space) this.#list = withBlank(this.#list);
    return { list: this.#list, rest: this.#rest };
  }

  #push(token: Token): void {
    this.#list = cons({ ...token, column: this.#place.column }, this.#list);
  }
}

function withBlank(list: List): List {
  if (!list) return cons(BLANK, undefined);
  return list.token.space ? list : cons({ ...list.token, space: true }, list.next);
}

/** `%?` is the name as it was called, `%??` as it was defined; `%*?` and `%*??` are the same. */
function selfReference(token: Token, called: Token, macro: SingleMacro | undefined): Token {
  const { text, space } = token;
  if (text === '%?' || text === '%*?') return { ...called, space };
  if ((text === '%??' || text === '%*??') && macro) {
    const prefix = /^%\$+/.exec(called.text)?.[0] ?? '';
    return { ...called, text: prefix + macro.name, space };
  }
  return token;
}

function* behind(cell: Cell): Generator<Token> {
  for (let next = cell.next; next; next = next.next) yield next.token;
}

/** The arguments that a greedy parameter takes, as one. */
function joinArguments(args: readonly Argument[]): Argument | undefined {
  const [first] = args;
  if (!first || args.length === 1) return first;
  const comma = (space: boolean): Token => ({ kind: 'op', text: ',', column: 0, space });
  const raw = args.flatMap((arg, i) => (i === 0 ? arg.raw : [comma(false), ...arg.raw]));
  return { raw, tokens: raw };
}

/** Text of tokens in quotes; with `once` a string alone stays as it is. */
export function quoteTokens(tokens: readonly Token[], once: boolean): readonly Token[] {
  const [first] = tokens;
  if (once && tokens.length === 1 && first?.kind === 'string') return tokens;
  return [stringToken(textOf(tokens))];
}

const utf8 = new TextEncoder();

/** Text of tokens as bytes, without the blank before the first. */
export function textOf(tokens: readonly Token[]): string {
  let text = '';
  for (const token of tokens) {
    text += token.space && text !== '' ? ` ${token.text}` : token.text;
  }
  return /^[\0-\x7f]*$/.test(text) ? text : String.fromCharCode(...utf8.encode(text));
}

const JOINS_BEFORE = new Set(['id', 'pp']);
const JOINS_AFTER = new Set(['id', 'pp', 'number']);

/** Joins what `%+` stands between, and names that stand side by side; undefined if there is nothing. */
function paste(tokens: readonly Token[]): readonly Token[] | undefined {
  let out: Token[] | undefined;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const left = (out ?? tokens)[(out?.length ?? at) - 1];
    const next = tokens[at + 1];
    if (isPaste(token) && next && next.kind !== 'blank') {
      if (!left) throw new LineError('No lvalue found on pasting', token.column);
      out ??= tokens.slice(0, at);
      out.pop();
      out.push(...join(left, next));
      at++;
    } else if (isPaste(token) && next) out ??= tokens.slice(0, at);
    else if (left && sticks(left, token)) {
      out ??= tokens.slice(0, at);
      out.pop();
      out.push(...join(left, token));
    } else out?.push(token);
  }
  return out && !isSame(out, tokens) ? out : undefined;
}

const isPaste = ({ kind, text }: Token): boolean => kind === 'pp' && text === '%+';

function sticks(left: Token, right: Token): boolean {
  if (right.space || isPaste(left) || isPaste(right)) return false;
  return JOINS_BEFORE.has(left.kind) && JOINS_AFTER.has(right.kind);
}

function join(left: Token, right: Token): Token[] {
  const { column, space } = left;
  return tokenize(left.text + right.text).map((token, index) => ({
    ...token,
    column,
    space: index === 0 ? space : token.space,
  }));
}

function isSame(a: readonly Token[], b: readonly Token[]): boolean {
  return a.length === b.length && a.every((token, i) => token.text === b[i]?.text);
}
