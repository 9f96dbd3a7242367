/** %define, %assign and their kin: directives that make and remove single-line macros. */

import { LineError } from '../diagnostics.ts';
import type { Token } from '../lexer.ts';
import type { Handler, PreprocessorApi } from './directive.ts';
import { takeName } from './directive.ts';
import { markParameters, parseParameters, type SingleMacro } from './single-macros.ts';
import { numberTokens, trimStart } from './tokens.ts';

const PLAIN = { parameters: undefined } as const;

function define(expandsBody: boolean, foldCase: boolean): Handler {
  return ({ macros }, tokens, { name: directive }) => {
    const { name, rest } = takeName(macros, tokens, directive);
    const { parameters, end } = parseParameters(rest);
    const marked = markParameters(rest.slice(end), parameters);
    const body = trimStart(expandsBody ? macros.expand(marked) : marked);
    macros.define(name, { parameters, body, foldCase });
  };
}

function assign(foldCase: boolean): Handler {
  return ({ macros }, tokens, { name: directive }) => {
    const { name, rest } = takeName(macros, tokens, directive);
    macros.define(name, { ...PLAIN, body: numberTokens(macros.number(rest)), foldCase });
  };
}

function undefine(alias: boolean): Handler {
  return ({ macros }, tokens, { name: directive }) => {
    const { name, rest } = takeName(macros, tokens, directive);
    if (rest.length > 0) {
      macros.warn('trailing garbage after macro name ignored [-w+pp-trailing]');
    }
    macros.undefine(name, alias);
  };
}

function defineAlias(foldCase: boolean): Handler {
  return ({ macros }, tokens, { name: directive }) => {
    const { name, rest } = takeName(macros, tokens, directive);
    const [target] = rest;
    if (target?.kind !== 'id' && target?.kind !== 'pp') {
      throw new LineError(`\`${directive}' expects a macro identifier to alias`, target?.column);
    }
    macros.define(name, { ...PLAIN, body: [target], foldCase }, true);
  };
}

const isPlain = (macro: SingleMacro): boolean => !macro.alias;
const isAlias = (macro: SingleMacro): boolean => macro.alias;

type Cleaner = (pp: PreprocessorApi, inContexts: boolean) => void;

const clearPlain: Cleaner = ({ macros }, inContexts) => macros.clear(isPlain, inContexts);
const clearAliases: Cleaner = ({ macros }, inContexts) => macros.clear(isAlias, inContexts);
const clearMulti: Cleaner = ({ macros }, inContexts) => {
  if (!inContexts) macros.multi.clear();
};
const clearSingle: Cleaner = (pp, inContexts) => {
  clearPlain(pp, inContexts);
  clearAliases(pp, inContexts);
};
const clearAll: Cleaner = (pp, inContexts) => {
  clearSingle(pp, inContexts);
  clearMulti(pp, inContexts);
};

const CLEANERS: Readonly<Record<string, Cleaner>> = {
  all: clearAll,
  define: clearPlain,
  def: clearPlain,
  smacro: clearPlain,
  defalias: clearAliases,
  alias: clearAliases,
  salias: clearAliases,
  alldef: clearSingle,
  alldefine: clearSingle,
  macro: clearMulti,
  mmacro: clearMulti,
};

/** %clear: `global` and `context` say where, the other words what. */
const clear: Handler = (pp, tokens, { name: directive }) => {
  const words = pp.macros.expand(tokens);
  if (words.length === 0) {
    clearPlain(pp, false);
    clearMulti(pp, false);
  }
  let inContexts = false;
  for (const { text, column } of words) {
    const word = text.toLowerCase();
    const cleaner = CLEANERS[word];
    if (cleaner) cleaner(pp, inContexts);
    else if (word === 'context' || word === 'ctx') inContexts = true;
    else if (word === 'global') inContexts = false;
    else if (!/^(nothing|none|ignore)$/.test(word)) {
      throw new LineError(`invalid option to ${directive}: ${text}`, column);
    }
  }
};

const aliases: Handler = ({ macros }, tokens) => {
  macros.usesAliases = booleanOption(macros, tokens);
};

/** `on`, `off`, `yes`, `no`, `true`, `false`, or an expression; nothing means yes. */
export function booleanOption(
  macros: PreprocessorApi['macros'],
  tokens: readonly Token[],
): boolean {
  const expanded = macros.expand(tokens);
  const [first] = expanded;
  if (!first) return true;
  const word = first.text.toLowerCase();
  if (/^(on|yes|true)$/.test(word)) return true;
  return !/^(off|no|false)$/.test(word) && macros.number(expanded) !== 0n;
}

export const DEFINE_DIRECTIVES: readonly (readonly [string, Handler])[] = [
  ['%define', define(false, false)],
  ['%idefine', define(false, true)],
  ['%xdefine', define(true, false)],
  ['%ixdefine', define(true, true)],
  ['%assign', assign(false)],
  ['%iassign', assign(true)],
  ['%undef', undefine(false)],
  ['%defalias', defineAlias(false)],
  ['%idefalias', defineAlias(true)],
  ['%undefalias', undefine(true)],
  ['%clear', clear],
  ['%aliases', aliases],
];
