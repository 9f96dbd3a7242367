/** %error, %warning, %note, %fatal: messages that a source makes itself (NASM manual 4.12). */

import { detokenize, type Token } from '../lexer.ts';
import type { Handler, MessageSeverity, PreprocessorApi } from './directive.ts';

/** One string alone, or the text of the line. */
function messageOf({ macros }: PreprocessorApi, tokens: readonly Token[]): string {
  const expanded = macros.withEnvironment(macros.expand(tokens));
  const [first] = expanded;
  if (first?.kind !== 'string' || expanded.length > 1) return detokenize(expanded).trim();
  const bytes = Uint8Array.from(first.value as string, (char) => char.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

const message =
  (severity: MessageSeverity): Handler =>
  (pp, tokens) =>
    pp.message(severity, messageOf(pp, tokens));

export const MESSAGE_DIRECTIVES: readonly (readonly [string, Handler])[] = [
  ['%error', message('error')],
  ['%warning', message('warning')],
  ['%note', message('note')],
  ['%fatal', (pp, tokens) => pp.fatal(messageOf(pp, tokens))],
];
