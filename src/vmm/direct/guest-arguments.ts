/** What calls read and write of the guest's memory by virtual addresses that the guest gives. */

import { isGuestRange } from '../../xen/address-space.ts';

export interface GuestArguments {
  /** Fills `data` with what is at `va`, as the guest's kernel reads it; false if that faults. */
  read(va: bigint, data: DataView): boolean;
  /** Writes a u32, as the guest's kernel writes it; false if that faults. */
  writeU32(va: bigint, value: number): boolean;
}

/** Bits of `mask`, of one u64, as a bitmap of virtual processors at `va`; undefined if reading it faults. */
export function readVcpuMask(memory: GuestArguments, va: bigint): bigint | undefined {
  const data = new DataView(new ArrayBuffer(8));
  if (!isGuestRange(va, va + 8n) || !memory.read(va, data)) return undefined;
  return data.getBigUint64(0, true);
}
