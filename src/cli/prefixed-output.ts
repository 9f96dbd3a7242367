/** Output of several guests on one stdout: whole lines, each with the name of its guest before it. */

import type { ByteWriter, Writer } from './serial-output.ts';

const NEWLINE = 10;
/** A line that is longer is not waited for. */
const MAX_LINE = 4096;

/** What the guests share. */
export class SharedOutput {
  readonly #out: ByteWriter;
  /** Whose line is not ended yet. */
  #owner: string | undefined;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** Bytes of one line of the guest `name`. */
  write(name: string, bytes: readonly number[]): void {
    if (this.#owner !== name) {
      if (this.#owner !== undefined) this.#out.put(NEWLINE);
      for (const byte of new TextEncoder().encode(`${name}| `)) this.#out.put(byte);
    }
    for (const byte of bytes) this.#out.put(byte);
    this.#owner = bytes.at(-1) === NEWLINE ? undefined : name;
  }

  flush(): void {
    this.#out.flush();
  }
}

/** The output of one guest. */
export class PrefixedWriter implements Writer {
  readonly #shared: SharedOutput;
  readonly #name: string;
  readonly #isLive: boolean;
  #line: number[] = [];

  /** `isLive`: somebody reads along, who wants to see prompts. */
  constructor(shared: SharedOutput, name: string, isLive: boolean) {
    this.#shared = shared;
    this.#name = name;
    this.#isLive = isLive;
  }

  put(byte: number): void {
    this.#line.push(byte);
    if (byte === NEWLINE || this.#line.length >= MAX_LINE) this.#write();
  }

  flush(): void {
    if (this.#isLive && this.#line.length > 0) this.#write();
    this.#shared.flush();
  }

  /** Ends the last line. */
  close(): void {
    if (this.#line.length > 0) this.put(NEWLINE);
    this.#shared.flush();
  }

  #write(): void {
    this.#shared.write(this.#name, this.#line);
    this.#line = [];
  }
}
