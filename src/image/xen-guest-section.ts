/**
 * The section `__xen_guest`, by which kernels said before there were notes what the notes say: NAME=VALUE, with commas
 * between (the names are those marked LEGACY in elfnote.h).
 */

import type { ElfFile } from '../elf/elf-file.ts';
import { readableSections } from '../elf/sections.ts';
import { stringAt } from '../elf/strings.ts';
import type { KernelNotes } from '../xen/pv-kernel.ts';
import { ImageError } from './image.ts';

const PAGE_SHIFT = 12n;

/** What the section says; undefined if there is none. Throws an ImageError or an ElfError. */
export function readXenGuestSection(elf: ElfFile): KernelNotes | undefined {
  const section = readableSections(elf).list.find(({ name }) => name === '__xen_guest');
  if (section === undefined) return undefined;
  const string = stringAt(section.bytes, 0);
  if (string === undefined) refuse('has no zero behind its text, or a long one');
  const values = new Map(string.split(',').map(pair));
  const number = (name: string): bigint | undefined => {
    const value = values.get(name);
    return value === undefined ? undefined : numeric(name, value);
  };
  const virtBase = number('VIRT_BASE');
  const page = number('HYPERCALL_PAGE');
  return {
    entry: number('VIRT_ENTRY'),
    // The page's number, not its address.
    hypercallPage: page === undefined ? undefined : (virtBase ?? 0n) + (page << PAGE_SHIFT),
    virtBase,
    // Such kernels have their virtual addresses in p_paddr.
    paddrOffset: number('ELF_PADDR_OFFSET') ?? virtBase,
    xenVersion: values.get('XEN_VER'),
    guestOs: values.get('GUEST_OS'),
    guestVersion: values.get('GUEST_VER'),
    loader: values.get('LOADER'),
    paeMode: values.get('PAE'),
    features: values.get('FEATURES'),
    // It is there or not.
    bsdSymtab: values.has('BSD_SYMTAB') ? 'yes' : undefined,
  };
}

function pair(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function numeric(name: string, value: string): bigint {
  if (/^(?:0x[0-9a-f]{1,16}|\d{1,19})$/i.test(value)) return BigInt(value);
  return refuse(`has ${name}=${value}, which is no number of 64 bits`);
}

function refuse(what: string): never {
  throw new ImageError('PV', `the section __xen_guest ${what}`);
}
