/** What calls read and write of the guest's memory by virtual addresses that the guest gives. */

export interface GuestArguments {
  /** Fills `data` with what is at `va`, as the guest's kernel reads it; false if that faults. */
  read(va: bigint, data: DataView): boolean;
  /** Writes a u32, as the guest's kernel writes it; false if that faults. */
  writeU32(va: bigint, value: number): boolean;
}

const LOWER_END = 1n << 47n;
const HYPERVISOR_VIRT_END = 0xffff_8800_0000_0000n;
const ADDRESS_END = 1n << 64n;

/** The address is the guest's: canonical and not Xen's. */
export function isGuestAddress(va: bigint): boolean {
  return va < LOWER_END || va >= HYPERVISOR_VIRT_END;
}

/** So are `length` bytes from `va` on. */
export function isGuestRange(va: bigint, length: number): boolean {
  const last = va + BigInt(length - 1);
  return isGuestAddress(va) && isGuestAddress(last) && last < ADDRESS_END;
}

/** Bits of `mask`, of one u64, as a bitmap of virtual processors at `va`; undefined if reading it faults. */
export function readVcpuMask(memory: GuestArguments, va: bigint): bigint | undefined {
  const data = new DataView(new ArrayBuffer(8));
  if (!isGuestRange(va, 8) || !memory.read(va, data)) return undefined;
  return data.getBigUint64(0, true);
}
