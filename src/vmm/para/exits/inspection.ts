/** A guest's memory as somebody sees it who only looks: traces and messages about its end. */

import type { MachineMemory } from '../../../machine/memory.ts';
import { PAGE_SIZE } from '../../frames.ts';

export interface InspectedSpace {
  /** HPA of what is mapped at `va`, for whatever access; no flag of an entry is set. */
  inspect(va: bigint): number | undefined;
}

/** As many of the `length` bytes at `va` as are mapped without a gap. */
export function inspect(
  memory: MachineMemory,
  space: InspectedSpace,
  va: bigint,
  length: number,
): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const hpa = space.inspect(BigInt.asUintN(64, va + BigInt(at)));
    if (hpa === undefined) return bytes.subarray(0, at);
    const count = Math.min(PAGE_SIZE - (hpa % PAGE_SIZE), length - at);
    bytes.set(memory.bytes.subarray(hpa, hpa + count), at);
    at += count;
  }
  return bytes;
}
