/**
 * The preprocessor (NASM manual 4): reads lines from a stack of sources, carries out the directives,
 * expands macros, and hands on what is left to assemble, line by line.
 *
 * Bounded: the depth of sources, the lines read and the tokens of an expansion have limits, so that
 * endless macros, repetitions and includes end with an error.
 */

import { branch, type Conditional, endBranch, isActive } from './conditional-stack.ts';
import { type ConditionScope, parseConditional } from './conditions.ts';
import { type DiagnosticSink, LineError, type Place } from './diagnostics.ts';
import { evaluate, type Scope } from './evaluate.ts';
import { parseExpression, TokenReader } from './expression.ts';
import { isOp, type Token, tokenize } from './lexer.ts';
import type { ListedLine } from './listing.ts';
import {
  bindArguments,
  type MultiMacro,
  MultiMacros,
  substituteParameters,
} from './multi-macros.ts';
import type { AssembleOptions } from './options.ts';
import { DIRECTIVES } from './preprocessor-directives.ts';
import {
  bodyLines,
  fileLines,
  type MacroFrame,
  positionOf,
  type RawLine,
  type Source,
  toBodyLine,
} from './preprocessor-source.ts';
import { SingleMacros } from './single-macros.ts';
import { isScalar } from './value.ts';

const MAX_SOURCES = 500;
const MAX_LINES = 1_000_000;
const MAX_INCLUDES = 64;

/** A line to assemble. */
export interface SourceLine {
  readonly tokens: readonly Token[];
  readonly place: Place;
  /** Index of the listing line that shows it. */
  readonly listed: number;
}

export interface PreprocessorSetup {
  readonly text: string;
  readonly options: AssembleOptions;
  readonly diagnostics: DiagnosticSink;
  readonly listing: ListedLine[];
  /** Symbols and `$`, for conditions and %assign. */
  readonly scope: () => Scope;
  readonly codeSize: () => number;
  /** True for words that mean something even when a macro of that name is not expanded. */
  readonly isStatementWord: (word: string) => boolean;
}

/** Body of a macro or repetition being read. */
export interface Collector {
  readonly kind: 'macro' | 'rep';
  readonly line: RawLine;
  readonly body: RawLine[];
  depth: number;
  readonly finish: () => void;
}

/** Macros that every source has, spelled `__NAME__` or `__?NAME?__`: the NASM that is followed. */
const STANDARD_MACROS = {
  NASM_MAJOR: '2',
  NASM_MINOR: '16',
  NASM_SUBMINOR: '1',
  NASM_PATCHLEVEL: '0',
  NASM_VERSION_ID: '0x02100100',
  NASM_VER: '"2.16.01"',
  OUTPUT_FORMAT: 'bin',
};

export class Preprocessor implements ConditionScope {
  readonly setup: PreprocessorSetup;
  readonly single: SingleMacros;
  readonly multi = new MultiMacros();
  collector: Collector | undefined;
  /** A condition or %assign asked for a place: the text may differ from pass to pass. */
  dependsOnPositions = false;
  place: Place = { position: { file: '', line: 0, expansion: undefined }, sourceLine: '' };
  #sources: Source[] = [];
  #pending: SourceLine[] = [];
  #lines = 0;
  #macroCount = 0;
  #sectionText = '[section .text]';

  constructor(setup: PreprocessorSetup) {
    this.setup = setup;
    const dynamic: [string, () => string][] = [
      ['LINE', () => String(this.#outermostLine())],
      ['FILE', () => quote(this.place.position.file)],
      ['BITS', () => String(setup.codeSize())],
      ['SECT', () => this.#sectionText],
    ];
    this.single = new SingleMacros(
      new Map(
        dynamic.flatMap(
          ([name, f]) =>
            [
              [`__${name}__`, f],
              [`__?${name}?__`, f],
            ] as const,
        ),
      ),
    );
    this.#predefine();
    this.#push(this.#fileSource(setup.options.file, setup.text, undefined, 0));
  }

  /** The next line to assemble, undefined at the end. */
  next(): SourceLine | undefined {
    for (;;) {
      const pending = this.#pending.shift();
      if (pending) return pending;
      const source = this.#sources.at(-1);
      if (!source) return undefined;
      const line = source.next();
      if (!line) this.#leave(source);
      else {
        this.#count(line, source);
        if (source.draining) continue;
        this.setup.diagnostics.guard(this.place, () => this.#read(line, source));
      }
    }
  }

  get conditionals(): Conditional[] {
    return this.#sources.at(-1)?.conditionals ?? [];
  }

  get macroFrame(): MacroFrame | undefined {
    return this.#sources.at(-1)?.macro;
  }

  expand(tokens: readonly Token[]): readonly Token[] {
    return this.single.expand(tokens);
  }

  isDefined(name: string): boolean {
    return this.single.isDefined(name);
  }

  isTrue(tokens: readonly Token[]): boolean {
    return this.number(tokens) !== 0n;
  }

  isMacro(tokens: readonly Token[]): boolean {
    const [name, min, dash, max] = tokens;
    const macros = name ? this.multi.named(name.text) : [];
    if (min?.kind !== 'number') return macros.length > 0;
    const low = Number(min.value);
    const high = isOp(dash, '-') ? (isOp(max, '*') ? Infinity : Number(max?.value ?? low)) : low;
    return macros.some(
      (macro) => low <= (macro.greedy ? Infinity : macro.max) && high >= macro.min,
    );
  }

  /** Number that an expression of a directive has now. */
  number(tokens: readonly Token[]): bigint {
    const reader = new TokenReader(this.expand(tokens));
    if (reader.atEnd) throw new LineError('expression expected');
    const expression = parseExpression(reader);
    if (!reader.atEnd) reader.fail('unexpected text after the expression');
    const value = evaluate(expression, this.#positionScope());
    if (value.unknown) throw new LineError('symbol not defined before use', tokens[0]?.column);
    if (!isScalar(value)) {
      throw new LineError(
        'non-constant value given to a preprocessor directive',
        tokens[0]?.column,
      );
    }
    return value.constant;
  }

  /** Repeats a body where %rep stood. */
  repeat(body: readonly RawLine[], times: number, line: RawLine): void {
    const source = this.#sources.at(-1) as Source;
    const expansion = { what: '%rep', at: positionOf(line, source) };
    const { level, listed, macro } = source;
    const repetition: Source = {
      kind: 'rep',
      conditionals: [],
      expansion,
      level: level + 1,
      listed,
      macro,
      next: bodyLines(body, times, () => repetition.draining === true),
    };
    this.#push(repetition);
  }

  /** Leaves the innermost source of a kind early, and those inside it. */
  exit(kind: 'macro' | 'rep'): void {
    const at = this.#sources.findLastIndex((source) => source.kind === kind);
    const left = this.#sources[at];
    if (!left) throw new LineError(`not within a \`%${kind}'`);
    for (const source of this.#sources.splice(at + 1).reverse()) source.onLeave?.();
    left.draining = true;
    left.conditionals.length = 0;
  }

  include(path: string, line: RawLine): void {
    const { readFile, includeDirs } = this.setup.options;
    const files = this.#sources.filter(({ kind }) => kind === 'file').length;
    if (files > MAX_INCLUDES) {
      this.setup.diagnostics.fatal(
        this.place,
        'limit',
        `includes are nested more than ${MAX_INCLUDES} deep`,
      );
    }
    const file = readFile?.(path, includeDirs ?? []);
    if (!file) {
      this.setup.diagnostics.fatal(this.place, 'include', `unable to open include file \`${path}'`);
    }
    const text = file.text ?? new TextDecoder().decode(file.bytes);
    const source = this.#sources.at(-1) as Source;
    const expansion = { what: `include of \`${file.path}'`, at: positionOf(line, source) };
    this.#push(this.#fileSource(file.path, text, expansion, source.level + 1));
  }

  #fileSource(path: string, text: string, expansion: Source['expansion'], level: number): Source {
    const next = fileLines(path, text);
    return {
      kind: 'file',
      conditionals: [],
      expansion,
      level,
      listed: true,
      macro: undefined,
      next,
    };
  }

  #predefine(): void {
    const standard = Object.entries(STANDARD_MACROS).flatMap(([name, value]) => [
      [`__${name}__`, value] as const,
      [`__?${name}?__`, value] as const,
    ]);
    const own = Object.entries(this.setup.options.defines ?? {});
    for (const [name, value] of [...standard, ...own]) {
      this.single.define({ name, parameters: undefined, body: tokenize(value) }, false);
    }
  }

  #push(source: Source): void {
    if (this.#sources.length >= MAX_SOURCES) {
      this.setup.diagnostics.fatal(
        this.place,
        'limit',
        'macros are nested too deeply: endless recursion?',
      );
    }
    this.#sources.push(source);
  }

  #leave(source: Source): void {
    this.#sources.pop();
    source.onLeave?.();
    const open = source.conditionals[0];
    if (open) this.#unfinished(open.line, source, "expected `%endif' before the end of the source");
    if (this.collector && this.#sources.length === 0) {
      const { kind, line } = this.collector;
      this.#unfinished(line, source, `expected \`${kind === 'rep' ? '%endrep' : '%endmacro'}'`);
      this.collector = undefined;
    }
  }

  #unfinished(line: RawLine, source: Source, message: string): void {
    const place = { position: positionOf(line, source), sourceLine: line.text };
    this.setup.diagnostics.error(place, message);
  }

  #count(line: RawLine, source: Source): void {
    this.place = { position: positionOf(line, source), sourceLine: line.text };
    if (++this.#lines > MAX_LINES) {
      this.setup.diagnostics.fatal(
        this.place,
        'limit',
        `more than ${MAX_LINES} lines: endless expansion?`,
      );
    }
    if (!source.listed) return;
    const { text, number } = line;
    this.#list(number, text, source.level);
  }

  #list(number: number, text: string, level: number): void {
    this.setup.listing.push({ number, text, level, pieces: [], messages: [] });
  }

  #read(line: RawLine, source: Source): void {
    const word = directiveOf(line);
    if (this.collector) {
      this.#collect(this.collector, line, word);
      return;
    }
    const emitting = this.conditionals.every(isActive);
    if (!emitting && !(word && isConditional(word))) return;
    let tokens: readonly Token[] = line.tokens ?? tokenize(line.text);
    if (source.macro) tokens = substituteParameters(tokens, source.macro);
    const [first, ...rest] = tokens;
    if (!first) return;
    if (first.kind === 'pp' && /^%[a-z]/i.test(first.text)) {
      this.#direct(first, rest, line);
      return;
    }
    this.#emit(this.expand(tokens), line, source);
  }

  #collect(collector: Collector, line: RawLine, word: string | undefined): void {
    const opens =
      collector.kind === 'macro' ? word === '%macro' || word === '%imacro' : word === '%rep';
    const closes =
      collector.kind === 'macro' ? word === '%endmacro' || word === '%endm' : word === '%endrep';
    if (opens) collector.depth++;
    if (closes && --collector.depth === 0) {
      this.collector = undefined;
      collector.finish();
    } else collector.body.push(toBodyLine(line));
  }

  #direct(directive: Token, rest: readonly Token[], line: RawLine): void {
    const name = directive.text.toLowerCase();
    const conditional = parseConditional(name);
    if (conditional) {
      const test = (): boolean => conditional.test(rest, this);
      branch(this.conditionals, conditional.isElse, test, line);
      return;
    }
    if (name === '%else' || name === '%endif') {
      endBranch(this.conditionals, name);
      return;
    }
    const handler = DIRECTIVES.get(name);
    if (!handler) {
      throw new LineError(`unknown preprocessor directive \`${directive.text}'`, directive.column);
    }
    handler(this, rest, line);
  }

  #emit(tokens: readonly Token[], line: RawLine, source: Source): void {
    if (tokens.length === 0 || this.#callMacro(tokens, line, source)) return;
    this.#noteSection(tokens);
    const listed = this.setup.listing.length - 1;
    this.#pending.push({ tokens, place: this.place, listed });
  }

  /** `__SECT__` is the last section directive that the user wrote. */
  #noteSection(tokens: readonly Token[]): void {
    const word = tokens[0]?.text.toLowerCase();
    if (word !== 'section' && word !== 'segment' && word !== 'absolute') return;
    this.#sectionText = `[${tokens
      .map((t) => (t.space ? ` ${t.text}` : t.text))
      .join('')
      .trim()}]`;
  }

  #callMacro(tokens: readonly Token[], line: RawLine, source: Source): boolean {
    const at = this.#macroIndex(tokens);
    if (at === undefined) return false;
    const name = (tokens[at] as Token).text;
    const macros = this.multi.named(name);
    const bound = bindArguments(macros, tokens.slice(at + 1));
    if (!bound) return this.#refuseCall(name, macros);
    const { macro, parameters } = bound;
    const label = tokens.slice(0, at);
    if (label.length > 0) this.#emitLabel(label, line, source, macro);
    macro.inProgress = true;
    const frame: MacroFrame = {
      name,
      id: this.#macroCount++,
      parameters,
      label: label.slice(0, 1),
    };
    this.#push({
      kind: 'macro',
      conditionals: [],
      expansion: { what: `macro \`${name}'`, at: positionOf(line, source) },
      level: source.level + 1,
      listed: source.listed && macro.listed,
      macro: frame,
      next: bodyLines(macro.body, 1),
      onLeave: () => {
        macro.inProgress = false;
      },
    });
    return true;
  }

  /** A label before a macro call stands on a line of its own. */
  #emitLabel(label: readonly Token[], line: RawLine, source: Source, macro: MultiMacro): void {
    const name = label[0] as Token;
    const colon: Token = {
      kind: 'op',
      text: ':',
      column: name.column + name.text.length,
      space: false,
    };
    if (source.listed && macro.listed) this.#list(line.number, `${name.text}: `, source.level + 1);
    const listed = this.setup.listing.length - 1;
    this.#pending.push({ tokens: [name, colon], place: this.place, listed });
  }

  /** Index of a macro's name: first, or behind a label. */
  #macroIndex(tokens: readonly Token[]): number | undefined {
    const isMacro = (token: Token | undefined): boolean =>
      token?.kind === 'id' && this.multi.named(token.text).length > 0;
    const colon = isOp(tokens[1], ':');
    if (isMacro(tokens[0]) && !colon) return 0;
    if (tokens[0]?.kind !== 'id') return undefined;
    const at = colon ? 2 : 1;
    if (!colon && this.setup.isStatementWord(tokens[0].text.toLowerCase())) return undefined;
    return isMacro(tokens[at]) ? at : undefined;
  }

  /** A call that no macro of the name takes: an instruction of that name is meant, or it is an error. */
  #refuseCall(name: string, macros: readonly MultiMacro[]): boolean {
    if (this.setup.isStatementWord(name.toLowerCase())) return false;
    const recursive = macros.some((macro) => macro.inProgress);
    throw new LineError(
      recursive
        ? `macro \`${name}' calls itself: recursion is not supported`
        : `macro \`${name}' exists, but not taking this number of parameters`,
    );
  }

  #outermostLine(): number {
    let { position } = this.place;
    while (position.expansion && !position.expansion.what.startsWith('include')) {
      position = position.expansion.at;
    }
    return position.line;
  }

  #positionScope(): Scope {
    const scope = this.setup.scope();
    const noting = <T>(value: T): T => {
      this.dependsOnPositions = true;
      return value;
    };
    return {
      symbol: (name, column) => noting(scope.symbol(name, column)),
      here: () => noting(scope.here()),
      base: () => noting(scope.base()),
    };
  }
}

/** Lower-case directive that begins a line, without cutting the line up. */
function directiveOf(line: RawLine): string | undefined {
  return /^\s*(%[a-z]+)/i.exec(line.text)?.[1]?.toLowerCase();
}

function isConditional(word: string): boolean {
  return word === '%else' || word === '%endif' || /^%(el)?if/.test(word);
}

function quote(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}
