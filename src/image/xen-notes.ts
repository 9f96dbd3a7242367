/**
 * What a kernel says to Xen's domain builder: ELF notes named "Xen" (elfnote.h), in PT_NOTE segments or else in
 * sections of type SHT_NOTE.
 */

import type { ElfFile } from '../elf/elf-file.ts';
import { type ElfNote, sectionNotes, segmentNotes } from '../elf/notes.ts';
import { readableSections } from '../elf/sections.ts';
import { XEN_ELFNOTE } from '../xen/elf-note.ts';
import { nameOf } from '../xen/names.ts';
import type { KernelNotes } from '../xen/pv-kernel.ts';
import { hex } from './hex.ts';
import { ImageError } from './image.ts';

const PAIR_BYTES = 16;
const MAX_TEXT = 4096;
const decoder = new TextDecoder();

/** The notes; undefined if there are none. Throws an ImageError or an ElfError. */
export function readXenNotes(elf: ElfFile): KernelNotes | undefined {
  const notes = xenNotes(segmentNotes(elf)) ?? xenNotes(sectionNotes(elf, readableSections(elf)));
  if (notes === undefined) return undefined;
  const read = <T>(type: number, as: (note: ElfNote) => T): T | undefined => {
    const note = notes.get(type);
    return note === undefined ? undefined : as(note);
  };
  return {
    entry: read(XEN_ELFNOTE.ENTRY, numeric),
    hypercallPage: read(XEN_ELFNOTE.HYPERCALL_PAGE, numeric),
    virtBase: read(XEN_ELFNOTE.VIRT_BASE, numeric),
    initP2m: read(XEN_ELFNOTE.INIT_P2M, numeric),
    hvStartLow: read(XEN_ELFNOTE.HV_START_LOW, numeric),
    paddrOffset: read(XEN_ELFNOTE.PADDR_OFFSET, numeric),
    xenVersion: read(XEN_ELFNOTE.XEN_VERSION, text),
    guestOs: read(XEN_ELFNOTE.GUEST_OS, text),
    guestVersion: read(XEN_ELFNOTE.GUEST_VERSION, text),
    loader: read(XEN_ELFNOTE.LOADER, text),
    paeMode: read(XEN_ELFNOTE.PAE_MODE, text),
    features: read(XEN_ELFNOTE.FEATURES, text),
    supportedFeatures: read(XEN_ELFNOTE.SUPPORTED_FEATURES, numeric),
    bsdSymtab: read(XEN_ELFNOTE.BSD_SYMTAB, text),
    l1MfnValid: read(XEN_ELFNOTE.L1_MFN_VALID, pairs),
    suspendCancel: read(XEN_ELFNOTE.SUSPEND_CANCEL, numeric),
    modStartPfn: read(XEN_ELFNOTE.MOD_START_PFN, numeric),
  };
}

/** By type; of several of one type the last. Undefined if there are none. */
function xenNotes(all: Iterable<ElfNote>): ReadonlyMap<number, ElfNote> | undefined {
  const notes = new Map<number, ElfNote>();
  for (const note of all) if (note.name === 'Xen') notes.set(note.type, note);
  return notes.size === 0 ? undefined : notes;
}

function numeric(note: ElfNote): bigint {
  const { length } = note.descriptor;
  if (length === 4) return BigInt(viewOf(note).getUint32(0, true));
  if (length === 8) return viewOf(note).getBigUint64(0, true);
  return refuse(note, `has a number of ${length} bytes, it must have 4 or 8`);
}

/** Up to a zero; Linux has none behind its features. */
function text(note: ElfNote): string {
  const { descriptor } = note;
  const zero = descriptor.indexOf(0);
  const bytes = zero < 0 ? descriptor : descriptor.subarray(0, zero);
  if (bytes.length > MAX_TEXT) refuse(note, `has a text of ${bytes.length} bytes, more than any`);
  return decoder.decode(bytes);
}

function pairs(note: ElfNote): { mask: bigint; value: bigint }[] {
  const view = viewOf(note);
  if (view.byteLength % PAIR_BYTES !== 0) {
    refuse(note, `has ${view.byteLength} bytes, which are no pairs of mask and value`);
  }
  return Array.from({ length: view.byteLength / PAIR_BYTES }, (_, n) => ({
    mask: view.getBigUint64(n * PAIR_BYTES, true),
    value: view.getBigUint64(n * PAIR_BYTES + 8, true),
  }));
}

function viewOf({ descriptor }: ElfNote): DataView {
  return new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.length);
}

function refuse({ type, offset }: ElfNote, what: string): never {
  const name = nameOf(XEN_ELFNOTE, type);
  throw new ImageError('PV', `the note XEN_ELFNOTE_${name} at offset ${hex(offset)} ${what}`);
}
