/**
 * The assembler's front door: source text in; flat binary or object file, symbols, listing and
 * warnings out.
 *
 * Passes go on until no symbol moves; the last one writes (see pass.ts). The preprocessor runs once,
 * unless one of its conditions asked for a place in the output: then it runs in every pass.
 */

import {
  Abort,
  AssemblyError,
  type Diagnostic,
  DiagnosticSink,
  LineError,
  type Place,
} from './diagnostics.ts';
import { ElfFormat } from './elf/elf-format.ts';
import { execute } from './execute.ts';
import { FlatFormat } from './flat/flat-format.ts';
import type { OutputFile, OutputFormat, Program } from './format.ts';
import type { Token } from './lexer.ts';
import { formatListing, type ListedLine } from './listing.ts';
import type { AssembleOptions, IncludedFile } from './options.ts';
import { addressOf, Output } from './output.ts';
import { parseLine } from './parser.ts';
import { Pass, type PassKind } from './pass.ts';
import { Preprocessor, type SourceLine } from './preprocessor/preprocessor.ts';
import { Sections } from './section.ts';
import type { Statement } from './statement.ts';
import { SymbolTable } from './symbols.ts';
import { Warnings } from './warnings.ts';

export type SymbolMap = ReadonlyMap<
  string,
  { readonly value: bigint; readonly section: string | undefined }
>;

export interface Assembly {
  /** The flat binary, or the object file. */
  readonly bytes: Uint8Array;
  /** Address of the first byte of a flat binary (org). */
  readonly origin: bigint;
  /** Address behind all that a flat binary takes in memory, sections without contents included. */
  readonly end: bigint;
  /** Symbols with their addresses (in an object: offsets); `section` is undefined for constants. */
  readonly symbols: SymbolMap;
  /** The listing in NASM's format. */
  listing(): string;
  readonly warnings: readonly Diagnostic[];
}

/** Assembles a source. Throws AssemblyError with all errors that were found. */
export function assemble(source: string, options: AssembleOptions): Assembly {
  return new Assembler(source, options).run();
}

function makeFormat({ format = 'bin', flat }: AssembleOptions): OutputFormat {
  return format === 'bin' ? new FlatFormat(flat) : new ElfFormat(format);
}

const MAX_PASSES = 1000;
const MAX_STALLED = 50;

interface ProgramLine {
  readonly line: SourceLine;
  readonly statement: Statement;
}

class Assembler {
  readonly #source: string;
  readonly #options: AssembleOptions;
  readonly #diagnostics: DiagnosticSink;
  readonly #format: OutputFormat;
  readonly #outcome: Program;
  readonly #binaries = new Map<string, IncludedFile | undefined>();
  #listing: ListedLine[] = [];
  #program: ProgramLine[] | undefined;
  /** Statements by their tokens: the rounds of a repetition hand on the same ones. */
  readonly #parsed = new WeakMap<readonly Token[], Statement>();
  #listedLine = -1;
  #defaultRel = false;

  constructor(source: string, options: AssembleOptions) {
    this.#source = source;
    this.#options = options;
    this.#diagnostics = new DiagnosticSink(new Warnings(options.warnings));
    const format = makeFormat(options);
    this.#format = format;
    this.#outcome = {
      file: options.file,
      sections: new Sections((name) => format.makeSection(name)),
      symbols: new SymbolTable(),
      output: new Output(),
      debug: options.debug && format.record(options),
    };
    this.#diagnostics.onReport = (diagnostic) => this.#listMessage(diagnostic);
  }

  run(): Assembly {
    const diagnostics = this.#diagnostics;
    try {
      this.#settle();
      this.#pass('final');
      if (diagnostics.errorCount === 0) return this.#finish();
    } catch (error) {
      if (!(error instanceof Abort)) throw error;
      throw new AssemblyError(error.code, diagnostics.list);
    }
    throw new AssemblyError('syntax', diagnostics.list);
  }

  /** Passes until no symbol changes. */
  #settle(): void {
    let last = Number.POSITIVE_INFINITY;
    let stalled = 0;
    this.#pass('first');
    for (let count = 1; ; count++) {
      this.#pass('settle');
      const { changed } = this.#outcome.symbols;
      if (changed === 0) return;
      stalled = changed >= last ? stalled + 1 : 0;
      last = changed;
      if (count < MAX_PASSES && stalled < MAX_STALLED) continue;
      const place = this.#wholeSource();
      if (this.#diagnostics.errorCount > 0) return;
      const message = `unable to find valid values for all labels after ${count} passes; giving up`;
      this.#diagnostics.fatal(place, 'limit', message);
    }
  }

  #wholeSource(): Place {
    return {
      position: { file: this.#options.file, line: 1, expansion: undefined },
      sourceLine: '',
    };
  }

  #pass(kind: PassKind): void {
    const pass = new Pass({
      kind,
      program: this.#outcome,
      format: this.#format,
      diagnostics: this.#diagnostics,
      listPiece: (offset, piece) => this.#listing[this.#listedLine]?.pieces.push({ offset, piece }),
      readBinary: (path) => this.#readBinary(path),
      defaultRel: this.#defaultRel,
    });
    if (this.#program)
      for (const { line, statement } of this.#program) this.#step(pass, line, statement);
    else this.#preprocess(pass);
    this.#defaultRel = pass.defaultRel;
  }

  /** Reads the source and carries it out line by line, so that conditions may ask for `$`. */
  #preprocess(pass: Pass): void {
    this.#listing = [];
    const program: ProgramLine[] = [];
    const preprocessor = new Preprocessor({
      text: this.#source,
      options: this.#options,
      diagnostics: this.#diagnostics,
      listing: this.#listing,
      scope: () => pass,
      codeSize: () => pass.mode,
      isListing: () => pass.isListing,
      isFinal: pass.isFinal,
    });
    this.#listedLine = -1;
    for (;;) {
      this.#listedLine = -1;
      const line = preprocessor.next();
      if (!line) break;
      const statement = this.#parse(line);
      if (!statement) continue;
      program.push({ line, statement });
      this.#step(pass, line, statement);
    }
    if (!preprocessor.dependsOnPositions) this.#program = program;
  }

  #parse(line: SourceLine): Statement | undefined {
    this.#listedLine = line.listed;
    let statement = this.#parsed.get(line.tokens);
    if (statement) return statement;
    this.#diagnostics.guard(line.place, () => {
      statement = line.message
        ? { label: undefined, times: undefined, body: { kind: 'message', ...line.message } }
        : parseLine(line.tokens);
      if (statement) this.#parsed.set(line.tokens, statement);
    });
    return statement;
  }

  #step(pass: Pass, line: SourceLine, statement: Statement): void {
    this.#listedLine = line.listed;
    pass.startLine(line.place);
    this.#diagnostics.guard(line.place, () => execute(pass, statement));
  }

  /** Shows warnings in the listing, at the line being assembled or read. */
  #listMessage({ severity, message }: Diagnostic): void {
    const line = this.#listing[this.#listedLine] ?? this.#listing.at(-1);
    line?.messages.push(`${severity}: ${message}`);
  }

  #readBinary(path: string): IncludedFile | undefined {
    if (!this.#binaries.has(path)) {
      const { readFile, includeDirs } = this.#options;
      this.#binaries.set(path, readFile?.(path, includeDirs ?? []));
    }
    return this.#binaries.get(path);
  }

  #finish(): Assembly {
    const file = this.#write();
    const listing = this.#listing;
    return {
      bytes: file.bytes,
      origin: file.origin,
      end: file.end,
      symbols: this.#symbolMap(),
      listing: () => formatListing(listing),
      warnings: this.#diagnostics.list.filter(({ severity }) => severity !== 'error'),
    };
  }

  #write(): OutputFile {
    try {
      return this.#format.finish(this.#outcome);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      return this.#diagnostics.fatal(this.#wholeSource(), error.code, error.message);
    }
  }

  #symbolMap(): SymbolMap {
    const map = new Map<string, { value: bigint; section: string | undefined }>();
    for (const { name, base, offset } of this.#outcome.symbols.values()) {
      if (base?.kind === 'external') continue;
      const value = BigInt.asUintN(64, base ? addressOf(base) + offset : offset);
      map.set(name, { value, section: base?.section.name });
    }
    return map;
  }
}
