/**
 * memory_op with a list of extents: increase_reservation, decrease_reservation and populate_physmap. The result is how
 * many extents are done, from the first of the list on: the first bad one ends the call, and a call that is bad in itself
 * does none. A call that goes on has the number of those that are done in its first argument.
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import { XEN_MEMORY_RESERVATION, XENMEM, XENMEMF_populate_on_demand } from '../../../xen/memory.ts';
import { u64 } from '../../../xen/structure.ts';
import { checkSelf, type Domains } from '../../direct/foreign-domain.ts';
import type { HypercallResult } from '../hypercall.ts';
import { type GuestSpace, readAt, writeAt } from '../memory/guest-space.ts';
import type { MemoryReservation } from '../memory/memory-reservation.ts';
import { frameLimit, hasAddresses, MAX_ORDER, MEMOP_EXTENT_SHIFT } from './memory-limits.ts';

export interface ExtentDeps {
  readonly number: number;
  readonly domains: Domains;
  readonly space: GuestSpace;
  readonly reservation: MemoryReservation;
}

type Call = ReturnType<typeof XEN_MEMORY_RESERVATION.read>;

interface Operation {
  /** The list may be left out. */
  readonly isListOptional: boolean;
  /** Does the extent whose number is, or goes, to `place`; false: it is bad. */
  perform(deps: ExtentDeps, call: Call, place: bigint): boolean;
}

/** So many that what goes on can still say where. */
const MAX_EXTENTS = 2n ** 26n - 1n;
const NUMBER_BYTES = 8n;

const OPERATIONS: Readonly<Record<number, Operation>> = {
  [XENMEM.increase_reservation]: { isListOptional: true, perform: increase },
  [XENMEM.decrease_reservation]: { isListOptional: false, perform: decrease },
  [XENMEM.populate_physmap]: { isListOptional: false, perform: populate },
};

/** `start` extents are done; undefined: the operation is none with extents. */
export function extentCall(
  deps: ExtentDeps,
  operation: number,
  start: bigint,
  arg: bigint,
): HypercallResult | undefined {
  const work = OPERATIONS[operation];
  if (work === undefined) return undefined;
  const call = readAt(deps.space, XEN_MEMORY_RESERVATION, arg);
  if (call === undefined || !isGood(deps, call, start, work.isListOptional)) return start;
  const { reservation } = deps;
  reservation.begin();
  let done = start;
  const isNext = (): boolean => done < call.nr_extents && (done === start || !reservation.isSpent);
  let isBad = false;
  while (!isBad && isNext()) {
    isBad = !work.perform(deps, call, call.extent_start + done * NUMBER_BYTES);
    if (!isBad) done++;
  }
  reservation.end();
  if (isBad || done === call.nr_extents) return done;
  return { again: [BigInt(operation) | (done << MEMOP_EXTENT_SHIFT), arg, 0n, 0n, 0n, 0n] };
}

function isGood(deps: ExtentDeps, call: Call, start: bigint, isListOptional: boolean): boolean {
  const { extent_start, nr_extents, extent_order, mem_flags, domid } = call;
  if (nr_extents > MAX_EXTENTS || start >= nr_extents) return false;
  if (checkSelf(domid, deps.number, deps.domains) !== 0) return false;
  if (extent_order > MAX_ORDER || !hasAddresses(mem_flags)) return false;
  if (isListOptional && extent_start === 0n) return true;
  const first = extent_start + start * NUMBER_BYTES;
  return isGuestRange(first, extent_start + nr_extents * NUMBER_BYTES);
}

/** As in Xen the domain has the frames even if it cannot be told which. */
function increase({ space, reservation }: ExtentDeps, call: Call, place: bigint): boolean {
  const frame = reservation.take(2 ** call.extent_order, frameLimit(call.mem_flags));
  if (frame === undefined) return false;
  return call.extent_start === 0n || writeAt(space, u64, place, BigInt(frame));
}

/** Frames before a bad one in the extent are given back. */
function decrease({ space, reservation }: ExtentDeps, call: Call, place: bigint): boolean {
  const first = readAt(space, u64, place);
  if (first === undefined) return false;
  for (let n = 0; n < 2 ** call.extent_order; n++) {
    if (!reservation.giveBack(Number(first) + n)) return false;
  }
  return true;
}

function populate({ space, reservation }: ExtentDeps, call: Call, place: bigint): boolean {
  const pfn = readAt(space, u64, place);
  // Nobody populates itself on demand.
  if (pfn === undefined || (call.mem_flags & XENMEMF_populate_on_demand) !== 0) return false;
  const size = 2 ** call.extent_order;
  const frame = reservation.take(size, frameLimit(call.mem_flags));
  if (frame === undefined) return false;
  reservation.setNumbers(frame, pfn, size);
  return writeAt(space, u64, place, BigInt(frame));
}
