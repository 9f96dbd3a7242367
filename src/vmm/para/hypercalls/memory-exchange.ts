/**
 * XENMEM_exchange: frames for others, in extents of other sizes, chunk by chunk: a chunk is as large as the larger extent
 * of the two, and is exchanged or not. How far the call has come lies in the guest's memory, where a call that goes on
 * finds it. Frames that are given must have no use.
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { XEN_MEMORY_EXCHANGE, XENMEM } from '../../../xen/memory.ts';
import { u64 } from '../../../xen/structure.ts';
import { checkSelf } from '../../direct/foreign-domain.ts';
import type { HypercallResult } from '../hypercall.ts';
import { type GuestSpace, readAt, writeAt } from '../memory/guest-space.ts';
import type { ExtentDeps } from './memory-extents.ts';
import { frameLimit, MAX_ORDER } from './memory-limits.ts';

type Call = ReturnType<typeof XEN_MEMORY_EXCHANGE.read>;

/** An extent's number in a list. */
const NUMBER_BYTES = 8n;
const LIST_END = 2n ** 64n;

/** By what numbers of extents a chunk shifts to those of one list. */
interface ChunkOrders {
  readonly in: bigint;
  readonly out: bigint;
}

export function exchange(deps: ExtentDeps, arg: bigint): HypercallResult {
  const { space, reservation } = deps;
  const call = readAt(space, XEN_MEMORY_EXCHANGE, arg);
  if (call === undefined) return -ERRNO.EFAULT;
  const orders = chunkOrders(call);
  const wrong = check(deps, call, orders);
  if (wrong !== 0) return finish(space, arg, call.nr_exchanged, wrong);
  reservation.begin();
  const first = call.nr_exchanged >> orders.in;
  const end = call.in.nr_extents >> orders.in;
  let result = 0;
  let chunk = first;
  while (chunk < end && (chunk === first || !reservation.isSpent)) {
    result = exchangeChunk(deps, call, orders, chunk);
    if (result !== 0) break;
    chunk++;
  }
  reservation.end();
  const isAll = result === 0 && chunk >= end;
  const done = isAll ? call.in.nr_extents : chunk << orders.in;
  const written = finish(space, arg, done, result);
  if (isAll || written !== 0) return written;
  return { again: [BigInt(XENMEM.exchange), arg, 0n, 0n, 0n, 0n] };
}

/** Tells how many extents of the list of given ones are exchanged. */
function finish(space: GuestSpace, arg: bigint, done: bigint, result: number): number {
  const place = arg + BigInt(XEN_MEMORY_EXCHANGE.offsets.nr_exchanged);
  return writeAt(space, u64, place, done) ? result : -ERRNO.EFAULT;
}

function chunkOrders(call: Call): ChunkOrders {
  const difference = call.out.extent_order - call.in.extent_order;
  return { in: BigInt(Math.max(difference, 0)), out: BigInt(Math.max(-difference, 0)) };
}

function check({ number, domains }: ExtentDeps, call: Call, orders: ChunkOrders): number {
  const { in: given, out: wanted, nr_exchanged } = call;
  if (Math.max(given.extent_order, wanted.extent_order) > MAX_ORDER) return -ERRNO.EPERM;
  const givenFrames = given.nr_extents << BigInt(given.extent_order);
  const wantedFrames = wanted.nr_extents << BigInt(wanted.extent_order);
  const isTooLong = givenFrames >= LIST_END || wantedFrames >= LIST_END;
  if (nr_exchanged > given.nr_extents || given.domid !== wanted.domid) return -ERRNO.EINVAL;
  if (isTooLong || givenFrames !== wantedFrames) return -ERRNO.EINVAL;
  const wantedDone = (nr_exchanged >> orders.in) << orders.out;
  if (!isList(given, nr_exchanged) || !isList(wanted, wantedDone)) return -ERRNO.EFAULT;
  return checkSelf(given.domid, number, domains);
}

function isList({ extent_start, nr_extents }: Call['in'], first: bigint): boolean {
  return isGuestRange(
    extent_start + first * NUMBER_BYTES,
    extent_start + nr_extents * NUMBER_BYTES,
  );
}

function exchangeChunk(deps: ExtentDeps, call: Call, orders: ChunkOrders, chunk: bigint): number {
  const given = givenFrames(deps.space, call, chunk << orders.in, 1n << orders.in);
  if (given === undefined) return -ERRNO.EFAULT;
  const { extent_start, extent_order, mem_flags } = call.out;
  const extents = {
    count: Number(1n << orders.out),
    size: 2 ** extent_order,
    end: frameLimit(mem_flags),
  };
  const taken = deps.reservation.exchange(given, extents);
  if (typeof taken === 'number') return taken;
  const list = extent_start + (chunk << orders.out) * NUMBER_BYTES;
  let result = 0;
  for (const [n, frame] of taken.entries()) {
    const place = list + BigInt(n) * NUMBER_BYTES;
    if (!announce(deps, place, frame, extents.size)) result = -ERRNO.EFAULT;
  }
  return result;
}

/** The frames of `count` extents from number `first` of the list on. */
function givenFrames(
  space: GuestSpace,
  { in: { extent_start, extent_order } }: Call,
  first: bigint,
  count: bigint,
): number[] | undefined {
  const frames: number[] = [];
  for (let n = first; n < first + count; n++) {
    const base = readAt(space, u64, extent_start + n * NUMBER_BYTES);
    if (base === undefined) return undefined;
    for (let k = 0; k < 2 ** extent_order; k++) frames.push(Number(base) + k);
  }
  return frames;
}

/** Takes the guest's number for an extent from `place`, and puts the machine's there. */
function announce(
  { space, reservation }: ExtentDeps,
  place: bigint,
  frame: number,
  size: number,
): boolean {
  const pfn = readAt(space, u64, place);
  if (pfn === undefined) return false;
  reservation.setNumbers(frame, pfn, size);
  return writeAt(space, u64, place, BigInt(frame));
}
