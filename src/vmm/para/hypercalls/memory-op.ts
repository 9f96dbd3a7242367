/**
 * HYPERVISOR_memory_op of a domain that sees machine addresses: extents given and taken, and what it is told of memory.
 * The order of checks and the error numbers are Xen's.
 *
 * | operation | |
 * |---|---|
 * | increase_reservation, decrease_reservation, populate_physmap | memory-extents.ts |
 * | exchange | memory-exchange.ts |
 * | machphys_mfn_list, machphys_mapping, memory_map | memory-maps.ts |
 * | maximum_ram_page | how many frames the machine has |
 * | current_reservation, maximum_reservation, maximum_gpfn | the domain's own |
 * | add_to_physmap, remove_from_physmap | refused: for translated domains |
 * | machine_memory_map, set_memory_map | refused: for privileged ones. In Xen a domain may set its own map |
 * | all others | ENOSYS |
 */

import { ERRNO } from '../../../xen/errno.ts';
import {
  XEN_ADD_TO_PHYSMAP,
  XEN_MEMORY_DOMAIN,
  XEN_REMOVE_FROM_PHYSMAP,
  XENMAPSPACE,
  XENMEM,
} from '../../../xen/memory.ts';
import { checkSelf, type Domains } from '../../direct/foreign-domain.ts';
import type { HypercallArguments, HypercallResult, HypercallTable } from '../hypercall.ts';
import { type GuestSpace, readAt } from '../memory/guest-space.ts';
import type { MemoryReservation } from '../memory/memory-reservation.ts';
import { exchange } from './memory-exchange.ts';
import { extentCall } from './memory-extents.ts';
import { MEMOP_EXTENT_SHIFT } from './memory-limits.ts';
import { type MachineToPhysList, memoryMap, mfnList, writeMapping } from './memory-maps.ts';

export interface MemoryDeps {
  /** Number of the domain, and of all that there are. */
  readonly number: number;
  readonly domains: Domains;
  readonly space: GuestSpace;
  readonly reservation: MemoryReservation;
  /** Undefined for a domain that sees no machine: then there is nothing to tell of that. */
  readonly machineToPhys: MachineToPhysList | undefined;
  /** How many pseudo-physical frames the domain says that it has (arch.max_pfn of the shared info page). */
  readonly maxPfn: () => bigint;
}

const MEMOP_CMD_MASK = (1n << MEMOP_EXTENT_SHIFT) - 1n;
const SIZE_MASK = 0xffffn;

export function memoryCalls(deps: MemoryDeps): HypercallTable {
  return { memory_op: (args) => memoryOp(deps, args) };
}

function memoryOp(deps: MemoryDeps, [command, arg]: HypercallArguments): HypercallResult {
  const operation = Number(command & MEMOP_CMD_MASK);
  const start = command >> MEMOP_EXTENT_SHIFT;
  const result = extentCall(deps, operation, start, arg);
  if (result !== undefined) return result;
  switch (operation) {
    case XENMEM.exchange:
      return start === 0n ? exchange(deps, arg) : -ERRNO.EINVAL;
    case XENMEM.maximum_ram_page:
      if (deps.machineToPhys === undefined) return -ERRNO.ENOSYS;
      return start === 0n ? deps.machineToPhys.frames : -ERRNO.EINVAL;
    case XENMEM.current_reservation:
    case XENMEM.maximum_reservation:
    case XENMEM.maximum_gpfn:
      return start === 0n ? ofDomain(deps, operation, arg) : -ERRNO.EINVAL;
    case XENMEM.add_to_physmap:
      return start <= SIZE_MASK ? addToPhysmap(deps, arg) : -ERRNO.EDOM;
    case XENMEM.remove_from_physmap:
      return start === 0n ? removeFromPhysmap(deps, arg) : -ERRNO.EINVAL;
    default:
      return start === 0n ? ofMachine(deps, operation, arg) : -ERRNO.ENOSYS;
  }
}

function ofDomain(deps: MemoryDeps, operation: number, arg: bigint): HypercallResult {
  const named = readAt(deps.space, XEN_MEMORY_DOMAIN, arg);
  if (named === undefined) return -ERRNO.EFAULT;
  const wrong = checkSelf(named.domid, deps.number, deps.domains);
  if (wrong !== 0) return wrong;
  if (operation === XENMEM.current_reservation) return deps.reservation.current;
  if (operation === XENMEM.maximum_reservation) return deps.reservation.maximum;
  const count = deps.maxPfn();
  return count === 0n ? 0n : count - 1n;
}

function addToPhysmap({ space, number, domains }: MemoryDeps, arg: bigint): number {
  const call = readAt(space, XEN_ADD_TO_PHYSMAP, arg);
  if (call === undefined) return -ERRNO.EFAULT;
  if (call.space === XENMAPSPACE.gmfn_foreign) return -ERRNO.ENOSYS;
  return checkSelf(call.domid, number, domains) || -ERRNO.EACCES;
}

function removeFromPhysmap({ space, number, domains }: MemoryDeps, arg: bigint): number {
  const call = readAt(space, XEN_REMOVE_FROM_PHYSMAP, arg);
  if (call === undefined) return -ERRNO.EFAULT;
  return checkSelf(call.domid, number, domains) || -ERRNO.EACCES;
}

function ofMachine(deps: MemoryDeps, operation: number, arg: bigint): HypercallResult {
  const { machineToPhys } = deps;
  switch (operation) {
    case XENMEM.machphys_mfn_list:
      return machineToPhys ? mfnList({ ...deps, machineToPhys }, arg) : -ERRNO.ENOSYS;
    case XENMEM.machphys_mapping:
      return machineToPhys ? writeMapping(deps.space, arg) : -ERRNO.ENOSYS;
    case XENMEM.memory_map:
      return memoryMap(deps, arg);
    case XENMEM.machine_memory_map:
    case XENMEM.set_memory_map:
      return -ERRNO.EPERM;
    default:
      return -ERRNO.ENOSYS;
  }
}
