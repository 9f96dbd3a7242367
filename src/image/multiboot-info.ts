/**
 * The boot information that a multiboot kernel finds at EBX (Multiboot Specification 0.6.96, 3.3 Boot
 * information format): memory sizes and map, command line, modules, ELF sections, name of the loader, and
 * the screen. As in QEMU and GRUB Legacy, command lines begin with the name of the file.
 *
 * DIVERGES: boot_device (flag 1) is absent: the kernel comes from no disk. QEMU 7.2 says disk 80h.
 * Left out: drives, ROM configuration table, APM table, VBE (flags 7, 8, 10, 11).
 */

import { EXTENDED_MEMORY, type MemoryRange, memoryMap } from '../machine/memory-map.ts';
import type { BootArea } from './boot-area.ts';
import type { BootArguments, BootModule } from './boot-arguments.ts';
import { putSections } from './elf-sections.ts';
import type { Image } from './image.ts';

/** Value of EAX at entry. */
export const MULTIBOOT_BOOTLOADER_MAGIC = 0x2badb002;

/** Offsets in the information. */
const FLAGS = 0;
const MEM_LOWER = 4; // KiB from 0
const MEM_UPPER = 8; // KiB from 1 MiB to the first hole
const CMDLINE = 16;
const MODS_COUNT = 20;
const MODS_ADDR = 24;
const SHDR_NUM = 28;
const SHDR_SIZE = 32;
const SHDR_ADDR = 36;
const SHDR_SHNDX = 40;
const MMAP_LENGTH = 44;
const MMAP_ADDR = 48;
const BOOT_LOADER_NAME = 64;
const FRAMEBUFFER_ADDR = 88;
const FRAMEBUFFER_PITCH = 96;
const FRAMEBUFFER_WIDTH = 100;
const FRAMEBUFFER_HEIGHT = 104;
const FRAMEBUFFER_BPP_TYPE = 108;
const INFO_BYTES = 116;

/** Bits of FLAGS: which fields are valid. */
const HAS_MEMORY = 1 << 0;
const HAS_CMDLINE = 1 << 2;
const HAS_MODULES = 1 << 3;
const HAS_SECTIONS = 1 << 5;
const HAS_MMAP = 1 << 6;
const HAS_LOADER_NAME = 1 << 9;
const HAS_FRAMEBUFFER = 1 << 12;

const KIB = 1024;
const MODULE_BYTES = 16;
/** An entry of the map, and of that what its size field counts. */
const MMAP_ENTRY_BYTES = 24;
const MMAP_ENTRY_SIZE = 20;

/** The screen of a PC in its text mode (framebuffer_type 2): cells of a character and its attribute. */
const SCREEN = { address: 0xb8000, columns: 80, rows: 25, cellBits: 16, type: 2 } as const;

/** Puts the information and all that it points to; returns its address. */
export function putMultibootInfo(
  area: BootArea,
  ramBytes: number,
  { elf }: Image,
  { program = '', commandLine = '', modules = [] }: BootArguments,
): number {
  const moduleList = putModules(area, modules);
  const map = memoryMap(ramBytes);
  const mmap = mapEntries(map);
  const view = new DataView(new ArrayBuffer(INFO_BYTES));
  const set = (offset: number, value: number) => view.setUint32(offset, value, true);
  set(MEM_LOWER, availableFrom(map, 0) / KIB);
  set(MEM_UPPER, availableFrom(map, EXTENDED_MEMORY) / KIB);
  set(CMDLINE, area.putString('the command line', joined(program, commandLine)));
  set(MODS_COUNT, modules.length);
  set(MODS_ADDR, moduleList);
  set(MMAP_LENGTH, mmap.length);
  set(MMAP_ADDR, area.put('the memory map', mmap));
  set(BOOT_LOADER_NAME, area.putString('the name of the loader', 'trapline'));
  set(FRAMEBUFFER_ADDR, SCREEN.address);
  set(FRAMEBUFFER_PITCH, (SCREEN.columns * SCREEN.cellBits) / 8);
  set(FRAMEBUFFER_WIDTH, SCREEN.columns);
  set(FRAMEBUFFER_HEIGHT, SCREEN.rows);
  set(FRAMEBUFFER_BPP_TYPE, SCREEN.cellBits | (SCREEN.type << 8));
  let flags = HAS_MEMORY | HAS_CMDLINE | HAS_MODULES | HAS_MMAP | HAS_LOADER_NAME | HAS_FRAMEBUFFER;
  const info = new Uint8Array(view.buffer);
  const address = area.put('the boot information', info);
  const sections = elf && putSections(area, elf);
  if (sections !== undefined) {
    flags |= HAS_SECTIONS;
    set(SHDR_NUM, sections.count);
    set(SHDR_SIZE, sections.stride);
    set(SHDR_ADDR, sections.address);
    set(SHDR_SHNDX, sections.names);
  }
  set(FLAGS, flags);
  return address;
}

function joined(name: string, text: string): string {
  return text === '' ? name : `${name} ${text}`;
}

/** Module structures: start, end, string, reserved. */
function putModules(area: BootArea, modules: readonly BootModule[]): number {
  const list = new DataView(new ArrayBuffer(modules.length * MODULE_BYTES));
  modules.forEach(({ name, text, bytes }, n) => {
    const start = area.putPages(`module ${name}`, bytes);
    const string = area.putString('the command line of a module', joined(name, text));
    [start, start + bytes.length, string].forEach((value, field) => {
      list.setUint32(n * MODULE_BYTES + field * 4, value, true);
    });
  });
  return area.put('the list of modules', new Uint8Array(list.buffer));
}

/** Bytes of RAM from `base` up to the first hole. */
function availableFrom(map: readonly MemoryRange[], base: number): number {
  return map.find((range) => range.base === base && range.type === 1)?.length ?? 0;
}

/** Map entries: size of what follows, base, length, type. */
function mapEntries(map: readonly MemoryRange[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(map.length * MMAP_ENTRY_BYTES));
  map.forEach(({ base, length, type }, n) => {
    const at = n * MMAP_ENTRY_BYTES;
    view.setUint32(at, MMAP_ENTRY_SIZE, true);
    view.setBigUint64(at + 4, BigInt(base), true);
    view.setBigUint64(at + 12, BigInt(length), true);
    view.setUint32(at + 20, type, true);
  });
  return new Uint8Array(view.buffer);
}
