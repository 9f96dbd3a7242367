/** A text that grows while a guest runs: a file, or stdout. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { writeError } from '../node/index.ts';
import { print } from './output.ts';

const PIECE = 65536;

export class TextFile {
  readonly #path: string | undefined;
  readonly #handle: number;
  #parts: string[] = [];
  #length = 0;

  /** Creates the file `path`; stdout without one. */
  constructor(path: string | undefined) {
    this.#path = path;
    this.#handle = path === undefined ? -1 : this.#try(() => openSync(path, 'w'));
  }

  write(part: string): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length >= PIECE) this.#flush();
  }

  close(): void {
    this.#flush();
    if (this.#path !== undefined) closeSync(this.#handle);
  }

  #flush(): void {
    const text = this.#parts.join('');
    this.#parts = [];
    this.#length = 0;
    if (this.#path === undefined) print(text);
    else this.#try(() => writeAll(this.#handle, Buffer.from(text)));
  }

  #try<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw writeError(this.#path ?? 'stdout', error);
    }
  }
}

function writeAll(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
}
