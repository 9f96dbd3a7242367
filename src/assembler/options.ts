/** What the assembler is given: the source's name, predefined macros, and how files are read. */

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

export interface AssembleOptions {
  /** Name of the source, for messages and __FILE__. */
  readonly file: string;
  /** Macros as by -D NAME=VALUE. */
  readonly defines?: Readonly<Record<string, string>>;
  readonly includeDirs?: readonly string[];
  readonly readFile?: ReadFile;
  readonly format?: FormatName;
  /** Debug information in an object. */
  readonly debug?: 'dwarf';
  /** Directory that source names are relative to, for debug information. */
  readonly directory?: string;
  /** Environment variables that the source may ask for by %!NAME. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}
