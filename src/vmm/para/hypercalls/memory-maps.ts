/**
 * What memory_op tells of memory: where the table of machine to physical frames lies, in addresses and in frames, and the
 * map of the domain's own memory.
 */

import {
  isGuestRange,
  MACH2PHYS_VIRT_END,
  MACH2PHYS_VIRT_START,
} from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';
import {
  XEN_MACHPHYS_MAPPING,
  XEN_MACHPHYS_MFN_LIST,
  XEN_MEMORY_MAP,
} from '../../../xen/memory.ts';
import { u64 } from '../../../xen/structure.ts';
import { PAGE_SIZE } from '../../frames.ts';
import { type GuestSpace, readAt, writeAt } from '../memory/guest-space.ts';

export interface MachineToPhysList {
  /** How many frames it is about. */
  readonly frames: number;
  /** The frame in which entry `n` lies. */
  frameOf(n: number): number;
}

export interface MapDeps {
  readonly space: GuestSpace;
  readonly machineToPhys: MachineToPhysList;
  readonly reservation: { readonly maximum: number };
}

const ENTRY_BYTES = 8;
const EXTENT_ENTRIES = 2 ** 21 / ENTRY_BYTES;
/** As the BIOS gives it: u64 address, u64 size, u32 type. */
const E820_ENTRY_BYTES = 20;
const E820_RAM = 1;

/**
 * An extent is 2 MiB of the table, but our frames of it are scattered: the list has that of the first entry of each. Xen
 * lets no domain without privileges map them, and neither do we.
 */
export function mfnList({ space, machineToPhys }: MapDeps, arg: bigint): number {
  const call = readAt(space, XEN_MACHPHYS_MFN_LIST, arg);
  if (call === undefined) return -ERRNO.EFAULT;
  const count = Math.min(call.max_extents, Math.ceil(machineToPhys.frames / EXTENT_ENTRIES));
  for (let n = 0; n < count; n++) {
    const frame = BigInt(machineToPhys.frameOf(n * EXTENT_ENTRIES));
    if (!writeAt(space, u64, call.extent_start + BigInt(n * ENTRY_BYTES), frame)) {
      return -ERRNO.EFAULT;
    }
  }
  const isTold = writeAt(space, XEN_MACHPHYS_MFN_LIST, arg, { ...call, nr_extents: count });
  return isTold ? 0 : -ERRNO.EFAULT;
}

/** As in Xen, what there is room for: where the machine has no frames, the table is not mapped. */
export function writeMapping(space: GuestSpace, arg: bigint): number {
  const bytes = MACH2PHYS_VIRT_END - MACH2PHYS_VIRT_START;
  const isTold = writeAt(space, XEN_MACHPHYS_MAPPING, arg, {
    v_start: MACH2PHYS_VIRT_START,
    v_end: MACH2PHYS_VIRT_END,
    max_mfn: bytes / BigInt(ENTRY_BYTES) - 1n,
  });
  return isTold ? 0 : -ERRNO.EFAULT;
}

/** One entry: RAM from 0 on, as much as the domain may have. */
export function memoryMap(
  { space, reservation }: Omit<MapDeps, 'machineToPhys'>,
  arg: bigint,
): number {
  const call = readAt(space, XEN_MEMORY_MAP, arg);
  if (call === undefined) return -ERRNO.EFAULT;
  const count = Math.min(call.nr_entries, 1);
  const isWritten = count === 0 || writeRam(space, call.buffer, reservation.maximum * PAGE_SIZE);
  const isTold = isWritten && writeAt(space, XEN_MEMORY_MAP, arg, { ...call, nr_entries: count });
  return isTold ? 0 : -ERRNO.EFAULT;
}

function writeRam(space: GuestSpace, va: bigint, bytes: number): boolean {
  const entry = new DataView(new ArrayBuffer(E820_ENTRY_BYTES));
  entry.setBigUint64(8, BigInt(bytes), true);
  entry.setUint32(16, E820_RAM, true);
  return isGuestRange(va, va + BigInt(E820_ENTRY_BYTES)) && space.write(va, entry);
}
