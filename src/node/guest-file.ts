/** Guests from files: .asm sources, assembled on the fly, and flat binaries. */

import { dirname, extname } from 'node:path';
import { type Assembly, assemble } from '../assembler/assemble.ts';
import type { Diagnostic } from '../assembler/diagnostics.ts';
import { type FlatOptions, flatImage, type Image, ImageError } from '../image/image.ts';
import { FileError, readBytes, readIncluded, readText } from './files.ts';

/** How a source is assembled. */
export interface SourceOptions {
  readonly defines?: Readonly<Record<string, string>>;
  readonly includeDirs?: readonly string[];
}

/** An image with what is known about its source. */
export interface GuestFile {
  readonly image: Image;
  /** Labels and their addresses, of an assembled source. */
  readonly labels: readonly (readonly [name: string, address: bigint])[];
  readonly warnings: readonly Diagnostic[];
}

const SOURCE_EXTENSIONS: ReadonlySet<string> = new Set(['.asm', '.nasm', '.s']);
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46] as const;

/** Assembles the file `path`; included files are also looked for beside it. */
export function assembleFile(path: string, options: SourceOptions = {}): Assembly {
  return assemble(readText(path), {
    file: path,
    defines: options.defines ?? {},
    includeDirs: [...(options.includeDirs ?? []), dirname(path)],
    readFile: readIncluded,
  });
}

/** Reads a guest; what it is follows from its name. */
export function readGuest(path: string, options: SourceOptions & FlatOptions = {}): GuestFile {
  try {
    const isSource = SOURCE_EXTENSIONS.has(extname(path).toLowerCase());
    return isSource ? fromSource(path, options) : fromBinary(path, options);
  } catch (error) {
    if (error instanceof ImageError) throw new FileError(path, error.code, error.message);
    throw error;
  }
}

/** A source says where it goes by `org`, unless an option does. */
function fromSource(path: string, options: SourceOptions & FlatOptions): GuestFile {
  const { bytes, origin, symbols, warnings } = assembleFile(path, options);
  const loadAddress = options.loadAddress ?? (origin === 0n ? undefined : origin);
  const placed = loadAddress === undefined ? options : { ...options, loadAddress };
  const labels = [...symbols].flatMap(([name, { value, section }]) =>
    section === undefined ? [] : [[name, value] as const],
  );
  return { image: flatImage(bytes, placed), labels, warnings };
}

function fromBinary(path: string, options: FlatOptions): GuestFile {
  const bytes = readBytes(path);
  if (ELF_MAGIC.every((byte, n) => bytes[n] === byte)) {
    throw new FileError(
      path,
      'FORMAT',
      'ELF images are not supported, only .asm and flat binaries',
    );
  }
  return { image: flatImage(bytes, options), labels: [], warnings: [] };
}
