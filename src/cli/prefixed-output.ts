/** Output of several guests on one stdout: whole lines, each with the name of its guest before it. */

import type { ByteWriter, Writer } from './serial-output.ts';

const NEWLINE = 10;
/** A line that is longer is not waited for. */
const MAX_LINE = 4096;
const ERASE = '\r\x1b[K';

/** What the guests share. */
export class SharedOutput {
  readonly #out: ByteWriter;
  readonly #columns: () => number;
  /** Whose line is not ended yet, and what it is so far. */
  #owner: string | undefined;
  #open: number[] = [];

  /** `columns` are those of the terminal, 0 if it is none. */
  constructor(out: ByteWriter, columns: () => number) {
    this.#out = out;
    this.#columns = columns;
  }

  /** Bytes of one line of the guest `name`, of which `before` was written earlier. */
  write(name: string, before: readonly number[], bytes: readonly number[]): void {
    const isWhole = bytes.at(-1) === NEWLINE;
    if (this.#owner === name) this.#put(bytes);
    else {
      const line = this.#fits(name, before) ? [...before, ...bytes] : bytes;
      const owner = this.#owner;
      if (owner !== undefined && isWhole && this.#fits(owner, this.#open)) {
        // A prompt stays below what others say.
        this.#putText(ERASE);
        this.#putLine(name, line);
        this.#putLine(owner, this.#open);
        return;
      }
      this.interrupt();
      this.#putLine(name, line);
    }
    this.#open = isWhole ? [] : [...before, ...bytes];
    this.#owner = isWhole ? undefined : name;
  }

  /** The line of the guest `name` is the last one on the terminal. */
  isOpen(name: string): boolean {
    return this.#owner === name;
  }

  /** Ends the line, for something else. */
  interrupt(): void {
    if (this.#owner !== undefined) this.#out.put(NEWLINE);
    this.#owner = undefined;
    this.#open = [];
    this.flush();
  }

  flush(): void {
    this.#out.flush();
  }

  /** The open line is on one row of the terminal, which can be erased and written again. */
  #fits(name: string, line: readonly number[]): boolean {
    return name.length + 2 + line.length < this.#columns();
  }

  #putLine(name: string, bytes: readonly number[]): void {
    this.#putText(`${name}| `);
    this.#put(bytes);
  }

  #putText(text: string): void {
    this.#put([...new TextEncoder().encode(text)]);
  }

  #put(bytes: readonly number[]): void {
    for (const byte of bytes) this.#out.put(byte);
  }
}

/** The output of one guest. */
export class PrefixedWriter implements Writer {
  readonly #shared: SharedOutput;
  readonly #name: string;
  readonly #isRead: () => boolean;
  /** What is still to be written of the line, and the beginning of what was. */
  #line: number[] = [];
  #before: number[] = [];

  /** `isRead`: somebody talks with the guest, who wants to see prompts. */
  constructor(shared: SharedOutput, name: string, isRead: () => boolean) {
    this.#shared = shared;
    this.#name = name;
    this.#isRead = isRead;
  }

  put(byte: number): void {
    this.#line.push(byte);
    if (byte === NEWLINE || this.#line.length >= MAX_LINE) this.#write();
  }

  flush(): void {
    const isNew = this.#line.length > 0 || !this.#shared.isOpen(this.#name);
    if (isNew && this.#line.length + this.#before.length > 0 && this.#isRead()) this.#write();
    this.#shared.flush();
  }

  interrupt(): void {
    this.#shared.interrupt();
  }

  /** Ends the last line. */
  close(): void {
    if (this.#line.length > 0) this.put(NEWLINE);
    else if (this.#shared.isOpen(this.#name)) this.#shared.interrupt();
    this.#shared.flush();
  }

  #write(): void {
    const line = this.#line;
    this.#shared.write(this.#name, this.#before, line);
    this.#line = [];
    if (line.at(-1) === NEWLINE) this.#before = [];
    else if (this.#before.length < MAX_LINE) this.#before.push(...line);
  }
}
