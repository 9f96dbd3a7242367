/** Instruction bytes for fuzzing: random ones, and encodings of all rows, whole or damaged. */

import { existsIn } from '../../src/isa/encode.ts';
import { pick, type RandomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { sampleEncodings } from '../../src/isa/sample.ts';
import { ROWS } from '../../src/isa/table.ts';
import { randomCode } from '../isa/random-code.ts';

const SAMPLES = 6;

function samples(mode: CodeMode): readonly Uint8Array[] {
  return ROWS.flatMap((row, n) =>
    existsIn(row, mode) ? sampleEncodings(row, n + 1, SAMPLES, mode) : [],
  );
}
const VALID: Readonly<Record<CodeMode, readonly Uint8Array[]>> = {
  64: samples(64),
  32: samples(32),
  16: samples(16),
};

/** 64-bit code in half of the cases. */
export function codeMode(random: RandomSource): CodeMode {
  return pick(random, [64, 64, 64, 64, 32, 32, 32, 16]);
}

/** Enough bytes for one instruction, perhaps none that is valid. */
export function instruction(random: RandomSource, mode: CodeMode): Uint8Array {
  if (random(4) === 0) return randomCode(random);
  const tail = randomCode(random);
  const sample = valid(random, mode);
  const code = new Uint8Array(sample.length + tail.length);
  code.set(sample);
  code.set(tail, sample.length);
  if (random(3) === 0) code[random(sample.length)] = random(256);
  else if (random(6) === 0) code[random(sample.length)]! ^= 1 << random(8);
  return code;
}

/** An instruction of some row that exists in code of `mode`. */
export function valid(random: RandomSource, mode: CodeMode): Uint8Array {
  const all = VALID[mode];
  return all[random(all.length)] ?? new Uint8Array([0x90]);
}

/** A number that is likely to matter: an address of `places` and near it, small, an edge, or any. */
export function number(random: RandomSource, places: readonly [bigint, ...bigint[]]): bigint {
  const near = pick(random, places) + BigInt(random(64) - 16);
  const edge = (1n << BigInt(random(64))) - BigInt(random(3));
  const any = (BigInt(random(0x40000000)) << 34n) ^ (BigInt(random(0x40000000)) << 8n);
  const value = pick(random, [near, near, near, BigInt(random(256)), edge, -edge, any]);
  return BigInt.asUintN(64, value);
}
