/**
 * Paging-structure entries of every paging mode with their fields in words (SDM 3A 4.3 32-Bit Paging, 4.4 PAE
 * Paging, 4.5 4-Level Paging).
 */

import type { ReadEntry } from '../machine/fault-chain.ts';
import { digits, hex } from './hex.ts';

const LEVEL_NAMES = ['entry', 'PTE', 'PDE', 'PDPTE', 'PML4E'] as const;
const PTE = 1;
const PDPTE = 3;
const PML4E = 4;

// biome-ignore format: one bit per entry.
const FLAGS: readonly (readonly [bit: bigint, name: string])[] = [
  [0n, 'P'], [1n, 'RW'], [2n, 'US'], [3n, 'PWT'], [4n, 'PCD'], [5n, 'A'], [6n, 'D'], [7n, 'PS'], [8n, 'G'],
];
/** A PDPTE of PAE paging has no others. */
const PDPTE_FLAGS: ReadonlySet<string> = new Set(['P', 'PWT', 'PCD']);
const FRAME = 0x000f_ffff_ffff_f000n;
const FRAME32 = 0xffff_f000n;

const bit = (value: bigint, n: bigint): bigint => (value >> n) & 1n;

/** `PDE at physical 0x3010 = 0000000000000000: P=0 RW=0 ... frame=0x0`. */
export function describePageEntry(read: ReadEntry): string {
  const { level, address, low } = read;
  const width = read.paging === '32-bit' || read.paging === '32-bit PSE' ? 8 : 16;
  const name = LEVEL_NAMES[level] ?? 'entry';
  return `${name} at physical ${hex(address)} = ${digits(low, width)}: ${fields(read)}`;
}

/** `PDPTE2 register = 0000000000000000: P=0 ... frame=0x0`; the number is the note's address. */
export function describePdpteRegister(read: ReadEntry): string {
  return `PDPTE${read.address} register = ${digits(read.low, 16)}: ${fields(read)}`;
}

function fields(read: ReadEntry): string {
  const { level, low, paging } = read;
  if (paging === 'PAE' && level === PDPTE) {
    const known = FLAGS.filter(([, name]) => PDPTE_FLAGS.has(name));
    return [...known.map(([n, name]) => `${name}=${bit(low, n)}`), frame(low & FRAME)].join(' ');
  }
  const flags = FLAGS.map(
    ([n, name]) => `${level === PTE && n === 7n ? 'PAT' : name}=${bit(low, n)}`,
  );
  return [...flags, ...upper(read)].join(' ');
}

/** What lies above the flags: XD, protection key, frame. */
function upper({ level, low, paging }: ReadEntry): string[] {
  const isLarge = level > PTE && level < PML4E && bit(low, 7n) === 1n;
  if (paging === '32-bit PSE' && isLarge) {
    return [frame((low & 0xffc0_0000n) | (((low >> 13n) & 0xffn) << 32n)), '(4 MiB page)'];
  }
  if (paging === '32-bit' || paging === '32-bit PSE') {
    return [frame(low & FRAME32), ...(isLarge ? ['(CR4.PSE is clear: PS is ignored)'] : [])];
  }
  const key =
    paging === '4-level' && (level === PTE || isLarge) ? [`PK=${(low >> 59n) & 15n}`] : [];
  return [`XD=${bit(low, 63n)}`, ...key, frame(low & FRAME)];
}

const frame = (address: bigint): string => `frame=${hex(address)}`;
