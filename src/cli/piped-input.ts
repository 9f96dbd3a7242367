/** Stdin that is no terminal: read byte by byte as the guest asks for it (src/pc/asked-input.ts). */

import { note } from './output.ts';

const PATIENCE_MS = 1000;

/** A file or pipe on stdin, opened when the first byte is asked for. */
export class PipedInput {
  readonly isLive = false;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;
  #chunks: AsyncIterator<Uint8Array> | undefined;

  /** `take` gives a byte. */
  get hasByte(): boolean {
    return this.#at < this.#chunk.length;
  }

  /** The next byte of what was read already. */
  take(): number | undefined {
    return this.#chunk[this.#at++];
  }

  /** The next byte, undefined at the end. */
  async next(): Promise<number | undefined> {
    while (!this.hasByte) {
      const chunk = await this.#read();
      if (chunk === undefined) return undefined;
      this.#chunk = chunk;
      this.#at = 0;
    }
    return this.take();
  }

  /** Lets go of stdin. */
  close(): void {
    if (this.#chunks !== undefined) process.stdin.destroy();
  }

  async #read(): Promise<Uint8Array | undefined> {
    this.#chunks ??= process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const hint = setTimeout(() => {
      note('trapline: the guest waits for input on stdin (end it with </dev/null)');
    }, PATIENCE_MS);
    try {
      const { done, value } = await this.#chunks.next();
      return done ? undefined : value;
    } finally {
      clearTimeout(hint);
    }
  }
}
