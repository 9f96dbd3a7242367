/**
 * Where the parts of a new domain lie (xen.h, "Start-of-day memory layout"): one after the other, each in pages of its
 * own, in a contiguous virtual region that maps the first part of pseudo-physical memory one to one. The region ends at
 * a multiple of 4 MiB, with 512 KiB at least behind the last part. A kernel that names a place of its own for the list
 * of frames (INIT_P2M) gets it there, in frames behind the region.
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import type { PvKernel } from '../../../xen/pv-kernel.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';
import { DomainError } from './domain-error.ts';
import { type AddressRange, tableCount } from './table-count.ts';

const REGION_ALIGNMENT = 1n << 22n;
const PADDING = 512n << 10n;
const MFN_BYTES = 8;
const MIB_PAGES = 2 ** 20 / PAGE_SIZE;

/** A range of pseudo-physical frames, with its address. */
export interface DomainPart {
  readonly pfn: number;
  readonly pages: number;
  readonly va: bigint;
}

/** All but `p2m`, where it is elsewhere, and `p2mTables` lie in the region, in this order. */
export interface DomainLayout {
  readonly kernel: DomainPart;
  readonly module: DomainPart;
  /** The list of frames. */
  readonly p2m: DomainPart;
  readonly startInfo: DomainPart;
  readonly store: DomainPart;
  readonly console: DomainPart;
  /** No page where the hypervisor has one elsewhere. */
  readonly sharedInfo: DomainPart;
  /** The root first. */
  readonly tables: DomainPart;
  readonly stack: DomainPart;
  readonly region: DomainPart;
  /** Tables that only a list elsewhere needs: right before it, not mapped themselves. */
  readonly p2mTables: { readonly pfn: number; readonly pages: number };
}

export interface LayoutRequest {
  readonly kernel: PvKernel;
  readonly frameCount: number;
  readonly moduleBytes: number;
  /** The page of the shared info is one of the domain's own. */
  readonly hasSharedInfo: boolean;
}

/** Throws a DomainError if the kernel and what it is given do not fit. */
export function layOut(request: LayoutRequest): DomainLayout {
  let layout = withTables(request, 0);
  // More tables can make the region larger, and then take more tables.
  for (let count = 0; count < tableCount([rangeOf(layout.region)]); ) {
    count = tableCount([rangeOf(layout.region)]);
    layout = withTables(request, count);
  }
  const { initP2m } = request.kernel;
  return initP2m === undefined ? layout : withP2mAt(initP2m, layout, request.frameCount);
}

/** Lays the region out with that many tables. */
function withTables(request: LayoutRequest, count: number): DomainLayout {
  const { kernel, frameCount, moduleBytes, hasSharedInfo } = request;
  const { virtBase, segments, initP2m } = kernel;
  let pfn = 0;
  const take = (pages: number): DomainPart => {
    const part = { pfn, pages, va: virtBase + addressOf(pfn) };
    pfn += pages;
    return part;
  };
  const kernelEnd = segments.reduce((end, one) => Math.max(end, Number(one.address + one.size)), 0);
  const parts = {
    kernel: take(pagesFor(kernelEnd)),
    module: take(pagesFor(moduleBytes)),
    p2m: take(initP2m === undefined ? p2mPages(frameCount) : 0),
    startInfo: take(1),
    store: take(1),
    console: take(1),
    tables: take(count),
    stack: take(1),
    // Last, so that all else is where it is without.
    sharedInfo: take(hasSharedInfo ? 1 : 0),
  };
  const end = roundUp(virtBase + addressOf(pfn) + PADDING, REGION_ALIGNMENT);
  const region = { pfn: 0, pages: Number((end - virtBase) >> BigInt(PAGE_SHIFT)), va: virtBase };
  checkFrames(region.pages, frameCount);
  checkRange('its boot memory', rangeOf(region));
  return { ...parts, region, p2mTables: { pfn: region.pages, pages: 0 } };
}

/** The list of frames at the place that the kernel names. */
function withP2mAt(va: bigint, layout: DomainLayout, frameCount: number): DomainLayout {
  const { region } = layout;
  const pages = p2mPages(frameCount);
  const list = rangeOf({ va, pages });
  checkRange('its list of frames', list);
  const mapped = rangeOf(region);
  if (list.start < mapped.end && mapped.start < list.end) {
    throw new DomainError(
      'ADDRESS',
      `the list of frames (INIT_P2M ${hex(va)}) would lie in boot memory`,
    );
  }
  const tables = tableCount([mapped, list]) - layout.tables.pages;
  const p2mTables = { pfn: region.pages, pages: tables };
  const p2m = { pfn: region.pages + tables, pages, va };
  checkFrames(p2m.pfn + pages, frameCount);
  return { ...layout, p2m, p2mTables };
}

function p2mPages(frameCount: number): number {
  return pagesFor(frameCount * MFN_BYTES);
}

function pagesFor(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE);
}

function addressOf(pfn: number): bigint {
  return BigInt(pfn) << BigInt(PAGE_SHIFT);
}

function rangeOf({ va, pages }: { va: bigint; pages: number }): AddressRange {
  return { start: va, end: va + addressOf(pages) };
}

function roundUp(value: bigint, multiple: bigint): bigint {
  return ((value + multiple - 1n) / multiple) * multiple;
}

function checkFrames(needed: number, frameCount: number): void {
  if (needed <= frameCount) return;
  const least = Math.ceil((needed * 100) / MIB_PAGES) / 100;
  const has = Math.floor((frameCount * 100) / MIB_PAGES) / 100;
  const message = `needs ${least} MiB of memory to start, it has ${has}`;
  throw new DomainError('MEMORY', `the kernel with what it is given ${message}`);
}

function checkRange(what: string, { start, end }: AddressRange): void {
  if (isGuestRange(start, end)) return;
  const message = `${what} (${hex(start)} to ${hex(end - 1n)}) where a guest has no memory`;
  throw new DomainError('ADDRESS', `the kernel would have ${message}`);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
