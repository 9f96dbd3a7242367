/**
 * Errors and warnings of the assembler: where they are, how they are shown, and how many are kept.
 *
 * A position names a file and line and, inside an expansion, the chain of macros, repetitions and
 * includes that led there, innermost first. All errors of a run are collected; the same message at the
 * same place counts once, and past a limit the run is given up.
 */

import { Warnings } from './warnings.ts';

/** What an expansion came from: `macro 'name'`, `%rep`, or an include, and the line that started it. */
export interface Expansion {
  readonly what: string;
  readonly at: Position;
}

export interface Position {
  readonly file: string;
  readonly line: number;
  readonly expansion: Expansion | undefined;
}

export type Severity = 'error' | 'warning' | 'note';

export interface Diagnostic {
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  /** 1-based; 0 where only the line is known. */
  readonly column: number;
  /** The source line, in which `column` counts. */
  readonly sourceLine: string;
  /** Expansions and includes that led to the line, innermost first. */
  readonly chain: readonly Expansion[];
}

export type AssemblyErrorCode = 'syntax' | 'limit' | 'include';

/** Thrown when a source cannot be assembled; carries every error and warning that was found. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
  readonly code: AssemblyErrorCode;
  readonly diagnostics: readonly Diagnostic[];

  constructor(code: AssemblyErrorCode, diagnostics: readonly Diagnostic[]) {
    super(
      diagnostics
        .filter((d) => d.severity === 'error')
        .map(formatDiagnostic)
        .join('\n'),
    );
    this.code = code;
    this.diagnostics = diagnostics;
  }
}

/** Ends the run at once, after the error that explains it has been reported. */
export class Abort extends Error {
  readonly code: AssemblyErrorCode;
  constructor(code: AssemblyErrorCode) {
    super(code);
    this.code = code;
  }
}

/** An error in one line, thrown by the parsers and caught where the line is known. */
export class LineError extends Error {
  /** 1-based column, 0 where unknown. */
  readonly column: number;
  readonly code: AssemblyErrorCode;
  constructor(message: string, column = 0, code: AssemblyErrorCode = 'syntax') {
    super(message);
    this.column = column;
    this.code = code;
  }
}

/** Runs `action`; an error of its that tells no column gets this one. */
export function locate<T>(column: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof LineError) || error.column > 0) throw error;
    throw new LineError(error.message, column, error.code);
  }
}

/** A place in a line of source, as far as diagnostics need it. */
export interface Place {
  readonly position: Position;
  readonly sourceLine: string;
}

const MAX_ERRORS = 100;
const MAX_WARNINGS = 1000;

/** Collects diagnostics; `onReport` hears of each one kept. */
export class DiagnosticSink {
  readonly list: Diagnostic[] = [];
  onReport: ((diagnostic: Diagnostic) => void) | undefined;
  readonly warnings: Warnings;
  readonly #seen = new Set<string>();
  #errors = 0;
  #warnings = 0;

  constructor(warnings = new Warnings()) {
    this.warnings = warnings;
  }

  get errorCount(): number {
    return this.#errors;
  }

  error(place: Place, message: string, column = 0): void {
    if (!this.#keep('error', place, message, column)) return;
    this.#errors++;
    if (this.#errors < MAX_ERRORS) return;
    this.#keep('error', place, `too many errors (${MAX_ERRORS}), giving up`, 0);
    throw new Abort('syntax');
  }

  warn(place: Place, message: string, column = 0): void {
    const severity = this.warnings.severityOf(message);
    if (severity === 'error') this.error(place, message.replace('[-w+', '[-w+error='), column);
    if (severity !== 'warning' || this.#warnings >= MAX_WARNINGS) return;
    if (this.#keep('warning', place, message, column)) this.#warnings++;
  }

  note(place: Place, message: string): void {
    this.#keep('note', place, message, 0);
  }

  /** Reports and ends the run. */
  fatal(place: Place, code: AssemblyErrorCode, message: string, column = 0): never {
    if (this.#keep('error', place, message, column)) this.#errors++;
    throw new Abort(code);
  }

  /** Runs `action`, turning a LineError into an error at `place`. */
  guard(place: Place, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.error(place, error.message, error.column);
      return false;
    }
  }

  #keep(severity: Severity, place: Place, message: string, column: number): boolean {
    const { position, sourceLine } = place;
    const diagnostic: Diagnostic = {
      severity,
      message,
      file: position.file,
      line: position.line,
      column,
      sourceLine,
      chain: chainOf(position),
    };
    const key = `${formatDiagnostic(diagnostic)}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    this.list.push(diagnostic);
    this.onReport?.(diagnostic);
    return true;
  }
}

const MAX_CHAIN = 20;

function chainOf(position: Position): Expansion[] {
  const chain: Expansion[] = [];
  let expansion = position.expansion;
  while (expansion && chain.length < MAX_CHAIN) {
    chain.push(expansion);
    expansion = expansion.at.expansion;
  }
  return chain;
}

/**
 * `file:line:column: error: message`, the source line with a caret below the column, and one line for
 * each expansion.
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message, sourceLine, chain } = diagnostic;
  const where = column > 0 ? `${file}:${line}:${column}` : `${file}:${line}`;
  const lines = [`${where}: ${severity}: ${message}`];
  if (sourceLine.trim() !== '') {
    lines.push(`    ${sourceLine}`);
    if (column > 0) lines.push(`    ${caretIndent(sourceLine, column)}^`);
  }
  for (const { what, at } of chain) lines.push(`${at.file}:${at.line}: ... from ${what}`);
  return lines.join('\n');
}

/** Blanks up to a column; tabs stay tabs, so that the caret lines up. */
function caretIndent(sourceLine: string, column: number): string {
  return sourceLine.slice(0, column - 1).replace(/[^\t]/g, ' ');
}
