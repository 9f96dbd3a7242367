/**
 * RDRAND and RDSEED (SDM 2B), from one generator: splitmix64, whose state the host seeds. It never runs
 * dry, so CF is always 1.
 */

import { CF, Flags } from '../cpu/flags';
import { Operand } from '../cpu/operand';
import { RANDOM } from '../layout';

export function rdrand(i: usize): void {
  Operand.write(i, 0, next());
  Flags.setStatus(CF);
}

export function rdseed(i: usize): void {
  rdrand(i);
}

/** The next 64 bits (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
function next(): u64 {
  let z = load<u64>(RANDOM) + 0x9e3779b97f4a7c15;
  store<u64>(RANDOM, z);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
