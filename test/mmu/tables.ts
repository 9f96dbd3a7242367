/**
 * Random paging structures: paths from PML4E to page, most of them valid, through few frames, so that tables
 * are shared, alias one another, map themselves and lie in odd places; and the states to use them in.
 */

import fc from 'fast-check';
import type { PagingState } from '../../src/machine/ref/walk.ts';
import { DEVICE, longMode, RAM_BYTES, type Rig } from './rig.ts';

export const PTE_P = 1n;
export const PTE_RW = 2n;
export const PTE_US = 4n;
export const PTE_A = 0x20n;
export const PTE_PS = 0x80n;
export const PTE_G = 0x100n;
export const PTE_XD = 1n << 63n;

/** HPA of the PML4. */
export const ROOT = 0x1000n;
/** The instruction that makes the access lies here, in a page of its own. */
export const CODE = 0xffff_d500_0000_0000n;
export const CODE_FRAME = 0x8000n;
const CODE_TABLES = [ROOT, 0x5000n, 0x6000n, 0x7000n, CODE_FRAME] as const;

/** Frames that paths go through: near others, at both ends of RAM, outside it. */
const FRAMES = [
  ...[0x0000n, ROOT, 0x2000n, 0x3000n, 0x4000n, 0x6000n],
  ...[BigInt(RAM_BYTES - 0x1000), BigInt(RAM_BYTES), DEVICE, DEVICE + 0x1000n],
];
/** Pages, besides. */
const PAGES = [0x10000n, 0x11000n, 0x12000n, CODE_FRAME, 0x4000_0000n, 0xff_ffff_f000n];
const INDICES = [0, 1, 0xff, 0x100, 0x1ff];

/** One path: index and entry at each level, PML4 first. */
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
const flags = fc.oneof(
  { weight: 6, arbitrary: fc.constant(PTE_P | PTE_RW | PTE_US) },
  { weight: 1, arbitrary: fc.constant(PTE_P | PTE_RW | PTE_US | PTE_PS) },
  { weight: 2, arbitrary: oddFlags },
);
const table = fc.record({ frame: fc.constantFrom(...FRAMES), flags });
const page = fc.record({ frame: fc.constantFrom(...PAGES, ...FRAMES), flags });

export const path: fc.Arbitrary<Path> = fc.record({
  indices: fc.array(fc.constantFrom(...INDICES), { minLength: 4, maxLength: 4 }),
  entries: fc.tuple(table, table, table, page),
});

/** Writes the entries of a path, each into the table that the one before it names. */
export function writePath(rig: Rig, { indices, entries }: Path): void {
  let at = ROOT;
  entries.forEach(({ frame, flags: set }, level) => {
    // A large page begins where its size allows; an odd frame leaves a reserved bit now and then.
    const isLarge = (set & PTE_PS) !== 0n && (level === 1 || level === 2) && frame < DEVICE;
    const address = isLarge ? 0n : frame;
    rig.poke({ hpa: at + BigInt(indices[level] ?? 0) * 8n, value: address | set });
    at = frame;
  });
}

/** Maps the page of CODE for the ring that runs. */
export function mapCode(rig: Rig, cpl: number): void {
  const user = cpl === 3 ? PTE_US : 0n;
  for (let level = 0; level < 4; level++) {
    const index = (CODE >> BigInt(39 - 9 * level)) & 0x1ffn;
    const hpa = (CODE_TABLES[level] ?? 0n) + index * 8n;
    const next = CODE_TABLES[level + 1] ?? 0n;
    rig.poke({ hpa, value: next | PTE_P | PTE_RW | PTE_A | user });
  }
}

/** The first byte of the page that `indices` lead to. */
export function addressOf(indices: readonly number[]): bigint {
  const joined = indices.reduce((address, index) => (address << 9n) | BigInt(index), 0n) << 12n;
  return BigInt.asUintN(64, BigInt.asIntN(48, joined));
}

/** Every combination of what access rights depend on. */
export const pagingState: fc.Arbitrary<PagingState> = fc
  .record({
    cr0: bit(16n, 1, 2),
    smep: bit(20n, 1, 2),
    smap: bit(21n, 1, 2),
    pke: bit(22n, 1, 2),
    efer: bit(11n, 7, 8),
    rflags: bit(18n, 1, 2),
    pkru: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
    cpl: fc.constantFrom(0, 3),
  })
  .map(({ cr0, smep, smap, pke, efer, rflags, pkru, cpl }) =>
    longMode({ cr0, cr3: ROOT, cr4: smep | smap | pke, efer, rflags, pkru, cpl }),
  );
