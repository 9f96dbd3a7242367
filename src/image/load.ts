/**
 * Puts an image into the RAM of a machine and the processor into the state that the image is entered
 * in. All is checked and all places are found first, so nothing is half-loaded.
 */

import type { Machine } from '../machine/machine.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { memoryMap } from '../machine/memory-map.ts';
import { BootArea } from './boot-area.ts';
import type { BootArguments } from './boot-arguments.ts';
import { hex } from './hex.ts';
import { type Image, ImageError } from './image.ts';
import { enterLong64, TABLES_BASE, tablesEnd } from './long64.ts';
import { MULTIBOOT_BOOTLOADER_MAGIC, putMultibootInfo } from './multiboot-info.ts';
import { type Placed, placeImage } from './place.ts';
import { enterProt32, PROT32_GDT } from './prot32.ts';
import { putStartInfo } from './pvh-info.ts';

/** Loads `image`; throws an ImageError if it does not fit. */
export function loadImage(machine: Machine, image: Image, args: BootArguments = {}): void {
  checkArguments(image, args);
  const placed = placeImage(image, machine.memory.size);
  const enter =
    image.mode === 'long64'
      ? prepareLong64(machine, image, placed)
      : prepareProt32(machine, image, placed, args);
  for (const { segment, start, end } of placed) {
    const { bytes } = segment;
    machine.memory.write(start, bytes);
    machine.memory.fill(start + bytes.length, end - start - bytes.length, 0);
  }
  enter();
}

function checkArguments({ format }: Image, { commandLine, modules = [] }: BootArguments): void {
  if (format === 'pv') {
    const message =
      "a PV kernel runs in a domain of a hypervisor that has Xen's ABI, not on a machine";
    throw new ImageError('FORMAT', `${message}; --format elf enters it all the same`);
  }
  if (format === 'multiboot' || format === 'pvh') return;
  if (commandLine === undefined && modules.length === 0) return;
  const message = `images of format ${format} take no command line and no modules`;
  throw new ImageError('OPTION', `${message}, only multiboot and pvh do`);
}

function prepareLong64(machine: Machine, image: Image, placed: readonly Placed[]): () => void {
  const tables = tablesEnd(machine.memory.size);
  for (const { segment, start, end } of placed) {
    if (start >= tables || end <= TABLES_BASE) continue;
    const what = `the boot page tables and GDT (${hex(TABLES_BASE)} to ${hex(tables - 1)})`;
    throw new ImageError('OVERLAP', `${segment.name} overlaps ${what}`);
  }
  return () => enterLong64(machine, image.entry);
}

function prepareProt32(
  machine: Machine,
  image: Image,
  placed: readonly Placed[],
  args: BootArguments,
): () => void {
  const area = new BootArea(memoryMap(machine.memory.size), placed);
  const gdt = area.putTables('the GDT', PROT32_GDT);
  const registers = handOver(machine.memory, image, area, args);
  return () => {
    for (const { address, bytes } of area.pieces) machine.memory.write(address, bytes);
    enterProt32(machine, { entry: image.entry, gdt, ...registers });
  };
}

/** Puts what the boot protocol hands over; returns the registers that it sets. */
function handOver(
  memory: PhysicalMemory,
  image: Image,
  area: BootArea,
  args: BootArguments,
): { rax?: number; rbx?: number } {
  if (image.format === 'multiboot') {
    const rbx = putMultibootInfo(area, memory.size, image, args);
    return { rax: MULTIBOOT_BOOTLOADER_MAGIC, rbx };
  }
  if (image.format === 'pvh') return { rbx: putStartInfo(area, memory, args) };
  return {};
}
