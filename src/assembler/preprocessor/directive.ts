/** What the directives of all families share: how they are called, and the name that many begin with. */

import { LineError } from '../diagnostics.ts';
import { isOp, type Token } from '../lexer.ts';
import type { Macros } from './macros.ts';
import type { MacroFrame, RawLine } from './source.ts';

/** Severity of a message that a source makes: %error, %warning, %note. */
export type MessageSeverity = 'error' | 'warning' | 'note';

/** What a directive may do to the preprocessor. */
export interface PreprocessorApi {
  readonly macros: Macros;
  /** The multi-line macro being expanded. */
  readonly frame: MacroFrame | undefined;
  saneEmptyExpansion: boolean;
  /** Where %arg and %local put things. */
  readonly stack: StackModel;
  /** Collects lines up to the directive that ends the body, then calls `finish`. */
  collect(kind: 'macro' | 'rep', line: RawLine, body: RawLine[], finish: () => void): void;
  /** Repeats a body in the place of the current line. */
  repeat(body: readonly RawLine[], times: number, line: RawLine, listed: boolean): void;
  exitRepeat(): void;
  exitMacro(): void;
  include(path: string, line: RawLine): void;
  use(name: string, line: RawLine): void;
  /** Path of a file as it is found by %include. */
  findFile(path: string): string | undefined;
  setLine(number: number, increment: number, file: string | undefined): void;
  /** A number that no other context or macro expansion has. */
  nextId(): number;
  /** Hands on a line that is a directive of the assembler. */
  directive(text: string): void;
  message(severity: MessageSeverity, text: string): void;
  fatal(text: string): never;
}

/** A function's stack frame as %stacksize describes it. */
export interface StackModel {
  /** Bytes of a slot, and the register that points to the frame. */
  slot: number;
  pointer: string;
  /** Offset of the next argument above the frame pointer, and of the last local below it. */
  argument: number;
  local: number;
}

export interface DirectiveCall {
  /** The directive as it was written. */
  readonly name: string;
  readonly line: RawLine;
}

/** Carries out a directive; `tokens` stand behind its name. */
export type Handler = (pp: PreprocessorApi, tokens: readonly Token[], call: DirectiveCall) => void;

/** The name that tokens begin with, and the rest. A name of several parts is expanded first (`a%$b`). */
export function takeName(
  macros: Macros,
  tokens: readonly Token[],
  directive: string,
): { readonly name: Token; readonly rest: readonly Token[] } {
  let end = 1;
  while (tokens[end] && !tokens[end]?.space && isNamePart(tokens[end] as Token)) end++;
  const parts = tokens.slice(0, end);
  const [name, ...others] = parts.length > 1 ? macros.expand(parts) : parts;
  if (!name || !isMacroName(name)) {
    throw new LineError(`\`${directive}' expects a macro identifier`, tokens[0]?.column);
  }
  return { name, rest: [...others, ...tokens.slice(end)] };
}

function isNamePart({ kind, text }: Token): boolean {
  return kind === 'id' || kind === 'number' || (kind === 'pp' && /^%[$\w]/.test(text));
}

function isMacroName({ kind, text }: Token): boolean {
  return kind === 'id' || (kind === 'pp' && text.startsWith('%$'));
}

/** The string that a directive asks for, with the macros before it expanded. */
export function takeString(
  macros: Macros,
  tokens: readonly Token[],
  message: string,
): { readonly bytes: string; readonly rest: readonly Token[] } {
  const [first, ...rest] = macros.expand(tokens);
  if (first?.kind !== 'string') throw new LineError(message, first?.column ?? tokens[0]?.column);
  return { bytes: first.value as string, rest };
}

/** A file name, alone on the line. */
export function takeFileName(macros: Macros, tokens: readonly Token[], directive: string): string {
  const { bytes, rest } = takeString(macros, tokens, `\`${directive}' expects a file name`);
  if (rest.length > 0) {
    macros.warn(`trailing garbage after \`${directive}' ignored [-w+pp-trailing]`);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

/** Parts of tokens between commas, without regard to parentheses. */
export function splitAtCommas(tokens: readonly Token[]): (readonly Token[])[] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (isOp(token, ',')) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}
