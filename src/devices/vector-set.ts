/**
 * A set of interrupt vectors as the 256-bit registers of a local APIC hold it (SDM 3A 10.8.4
 * Interrupt Acceptance for Fixed Interrupts): IRR, ISR, TMR. The higher vector has the higher priority.
 */

/** vector[256], each in or out. */
export class VectorSet {
  readonly #words: Uint32Array;

  /** `words`: 8 of 32 bits, as `save` gives them. */
  constructor(words: readonly number[] = []) {
    this.#words = new Uint32Array(8);
    this.#words.set(words);
  }

  save(): number[] {
    return [...this.#words];
  }

  has(vector: number): boolean {
    return (this.word(vector >> 5) & (1 << (vector & 31))) !== 0;
  }

  put(vector: number, isIn: boolean): void {
    const bit = 1 << (vector & 31);
    const word = this.word(vector >> 5);
    this.#words[vector >> 5] = isIn ? word | bit : word & ~bit;
  }

  clear(): void {
    this.#words.fill(0);
  }

  /** The highest vector, -1 if there is none. */
  highest(): number {
    for (let n = 7; n >= 0; n--) {
      const word = this.word(n);
      if (word !== 0) return n * 32 + 31 - Math.clz32(word);
    }
    return -1;
  }

  /** Vectors 32n to 32n + 31. */
  word(n: number): number {
    return this.#words[n] ?? 0;
  }
}
