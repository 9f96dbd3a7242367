/**
 * Where lines come from: files, macro expansions and repetitions, stacked. The conditionals that are
 * open belong to the file: a macro may open one that the line behind its call closes.
 */

import { type Expansion, LineError, type Position } from '../diagnostics.ts';
import { detokenize, type Token, tokenize } from '../lexer.ts';
import type { Conditional } from './conditionals.ts';

/** A line before macros have been expanded in it. */
export interface RawLine {
  readonly text: string;
  readonly file: string;
  readonly number: number;
  /** Tokens, where the line has been cut already (bodies of macros and repetitions). */
  readonly tokens: readonly Token[] | undefined;
}

/** A macro being expanded. */
export interface MacroFrame {
  /** Name as it was defined, and as it was called. */
  readonly name: string;
  readonly calledAs: string;
  /** Number that makes %%labels unique. */
  readonly id: number;
  readonly parameters: readonly (readonly Token[])[];
  /** How far %rotate has moved the parameters to the left. */
  rotation: number;
  /** What stood before the call as its label. */
  readonly label: readonly Token[];
}

export interface Source {
  readonly kind: 'file' | 'macro' | 'rep';
  /** Conditionals of the file, and how many were open when this source began. */
  readonly conditionals: Conditional[];
  readonly openAtStart: number;
  readonly expansion: Expansion | undefined;
  readonly level: number;
  readonly listed: boolean;
  readonly frame: MacroFrame | undefined;
  next(): RawLine | undefined;
  /** After %exitrep: the rest of the round is listed, but not carried out. */
  draining?: boolean;
  /** Called when the source is left, at its end or early. */
  onLeave?: (() => void) | undefined;
}

/** Lines of a file, with continuation lines joined; a line has the number of its first part. */
export class FileLines {
  #file: string;
  readonly #lines: string[];
  #at = 0;
  /** Number of the next line, and by how much numbers grow. */
  #number = 1;
  #increment = 1;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#lines = text.split('\n');
    if (this.#lines.at(-1) === '') this.#lines.pop();
  }

  next(): RawLine | undefined {
    if (this.#at >= this.#lines.length) return undefined;
    const number = this.#number;
    let text = this.#take();
    while (text.endsWith('\\') && this.#at < this.#lines.length) {
      text = text.slice(0, -1) + this.#take();
    }
    return { text, file: this.#file, number, tokens: undefined };
  }

  /** %line: the line that said so has this number. */
  setLine(number: number, increment: number, file: string | undefined): void {
    this.#number = number + increment;
    this.#increment = increment;
    if (file !== undefined) this.#file = file;
  }

  #take(): string {
    this.#number += this.#increment;
    const line = this.#lines[this.#at++] as string;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}

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

/**
 * A line as it is kept in a body: cut into tokens, blanks reduced, without its comment. One that cannot
 * be cut stays as it is, to fail where it is used.
 */
export function toBodyLine(line: RawLine): RawLine {
  if (line.tokens) return line;
  try {
    const tokens = tokenize(line.text);
    return { ...line, text: detokenize(tokens), tokens };
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    return line;
  }
}

/** Position of a line within a source. */
export function positionOf(line: RawLine, source: Source): Position {
  return { file: line.file, line: line.number, expansion: source.expansion };
}
