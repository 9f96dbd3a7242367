/** Where the bytes go that the guest sends: stdout, a file, or nowhere. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { writeError } from '../node/index.ts';
import { UsageError } from './usage-error.ts';

const BUFFER_BYTES = 65536;

/** Takes bytes, which may stay with it until `flush`, or `close` at the end. */
export interface Writer {
  put(byte: number): void;
  flush(): void;
  /** Something else is about to be written where the bytes go. */
  interrupt(): void;
  close(): void;
}

/** Collects bytes and writes them in pieces. */
export class ByteWriter implements Writer {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #length = 0;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  put(byte: number): void {
    this.#buffer[this.#length++] = byte;
    if (this.#length === BUFFER_BYTES) this.flush();
  }

  flush(): void {
    if (this.#length === 0) return;
    this.#write(this.#buffer.slice(0, this.#length));
    this.#length = 0;
  }

  interrupt(): void {
    this.flush();
  }

  close(): void {
    this.flush();
  }
}

/** The far end of COM1. A file is not touched before `open`. */
export interface SerialTarget {
  /** Stdin and stdout are the terminal. */
  readonly isStdio: boolean;
  readonly writer: Writer;
  open(): void;
  close(): void;
}

/** What `--serial` names: `stdio`, `file:PATH` or `null`. */
export function serialTarget(text: string, stdout: Writer): SerialTarget {
  const nothing = { open: () => {}, close: () => {} };
  if (text === 'stdio') return { ...nothing, isStdio: true, writer: stdout };
  if (text === 'null') return { ...nothing, isStdio: false, writer: new ByteWriter(() => {}) };
  const path = /^file:(.+)$/.exec(text)?.[1];
  if (path !== undefined) return new FileTarget(path);
  throw new UsageError(`--serial: '${text}' is none of stdio, file:PATH, null`);
}

class FileTarget implements SerialTarget {
  readonly isStdio = false;
  readonly writer = new ByteWriter((bytes) => this.#writeAll(bytes));
  readonly #path: string;
  #handle = -1;

  constructor(path: string) {
    this.#path = path;
  }

  open(): void {
    try {
      this.#handle = openSync(this.#path, 'w');
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  close(): void {
    closeSync(this.#handle);
  }

  #writeAll(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }
}
