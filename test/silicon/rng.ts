/**
 * Seeded random numbers for case generation, and operand values weighted to where arithmetic goes
 * wrong: 0, 1, the sign bit, all ones, small numbers; the rest is uniform.
 */

export class Rng {
  #state: number;

  /** The seed is a text, that of a row, so that a new row leaves the cases of others alone. */
  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (const char of seed) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    this.#state = hash >>> 0;
  }

  /** 32 random bits (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(n: number): number {
    return this.next() % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bits(n: number): bigint {
    const value = (BigInt(this.next()) << 32n) | BigInt(this.next());
    return BigInt.asUintN(n, value);
  }

  /** A weighted operand value of n bits (n up to 128). */
  operand(n: number): bigint {
    const sign = 1n << BigInt(n - 1);
    const choices = [
      () => 0n,
      () => 1n,
      () => -1n,
      () => sign,
      () => sign - 1n,
      () => BigInt(2 + this.below(31)),
      () => -BigInt(2 + this.below(31)),
      () => BigInt(this.below(0x100)),
      () => 1n << BigInt(this.below(n)),
      () => sign >> BigInt(n >> 1),
      () => this.bits(64) | (n > 64 ? this.bits(64) << 64n : 0n),
      () => this.bits(64) | (n > 64 ? this.bits(64) << 64n : 0n),
    ];
    return BigInt.asUintN(n, this.pick(choices)());
  }
}
