/** The guest's memory by virtual address, as its kernel sees it now: where the arguments of hypercalls lie. */

import { isGuestRange } from '../../../xen/address-space.ts';
import type { Field } from '../../../xen/structure.ts';
import type { GuestArguments } from '../../direct/guest-arguments.ts';

/** Addresses that are the hypervisor's are refused. */
export interface GuestSpace extends GuestArguments {
  /** Writes `data` at `va`, as the guest's kernel writes it; false if that faults, with nothing written. */
  write(va: bigint, data: DataView): boolean;
  /** HPA of what the kernel reads or writes at `va`; undefined if that faults. Good until a table changes. */
  translate(va: bigint, isWrite: boolean): number | undefined;
}

/** The structure at `va`; undefined if reading it faults. */
export function readAt<R>(space: GuestSpace, type: Field<R, never>, va: bigint): R | undefined {
  const data = new DataView(new ArrayBuffer(type.size));
  return isGuestRange(va, va + BigInt(type.size)) && space.read(va, data)
    ? type.read(data, 0)
    : undefined;
}

/** Writes the structure at `va`, fields that are not given as 0; false if that faults. */
export function writeAt<W>(
  space: GuestSpace,
  type: Field<unknown, W>,
  va: bigint,
  value: W,
): boolean {
  const data = new DataView(new ArrayBuffer(type.size));
  type.write(data, 0, value);
  return isGuestRange(va, va + BigInt(type.size)) && space.write(va, data);
}
