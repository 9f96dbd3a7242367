/** Little-endian output that grows. */

export class Bytes {
  #buffer = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A number in `size` bytes. */
  number(value: number | bigint, size: number): this {
    this.#reserve(size);
    let rest = BigInt.asUintN(8 * size, BigInt(value));
    for (let i = 0; i < size; i++, rest >>= 8n) this.#buffer[this.#length++] = Number(rest & 0xffn);
    return this;
  }

  u8(value: number): this {
    return this.number(value, 1);
  }

  u16(value: number): this {
    return this.number(value, 2);
  }

  u32(value: number | bigint): this {
    return this.number(value, 4);
  }

  u64(value: number | bigint): this {
    return this.number(value, 8);
  }

  /** DWARF's variable-length numbers: seven bits a byte, the highest bit for more. */
  uleb(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.u8((rest % 0x80) | 0x80);
    return this.u8(rest);
  }

  sleb(value: number): this {
    let rest = value;
    for (; rest < -0x40 || rest >= 0x40; rest >>= 7) this.u8((rest & 0x7f) | 0x80);
    return this.u8(rest & 0x7f);
  }

  append(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Text with a zero behind it. */
  string(text: string): this {
    return this.append(new TextEncoder().encode(text)).u8(0);
  }

  /** Zeros up to a multiple of `alignment`. */
  align(alignment: number): this {
    const end = Math.ceil(this.#length / alignment) * alignment;
    return this.append(new Uint8Array(end - this.#length));
  }

  get contents(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#buffer.length, this.#length + size));
    grown.set(this.contents);
    this.#buffer = grown;
  }
}

/** A string table: strings with zeros behind them, the first one empty. */
export class StringTable {
  readonly #bytes = new Bytes().u8(0);

  /** Appends a string; returns where it begins. */
  add(text: string): number {
    const at = this.#bytes.length;
    this.#bytes.string(text);
    return at;
  }

  get contents(): Uint8Array {
    return this.#bytes.contents;
  }
}
