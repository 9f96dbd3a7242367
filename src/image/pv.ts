/**
 * Kernels for Xen's PV ABI: 64-bit ELF files with Xen's notes (elfnote.h). They are linked to run at virtual addresses
 * that the domain builder maps; pseudo-physical memory begins at VIRT_BASE. What Xen's builder refuses is refused.
 */

import type { ElfFile } from '../elf/elf-file.ts';
import { HYPERVISOR_VIRT_START, isGuestRange } from '../xen/address-space.ts';
import { type FeatureName, XENFEAT } from '../xen/features.ts';
import type { KernelNotes, PvKernel, PvSegment } from '../xen/pv-kernel.ts';
import { elfSegments } from './elf.ts';
import { hex } from './hex.ts';
import { type Image, ImageError } from './image.ts';
import { checkOverlap, type Placed } from './place.ts';
import { readXenGuestSection } from './xen-guest-section.ts';
import { readXenNotes } from './xen-notes.ts';

const PAGE = 4096n;
const TOP = 1n << 64n;
const MISSING =
  'there is neither a note XEN_ELFNOTE_ENTRY or XEN_ELFNOTE_XEN_VERSION, nor a section __xen_guest';

/** What a file says of itself as a PV kernel; undefined if nothing. Throws an ImageError or an ElfError. */
export function findPvNotes(elf: ElfFile): KernelNotes | undefined {
  const notes = readXenNotes(elf) ?? readXenGuestSection(elf);
  // Those of a kernel for PVH alone name no version.
  return notes?.entry === undefined && notes?.xenVersion === undefined ? undefined : notes;
}

/** Makes an image of a kernel with those notes. Throws an ImageError or an ElfError. */
export function pvImage(elf: ElfFile): Image {
  if (elf.bits !== 64 || elf.codeBits !== 64) {
    refuse('is 32-bit code, which Xen runs in ring 1 by an ABI of its own; only 64 bits are here');
  }
  const notes = findPvNotes(elf);
  if (notes === undefined) throw new ImageError('FORMAT', MISSING);
  checkKind(notes);
  const { paddrOffset = 0n, virtBase = 0n, hypercallPage, initP2m } = notes;
  if (notes.paddrOffset !== undefined && notes.virtBase === undefined) {
    refuse('gives PADDR_OFFSET, but no VIRT_BASE');
  }
  const segments = elfSegments(elf).map((segment) => pseudoPhysical(segment, paddrOffset));
  const entry = notes.entry ?? elf.header.entry;
  const features = readFeatures(notes);
  const pv = { notes, segments, virtBase, entry, hypercallPage, initP2m, ...features };
  checkAddresses(pv);
  checkOverlap(segments.map(placed));
  const mode = 'long64';
  return { format: 'pv', segments, entry: entry - virtBase, mode, elf, pv };
}

function checkKind({ xenVersion = '', loader = '', guestOs = '', bsdSymtab }: KernelNotes): void {
  if (!xenVersion.startsWith('xen-3.0')) {
    refuse(`is made for the version '${xenVersion}' (XEN_VERSION), not for xen-3.0`);
  }
  if (!loader.startsWith('generic') && !guestOs.startsWith('linux')) {
    refuse(`asks for the loader '${loader}' (LOADER); there is the generic one`);
  }
  if (bsdSymtab?.startsWith('yes')) {
    refuse('needs its symbols in memory (BSD_SYMTAB), which are not loaded');
  }
}

function pseudoPhysical({ name, address, bytes, size }: PvSegment, paddrOffset: bigint): PvSegment {
  if (address < paddrOffset) {
    throw new ImageError(
      'PV',
      `${name} is at ${hex(address)}, below PADDR_OFFSET ${hex(paddrOffset)}`,
    );
  }
  return { name, address: address - paddrOffset, bytes, size };
}

function readFeatures({ features = '', supportedFeatures = 0n }: KernelNotes): {
  requiredFeatures: number;
  supportedFeatures: number;
} {
  let required = 0;
  let supported = Number(supportedFeatures & 0xffffffffn);
  for (const item of features.split('|')) {
    const isRequired = item.startsWith('!');
    const name = isRequired ? item.slice(1) : item;
    const bit = Object.hasOwn(XENFEAT, name) ? XENFEAT[name as FeatureName] : undefined;
    if (bit !== undefined) supported |= 1 << bit;
    if (!isRequired) continue;
    if (bit === undefined) refuse(`requires the feature '${name}', which there is not in Xen`);
    required |= 1 << bit;
  }
  return { requiredFeatures: required >>> 0, supportedFeatures: supported >>> 0 };
}

/** All that the kernel names must lie where it can be mapped, and within the kernel or outside it. */
function checkAddresses(pv: PvKernel): void {
  const { notes, segments, virtBase, entry, hypercallPage, initP2m } = pv;
  const start =
    virtBase + segments.reduce((low, { address }) => (address < low ? address : low), TOP);
  const end =
    virtBase + segments.reduce((high, one) => (endOf(one) > high ? endOf(one) : high), 0n);
  const range = `${hex(start)} to ${hex(end - 1n)}`;
  const inKernel = (address: bigint) => address >= start && address < end;
  if (virtBase % PAGE !== 0n) refuse(`has VIRT_BASE ${hex(virtBase)}, which is no page's address`);
  if (!isGuestRange(virtBase, end)) refuse(`would lie at ${range}, which is no memory of a guest`);
  if (!inKernel(entry)) refuse(`has its entry ${hex(entry)} outside of what is loaded (${range})`);
  if (hypercallPage !== undefined && (hypercallPage % PAGE !== 0n || !inKernel(hypercallPage))) {
    refuse(`has HYPERCALL_PAGE ${hex(hypercallPage)}, which is no page of it (${range})`);
  }
  if (initP2m !== undefined && (initP2m % PAGE !== 0n || inKernel(initP2m))) {
    refuse(`has INIT_P2M ${hex(initP2m)}, which is no page outside of it (${range})`);
  }
  if ((notes.hvStartLow ?? 0n) > HYPERVISOR_VIRT_START) {
    refuse(`has HV_START_LOW above ${hex(HYPERVISOR_VIRT_START)}, where the hypervisor begins`);
  }
}

function placed(segment: PvSegment): Placed {
  return { segment, start: Number(segment.address), end: Number(endOf(segment)) };
}

function endOf({ address, size }: PvSegment): bigint {
  return address + size;
}

function refuse(what: string): never {
  throw new ImageError('PV', `the PV kernel ${what}`);
}
