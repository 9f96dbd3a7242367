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
import { dirname, join } from 'node:path';
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

/** What is to be in a file. */
export interface FileContents {
  readonly path: string;
  readonly data: Uint8Array | string;
}

/** A file that is written but for its name. */
interface Staged {
  readonly path: string;
  readonly temporary: string;
  readonly target: string;
}

/**
 * Writes files whole, all of them or none: a failure leaves what was there before. Devices and pipes
 * are written as they are, and a link leads to the file that is written.
 */
export function writeFiles(files: readonly FileContents[]): void {
  const staged: Staged[] = [];
  try {
    for (const file of files.filter(({ path }) => !isDevice(path))) staged.push(stage(file));
    for (const { path, data } of files.filter((file) => isDevice(file.path))) {
      attempt(path, () => writeFileSync(path, data));
    }
    for (const { path, temporary, target } of staged) {
      attempt(path, () => renameSync(temporary, target));
    }
  } finally {
    for (const { temporary } of staged) rmSync(temporary, { force: true });
  }
}

/** Something that a file cannot take the place of. */
function isDevice(path: string): boolean {
  return existsSync(path) && !statSync(path).isFile();
}

function stage({ path, data }: FileContents): Staged {
  return attempt(path, () => {
    const target = existsSync(path) ? realpathSync(path) : path;
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, data);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return { path, temporary, target };
  });
}

/** Does what writes to `path`. */
function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw writeError(path, error);
  }
}

/** What to tell when `path` cannot be written. */
export function writeError(path: string, error: unknown): FileError {
  const directory = dirname(path);
  if (existsSync(directory)) return fileError(path, error);
  return new FileError(path, 'ENOENT', `there is no directory ${directory}`);
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
