/** Where the parts of an image lie in RAM: all in memory that is free for them, and none over another. */

import { MAX_RAM } from '../machine/machine.ts';
import { EXTENDED_MEMORY, type MemoryRange, memoryMap } from '../machine/memory-map.ts';
import { hex } from './hex.ts';
import { type Image, ImageError, type Segment } from './image.ts';

/** A segment whose place has been checked. */
export interface Placed {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

const MIB = 1n << 20n;
/**
 * Linkers put the headers of an ELF file into a segment, in the page before the code. Of a kernel at 1 MiB that
 * is memory of the BIOS. Nothing lies there, and QEMU boots such kernels.
 */
const HEADERS_PAGE = EXTENDED_MEMORY - 4096;

/** The segments of `image` with their places; throws an ImageError where one does not fit. */
export function placeImage(image: Image, ramBytes: number): Placed[] {
  const map = memoryMap(ramBytes);
  const placed = image.segments.map((segment) => place(segment, ramBytes, map));
  checkOverlap(placed);
  checkEntry(image, placed, ramBytes);
  return placed;
}

function place(segment: Segment, ramBytes: number, map: readonly MemoryRange[]): Placed {
  const { name, address, size } = segment;
  if (address + size > BigInt(ramBytes)) throw tooLarge(segment, ramBytes);
  const [start, end] = [Number(address), Number(address + size)];
  const holds = ({ base, length, type }: MemoryRange): boolean =>
    type === 1 && start >= (base === EXTENDED_MEMORY ? HEADERS_PAGE : base) && end <= base + length;
  if (map.some(holds)) return { segment, start, end };
  const range = `${hex(start)} to ${hex(end - 1)}`;
  throw new ImageError('OVERLAP', `${name} (${range}) lies in memory that is not free RAM`);
}

function tooLarge({ name, address, size }: Segment, ramBytes: number): ImageError {
  const needed = (address + size + MIB - 1n) / MIB;
  const more = needed * MIB <= BigInt(MAX_RAM) ? `${needed}M of RAM or ` : '';
  const what = `${name} at ${hex(address)} (${size} bytes)`;
  const room = `does not fit into RAM, which ends at ${hex(ramBytes)}`;
  return new ImageError('TOO_LARGE', `${what} ${room}: it needs ${more}a lower load address`);
}

/** Throws an ImageError where one lies over another. */
export function checkOverlap(placed: readonly Placed[]): void {
  const sorted = placed.toSorted((a, b) => a.start - b.start);
  sorted.forEach(({ segment, start }, n) => {
    const before = sorted[n - 1];
    if (before === undefined || before.end <= start) return;
    const message = `${segment.name} overlaps ${before.segment.name} at ${hex(start)}`;
    throw new ImageError('OVERLAP', message);
  });
}

/** A flat image may be entered anywhere, another within itself. */
function checkEntry({ format, entry }: Image, placed: readonly Placed[], ramBytes: number): void {
  if (entry >= BigInt(ramBytes)) {
    throw new ImageError('ENTRY', `the entry ${hex(entry)} lies outside RAM`);
  }
  const at = Number(entry);
  if (format === 'flat' || placed.some(({ start, end }) => at >= start && at < end)) return;
  throw new ImageError('ENTRY', `the entry ${hex(entry)} lies outside what is loaded`);
}
