/**
 * One pass over a source: where it stands, what its names mean, and where bytes go.
 *
 * The first pass knows nothing of what is still to come and takes the shortest forms; later passes use
 * the symbol values of the pass before, until none changes; the last pass writes.
 */

import type { CodeMode } from '../isa/row.ts';
import { NEWEST_GENERATION } from '../isa/table/generation.ts';
import type { SectionBase } from './base.ts';
import type { DiagnosticSink, Place } from './diagnostics.ts';
import { LineError } from './diagnostics.ts';
import { evaluate, type Scope } from './evaluate.ts';
import type { Expression } from './expression.ts';
import type { OutputFormat, Program, Relocation } from './format.ts';
import type { IncludedFile } from './options.ts';
import { MAX_OUTPUT_BYTES, type Output, type Piece } from './output.ts';
import type { Section, Sections } from './section.ts';
import type { SymbolTable } from './symbols.ts';
import { fromBase, isScalar, UNKNOWN, type Value } from './value.ts';

export type PassKind = 'first' | 'settle' | 'final';

/** Takes what a line produced, for the listing. */
export type PieceSink = (offset: number, piece: Piece) => void;

export interface PassSetup {
  readonly kind: PassKind;
  readonly program: Program;
  readonly format: OutputFormat;
  readonly diagnostics: DiagnosticSink;
  readonly listPiece: PieceSink;
  readonly readBinary: (path: string) => IncludedFile | undefined;
  /** `default rel` at the end of the pass before: NASM carries it over to the start. */
  readonly defaultRel: boolean;
}

/** A number that waits for the addresses of its bases. */
export type Waiting = Pick<Relocation, 'value' | 'size' | 'bases' | 'signed' | 'wrt'>;

export class Pass implements Scope {
  readonly kind: PassKind;
  readonly format: OutputFormat;
  readonly sections: Sections;
  readonly symbols: SymbolTable;
  readonly output: Output;
  readonly diagnostics: DiagnosticSink;
  readonly readBinary: PassSetup['readBinary'];
  /** Code size; the format's until the source says `bits`. */
  mode: CodeMode;
  defaultRel: boolean;
  /** `default bnd`: branches get a bnd prefix. */
  defaultBnd = false;
  /** Lines go into the listing: [list +]. */
  isListing = true;
  /** Newest processor generation whose instructions may be used. */
  generation = NEWEST_GENERATION;
  /** `align` raises the alignment of its section, too. */
  alignsSections = true;
  place: Place = { position: { file: '', line: 0, expansion: undefined }, sourceLine: '' };
  readonly program: Program;
  #section: Section;
  /** Address counter of an `absolute` area. */
  #absolute: Value | undefined;
  /** Offset of the line's start: what `$` means. */
  #here = 0;
  #listPiece: PieceSink;
  /** How many pieces have been listed so far. */
  listedPieces = 0;
  #quiet = false;
  #total = 0;

  constructor(setup: PassSetup) {
    const { sections, symbols, output } = setup.program;
    this.kind = setup.kind;
    this.format = setup.format;
    this.mode = setup.format.mode;
    this.sections = sections;
    this.symbols = symbols;
    this.output = output;
    this.program = setup.program;
    this.diagnostics = setup.diagnostics;
    this.readBinary = setup.readBinary;
    this.defaultRel = setup.defaultRel;
    this.#listPiece = setup.listPiece;
    this.#section = sections.named('.text');
    this.diagnostics.warnings.startPass();
    sections.reset();
    symbols.startPass();
    setup.format.startPass();
  }

  get isFinal(): boolean {
    return this.kind === 'final';
  }

  get section(): Section {
    return this.#section;
  }

  set section(section: Section) {
    this.sections.open(section);
    this.#section = section;
    this.#absolute = undefined;
  }

  get isAbsolute(): boolean {
    return this.#absolute !== undefined;
  }

  set absolute(start: Value) {
    this.#absolute = start;
  }

  /** Offset of the next byte in the current section. */
  get offset(): number {
    return this.#section.offset;
  }

  /** Marks the start of a line, which `$` stands for in all of it. */
  startLine(place: Place): void {
    this.place = place;
    this.#here = this.#section.offset;
  }

  here(): Value {
    return this.#absolute ?? fromBase(this.#section.runBase, BigInt(this.#here));
  }

  base(): Value {
    if (this.#absolute) return { ...this.#absolute, constant: 0n };
    return fromBase(this.#section.runBase, 0n);
  }

  symbol(name: string, column: number): Value {
    const value = this.symbols.value(name);
    if (!value.unknown) return value;
    const start = this.#sectionStart(name);
    if (start) return fromBase(start, 0n);
    if (this.isFinal) {
      throw new LineError(`symbol \`${this.symbols.qualify(name)}' not defined`, column);
    }
    return UNKNOWN;
  }

  isKnown(name: string): boolean {
    return this.symbols.find(name) !== undefined || this.#sectionStart(name) !== undefined;
  }

  /** `section.NAME.start` and `section.NAME.vstart`. */
  #sectionStart(name: string): SectionBase | undefined {
    const match = /^section\.(.+)\.(v?start)$/.exec(name);
    const section = match && this.sections.find(match[1] as string);
    if (!section) return undefined;
    return match[2] === 'start' ? section.loadBase : section.runBase;
  }

  /** Checks the special symbol that `wrt` names. */
  wrt(name: string, column: number): string {
    const { isObject, specials } = this.format;
    if (!isObject) {
      throw new LineError('`wrt` is not supported: flat output has no segment bases', column);
    }
    if (specials.has(name)) return name;
    throw new LineError('invalid right-hand operand to WRT', column);
  }

  evaluate(expression: Expression): Value {
    return evaluate(expression, this);
  }

  /** Value of an expression that must be a plain number now. */
  number(expression: Expression, message: string, column: number): bigint {
    const value = evaluate(expression, this);
    if (isScalar(value)) return value.constant;
    throw new LineError(
      value.unknown ? `${message}: symbol not defined before use` : message,
      column,
    );
  }

  /** As `number`, but a symbol that is not known yet counts as 0 until the last pass. */
  eventualNumber(expression: Expression, message: string, column: number): bigint {
    const value = evaluate(expression, this);
    if (value.unknown) return 0n;
    if (isScalar(value)) return value.constant;
    throw new LineError(message, column);
  }

  warn(message: string, column = 0): void {
    if (this.isFinal) this.diagnostics.warn(this.place, message, column);
  }

  /** Reports an error that later passes may cure: it counts in the last one only. */
  error(message: string, column = 0): void {
    if (this.isFinal) this.diagnostics.error(this.place, message, column);
  }

  /** Runs `action` without listing what it emits. */
  withoutListing(action: () => void): void {
    const before = this.#quiet;
    this.#quiet = true;
    action();
    this.#quiet = before;
  }

  list(offset: number, piece: Piece): void {
    if (!this.isFinal || this.#quiet) return;
    this.listedPieces++;
    this.#listPiece(offset, piece);
  }

  /** Counts bytes whose contents do not matter yet. */
  skip(size: number): void {
    this.#claim(size);
  }

  /** Emits plain bytes. */
  emit(bytes: Uint8Array): void {
    const { offset } = this;
    if (!this.#claim(bytes.length)) return;
    if (!this.isFinal) return;
    this.list(offset, { kind: 'bytes', bytes });
    this.#write(offset, bytes);
  }

  /**
   * Emits a number to which the addresses of its bases will be added. A relative number is listed as its
   * target.
   */
  emitAddress(number: Waiting, target?: bigint): void {
    const { offset, section } = this;
    const { value, size } = number;
    if (!this.#claim(size) || !this.isFinal) return;
    this.output.relocationCount++;
    const relative = target !== undefined;
    this.list(offset, { kind: 'address', value: target ?? value, size, relative });
    let stored = value;
    if (section.kind !== 'nobits') {
      const relocation = { ...number, section, offset, target: target ?? value };
      stored = this.format.relocate(relocation, this);
    }
    this.#write(offset, littleEndian(stored, size));
  }

  /** Reserves space, which is zeroed where a section has contents: with a warning, unless it is padding. */
  reserve(size: number, isPadding = false): void {
    if (this.#absolute) {
      const { constant } = this.#absolute;
      if (size > 0) this.list(Number(constant), { kind: 'reserve', size });
      this.#absolute = { ...this.#absolute, constant: constant + BigInt(size) };
      return;
    }
    const { offset, section } = this;
    if (!this.#claimSize(size) || size === 0) return;
    this.list(offset, { kind: 'reserve', size });
    if (section.kind === 'nobits') return;
    if (!isPadding) this.warn(this.format.warnReserved(section));
    if (this.isFinal) this.output.contents(section, offset + size);
  }

  /** Repeats the last `length` bytes `count` times. */
  repeat(length: number, count: number): void {
    const { offset, section } = this;
    if (!this.#claimSize(length * count) || !this.isFinal) return;
    if (section.kind !== 'nobits') this.output.repeat(section, offset, length, count);
  }

  #claim(size: number): boolean {
    if (size === 0) return false;
    if (this.#absolute) throw new LineError('attempt to assemble code in [ABSOLUTE] space');
    return this.#claimSize(size);
  }

  #claimSize(size: number): boolean {
    const section = this.#section;
    section.isUsed = true;
    if (this.isFinal) this.program.debug?.enter(this.place, section, section.offset);
    this.#total += size;
    if (this.#total > MAX_OUTPUT_BYTES) {
      this.diagnostics.fatal(
        this.place,
        'limit',
        `output is larger than ${MAX_OUTPUT_BYTES} bytes`,
      );
    }
    section.offset += size;
    return true;
  }

  #write(offset: number, bytes: Uint8Array): void {
    if (this.#section.kind === 'nobits') {
      this.warn(this.format.warnInitialized(this.#section));
    } else this.output.write(this.#section, offset, bytes);
  }
}

/** A number as little-endian bytes. */
export function littleEndian(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(8 * size, value);
  for (let i = 0; i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
