/**
 * Where lines come from: files, macro expansions and repetitions, stacked. Each has its own open
 * conditionals, so that leaving it early (%exitrep) leaves them too.
 */

import type { Conditional } from './conditional-stack.ts';
import type { Expansion, Position } from './diagnostics.ts';
import { detokenize, type Token, tokenize } from './lexer.ts';

/** A line before macros have been expanded in it. */
export interface RawLine {
  readonly text: string;
  readonly file: string;
  readonly number: number;
  /** Tokens, where the line has been cut already (bodies of macros and repetitions). */
  readonly tokens: readonly Token[] | undefined;
}

/** Actual parameters of a macro being expanded. */
export interface MacroFrame {
  readonly name: string;
  /** Number that makes %%labels unique. */
  readonly id: number;
  parameters: readonly (readonly Token[])[];
  readonly label: readonly Token[];
}

export interface Source {
  readonly kind: 'file' | 'macro' | 'rep';
  readonly conditionals: Conditional[];
  readonly expansion: Expansion | undefined;
  readonly level: number;
  readonly listed: boolean;
  readonly macro: MacroFrame | undefined;
  next(): RawLine | undefined;
  /** After %exitrep: the rest of the round is listed, but not carried out. */
  draining?: boolean;
  /** Called when the source is left, at its end or early. */
  onLeave?: (() => void) | undefined;
}

/** Lines of a file, with continuation lines joined; a line has the number of its first part. */
export function fileLines(file: string, text: string): () => RawLine | undefined {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  let at = 0;
  return () => {
    if (at >= lines.length) return undefined;
    const number = at + 1;
    let line = stripReturn(lines[at++] as string);
    while (line.endsWith('\\') && at < lines.length) {
      line = line.slice(0, -1) + stripReturn(lines[at++] as string);
    }
    return { text: line, file, number, tokens: undefined };
  };
}

const stripReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** Lines of a body, `times` times over; the last time when `isLast` says so. */
export function bodyLines(
  body: readonly RawLine[],
  times: number,
  isLast: () => boolean = () => false,
): () => RawLine | undefined {
  let at = 0;
  let round = 0;
  return () => {
    if (at >= body.length) {
      at = 0;
      round = isLast() ? times : round + 1;
    }
    return round < times ? body[at++] : undefined;
  };
}

/** A line as it is kept in a body: cut into tokens, blanks reduced, without its comment. */
export function toBodyLine(line: RawLine): RawLine {
  if (line.tokens) return line;
  const tokens = tokenize(line.text);
  const text = detokenize(tokens).replace(/%\{(\d+)\}/g, '%$1');
  return { ...line, text, tokens };
}

/** Position of a line within a source. */
export function positionOf(line: RawLine, source: Source): Position {
  return { file: line.file, line: line.number, expansion: source.expansion };
}
