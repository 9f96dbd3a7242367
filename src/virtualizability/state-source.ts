/**
 * Random numbers for drawing states: one generator for each state of each form, so that any state can be drawn again by its
 * number. Mulberry32: draws that follow one another pick from short lists, for which those of the xorshift generator of
 * src/isa hang together too much.
 */

import type { RandomSource } from '../isa/random.ts';

const GOLDEN = 0x9e3779b9;

/** The generator of state number `state` of form number `form`. */
export function stateSource(seed: number, form: number, state: number): RandomSource {
  let counter = mix(mix(mix(seed + GOLDEN) + form) + state);
  return (bound) => {
    counter = (counter + GOLDEN) | 0;
    return (mix(counter) >>> 0) % bound;
  };
}

function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
