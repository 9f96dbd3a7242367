/**
 * The start info that a PVH kernel finds at EBX (Xen, public/arch-x86/hvm/start_info.h, version 1):
 * command line, modules, where the ACPI tables begin, and the memory map.
 */

import type { PhysicalMemory } from '../machine/memory.ts';
import { BIOS, EXTENDED_MEMORY, type MemoryRange, memoryMap } from '../machine/memory-map.ts';
import type { BootArea } from './boot-area.ts';
import type { BootArguments, BootModule } from './boot-arguments.ts';

const MAGIC = 0x336ec578;
const VERSION = 1;

/** Offsets in the start info; addresses have 64 bits. */
const NR_MODULES = 12;
const MODLIST_PADDR = 16;
const CMDLINE_PADDR = 24;
const RSDP_PADDR = 32;
const MEMMAP_PADDR = 40;
const MEMMAP_ENTRIES = 48;
const START_INFO_BYTES = 56;

const MODULE_BYTES = 32;
const MEMMAP_ENTRY_BYTES = 24;

/** Puts the start info and all that it points to; returns its address. */
export function putStartInfo(
  area: BootArea,
  memory: PhysicalMemory,
  { commandLine = '', modules = [] }: BootArguments,
): number {
  const map = memoryMap(memory.size);
  const view = new DataView(new ArrayBuffer(START_INFO_BYTES));
  const setAddress = (offset: number, value: number) => {
    view.setBigUint64(offset, BigInt(value), true);
  };
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(NR_MODULES, modules.length, true);
  setAddress(MODLIST_PADDR, modules.length === 0 ? 0 : putModules(area, modules));
  setAddress(CMDLINE_PADDR, area.putString('the command line', commandLine));
  setAddress(RSDP_PADDR, findRsdp(memory));
  setAddress(MEMMAP_PADDR, area.put('the memory map', mapEntries(map)));
  view.setUint32(MEMMAP_ENTRIES, map.length, true);
  return area.put('the start info', new Uint8Array(view.buffer));
}

/** Module entries: address, size, command line (0: none), reserved. */
function putModules(area: BootArea, modules: readonly BootModule[]): number {
  const list = new BigUint64Array((modules.length * MODULE_BYTES) / 8);
  modules.forEach(({ name, text, bytes }, n) => {
    const address = area.putPages(`module ${name}`, bytes);
    const string = text === '' ? 0 : area.putString('the command line of a module', text);
    list.set([address, bytes.length, string].map(BigInt), (n * MODULE_BYTES) / 8);
  });
  return area.put('the list of modules', new Uint8Array(list.buffer));
}

/** Map entries: base, length, type and a reserved doubleword. */
function mapEntries(map: readonly MemoryRange[]): Uint8Array {
  const list = new BigUint64Array((map.length * MEMMAP_ENTRY_BYTES) / 8);
  map.forEach(({ base, length, type }, n) => {
    list.set([base, length, type].map(BigInt), (n * MEMMAP_ENTRY_BYTES) / 8);
  });
  return new Uint8Array(list.buffer);
}

/** Firmware puts the RSDP on a boundary of 16 bytes in its area (ACPI 5.2.5.1 Finding the RSDP). */
const RSDP_SIGNATURE = 'RSD PTR ';
const RSDP_CHECKED_BYTES = 20;

/** Address of the RSDP; 0 if there is none. */
function findRsdp(memory: PhysicalMemory): number {
  const area = memory.read(BIOS, EXTENDED_MEMORY - BIOS);
  for (let at = 0; at < area.length; at += 16) {
    const bytes = area.subarray(at, at + RSDP_CHECKED_BYTES);
    const signature = String.fromCharCode(...bytes.subarray(0, RSDP_SIGNATURE.length));
    const sum = bytes.reduce((total, byte) => total + byte, 0);
    if (signature === RSDP_SIGNATURE && (sum & 0xff) === 0) return BIOS + at;
  }
  return 0;
}
