/** States that hold less than another: each with one register, or one piece of memory, empty. */

import { FLAGS_FIXED } from './edge-values.ts';
import type { ProgramState } from './program-state.ts';

/** It stays: exceptions need a stack. */
const RSP = 4;

export function smaller(state: ProgramState): ProgramState[] {
  const found: ProgramState[] = [];
  state.gpr.forEach((value, n) => {
    if (value !== 0n && n !== RSP) found.push({ ...state, gpr: state.gpr.with(n, 0n) });
  });
  if (state.rflags !== BigInt(FLAGS_FIXED)) found.push({ ...state, rflags: BigInt(FLAGS_FIXED) });
  for (const name of ['taskSwitched', 'monitorArmed', 'nmiBlocked'] as const) {
    if (state[name]) found.push({ ...state, [name]: false });
  }
  state.memory.forEach((piece, at) => {
    piece.bytes.forEach((byte, n) => {
      if (byte === 0) return;
      const emptied = { ...piece, bytes: piece.bytes.with(n, 0) };
      found.push({ ...state, memory: state.memory.with(at, emptied) });
    });
  });
  return found;
}
