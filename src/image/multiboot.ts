/**
 * Multiboot kernels (Multiboot Specification 0.6.96, 3.1 OS image format): the header, which lies in the
 * first 8192 bytes, and the image that it describes, either by address fields of its own or as an ELF file.
 * ELF64 files are loaded as GRUB does: the kernel is entered in 32-bit protected mode all the same.
 */

import { isElf, readElf } from '../elf/elf-file.ts';
import { elfSegments, physicalEntry } from './elf.ts';
import { hex } from './hex.ts';
import { type Image, ImageError, type Segment, type SourceLayout } from './image.ts';

const MAGIC = 0x1badb002;
const SEARCH_BYTES = 8192;
/** Magic, flags and checksum; with the address fields. */
const HEADER_BYTES = 12;
const ADDRESS_FIELDS_END = 32;

/** Flags: what the loader must do. */
const ALIGN_MODULES = 1 << 0; // done for all
const MEMORY_INFO = 1 << 1; // given to all
const VIDEO_MODE = 1 << 2; // the screen is in text mode; the kernel is told so
const MANDATORY = 0xffff;
const ADDRESS_FIELDS = 1 << 16;

const MAGIC2 = 0xe85250d6;
const SEARCH2_BYTES = 32768;
const HEADER2_BYTES = 16;

export interface MultibootHeader {
  /** Place in the file. */
  readonly offset: number;
  readonly flags: number;
}

/** Finds the header; undefined if there is none. */
export function findMultiboot(bytes: Uint8Array): MultibootHeader | undefined {
  const view = viewOf(bytes);
  const end = Math.min(bytes.length, SEARCH_BYTES) - HEADER_BYTES;
  for (let offset = 0; offset <= end; offset += 4) {
    if (view.getUint32(offset, true) !== MAGIC) continue;
    const [flags, checksum] = [view.getUint32(offset + 4, true), view.getUint32(offset + 8, true)];
    if (((MAGIC + flags + checksum) & 0xffffffff) === 0) return { offset, flags };
  }
  return undefined;
}

/**
 * True if there is a header of Multiboot 2, which is another protocol (Multiboot2 Specification 3.1.1). It should
 * be aligned by 8; but where a source of several sections is assembled without its linker script, it may not be.
 */
export function hasMultiboot2(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const end = Math.min(bytes.length, SEARCH2_BYTES) - HEADER2_BYTES;
  for (let offset = 0; offset <= end; offset += 4) {
    if (view.getUint32(offset, true) !== MAGIC2) continue;
    const sum = [4, 8, 12].reduce((total, at) => total + view.getUint32(offset + at, true), MAGIC2);
    if ((sum & 0xffffffff) === 0) return true;
  }
  return false;
}

/** True if the header itself says where the image goes. */
export function hasAddressFields({ flags }: MultibootHeader): boolean {
  return (flags & ADDRESS_FIELDS) !== 0;
}

/** Makes an image of a multiboot kernel. Throws an ImageError or an ElfError. */
export function multibootImage(
  bytes: Uint8Array,
  header: MultibootHeader,
  source?: SourceLayout,
): Image {
  const { offset, flags } = header;
  const unknown = flags & MANDATORY & ~(ALIGN_MODULES | MEMORY_INFO | VIDEO_MODE);
  if (unknown !== 0) {
    const bits = [...Array(16).keys()].filter((bit) => unknown & (1 << bit));
    refuse(offset, `demands what Multiboot 0.6.96 does not define (flag ${bits.join(', ')})`);
  }
  const start = { format: 'multiboot', mode: 'prot32' } as const;
  if (hasAddressFields(header)) return { ...start, ...byAddressFields(bytes, offset) };
  if (isElf(bytes)) {
    const elf = readElf(bytes);
    return { ...start, segments: elfSegments(elf), entry: physicalEntry(elf), elf };
  }
  if (source !== undefined) return { ...start, ...bySource(bytes, offset, source) };
  return refuse(offset, 'has no address fields (flag 16), and the file is no ELF file');
}

/** Of a source, the assembler knows what the fields would say, or the headers of an ELF file. */
function bySource(
  bytes: Uint8Array,
  offset: number,
  { origin: address, end, entry }: SourceLayout,
): { segments: Segment[]; entry: bigint } {
  if (entry === undefined) {
    refuse(offset, 'has no address fields (flag 16), and the source has no label _start or start');
  }
  return { segments: [{ name: 'the image', address, bytes, size: end - address }], entry };
}

function byAddressFields(
  bytes: Uint8Array,
  offset: number,
): { segments: Segment[]; entry: bigint } {
  if (offset + ADDRESS_FIELDS_END > bytes.length) refuse(offset, 'is cut off');
  const view = viewOf(bytes);
  const field = (at: number): number => view.getUint32(offset + at, true);
  const [headerAddress, load, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map(field) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const start = offset - (headerAddress - load);
  if (load > headerAddress || start < 0) {
    refuse(
      offset,
      `has load_addr ${hex(load)} and header_addr ${hex(headerAddress)}, which do not fit its place`,
    );
  }
  const end = loadEnd === 0 ? bytes.length : start + (loadEnd - load);
  if (end < start || end > bytes.length) {
    refuse(
      offset,
      `has load_end_addr ${hex(loadEnd)}, but the file ends at ${hex(load + bytes.length - start)}`,
    );
  }
  const size = bssEnd === 0 ? end - start : bssEnd - load;
  if (size < end - start) refuse(offset, `has bss_end_addr ${hex(bssEnd)} before load_end_addr`);
  const segment = {
    name: 'the image',
    address: BigInt(load),
    bytes: bytes.subarray(start, end),
    size: BigInt(size),
  };
  return { segments: [segment], entry: BigInt(entry) };
}

function refuse(offset: number, what: string): never {
  throw new ImageError('MULTIBOOT', `the multiboot header at offset ${hex(offset)} ${what}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
