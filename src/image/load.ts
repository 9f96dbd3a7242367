/**
 * Puts an image into the RAM of a machine and the processor into the state that the image is entered
 * in. Everything is checked first, so nothing is half-loaded.
 */

import type { Machine } from '../machine/machine.ts';
import { type Image, ImageError } from './image.ts';
import { enterLong64, TABLES_BASE, tablesEnd } from './long64.ts';

/** Loads `image`; throws an ImageError if it does not fit. */
export function loadImage(machine: Machine, image: Image): void {
  const ramBytes = machine.memory.size;
  checkPlace(image, ramBytes);
  machine.memory.write(Number(image.loadAddress), image.bytes);
  enterLong64(machine, image.entry);
}

function checkPlace({ bytes, loadAddress, entry }: Image, ramBytes: number): void {
  const end = loadAddress + BigInt(bytes.length);
  if (end > BigInt(ramBytes)) {
    const room = `RAM ends at 0x${ramBytes.toString(16)}`;
    throw new ImageError('TOO_LARGE', `the image ends at 0x${end.toString(16)}, but ${room}`);
  }
  const tables = tablesEnd(ramBytes);
  if (loadAddress < tables && end > TABLES_BASE) {
    const range = `0x${TABLES_BASE.toString(16)} to 0x${(tables - 1n).toString(16)}`;
    throw new ImageError('OVERLAP', `the image overlaps the boot page tables and GDT (${range})`);
  }
  if (entry >= BigInt(ramBytes)) {
    throw new ImageError('ENTRY', `the entry 0x${entry.toString(16)} lies outside RAM`);
  }
}
