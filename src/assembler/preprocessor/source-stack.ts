/**
 * The stack of files, macro expansions and repetitions that lines are read from, and how they are left:
 * at their end, by %exitmacro, or by %exitrep.
 */

import { type AssemblyErrorCode, type Expansion, LineError } from '../diagnostics.ts';
import type { MultiMacro } from './multi-macros.ts';
import {
  bodyLines,
  FileLines,
  type MacroFrame,
  positionOf,
  type RawLine,
  type Source,
} from './source.ts';

const MAX_SOURCES = 10_000;
const MAX_INCLUDES = 64;

export class SourceStack {
  readonly #sources: Source[] = [];
  readonly #files: FileLines[] = [];
  /** Reports an error and ends the run. */
  readonly #fatal: (code: AssemblyErrorCode, message: string) => never;

  constructor(fatal: (code: AssemblyErrorCode, message: string) => never) {
    this.#fatal = fatal;
  }

  get top(): Source | undefined {
    return this.#sources.at(-1);
  }

  /** The source that is assembled. */
  begin(path: string, text: string): void {
    this.#pushFile(path, text, undefined, 0, true);
  }

  /** A file or package in the place of a line. */
  include(path: string, text: string, what: string, line: RawLine, listed: boolean): void {
    if (this.#files.length > MAX_INCLUDES) {
      this.#fatal('limit', `includes are nested more than ${MAX_INCLUDES} deep`);
    }
    const outer = this.top as Source;
    const expansion = { what, at: positionOf(line, outer) };
    this.#pushFile(path, text, expansion, outer.level + 1, outer.listed && listed);
  }

  repeat(body: readonly RawLine[], times: number, line: RawLine, listed: boolean): void {
    const outer = this.top as Source;
    const repetition: Source = {
      kind: 'rep',
      ...inside(outer, { what: '%rep', at: positionOf(line, outer) }, listed),
      frame: outer.frame,
      next: bodyLines(body, times, () => repetition.draining === true),
    };
    this.#push(repetition);
  }

  callMacro(macro: MultiMacro, frame: MacroFrame, line: RawLine): void {
    const outer = this.top as Source;
    const expansion = { what: `macro \`${frame.calledAs}'`, at: positionOf(line, outer) };
    macro.active++;
    this.#push({
      kind: 'macro',
      ...inside(outer, expansion, macro.listed),
      frame,
      next: bodyLines(macro.body[0]?.file === '' ? standIn(macro.body, line) : macro.body, 1),
      onLeave: () => {
        macro.active--;
      },
    });
  }

  /** Leaves the innermost source. */
  leave(): Source | undefined {
    const source = this.#sources.pop();
    source?.onLeave?.();
    return source;
  }

  /** The innermost repetition goes on to its end without doing anything. */
  exitRepeat(): void {
    const source = this.#ofThisFile().findLast(({ kind }) => kind === 'rep');
    if (!source) throw new LineError("`%exitrep' not within `%rep' block");
    source.draining = true;
  }

  /** Leaves the innermost macro, with all that it has opened. */
  exitMacro(): void {
    const macro = this.#ofThisFile().findLast(({ kind }) => kind === 'macro');
    if (!macro) throw new LineError("`%exitmacro' not within `%macro' block");
    while (this.leave() !== macro);
    const { conditionals, openAtStart } = macro;
    conditionals.length = Math.min(conditionals.length, openAtStart);
  }

  setLine(number: number, increment: number, file: string | undefined): void {
    this.#files.at(-1)?.setLine(number, increment, file);
  }

  #pushFile(
    path: string,
    text: string,
    expansion: Expansion | undefined,
    level: number,
    listed: boolean,
  ): void {
    const file = new FileLines(path, text);
    this.#files.push(file);
    this.#push({
      kind: 'file',
      conditionals: [],
      openAtStart: 0,
      expansion,
      level,
      listed,
      frame: undefined,
      next: () => file.next(),
      onLeave: () => {
        this.#files.pop();
      },
    });
  }

  #push(source: Source): void {
    if (this.#sources.length >= MAX_SOURCES) {
      this.#fatal('limit', 'macros are nested too deeply: endless recursion?');
    }
    this.#sources.push(source);
  }

  /** The current file and the expansions in it. */
  #ofThisFile(): Source[] {
    const file = this.#sources.findLastIndex(({ kind }) => kind === 'file');
    return this.#sources.slice(file);
  }
}

/** The body of a macro that is in no file: its errors show the line that called it. */
function standIn(body: readonly RawLine[], { text, file, number }: RawLine): RawLine[] {
  return body.map((line) => ({ ...line, text, file, number }));
}

/** What an expansion has from the source that it stands in. */
function inside(
  { conditionals, level, listed }: Source,
  expansion: Expansion,
  isListed: boolean,
): Pick<Source, 'conditionals' | 'openAtStart' | 'expansion' | 'level' | 'listed'> {
  return {
    conditionals,
    openAtStart: conditionals.length,
    expansion,
    level: level + 1,
    listed: listed && isListed,
  };
}
