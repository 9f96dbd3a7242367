/** Input for a guest from a file, all of which is at hand. */

export class FileInput {
  readonly isLive = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasByte(): boolean {
    return this.#at < this.#bytes.length;
  }

  take(): number | undefined {
    return this.#bytes[this.#at++];
  }

  /** The next byte, undefined at the end. */
  next(): Promise<number | undefined> {
    return Promise.resolve(this.take());
  }

  close(): void {}
}
