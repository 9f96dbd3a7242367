/** What an output format decides: sections and their attributes, relocations, the bytes of the file. */

import type { CodeMode } from '../isa/row.ts';
import type { Base } from './base.ts';
import type { Place } from './diagnostics.ts';
import type { AssembleOptions, FormatName } from './options.ts';
import type { Output } from './output.ts';
import type { Pass } from './pass.ts';
import type { Section, Sections } from './section.ts';
import type { SectionDirective } from './statement.ts';
import type { SymbolTable } from './symbols.ts';
import type { Term } from './value.ts';

/** A number in a section, to which the addresses of `bases` will be added. */
export interface Relocation {
  readonly section: Section;
  readonly offset: number;
  readonly size: number;
  readonly value: bigint;
  /** The number before the place was taken away from it: where in its base a branch goes. */
  readonly target: bigint;
  readonly bases: readonly Term<Base>[];
  /** The processor will sign-extend it. */
  readonly signed: boolean;
  readonly wrt: string | undefined;
}

/** What the passes leave behind for the format to write. */
export interface Program {
  /** Name of the source. */
  readonly file: string;
  readonly sections: Sections;
  readonly symbols: SymbolTable;
  readonly output: Output;
  readonly debug: DebugRecorder | undefined;
}

/** Hears in the last pass what source lines put where, and what labels stand before. */
export interface DebugRecorder {
  enter(place: Place, section: Section, offset: number): void;
  /** A label; undefined for what is no place in a section. */
  label(name: string | undefined): void;
  /** Data with units of so many bytes. */
  data(size: number): void;
}

export interface OutputFile {
  readonly bytes: Uint8Array;
  /** Address of the first byte, and behind all sections, in formats that have addresses; else 0. */
  readonly origin: bigint;
  readonly end: bigint;
}

/** What symbols get in the file: global ones (also those of other objects), and local ones. */
export type Affix = 'gprefix' | 'gsuffix' | 'lprefix' | 'lsuffix';
export type Affixes = Readonly<Record<Affix, string>>;

export interface OutputFormat {
  readonly name: FormatName;
  /** Code size until the source says another. */
  readonly mode: CodeMode;
  /** Starts to record debug information, in formats that have it. */
  record(options: AssembleOptions): DebugRecorder | undefined;
  /** Symbols of other objects can be named (extern, common). */
  readonly isObject: boolean;
  /** Symbols like `..got` that `wrt` can name. */
  readonly specials: ReadonlySet<string>;
  makeSection(name: string): Section;
  startPass(): void;
  /** Applies the attributes that a directive gives a section. */
  openSection(pass: Pass, section: Section, directive: SectionDirective): void;
  raiseAlignment(pass: Pass, section: Section, alignment: bigint): void;
  /** `org`. */
  setOrigin(origin: bigint): void;
  /** `osabi`: the system that an ELF file is for, and the version of its ABI. */
  setAbi(system: number, version: number): void;
  /** %pragma output gprefix and its kin: what the file's symbols get before or behind their names. */
  affix(which: Affix, text: string): void;
  /** Takes note of a relocation; returns what stands in its place until it is applied. */
  relocate(relocation: Relocation, pass: Pass): bigint;
  /** Warnings for contents where there can be none, and for space without contents. */
  warnInitialized(section: Section): string;
  warnReserved(section: Section): string;
  /** Writes the file. Throws LineError where the parts do not fit together. */
  finish(program: Program): OutputFile;
}
