/**
 * The preprocessor (NASM manual 4): reads lines from a stack of sources, carries out the directives,
 * expands macros, and hands on what is left to assemble, line by line.
 *
 * Bounded: the depth of sources, the lines read and the tokens of an expansion have limits, so that
 * endless macros, repetitions and includes end with an error.
 */

import { Abort, type DiagnosticSink, LineError, type Place } from '../diagnostics.ts';
import type { Scope } from '../evaluate.ts';
import { detokenize, isOp, type Token, tokenize } from '../lexer.ts';
import type { ListedLine } from '../listing.ts';
import type { AssembleOptions } from '../options.ts';
import { branch, endBranch, isEmitting } from './conditionals.ts';
import { conditionNamed } from './conditions.ts';
import { isContextLocal } from './contexts.ts';
import type { MessageSeverity, PreprocessorApi, StackModel } from './directive.ts';
import { DIRECTIVES } from './directives.ts';
import { bindCall, type MacroCall } from './macro-call.ts';
import { Macros } from './macros.ts';
import { packageText } from './packages.ts';
import { joinWords, substitute } from './parameters.ts';
import { type MacroFrame, positionOf, type RawLine, type Source, toBodyLine } from './source.ts';
import { SourceStack } from './source-stack.ts';
import { initialStack } from './stack-directives.ts';
import { numbersTaken, standardConstants } from './standard.ts';
import { nameToken, numberTokens, stringToken, trimEnd } from './tokens.ts';

const MAX_LINES = 1_000_000;

/** A line to assemble, or a message that the source makes when it is. */
export interface SourceLine {
  readonly tokens: readonly Token[];
  readonly place: Place;
  /** Index of the listing line that shows it. */
  readonly listed: number;
  readonly message: { readonly severity: MessageSeverity; readonly text: string } | undefined;
}

export interface PreprocessorSetup {
  readonly text: string;
  readonly options: AssembleOptions;
  readonly diagnostics: DiagnosticSink;
  readonly listing: ListedLine[];
  /** Symbols and `$`, for conditions and %assign. */
  readonly scope: () => Scope;
  readonly codeSize: () => number;
  readonly isListing: () => boolean;
  readonly isFinal: boolean;
}

/** Body of a macro or repetition being read. */
interface Collector {
  readonly kind: 'macro' | 'rep';
  readonly line: RawLine;
  readonly body: RawLine[];
  /** Macros and repetitions that have begun inside the body. */
  readonly open: { macro: number; rep: number };
  readonly finish: () => void;
}

export class Preprocessor implements PreprocessorApi {
  readonly macros: Macros;
  readonly stack: StackModel = initialStack();
  saneEmptyExpansion = false;
  readonly #setup: PreprocessorSetup;
  #place: Place = { position: { file: '', line: 0, expansion: undefined }, sourceLine: '' };
  readonly #sources: SourceStack;
  #pending: SourceLine[] = [];
  #collector: Collector | undefined;
  #lines = 0;
  #ids = 0;
  /** `align` raises the alignment of its section, too: sectalign on. */
  #alignsSections = true;

  constructor(setup: PreprocessorSetup) {
    this.#setup = setup;
    const { options, text } = setup;
    this.macros = new Macros({
      dynamic: this.#dynamicMacros(),
      environment: options.environment ?? {},
      scope: setup.scope,
      warn: (message) => setup.diagnostics.warn(this.#place, message),
    });
    this.#predefine();
    this.#sources = new SourceStack((code, message) =>
      setup.diagnostics.fatal(this.#place, code, message),
    );
    this.#sources.begin(options.file, text);
    this.#preInclude(options);
  }

  /** A condition or %assign asked for what changes from pass to pass: it must run in each. */
  get dependsOnPositions(): boolean {
    return this.macros.dependsOnPositions;
  }

  get frame(): MacroFrame | undefined {
    return this.#sources.top?.frame;
  }

  /** The next line to assemble, undefined at the end. */
  next(): SourceLine | undefined {
    for (;;) {
      const pending = this.#pending.shift();
      if (pending) return pending;
      const source = this.#sources.top;
      if (!source) return undefined;
      const line = source.next();
      if (!line) this.#leave();
      else {
        this.#count(line, source);
        this.#setup.diagnostics.guard(this.#place, () => this.#read(line, source));
      }
    }
  }

  nextId(): number {
    return this.#ids++;
  }

  collect(kind: 'macro' | 'rep', line: RawLine, body: RawLine[], finish: () => void): void {
    this.#collector = { kind, line, body, open: { macro: 0, rep: 0 }, finish };
  }

  repeat(body: readonly RawLine[], times: number, line: RawLine, listed: boolean): void {
    this.#sources.repeat(body, times, line, listed);
  }

  exitRepeat(): void {
    this.#sources.exitRepeat();
  }

  exitMacro(): void {
    this.#sources.exitMacro();
  }

  include(path: string, line: RawLine): void {
    this.#include(path, line, true);
  }

  /** Files that the command line wants before the source: the first one is read first. */
  #preInclude({ file, preIncludes = [] }: AssembleOptions): void {
    const line = { text: '', file, number: 1, tokens: undefined };
    this.#place = { position: { file, line: 1, expansion: undefined }, sourceLine: '' };
    for (const path of preIncludes.toReversed()) this.#include(path, line, false);
  }

  #include(path: string, line: RawLine, listed: boolean): void {
    const { readFile, includeDirs } = this.#setup.options;
    const file = readFile?.(path, includeDirs ?? []);
    if (file) {
      const text = file.text ?? new TextDecoder().decode(file.bytes);
      this.#sources.include(file.path, text, `include of \`${file.path}'`, line, listed);
      return;
    }
    const message = `unable to open include file \`${path}'`;
    this.#setup.diagnostics.fatal(this.#place, 'include', message);
  }

  use(name: string, line: RawLine): void {
    if (this.macros.isUsing(name)) return;
    this.macros.loadedPackages.add(name);
    const what = `package \`${name}'`;
    this.#sources.include(`%use ${name}`, packageText(name), what, line, false);
  }

  findFile(path: string): string | undefined {
    const { readFile, includeDirs } = this.#setup.options;
    return readFile?.(path, includeDirs ?? [])?.path;
  }

  setLine(number: number, increment: number, file: string | undefined): void {
    this.#sources.setLine(number, increment, file);
  }

  directive(text: string): void {
    this.#emitLine(tokenize(text));
  }

  /** Only what is still there when nothing changes any more counts, so the last pass says it. */
  message(severity: MessageSeverity, text: string): void {
    this.#emitLine([], { severity, text });
  }

  fatal(text: string): never {
    this.#setup.diagnostics.error(this.#place, text);
    throw new Abort('syntax');
  }

  #dynamicMacros(): ReadonlyMap<string, () => readonly Token[]> {
    const { codeSize, isFinal } = this.#setup;
    const pointer = { 16: 'word', 32: 'dword', 64: 'qword' } as Record<number, string>;
    const macros: Record<string, () => readonly Token[]> = {
      LINE: () => numberTokens(BigInt(this.#outermostLine())),
      FILE: () => [stringToken(this.#place.position.file)],
      BITS: () => numberTokens(BigInt(codeSize())),
      PTR: () => [nameToken(pointer[codeSize()] as string)],
      PASS: () => {
        this.macros.dependsOnPositions = true;
        return numberTokens(isFinal ? 2n : 1n);
      },
    };
    const entries = Object.entries(macros);
    return new Map(
      entries.flatMap(([name, text]) => [
        [`__${name}__`, text],
        [`__?${name}?__`, text],
      ]),
    );
  }

  #predefine(): void {
    const { defines = {}, undefines = [], format = 'bin', debug } = this.#setup.options;
    const define = (name: string, text: string): void => {
      const body = tokenize(text);
      this.macros.define(nameToken(name), { parameters: undefined, body, foldCase: false });
    };
    const more = {
      OUTPUT_FORMAT: format,
      SECT: '[section .text]',
      ...(debug ? { DEBUG_FORMAT: debug } : {}),
    };
    for (const [name, alias, text] of standardConstants(more)) {
      define(name, text);
      const target = { parameters: undefined, body: [nameToken(name)], foldCase: false };
      this.macros.define(nameToken(alias), target, true);
    }
    for (const [name, text] of Object.entries(defines)) define(name, text);
    for (const name of undefines) this.macros.undefine(nameToken(name));
  }

  #leave(): void {
    const source = this.#sources.leave();
    if (source?.kind !== 'file') return;
    const open = source.conditionals[0];
    if (open) this.#unfinished(open.line, source, "expected `%endif' before end of file");
    const collector = this.#collector;
    if (!collector || this.#sources.top) return;
    const { kind, line } = collector;
    const what = kind === 'rep' ? '%rep' : '%macro';
    this.#unfinished(line, source, `end of file while still in \`${what}'`);
    this.#collector = undefined;
  }

  #unfinished(line: RawLine, source: Source, message: string): void {
    const place = { position: positionOf(line, source), sourceLine: line.text };
    this.#setup.diagnostics.error(place, message);
  }

  #count(line: RawLine, source: Source): void {
    this.#place = { position: positionOf(line, source), sourceLine: line.text };
    if (++this.#lines > MAX_LINES) {
      const message = `more than ${MAX_LINES} lines: endless expansion?`;
      this.#setup.diagnostics.fatal(this.#place, 'limit', message);
    }
    if (source.listed) this.#list(line.number, line.text, source.level);
  }

  #list(number: number, text: string, level: number): void {
    const { listing, isListing } = this.#setup;
    listing.push({ number, text, level, hidden: !isListing(), pieces: [], messages: [] });
  }

  #read(line: RawLine, source: Source): void {
    const word = directiveOf(line);
    const emitting = !source.draining && isEmitting(source.conditionals);
    if (!emitting) {
      if (word && isConditional(word)) this.#branch(word, line, source);
      return;
    }
    if (this.#collector) {
      this.#collect(this.#collector, line, word);
      return;
    }
    const tokens = this.#tokensOf(line, source);
    const first = tokens[0];
    if (!first) return;
    if (first.kind === 'pp' && /^%[a-z]/i.test(first.text)) {
      this.#direct(first, tokens.slice(1), line, source);
    } else this.#emit(tokens, line, source);
  }

  /** Tokens of a line, with parameters and `%[...]` replaced. */
  #tokensOf(line: RawLine, { frame }: Source): readonly Token[] {
    const tokens = line.tokens ?? tokenize(line.text);
    return substitute(tokens, frame, (inner) => this.macros.expand(inner));
  }

  #collect(collector: Collector, line: RawLine, word: string | undefined): void {
    const { kind, open } = collector;
    const change = word === undefined ? undefined : BODY_WORDS.get(word);
    if (change) {
      const [of, by] = change;
      const tracked = of === 'macro' || (kind === 'rep' && open.macro === 0);
      if (by < 0 && of === kind && open[kind] === 0 && tracked) {
        this.#collector = undefined;
        collector.finish();
        return;
      }
      if (tracked) open[of] = Math.max(0, open[of] + by);
    }
    collector.body.push(toBodyLine(line));
  }

  #direct(directive: Token, rest: readonly Token[], line: RawLine, source: Source): void {
    const name = directive.text.toLowerCase();
    if (isConditional(name)) {
      this.#branch(name, line, source);
      return;
    }
    const handler = DIRECTIVES.get(name);
    if (!handler) {
      throw new LineError(`unknown preprocessor directive \`${directive.text}'`, directive.column);
    }
    handler(this, trimEnd(rest), { name: directive.text, line });
  }

  /** %if and its family: the tokens are only looked at where the condition counts. */
  #branch(name: string, line: RawLine, source: Source): void {
    const { conditionals } = source;
    if (name === '%else' || name === '%endif') {
      endBranch(conditionals, name);
      return;
    }
    const condition = conditionNamed(name.replace(/^%(el)?if/, ''));
    const test = (): boolean => {
      if (!condition) throw new LineError(`unknown preprocessor directive \`${name}'`);
      return condition(trimEnd(this.#tokensOf(line, source).slice(1)), this.macros, name);
    };
    branch(conditionals, name, test, line);
  }

  #emit(tokens: readonly Token[], line: RawLine, source: Source): void {
    const expanded = this.macros.expandWithBlank(tokens);
    if (this.#callMacro(expanded, line, source)) return;
    const kept = joinWords(this.#plainTokens(trimEnd(expanded)));
    if (kept.length === 0) return;
    this.#noteSection(kept);
    this.#ids += numbersTaken(kept, this.#alignsSections);
    this.#emitLine(kept);
  }

  #emitLine(tokens: readonly Token[], message?: SourceLine['message']): void {
    const listed = this.#setup.listing.length - 1;
    this.#pending.push({ tokens, place: this.#place, listed, message });
  }

  #plainTokens(tokens: readonly Token[]): readonly Token[] {
    const isPlain = tokens.every(({ kind }) => kind !== 'pp');
    return isPlain ? tokens : tokens.flatMap((token) => this.#plain(token));
  }

  /** What is left of the preprocessor's tokens: labels of contexts, environment variables. */
  #plain(token: Token): readonly Token[] {
    if (token.kind !== 'pp') return [token];
    const { text, column, space } = token;
    if (isContextLocal(text)) {
      const { context, name } = this.macros.contexts.resolve(text, column);
      return [{ ...nameToken(`..@${context.id}.${name}`), column, space }];
    }
    return this.macros.withEnvironment([token]);
  }

  /** `__?SECT?__` is the last section directive that the user wrote. */
  #noteSection(tokens: readonly Token[]): void {
    const word = tokens[0]?.text.toLowerCase();
    if (word === 'sectalign') this.#noteAlignment(tokens[1]?.text.toLowerCase());
    if (word !== 'section' && word !== 'segment' && word !== 'absolute') return;
    const body = tokenize(`[${detokenize(tokens).trim()}]`);
    const name = nameToken('__?SECT?__');
    this.macros.define(name, { parameters: undefined, body, foldCase: false });
  }

  #noteAlignment(word: string | undefined): void {
    if (word === 'on' || word === 'off') this.#alignsSections = word === 'on';
  }

  #callMacro(tokens: readonly Token[], line: RawLine, source: Source): boolean {
    const [first] = tokens;
    if (first?.kind !== 'id' && first?.kind !== 'pp') return false;
    const direct = this.#bind(tokens, 0);
    if (direct) {
      this.#expandMacro(direct, first, [], line, source);
      return true;
    }
    const at = isOp(tokens[1], ':') ? 2 : 1;
    const name = tokens[at];
    const call = name?.kind === 'id' ? this.#bind(tokens, at) : undefined;
    if (!name || !call) return false;
    this.#expandMacro(call, name, tokens.slice(0, at), line, source);
    return true;
  }

  #bind(tokens: readonly Token[], at: number): MacroCall | undefined {
    const name = tokens[at];
    if (name?.kind !== 'id') return undefined;
    const macros = this.macros.multiNamed(name.text);
    if (macros.length === 0) return undefined;
    const { saneEmptyExpansion } = this;
    const warn = (message: string): void => this.macros.warn(message);
    return bindCall(macros, tokens.slice(at + 1), { saneEmptyExpansion, warn });
  }

  #expandMacro(
    { macro, parameters }: MacroCall,
    name: Token,
    label: readonly Token[],
    line: RawLine,
    source: Source,
  ): void {
    const listed = source.listed && macro.listed;
    if (label.length > 0 && !macro.takesLabel) {
      this.#emitLabel(label, line.number, source.level + 1, listed);
    }
    const frame: MacroFrame = {
      name: macro.name,
      calledAs: name.text,
      id: this.nextId(),
      parameters,
      rotation: 0,
      label: label.slice(0, 1),
    };
    this.#sources.callMacro(macro, frame, line);
  }

  /** A label before a macro call stands on a line of its own. */
  #emitLabel(label: readonly Token[], number: number, level: number, listed: boolean): void {
    const name = label[0] as Token;
    const column = name.column + name.text.length;
    const colon: Token = { kind: 'op', text: ':', column, space: false };
    if (listed) this.#list(number, `${name.text}: `, level);
    this.#emitLine([...this.#plain(name), colon]);
  }

  #outermostLine(): number {
    let { position } = this.#place;
    while (position.expansion && !position.expansion.what.startsWith('include')) {
      position = position.expansion.at;
    }
    return position.line;
  }
}

/** What words that may stand in a body begin and end. */
const BODY_WORDS: ReadonlyMap<string, readonly ['macro' | 'rep', 1 | -1]> = new Map([
  ['%macro', ['macro', 1]],
  ['%imacro', ['macro', 1]],
  ['%rmacro', ['macro', 1]],
  ['%irmacro', ['macro', 1]],
  ['%endmacro', ['macro', -1]],
  ['%endm', ['macro', -1]],
  ['%rep', ['rep', 1]],
  ['%endrep', ['rep', -1]],
]);

/** Lower-case directive that begins a line, without cutting the line up. */
function directiveOf(line: RawLine): string | undefined {
  const text = line.tokens ? line.tokens[0]?.text : line.text;
  return /^\s*(%[a-z]+)/i.exec(text ?? '')?.[1]?.toLowerCase();
}

function isConditional(word: string): boolean {
  return word === '%else' || word === '%endif' || /^%(el)?if/.test(word);
}
