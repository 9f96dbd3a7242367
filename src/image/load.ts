/**
 * Puts an image into the RAM of a machine and the processor into the state that the image is entered
 * in. Everything is checked first, so nothing is half-loaded.
 */

import { MAX_RAM, type Machine } from '../machine/machine.ts';
import { type Image, ImageError } from './image.ts';
import { enterLong64, TABLES_BASE, tablesEnd } from './long64.ts';

const MIB = 1n << 20n;

/** Loads `image`; throws an ImageError if it does not fit. */
export function loadImage(machine: Machine, image: Image): void {
  const ramBytes = machine.memory.size;
  checkPlace(image, ramBytes);
  machine.memory.write(Number(image.loadAddress), image.bytes);
  enterLong64(machine, image.entry);
}

function checkPlace({ bytes, loadAddress, entry }: Image, ramBytes: number): void {
  const end = loadAddress + BigInt(bytes.length);
  if (end > BigInt(ramBytes)) throw tooLarge(loadAddress, bytes.length, ramBytes);
  const tables = tablesEnd(ramBytes);
  if (loadAddress < tables && end > TABLES_BASE) {
    const range = `0x${TABLES_BASE.toString(16)} to 0x${(tables - 1n).toString(16)}`;
    throw new ImageError('OVERLAP', `the image overlaps the boot page tables and GDT (${range})`);
  }
  if (entry >= BigInt(ramBytes)) {
    throw new ImageError('ENTRY', `the entry 0x${entry.toString(16)} lies outside RAM`);
  }
}

function tooLarge(loadAddress: bigint, bytes: number, ramBytes: number): ImageError {
  const needed = (loadAddress + BigInt(bytes) + MIB - 1n) / MIB;
  const more = needed * MIB <= BigInt(MAX_RAM) ? `${needed}M of RAM or ` : '';
  const image = `the image at 0x${loadAddress.toString(16)} (${bytes} bytes)`;
  const room = `does not fit into RAM, which ends at 0x${ramBytes.toString(16)}`;
  return new ImageError('TOO_LARGE', `${image} ${room}: it needs ${more}a lower load address`);
}
