/** %push, %pop and %repl (NASM manual 4.8). */

import { LineError } from '../diagnostics.ts';
import type { Token } from '../lexer.ts';
import { type Handler, type PreprocessorApi, takeName } from './directive.ts';

/** The context's name; undefined for an anonymous one. */
function contextName(
  { macros }: PreprocessorApi,
  tokens: readonly Token[],
  directive: string,
): string | undefined {
  if (tokens.length === 0) return undefined;
  const { name, rest } = takeName(macros, tokens, directive);
  if (name.kind !== 'id') {
    throw new LineError(`\`${directive}' expects a context identifier`, name.column);
  }
  if (rest.length > 0) {
    macros.warn(`trailing garbage after \`${directive}' ignored [-w+pp-trailing]`);
  }
  return name.text;
}

export const CONTEXT_DIRECTIVES: readonly (readonly [string, Handler])[] = [
  [
    '%push',
    (pp, tokens, { name }) => pp.macros.contexts.push(contextName(pp, tokens, name), pp.nextId()),
  ],
  ['%pop', (pp, tokens, { name }) => pp.macros.contexts.pop(contextName(pp, tokens, name))],
  ['%repl', (pp, tokens, { name }) => pp.macros.contexts.rename(contextName(pp, tokens, name))],
];
