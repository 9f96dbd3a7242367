/** Virtual time: one retired instruction is one nanosecond. */

import { FUEL, FUEL_START, TIME } from '../layout';
import { Rec } from './record';

export class Time {
  /** Nanoseconds at the start of the instruction of record `i`: its block was paid for in advance. */
  @inline static now(i: usize): u64 {
    return Time.atBoundary() - Rec.left(i);
  }
  /** Nanoseconds between two instructions, nothing paid for that did not run. Events may have overdrawn the fuel. */
  @inline static atBoundary(): u64 {
    return load<u64>(TIME) + load<u32>(FUEL_START) - (load<i64>(FUEL) >> 32);
  }
}
