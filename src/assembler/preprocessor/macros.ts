/**
 * What names mean while a source is read: single-line and multi-line macros, contexts, the macros that
 * every source has. Expands lines and evaluates expressions and conditions with them.
 */

import { LineError } from '../diagnostics.ts';
import { evaluate, type Scope } from '../evaluate.ts';
import { parseExpression, TokenReader } from '../expression.ts';
import { type Token, tokenize } from '../lexer.ts';
import { isScalar, UNKNOWN, type Value } from '../value.ts';
import type { Argument } from './arguments.ts';
import type { ConditionScope } from './conditions.ts';
import { Contexts, isContextLocal } from './contexts.ts';
import { Expander, type MacroScope } from './expansion.ts';
import { functionNamed } from './functions.ts';
import { type MultiMacro, MultiMacros, overlaps } from './multi-macros.ts';
import { isPackage } from './packages.ts';
import {
  type Definition,
  MacroTable,
  markParameters,
  replacedBy,
  type SingleMacro,
} from './single-macros.ts';
import { makeStandardMacro } from './standard.ts';
import { trimEnd } from './tokens.ts';

/** What the macros of a source depend on outside of it. */
export interface MacroSetup {
  /** Macros whose text depends on where they are used, by name. */
  readonly dynamic: ReadonlyMap<string, () => readonly Token[]>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Symbols and `$`, for expressions. */
  readonly scope: () => Scope;
  warn(message: string): void;
}

/** Aliases of aliases of aliases. */
const MAX_ALIASES = 100;

export class Macros implements MacroScope, ConditionScope {
  #aliasDepth = 0;
  readonly contexts = new Contexts();
  readonly multi = new MultiMacros();
  readonly loadedPackages = new Set<string>();
  usesAliases = true;
  /** An expression asked for a place: the text may differ from pass to pass. */
  dependsOnPositions = false;
  readonly #global = new MacroTable();
  readonly #setup: MacroSetup;
  readonly #expander = new Expander(this);
  readonly #standard = new Map<string, MultiMacro>();

  constructor(setup: MacroSetup) {
    this.#setup = setup;
  }

  /** Tokens with single-line macros expanded. */
  expand(tokens: readonly Token[]): readonly Token[] {
    return trimEnd(this.#expander.expand(tokens));
  }

  /** As `expand`, but a blank that expansion leaves at the end is kept. */
  expandWithBlank(tokens: readonly Token[]): readonly Token[] {
    return this.#expander.expand(tokens);
  }

  /** Number that an expression of a directive has now. */
  number(tokens: readonly Token[]): bigint {
    const reader = new TokenReader(this.expand(tokens));
    const value = this.readNumber(reader);
    if (!reader.atEnd) {
      this.warn('trailing garbage after expression ignored [-w+pp-trailing]');
    }
    return value;
  }

  /** Reads one expression of expanded tokens. */
  readNumber(reader: TokenReader): bigint {
    const { column } = reader;
    if (reader.atEnd) throw new LineError('expression expected', column);
    const value = evaluate(parseExpression(reader), this.#positionScope());
    if (!isScalar(value)) {
      throw new LineError('non-constant value given to a preprocessor directive', column);
    }
    return value.constant;
  }

  find(token: Token): { table: MacroTable; key: string } | undefined {
    if (token.kind === 'id') return { table: this.#global, key: token.text };
    if (token.kind !== 'pp' || !isContextLocal(token.text)) return undefined;
    const { context, name } = this.contexts.resolve(token.text, token.column);
    return { table: context.macros, key: name };
  }

  isDynamic(name: string): boolean {
    return this.#setup.dynamic.has(name);
  }

  dynamic(name: string): readonly Token[] {
    return this.#setup.dynamic.get(name)?.() ?? [];
  }

  isFunction(name: string): boolean {
    return functionNamed(name) !== undefined;
  }

  call(name: string, args: readonly Argument[]): readonly Token[] {
    return functionNamed(name)?.(args, this) ?? [];
  }

  warn(message: string): void {
    this.#setup.warn(message);
  }

  /** Defines a macro named by `token`, or what it is an alias for. */
  define(token: Token, definition: Omit<Definition, 'name'>, alias = false): void {
    const { table, key } = this.#place(token);
    const body = markParameters(definition.body, definition.parameters);
    const wanted = { ...definition, name: key, body };
    const known = replacedBy(table, wanted);
    if (known === 'conflict') {
      this.warn(
        `single-line macro \`${key}' defined both with and without parameters [-w+pp-macro-def-case-single]`,
      );
      return;
    }
    const target = alias ? undefined : this.#aliased(known);
    if (target) this.#follow(target, () => this.define(target, definition));
    else table.put({ ...wanted, alias, inProgress: false }, known);
  }

  /** Removes the macros named by `token`, or what they are aliases for; with `alias` the aliases. */
  undefine(token: Token, alias = false): void {
    const { table, key } = this.#place(token);
    for (const macro of table.named(key)) {
      const target = alias ? undefined : this.#aliased(macro);
      if (target) this.#follow(target, () => this.undefine(target));
    }
    table.remove(key, (macro) => alias || !macro.alias);
  }

  /** %clear: removes the macros of the global scope or of all contexts. */
  clear(which: (macro: SingleMacro) => boolean, inContexts: boolean): void {
    const tables = inContexts ? this.contexts.all.map(({ macros }) => macros) : [this.#global];
    for (const table of tables) table.clear(which);
  }

  isDefined(token: Token, alias: boolean): boolean {
    const { table, key } = this.#place(token);
    const macros = table.named(key);
    if (alias) return macros.some((macro) => macro.alias);
    if (this.isDynamic(key)) return true;
    return macros.some((macro) => {
      const target = this.#aliased(macro);
      return target ? this.#follow(target, () => this.isDefined(target, false)) : !macro.alias;
    });
  }

  isMacro(name: string, min: number, max: number, greedy: boolean): boolean {
    const wanted = { name, foldCase: false, min, max, greedy };
    return this.multiNamed(name).some((macro) => overlaps(macro, wanted));
  }

  /** Multi-line macros of a name: those of the source, then those that every source has. */
  multiNamed(name: string): readonly MultiMacro[] {
    const own = this.multi.named(name);
    const standard = this.#standardMacro(name.toLowerCase());
    return standard ? [...own, standard] : own;
  }

  #standardMacro(name: string): MultiMacro | undefined {
    const known = this.#standard.get(name) ?? makeStandardMacro(name);
    if (known) this.#standard.set(name, known);
    return known;
  }

  isInContext(name: string): boolean {
    return this.contexts.isIn(name);
  }

  isEnvironment(name: string): boolean {
    return this.#setup.environment[name] !== undefined;
  }

  /** Value of an environment variable; one that there is not is empty. */
  environment(name: string): string {
    if (this.isEnvironment(name)) return this.#setup.environment[name] as string;
    this.warn(`nonexistent environment variable \`${name}' [-w+pp-environment]`);
    return '';
  }

  /** Tokens with environment variables in the place of `%!NAME`. */
  withEnvironment(tokens: readonly Token[]): readonly Token[] {
    return tokens.flatMap((token) =>
      token.kind === 'pp' && token.text.startsWith('%!') ? this.#variable(token) : [token],
    );
  }

  #variable({ text, column, space }: Token): readonly Token[] {
    const value = this.environment(text.slice(2).replace(/^(["'`])(.*)\1$/s, '$2'));
    return tokenize(value).map((part, i) => ({
      ...part,
      column,
      space: i === 0 ? space : part.space,
    }));
  }

  isUsable(name: string): boolean {
    return isPackage(name);
  }

  isUsing(name: string): boolean {
    return this.loadedPackages.has(name.toLowerCase());
  }

  #place(token: Token): { table: MacroTable; key: string } {
    const place = this.find(token);
    if (!place) throw new LineError('macro identifier expected', token.column);
    return place;
  }

  /** Goes on to what an alias stands for. */
  #follow<T>({ column }: Token, action: () => T): T {
    if (this.#aliasDepth >= MAX_ALIASES) throw new LineError('macro alias loop', column);
    this.#aliasDepth++;
    try {
      return action();
    } finally {
      this.#aliasDepth--;
    }
  }

  #aliased(macro: SingleMacro | undefined): Token | undefined {
    return macro?.alias && this.usesAliases ? macro.body[0] : undefined;
  }

  #positionScope(): Scope {
    const scope = this.#setup.scope();
    const noting = <T>(value: T): T => {
      this.dependsOnPositions = true;
      return value;
    };
    return {
      symbol: (name, column) => noting(knownSymbol(scope, name, column)),
      here: () => noting(scope.here()),
      base: () => noting(scope.base()),
      isKnown: (name) => scope.isKnown(name),
      wrt: (name, column) => scope.wrt(name, column),
    };
  }
}

/** Value of a symbol, which directives need at once. */
function knownSymbol(scope: Scope, name: string, column: number): Value {
  const value = scope.isKnown(name) ? scope.symbol(name, column) : UNKNOWN;
  if (value.unknown) throw new LineError(`symbol \`${name}' not defined before use`, column);
  return value;
}
