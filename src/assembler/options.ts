/** What the assembler is given: the source's name, predefined macros, and how files are read. */

import type { CodeMode } from '../isa/row.ts';

/** A file that was found: its path as messages show it, and its contents. */
export interface IncludedFile {
  readonly path: string;
  readonly text?: string;
  readonly bytes?: Uint8Array;
}

/**
 * Finds and reads a file named by %include or incbin, looking in `includeDirs` where it is not found
 * as it is. Undefined if there is none.
 */
export type ReadFile = (path: string, includeDirs: readonly string[]) => IncludedFile | undefined;

export type FormatName = 'bin' | 'elf32' | 'elf64';

/** What holds for a flat binary until its source says another by org and bits. */
export interface FlatDefaults {
  readonly origin?: bigint;
  readonly mode?: CodeMode;
}

export interface AssembleOptions {
  /** Name of the source, for messages and __FILE__. */
  readonly file: string;
  /** Macros as by -D NAME=VALUE. */
  readonly defines?: Readonly<Record<string, string>>;
  readonly includeDirs?: readonly string[];
  readonly readFile?: ReadFile;
  readonly format?: FormatName;
  /** By default 0 and 16-bit code, as NASM's. */
  readonly flat?: FlatDefaults;
  /** Debug information in an object. */
  readonly debug?: 'dwarf';
  /** Directory that source names are relative to, for debug information. */
  readonly directory?: string;
  /** Settings of warnings as they stand behind -w: `-zeroing`, `+error=all`. */
  readonly warnings?: readonly string[];
  /** Names of macros that are not defined, though `defines` or the assembler itself define them. */
  readonly undefines?: readonly string[];
  /** Files that are included before the source. */
  readonly preIncludes?: readonly string[];
  /** Environment variables that the source may ask for by %!NAME. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}
