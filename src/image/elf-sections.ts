/**
 * The section header table that a multiboot kernel gets of its own file (Multiboot Specification 3.3,
 * flag 5): every section is in memory. Those that are not loaded with the kernel (symbols, strings, debug
 * data) are put beside it, and their headers tell where.
 */

import type { ElfFile } from '../elf/elf-file.ts';
import { fieldOffset, SECTION_HEADER } from '../elf/records.ts';
import { type ElfSection, isAllocated, readableSections } from '../elf/sections.ts';
import type { BootArea } from './boot-area.ts';

/** The table as it lies in RAM. */
export interface SectionTable {
  readonly address: number;
  readonly count: number;
  readonly stride: number;
  /** Number of the section that holds the names. */
  readonly names: number;
}

const ALIGNMENT = 16;

/**
 * Puts the table and the sections. Undefined if the file has none, if they are damaged (a kernel needs
 * only its program headers), or if there is no room for them.
 */
export function putSections(area: BootArea, elf: ElfFile): SectionTable | undefined {
  const { list, stride, names } = readableSections(elf);
  if (list.length === 0) return undefined;
  const tableBytes = list.length * stride;
  const places = placesBehind(tableBytes, list);
  const address = area.tryPut(places.end, (start) => {
    const bytes = new Uint8Array(places.end);
    const shoff = Number(elf.header.shoff);
    bytes.set(elf.bytes.subarray(shoff, shoff + tableBytes));
    for (const [index, place] of places.at) {
      bytes.set(list[index]?.bytes ?? [], place);
      setAddress(bytes, index * stride, elf, start + place);
    }
    return bytes;
  });
  return address === undefined ? undefined : { address, count: list.length, stride, names };
}

/** Offsets of the sections that are not loaded, behind `start`, and where the last ends. */
function placesBehind(
  start: number,
  list: readonly ElfSection[],
): { at: Map<number, number>; end: number } {
  const at = new Map<number, number>();
  let end = start;
  list.forEach((section, index) => {
    if (isAllocated(section) || section.bytes.length === 0) return;
    const place = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    at.set(index, place);
    end = place + section.bytes.length;
  });
  return { at, end };
}

function setAddress(table: Uint8Array, header: number, { bits }: ElfFile, address: number): void {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const at = header + fieldOffset(SECTION_HEADER, bits, 'addr');
  if (bits === 32) view.setUint32(at, address, true);
  else view.setBigUint64(at, BigInt(address), true);
}
