/**
 * Single-line macros as they are defined (NASM manual 4.1): names, parameters, bodies, aliases. How a
 * line is expanded is in expansion.ts.
 */

import { LineError } from '../diagnostics.ts';
import { isOp, type Token } from '../lexer.ts';

export interface Parameter {
  readonly name: string;
  /** `=`: the argument is evaluated to a number. */
  readonly evaluated: boolean;
  /** `&`: it becomes a quoted string; `&&`: unless it is one. */
  readonly quoted: 'always' | 'once' | undefined;
  /** `!`: blanks and braces around it stay. */
  readonly verbatim: boolean;
  /** `+`: it takes all that is left, commas and all. */
  readonly greedy: boolean;
}

export interface SingleMacro {
  readonly name: string;
  readonly foldCase: boolean;
  /** Undefined for a macro without parentheses. */
  readonly parameters: readonly Parameter[] | undefined;
  /** Parameters are tokens of kind `parameter`. */
  readonly body: readonly Token[];
  /** Stands for another macro, which `body` names (%defalias). */
  readonly alias: boolean;
  /** Being expanded: its name is then left as it is. */
  inProgress: boolean;
}

export type Definition = Omit<SingleMacro, 'inProgress' | 'alias'>;

const NONE: readonly never[] = [];

/** The macros of one scope: the global one, or a context. */
export class MacroTable {
  readonly #macros = new Map<string, SingleMacro[]>();

  /** Macros that a use of `name` may mean, the newest first; with `anyCase` all its spellings. */
  named(name: string, anyCase = false): readonly SingleMacro[] {
    const macros = this.#macros.get(name.toLowerCase());
    if (!macros) return NONE;
    return macros.filter((macro) => anyCase || macro.foldCase || macro.name === name);
  }

  has(name: string): boolean {
    return this.named(name).length > 0;
  }

  put(macro: SingleMacro, replaced: SingleMacro | undefined): void {
    const key = macro.name.toLowerCase();
    const macros = this.#macros.get(key);
    if (!macros) this.#macros.set(key, [macro]);
    else if (replaced) macros[macros.indexOf(replaced)] = macro;
    else macros.unshift(macro);
  }

  /** Removes the macros of a name for which `which` holds. */
  remove(name: string, which: (macro: SingleMacro) => boolean): void {
    const key = name.toLowerCase();
    const gone = new Set(this.named(name).filter(which));
    const kept = (this.#macros.get(key) ?? []).filter((macro) => !gone.has(macro));
    if (kept.length > 0) this.#macros.set(key, kept);
    else this.#macros.delete(key);
  }

  /** Removes all macros for which `which` holds. */
  clear(which: (macro: SingleMacro) => boolean): void {
    for (const key of [...this.#macros.keys()]) {
      const kept = (this.#macros.get(key) as SingleMacro[]).filter((macro) => !which(macro));
      if (kept.length > 0) this.#macros.set(key, kept);
      else this.#macros.delete(key);
    }
  }
}

/** True if `macro` takes `count` arguments. */
export function takesCount({ parameters }: SingleMacro, count: number): boolean {
  if (!parameters) return false;
  const greedy = parameters.at(-1)?.greedy === true;
  return count === parameters.length || (greedy && count >= parameters.length - 1);
}

/**
 * The macro that a definition of this name with so many parameters (0: none) replaces; 'conflict' if the
 * name is taken by macros with and this one is without, or the other way round.
 */
export function replacedBy(
  table: MacroTable,
  { name, foldCase, parameters }: Definition,
): SingleMacro | 'conflict' | undefined {
  const count = parameters?.length ?? 0;
  for (const macro of table.named(name, foldCase)) {
    const own = macro.parameters?.length ?? 0;
    if (count !== 0 && own !== 0 && own !== count && !takesCount(macro, count)) continue;
    return own === count ? macro : 'conflict';
  }
  return undefined;
}

/** Parameters in parentheses right behind a macro's name, and where the body begins. */
export function parseParameters(tokens: readonly Token[]): {
  readonly parameters: readonly Parameter[] | undefined;
  readonly end: number;
} {
  const [first] = tokens;
  if (!isOp(first, '(') || first?.space) return { parameters: undefined, end: 0 };
  const parameters: Parameter[] = [];
  for (let at = 1; ; at++) {
    const [parameter, end] = parseParameter(tokens, at);
    parameters.push(parameter);
    at = end;
    if (isOp(tokens[at], ')')) return { parameters, end: at + 1 };
    if (!isOp(tokens[at], ',')) {
      throw new LineError("`)' expected to terminate macro template", tokens[at]?.column);
    }
    if (parameter.greedy) throw new LineError('greedy parameter must be last', tokens[at]?.column);
  }
}

const FLAGS = new Set(['=', '&', '&&', '!', '+']);

function parseParameter(tokens: readonly Token[], start: number): [Parameter, number] {
  let name = '';
  const flags: string[] = [];
  let at = start;
  for (; at < tokens.length && !isOp(tokens[at], ',') && !isOp(tokens[at], ')'); at++) {
    const { kind, text, column } = tokens[at] as Token;
    if (kind === 'id' && name === '') name = text;
    else if (kind === 'op' && FLAGS.has(text)) flags.push(text);
    else throw new LineError(`garbage \`${text}' in macro parameter list`, column);
  }
  const twice = flags.includes('&&') || flags.filter((flag) => flag === '&').length > 1;
  const parameter = {
    name,
    evaluated: flags.includes('='),
    quoted: twice ? ('once' as const) : flags.includes('&') ? ('always' as const) : undefined,
    verbatim: flags.includes('!'),
    greedy: flags.includes('+'),
  };
  return [parameter, at];
}

/** A body in which the names of parameters have become parameter tokens. */
export function markParameters(
  body: readonly Token[],
  parameters: readonly Parameter[] | undefined,
): readonly Token[] {
  if (!parameters) return body;
  const index = new Map(parameters.map(({ name }, i) => [name, BigInt(i)]));
  return body.map((token) => {
    const value = token.kind === 'id' ? index.get(token.text) : undefined;
    return value === undefined ? token : { ...token, kind: 'parameter', value };
  });
}
