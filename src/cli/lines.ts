/** Lines of a stream in batches, so that a fast writer is answered fast. */

/** Gathers chunks into lines. A line that is longer than allowed is dropped and comes as undefined. */
class LineGatherer {
  readonly #maxLength: number;
  #parts: string[] = [];
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** The lines that `chunk` completes. */
  take(chunk: string): (string | undefined)[] {
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf('\n', start);
      if (end < 0) break;
      this.#keep(chunk.slice(start, end));
      lines.push(this.#finish());
      start = end + 1;
    }
    this.#keep(chunk.slice(start));
    return lines;
  }

  /** The last line, if it has no newline. */
  rest(): (string | undefined)[] {
    return this.#length > 0 ? [this.#finish()] : [];
  }

  #keep(part: string): void {
    this.#length += part.length;
    if (this.#length > this.#maxLength) this.#parts = [];
    else if (part !== '') this.#parts.push(part);
  }

  #finish(): string | undefined {
    const line = this.#length > this.#maxLength ? undefined : this.#parts.join('');
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}

/** Batches of lines as they come; undefined stands for a line of more than `maxLength` characters. */
export async function* readLines(
  stream: AsyncIterable<string>,
  maxLength: number,
): AsyncGenerator<(string | undefined)[]> {
  const gatherer = new LineGatherer(maxLength);
  for await (const chunk of stream) yield gatherer.take(chunk);
  yield gatherer.rest();
}
