/** Files for the command line: whole, bounded, with errors that say what is wrong in one line. */

import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ReadFile } from '../assembler/options.ts';

/** A file that cannot be read or written. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: string;
  readonly path: string;

  constructor(path: string, code: string, what: string) {
    super(`${path}: ${what}`);
    this.path = path;
    this.code = code;
  }
}

/** No source or image is larger: it has to fit into RAM. */
const MAX_FILE_BYTES = 2 ** 31;
const CHUNK_BYTES = 65536;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'no such file',
  ENOSPC: 'no space left on the device',
};

function fileError(path: string, error: unknown): FileError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
  const fallback = error instanceof Error ? error.message : String(error);
  return new FileError(path, code, REASONS[code] ?? fallback);
}

/** All bytes of a file, a pipe included; throws a FileError. */
export function readBytes(path: string): Uint8Array {
  let handle: number | undefined;
  try {
    handle = openSync(path, 'r');
    return readAll(path, handle);
  } catch (error) {
    throw error instanceof FileError ? error : fileError(path, error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function readAll(path: string, handle: number): Uint8Array {
  const { size } = fstatSync(handle);
  const chunks: Uint8Array[] = [];
  for (let total = 0; ; ) {
    const chunk = new Uint8Array(Math.min(Math.max(size - total, CHUNK_BYTES), MAX_FILE_BYTES));
    const count = readSync(handle, chunk);
    if (count === 0) return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
    total += count;
    if (total > MAX_FILE_BYTES) throw new FileError(path, 'EFBIG', 'larger than 2 GiB');
  }
}

/** As `readBytes`, as text. */
export function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

/**
 * Writes a file whole or not at all: a failure leaves what was there before. Devices and pipes are
 * written as they are, and a link leads to the file that is written.
 */
export function writeWhole(path: string, data: Uint8Array | string): void {
  try {
    const target = existsSync(path) ? realpathSync(path) : path;
    if (existsSync(target) && !statSync(target).isFile()) writeFileSync(target, data);
    else replace(target, data);
  } catch (error) {
    throw fileError(path, error);
  }
}

function replace(path: string, data: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, data);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Files named by %include and incbin: as NASM finds them, from the working directory and then from
 * the include directories.
 */
export const readIncluded: ReadFile = (path, includeDirs) => {
  for (const candidate of [path, ...includeDirs.map((directory) => join(directory, path))]) {
    const bytes = tryRead(candidate);
    if (bytes) return { path: candidate, bytes, text: new TextDecoder().decode(bytes) };
  }
  return undefined;
};

function tryRead(path: string): Uint8Array | undefined {
  try {
    return readBytes(path);
  } catch {
    return undefined;
  }
}
