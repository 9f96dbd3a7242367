/** A small deterministic generator of random numbers, for tests and fuzzing. */

/** Yields integers in [0, bound). */
export type RandomSource = (bound: number) => number;

/** xorshift32 started from `seed`. */
export function randomSource(seed: number): RandomSource {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** One of `choices`, which must not be empty. */
export function pick<T>(random: RandomSource, choices: readonly [T, ...T[]]): T {
  return choices[random(choices.length)] ?? choices[0];
}
