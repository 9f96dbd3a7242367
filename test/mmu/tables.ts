/**
 * Random paging structures: paths from the top entry to a page, most of them valid, through few frames, so that
 * tables are shared, alias one another, map themselves and lie in odd places; and the states to use them in.
 */

import fc from 'fast-check';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import { DEVICE, type Pokes, RAM_BYTES } from './rig.ts';
import { CODE_FRAME, PAE, PSE, ROOT, type Setting } from './settings.ts';

export const PTE_P = 1n;
export const PTE_RW = 2n;
export const PTE_US = 4n;
export const PTE_A = 0x20n;
export const PTE_D = 0x40n;
export const PTE_PS = 0x80n;
export const PTE_G = 0x100n;
export const PTE_XD = 1n << 63n;
/** Bits that may be set in a PDPTE register: P, PWT, PCD, the ignored ones, the address. */
const PDPTE_BITS = 0xff_ffff_fe19n;

const CODE_TABLES = [ROOT, 0x5000n, 0x6000n, 0x7000n] as const;

/** Frames that paths go through: near others, at both ends of RAM, outside it. */
const FRAMES = [
  ...[0x0000n, ROOT, 0x2000n, 0x3000n, 0x4000n, 0x6000n],
  ...[BigInt(RAM_BYTES - 0x1000), BigInt(RAM_BYTES), DEVICE, DEVICE + 0x1000n],
];
/** Pages, besides. */
const PAGES = [0x10000n, 0x11000n, 0x12000n, CODE_FRAME, 0x4000_0000n, 0xff_ffff_f000n];
/** Indices into tables of 512 and of 1024 entries, and into the first of 4 that count. */
const INDICES512 = [0, 1, 0xff, 0x100, 0x1ff];
const INDICES1024 = [0, 1, 0x1ff, 0x200, 0x3ff];
const INDICES4 = [0, 2, 3];

/** One path: index and entry at each level that has a choice, top level first. */
export interface Path {
  readonly indices: readonly number[];
  readonly entries: readonly { readonly frame: bigint; readonly flags: bigint }[];
}

const bit = (position: bigint, often: number, outOf: number) =>
  fc.nat(outOf - 1).map((n) => (n < often ? 1n << position : 0n));
const oddFlags = fc
  .tuple(
    bit(0n, 15, 16),
    bit(1n, 1, 2),
    bit(2n, 1, 2),
    fc.bigInt(0n, 15n).map((n) => n << 3n), // PWT PCD A D
    bit(7n, 1, 12),
    bit(8n, 1, 2),
    bit(63n, 1, 5),
    bit(44n, 1, 60),
    bit(13n, 1, 30),
    fc.bigInt(0n, 15n).map((key) => key << 59n),
    fc.bigInt(0n, 0x7fn).map((available) => available << 52n),
  )
  .map((bits) => bits.reduce((all, one) => all | one));
/** Of 4 MiB pages bit 21 is reserved. */
const fewBit21 = fc
  .tuple(oddFlags, fc.nat(2))
  .map(([flags, n]) => (n === 0 ? flags | PTE_PS | (1n << 21n) : flags));
/** In PAE paging bits 62:52 are reserved, so most entries must leave them clear. */
const fewHighBits = fc
  .tuple(oddFlags, fc.nat(15))
  .map(([flags, n]) => (n === 0 ? flags : flags & ~(0x7ffn << 52n)));

/** The fewer levels, the more of their entries are odd. */
const entryFlags = (odd: fc.Arbitrary<bigint>, levelCount: number) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(PTE_P | PTE_RW | PTE_US) },
    { weight: 1, arbitrary: fc.constant(PTE_P | PTE_RW | PTE_US | PTE_PS) },
    { weight: Math.ceil(10 / (levelCount + 1)), arbitrary: odd },
  );

/** Levels of a setting at which a path has a choice. */
function levelsOf({ shifts, fixedLevels }: Setting): readonly number[] {
  return shifts.slice(fixedLevels);
}

export function pathOf(setting: Setting): fc.Arbitrary<Path> {
  const levels = levelsOf(setting);
  const odd = setting === PAE ? fewHighBits : setting === PSE ? fewBit21 : oddFlags;
  const flags = entryFlags(odd, levels.length);
  const table = fc.record({ frame: fc.constantFrom(...FRAMES), flags });
  const page = fc.record({ frame: fc.constantFrom(...PAGES, ...FRAMES), flags });
  return fc.record({
    indices: fc.tuple(...levels.map((shift) => fc.constantFrom(...indicesAt(setting, shift)))),
    entries: fc.tuple(...levels.map((shift) => (shift === 12 ? page : table))),
  });
}

function indicesAt({ size, isLong }: Setting, shift: number): readonly number[] {
  if (size === 4) return INDICES1024;
  return shift === 30 && !isLong ? INDICES4 : INDICES512;
}

/** Writes the entries of a path, each into the table that the one before it names. */
export function writePath(
  rig: Pick<Pokes, 'poke'>,
  setting: Setting,
  { indices, entries }: Path,
): void {
  const levels = levelsOf(setting);
  let at: bigint = CODE_TABLES[setting.fixedLevels];
  entries.forEach(({ frame, flags }, level) => {
    const shift = levels[level] ?? 0;
    const value = entryOf(setting, shift, frame, flags);
    rig.poke({ hpa: at + BigInt((indices[level] ?? 0) * setting.size), size: setting.size, value });
    at = setting.size === 4 ? frame & 0xffff_ffffn : frame;
  });
}

/** A large page begins where its size allows; an odd frame leaves a reserved bit now and then. */
function entryOf(setting: Setting, shift: number, frame: bigint, flags: bigint): bigint {
  const isLarge = (flags & PTE_PS) !== 0n && setting.large.includes(shift);
  if (setting.size === 4) {
    const address = isLarge ? (frame < DEVICE ? 0n : 1n << 13n) : frame; // PSE-36
    return (address | flags) & 0xffff_ffffn;
  }
  const value = (isLarge && frame < DEVICE ? 0n : frame) | flags;
  return setting === PAE && shift === 30 ? value & PDPTE_BITS : value;
}

/** Maps the page of the code for the ring that runs. */
export function mapCode(rig: Pick<Pokes, 'poke'>, setting: Setting, cpl: number): void {
  const { shifts, size, code, fixedLevels } = setting;
  const tables = [...CODE_TABLES.slice(0, shifts.length), CODE_FRAME];
  shifts.forEach((shift, level) => {
    const index = (code >> BigInt(shift)) & (size === 4 ? 0x3ffn : 0x1ffn);
    const hpa = (tables[level] ?? 0n) + index * BigInt(size);
    const user = cpl === 3 || level < fixedLevels ? PTE_US : 0n;
    const flags = setting === PAE && level === 0 ? PTE_P : PTE_P | PTE_RW | PTE_A | user;
    rig.poke({ hpa, size, value: (tables[level + 1] ?? 0n) | flags });
  });
}

/** The PDPTE registers as a load from `table` would leave them. */
export function pdptesAt(rig: Pick<Pokes, 'expected'>, table: bigint): bigint[] {
  return [0n, 8n, 16n, 24n].map((offset) => rig.expected.readEntry(table + offset));
}

/** The first byte of the page that `indices` lead to. */
export function addressOf(setting: Setting, { indices }: Path): bigint {
  const address = levelsOf(setting).reduce(
    (sum, shift, level) => sum | (BigInt(indices[level] ?? 0) << BigInt(shift)),
    0n,
  );
  return BigInt.asUintN(64, BigInt.asIntN(48, address));
}

/** Pages to access without paging. */
export const UNPAGED_PAGES = [0n, 0x10000n, BigInt(RAM_BYTES - 0x1000), 0xffff_f000n] as const;

/** Every combination of what access rights depend on. */
export const stateBits: fc.Arbitrary<Partial<PagingState>> = fc.record({
  cr0: bit(16n, 1, 2),
  cr4: fc.tuple(bit(20n, 2, 3), bit(21n, 1, 2), bit(22n, 1, 2)).map(([a, b, c]) => a | b | c),
  efer: bit(11n, 7, 8),
  rflags: bit(18n, 1, 2),
  pkru: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
  cpl: fc.constantFrom(0, 3),
});
