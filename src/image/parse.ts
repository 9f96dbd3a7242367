/**
 * What kind of image a file is. Of a file that is several things QEMU's -kernel takes multiboot before PVH
 * (hw/i386/x86.c), and so does this; then come Xen's PV kernels, plain ELF files, and everything else is flat.
 */

import { type ElfFile, isElf, readElf } from '../elf/elf-file.ts';
import { elfImage } from './elf.ts';
import { flatImage } from './flat.ts';
import {
  IMAGE_FORMATS,
  type Image,
  ImageError,
  type ImageFormat,
  type ImageOptions,
} from './image.ts';
import { findMultiboot, hasMultiboot2, multibootImage } from './multiboot.ts';
import { findPvNotes, pvImage } from './pv.ts';
import { findPvhNote, pvhImage } from './pvh.ts';

const MULTIBOOT_MISSING = 'there is no multiboot header in the first 8192 bytes';
const PVH_MISSING = 'there is no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)';

/** Makes an image of the bytes of a file. Throws an ImageError or an ElfError. */
export function parseImage(bytes: Uint8Array, options: ImageOptions = {}): Image {
  const format = options.format ?? detect(bytes);
  const image = maker(format)(bytes, options);
  checkOptions(image, options);
  return image;
}

type Maker = (bytes: Uint8Array, options: ImageOptions) => Image;

const MAKERS: Readonly<Record<ImageFormat, Maker>> = {
  flat: flatImage,
  multiboot: (bytes, { source }) => {
    const header = findMultiboot(bytes);
    if (header === undefined) throw new ImageError('FORMAT', MULTIBOOT_MISSING);
    return multibootImage(bytes, header, source);
  },
  elf: (bytes, options) => elfImage(readElf(bytes), options),
  pvh: (bytes) => {
    const elf = readElf(bytes);
    const note = findPvhNote(elf);
    if (note === undefined) throw new ImageError('FORMAT', PVH_MISSING);
    return pvhImage(elf, note);
  },
  pv: (bytes) => pvImage(readElf(bytes)),
};

function maker(format: string): Maker {
  const known = IMAGE_FORMATS.find((name) => name === format);
  if (known !== undefined) return MAKERS[known];
  const message = `there is no format ${format}; there are: ${IMAGE_FORMATS.join(', ')}`;
  throw new ImageError('FORMAT', message);
}

function detect(bytes: Uint8Array): ImageFormat {
  refuseLinux(bytes);
  if (findMultiboot(bytes) !== undefined) return 'multiboot';
  if (isElf(bytes)) return detectElf(bytes, readElf(bytes));
  refuseMultiboot2(bytes, 'flat');
  return 'flat';
}

function detectElf(bytes: Uint8Array, elf: ElfFile): ImageFormat {
  if (findPvhNote(elf) !== undefined) return 'pvh';
  if (findPvNotes(elf) !== undefined) return 'pv';
  refuseMultiboot2(bytes, 'elf');
  if (elf.codeBits === 64) return 'elf';
  const message = `a 32-bit ELF kernel needs a boot protocol, but ${MULTIBOOT_MISSING}, and ${PVH_MISSING}`;
  throw new ImageError('FORMAT', `${message}; --format elf enters it at e_entry all the same`);
}

const LINUX_MAGIC_OFFSET = 0x202;
const LINUX_MAGIC = [0x48, 0x64, 0x72, 0x53] as const; // "HdrS"

function refuseLinux(bytes: Uint8Array): void {
  if (!LINUX_MAGIC.every((byte, n) => bytes[LINUX_MAGIC_OFFSET + n] === byte)) return;
  const message =
    'this is a Linux bzImage, whose boot protocol is not supported; try its vmlinux, by PVH';
  throw new ImageError('FORMAT', message);
}

function refuseMultiboot2(bytes: Uint8Array, other: ImageFormat): void {
  if (!hasMultiboot2(bytes)) return;
  const message = 'the image has a header of Multiboot 2 only, which is not supported';
  throw new ImageError('FORMAT', `${message}; --format ${other} enters it all the same`);
}

/** Options that the image has no use for are errors. */
function checkOptions({ format, mode }: Image, options: ImageOptions): void {
  if (format !== 'flat' && (options.loadAddress !== undefined || options.entry !== undefined)) {
    const message = `only flat images are told where they go, this one (${format}) says it itself`;
    throw new ImageError('OPTION', message);
  }
  if (options.mode !== undefined && options.mode !== mode) {
    throw new ImageError('MODE', `a ${format} image is entered in ${mode}, not in ${options.mode}`);
  }
}
