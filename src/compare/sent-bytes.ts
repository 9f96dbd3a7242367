/** Bytes that a guest has sent in one direction, a byte of memory each; the end can be taken back. */

const FIRST_BYTES = 4096;

export class SentBytes {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const more = new Uint8Array(this.#length * 2);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes[this.#length++] = byte;
  }

  /** The byte that was sent as number `n`; undefined: none was. */
  at(n: number): number | undefined {
    return n < this.#length ? this.#bytes[n] : undefined;
  }

  /** Forgets what was sent after the first `length` bytes. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
