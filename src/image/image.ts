/**
 * A guest image as it is loaded: what goes where in physical memory, how it is entered, and by which
 * protocol it is told about the machine. The files beside this one make images of files.
 */

import type { ElfFile } from '../elf/elf-file.ts';
import type { PvKernel } from '../xen/pv-kernel.ts';

/** Protocols by which images are started. A flat image and a plain ELF file are told nothing. */
export const IMAGE_FORMATS = ['flat', 'multiboot', 'elf', 'pvh', 'pv'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** States in which images are entered: 64-bit mode on an identity map, or flat 32-bit protected mode. */
export const ENTRY_MODES = ['long64', 'prot32'] as const;
export type EntryMode = (typeof ENTRY_MODES)[number];

/** Bytes that go to one place. */
export interface Segment {
  /** How messages call it. */
  readonly name: string;
  /** Physical address of its first byte. */
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** In memory: zeros follow the bytes. */
  readonly size: bigint;
}

export interface Image {
  readonly format: ImageFormat;
  readonly segments: readonly Segment[];
  /** Physical address of the first instruction. */
  readonly entry: bigint;
  readonly mode: EntryMode;
  /** The file, where it is an ELF file that was loaded as one. */
  readonly elf?: ElfFile;
  /** What a domain is built of, where it is a kernel for Xen's PV ABI; physical addresses are pseudo-physical. */
  readonly pv?: PvKernel;
}

/** An image that cannot be loaded. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code:
    | 'EMPTY'
    | 'TOO_LARGE'
    | 'ENTRY'
    | 'OVERLAP'
    | 'MODE'
    | 'FORMAT'
    | 'OPTION'
    | 'MULTIBOOT'
    | 'ELF'
    | 'PVH'
    | 'PV';

  constructor(code: ImageError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What is asked of an image; what is not given follows from the image. */
export interface ImageOptions {
  readonly format?: string;
  readonly mode?: string;
  /** Where a flat image goes, and where it is entered. */
  readonly loadAddress?: bigint;
  readonly entry?: bigint;
  /** What an assembled source says. */
  readonly source?: SourceLayout;
}

/** Where an assembled flat binary goes, and what is known beside its bytes. */
export interface SourceLayout {
  /** Address of its first byte (org). */
  readonly origin: bigint;
  /** Behind all that it takes in memory. */
  readonly end: bigint;
  /** Of the label that names the entry. */
  readonly entry: bigint | undefined;
}

/** The mode that is asked for, or else `fallback`. */
export function entryMode({ mode }: ImageOptions, fallback: EntryMode): EntryMode {
  if (mode === undefined) return fallback;
  const found = ENTRY_MODES.find((name) => name === mode);
  if (found !== undefined) return found;
  throw new ImageError('MODE', `there is no mode ${mode}; there are: ${ENTRY_MODES.join(', ')}`);
}
