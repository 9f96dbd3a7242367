/** Virtual time: one retired instruction is one nanosecond. */

import { FUEL, FUEL_START, TIME } from '../layout';
import { Rec } from './record';

export class Time {
  /** Nanoseconds at the start of the instruction of record `i`: its block was paid for in advance. */
  @inline static now(i: usize): u64 {
    const left = <u32>(load<i64>(FUEL) >> 32) + Rec.left(i);
    return load<u64>(TIME) + (load<u32>(FUEL_START) - left);
  }
}
