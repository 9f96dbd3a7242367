/** Random instruction bytes, weighted so that prefixes and the rarer opcode maps are reached. */

import type { RandomSource } from '../../src/isa/random.ts';

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const ESCAPES = [[], [], [0x0f], [0x0f], [0x0f, 0x38], [0x0f, 0x3a], [0xc4], [0xc5]];
const BYTES = 24;

/** Some prefixes, perhaps a REX, an escape and random bytes. */
export function randomCode(random: RandomSource): Uint8Array {
  const code = new Uint8Array(BYTES);
  for (let i = 0; i < BYTES; i++) code[i] = random(256);
  let at = 0;
  while (random(3) === 0 && at < 4) code[at++] = PREFIXES[random(PREFIXES.length)] ?? 0;
  if (random(2) === 0) code[at++] = 0x40 | random(16);
  for (const byte of ESCAPES[random(ESCAPES.length)] ?? []) code[at++] = byte;
  return code;
}
