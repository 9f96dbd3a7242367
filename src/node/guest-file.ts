/** Guests from files: .asm sources, assembled on the fly, flat binaries and ELF files. */

import { dirname, extname } from 'node:path';
import { type Assembly, assemble } from '../assembler/assemble.ts';
import { formatDiagnostic } from '../assembler/diagnostics.ts';
import type { FlatDefaults, FormatName } from '../assembler/options.ts';
import { ElfError } from '../elf/elf-error.ts';
import { isElf, readElf } from '../elf/elf-file.ts';
import { DEFAULT_LOAD_ADDRESS } from '../image/flat.ts';
import { type Image, ImageError, type ImageOptions } from '../image/image.ts';
import { findMultiboot, hasAddressFields } from '../image/multiboot.ts';
import { parseImage } from '../image/parse.ts';
import { assembledSymbols } from '../symbols/assembled-symbols.ts';
import { elfSymbols } from '../symbols/elf-symbols.ts';
import { readSymbolFile, SymbolFileError } from '../symbols/symbol-file.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import { DomainError } from '../vmm/para/build/domain-error.ts';
import { FileError, readBytes, readIncluded, readText } from './files.ts';

/** How a source is assembled. */
export interface SourceOptions {
  readonly defines?: Readonly<Record<string, string>>;
  readonly includeDirs?: readonly string[];
}

/** What is made of a source. */
export interface AssemblyOptions extends SourceOptions {
  readonly flat?: FlatDefaults;
  readonly format?: FormatName;
  readonly debug?: 'dwarf';
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly undefines?: readonly string[];
  readonly preIncludes?: readonly string[];
  readonly warnings?: readonly string[];
}

export interface GuestOptions extends SourceOptions, ImageOptions {
  /** A file with symbols, in place of those that the guest's own file has. */
  readonly symbolFile?: string;
}

/** An image with what is known about where it came from. */
export interface GuestFile {
  readonly image: Image;
  readonly symbols: SymbolTable;
  /** One line each. */
  readonly warnings: readonly string[];
}

const SOURCE_EXTENSIONS: ReadonlySet<string> = new Set(['.asm', '.nasm', '.s']);

/** Assembles the file `path`; included files are also looked for beside it. */
export function assembleFile(path: string, options: AssemblyOptions = {}): Assembly {
  return assemble(readText(path), {
    file: path,
    ...options,
    directory: `${process.cwd()}/`,
    includeDirs: [...(options.includeDirs ?? []), dirname(path)],
    readFile: readIncluded,
  });
}

/** Reads a guest; what it is follows from its name and its contents. */
export function readGuest(path: string, options: GuestOptions = {}): GuestFile {
  const isSource = SOURCE_EXTENSIONS.has(extname(path).toLowerCase());
  const guest = attributed(path, () =>
    isSource ? fromSource(path, options) : fromBinary(path, options),
  );
  const { symbolFile } = options;
  return symbolFile === undefined ? guest : { ...guest, symbols: readSymbols(symbolFile) };
}

/** The symbols that a file lists, or has as an ELF file. */
export function readSymbols(path: string): SymbolTable {
  return attributed(path, () => readSymbolFile(readBytes(path)));
}

/**
 * Does what reads `path`, whose faults become errors of that file; `remedies` tells by error code what the
 * user can do.
 */
export function attributed<T>(
  path: string,
  read: () => T,
  remedies: Readonly<Record<string, string>> = {},
): T {
  try {
    return read();
  } catch (error) {
    if (!isFault(error)) throw error;
    throw new FileError(path, error.code, error.message + (remedies[error.code] ?? ''));
  }
}

function isFault(error: unknown): error is ImageError | ElfError | SymbolFileError | DomainError {
  return [ImageError, ElfError, SymbolFileError, DomainError].some((kind) => error instanceof kind);
}

/** A source says where it goes by `org`, unless an option does. */
function fromSource(path: string, options: GuestOptions): GuestFile {
  const { bytes, origin, end, symbols, warnings } = assembleGuest(path, options);
  const entries = ENTRY_LABELS.flatMap((label) => symbols.get(label) ?? []);
  const source = { origin, end, entry: entries[0]?.value };
  return {
    image: parseImage(bytes, { ...options, source }),
    symbols: assembledSymbols(symbols),
    warnings: warnings.map(formatDiagnostic),
  };
}

/** Labels at which linkers and their scripts let a program begin. */
const ENTRY_LABELS = ['_start', 'start'] as const;

/**
 * A multiboot kernel without address fields was written for a linker that makes an ELF file of it: it is
 * 32-bit code, at 1 MiB, where it does not say otherwise.
 */
function assembleGuest(path: string, options: GuestOptions): Assembly {
  const { defines = {}, includeDirs = [], format = 'multiboot' } = options;
  const assembly = assembleFile(path, { defines, includeDirs });
  const header = format === 'multiboot' ? findMultiboot(assembly.bytes) : undefined;
  if (header === undefined || hasAddressFields(header)) return assembly;
  const flat = { origin: DEFAULT_LOAD_ADDRESS, mode: 32 } as const;
  return assembleFile(path, { defines, includeDirs, flat });
}

function fromBinary(path: string, options: GuestOptions): GuestFile {
  const bytes = readBytes(path);
  const guest = { image: parseImage(bytes, options), symbols: new SymbolTable([]), warnings: [] };
  if (guest.image.format === 'flat' || !isElf(bytes)) return guest;
  try {
    return { ...guest, symbols: elfSymbols(readElf(bytes)) };
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    return { ...guest, warnings: [`${path}: warning: no symbols: ${error.message}`] };
  }
}
