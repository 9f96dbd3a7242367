/**
 * Two address spaces whose tables are edited while they are in use. Four pages, two in each of the regions that
 * one PDE maps; every way to map them (4 KiB pages and each large size) leads to RAM that no table lies in. Each
 * page of RAM holds at `MARK` its own HPA, at `ENTRY` code that returns it.
 */

import fc from 'fast-check';
import type { Pokes } from './rig.ts';
import { CODE_FRAME, PAE, type Setting } from './settings.ts';
import { PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US, PTE_XD } from './tables.ts';

export const MARK = 0x80n;
export const ENTRY = 0x100n;
export const SLOT = 0x180n;
export const ROOTS = [0x1_0000n, 0x2_0000n] as const;

const PDPT = 0x1000n;
const PD = 0x2000n;
const PTS = [0x3000n, 0x4000n] as const;
const CODE_TABLES = 0x3_0000n;
const TABLE = PTE_P | PTE_RW | PTE_US;
const RESERVED = 1n << 51n;

/** Bytes that a PDE maps. */
function regionBytes({ size }: Setting): bigint {
  return size === 4 ? 0x40_0000n : 0x20_0000n;
}

/** The four pages, which are mapped one to one at first. */
export function pagesOf(setting: Setting): readonly bigint[] {
  const region = regionBytes(setting);
  return [1n, 2n].flatMap((n) => [n * region, n * region + 0x1000n]);
}

/** RAM that holds tables and pages of any setting. */
export const SPACE_RAM = 9 * 2 ** 20;

/** HPA of the tables of the space at `base`: PDPT (undefined: there is none) and PD. */
function tablesOf({ size, shifts }: Setting, base: bigint): { pdpt?: bigint; pd: bigint } {
  if (size === 4) return { pd: base };
  return { pdpt: shifts.length === 4 ? base + PDPT : base, pd: base + PD };
}

/** Offsets from a root of where its entries for the pages lie, 32 bytes each. */
export const TABLE_OFFSETS = [0x0000n, PDPT, PD, ...PTS];
/** All tables of both spaces: pages may lead to them too. */
export const TABLES = ROOTS.flatMap((base) => TABLE_OFFSETS.map((offset) => base + offset));

/** Kernel code finds every table in a window behind its own page, user code finds its page behind that. */
const WINDOW = 0x1000n;
const USER_CODE = 0x2_0000n;

/** Where kernel code finds the entry at `hpa` of a table. */
export function windowOf({ code }: Setting, hpa: bigint): bigint {
  const n = TABLES.indexOf(hpa & ~0xfffn);
  return code + WINDOW + BigInt(n) * 0x1000n + (hpa & 0xfffn);
}

/** Linear address of the page of the code that runs at `cpl`. */
export function codeAt({ code }: Setting, cpl: number): bigint {
  return cpl === 3 ? code + USER_CODE : code;
}

/** A new value for one entry. */
export interface Edit {
  readonly hpa: bigint;
  readonly value: bigint;
}

const half = fc.constantFrom(0, 1);
const base = half.map((n) => ROOTS[n] ?? ROOTS[0]);

/** Flags of a page: present, and some others. */
function leafFlags(setting: Setting): fc.Arbitrary<bigint> {
  const keyed = setting.shifts.length === 4 ? [5n << 59n] : [];
  const wide = setting.size === 8 ? [PTE_XD, RESERVED, ...keyed] : [];
  return fc
    .array(fc.constantFrom(PTE_RW, PTE_US, PTE_RW, PTE_US, PTE_G, PTE_A, PTE_D, ...wide), {
      maxLength: 5,
    })
    .map((bits) => bits.reduce((all, bit) => all | bit, PTE_P));
}

/** Edits of PTEs mostly, then of PDEs (tables and large pages), then of the PDPTE. */
export function editOf(setting: Setting): fc.Arbitrary<Edit> {
  return fc.oneof(
    { weight: 6, arbitrary: pteEdit(setting) },
    { weight: 3, arbitrary: pdeEdit(setting) },
    { weight: setting.size === 4 ? 0 : 1, arbitrary: pdpteEdit(setting) },
  );
}

function pteEdit(setting: Setting): fc.Arbitrary<Edit> {
  const pages = fc.constantFrom(...pagesOf(setting));
  const page = fc.oneof(
    { weight: 6, arbitrary: pages },
    { weight: 1, arbitrary: fc.constantFrom(...TABLES) },
  );
  const of = { base, at: half, index: half, page, bits: leafFlags(setting), gone: fc.nat(4) };
  return fc.record(of).map(({ base, at, index, page, bits, gone }) => ({
    hpa: base + (PTS[at] ?? 0n) + BigInt(index * setting.size),
    value: gone === 0 ? 0n : page | bits,
  }));
}

function pdeEdit(setting: Setting): fc.Arbitrary<Edit> {
  const of = { base, at: half, to: half, kind: fc.nat(5), bits: leafFlags(setting) };
  return fc.record(of).map(({ base, at, to, kind, bits }) => {
    const large = (BigInt(to + 1) * regionBytes(setting)) | PTE_PS | bits;
    const table = (base + (PTS[to] ?? 0n)) | TABLE;
    const hpa = tablesOf(setting, base).pd + BigInt((at + 1) * setting.size);
    return { hpa, value: [0n, large, large][kind] ?? table };
  });
}

/** 4-level: a 1 GiB page or the table; PAE, where nothing happens before the next load: gone or the table. */
function pdpteEdit(setting: Setting): fc.Arbitrary<Edit> {
  const of = { base, isTable: fc.boolean(), bits: leafFlags(setting) };
  return fc.record(of).map(({ base, isTable, bits }) => {
    const { pdpt = 0n, pd } = tablesOf(setting, base);
    if (setting === PAE) return { hpa: pdpt, value: isTable ? pd | PTE_P : 0n };
    return { hpa: pdpt, value: isTable ? pd | TABLE : PTE_PS | bits };
  });
}

/** Both spaces with identity mappings, the code page in both, marks in the pages. */
export function buildSpaces(rig: Pokes, setting: Setting): void {
  const { size } = setting;
  const pages = pagesOf(setting);
  for (const base of ROOTS) {
    const { pdpt, pd } = tablesOf(setting, base);
    // Where the code page is found through this entry too, any fetch may set A: it is set from the start.
    const top = (pdpt ?? 0n) | TABLE | PTE_A;
    if (setting.shifts.length === 4) rig.poke({ hpa: base, size, value: top });
    if (pdpt) rig.poke({ hpa: pdpt, size, value: pd | (setting === PAE ? PTE_P : TABLE) });
    PTS.forEach((pt, n) => {
      rig.poke({ hpa: pd + BigInt((n + 1) * size), size, value: (base + pt) | TABLE });
      for (const index of [0, 1]) {
        const value = (pages[2 * n + index] ?? 0n) | TABLE;
        rig.poke({ hpa: base + pt + BigInt(index * size), size, value });
      }
    });
    mapCode(rig, setting, base);
  }
  for (const page of [...pages, ...TABLES]) {
    rig.poke({ hpa: page + MARK, size: 8, value: page });
    // mov eax, page; jmp $
    const immediate = [0, 8, 16, 24].map((shift) => Number((page >> BigInt(shift)) & 0xffn));
    rig.pokeBytes(page + ENTRY, [0xb8, ...immediate, 0xeb, 0xfe]);
  }
}

/** Maps the code page into the space at `base`, through tables of its own where it has none there. */
function mapCode(rig: Pokes, setting: Setting, base: bigint): void {
  const { size, shifts, code } = setting;
  const frames: (readonly [bigint, bigint, bigint])[] = [
    [code, CODE_FRAME, 0n],
    [codeAt(setting, 3), CODE_FRAME, PTE_US],
    ...TABLES.map((table) => [windowOf(setting, table), table, 0n] as const),
  ];
  let at = base;
  shifts.forEach((shift, level) => {
    const index = (code >> BigInt(shift)) & (size === 4 ? 0x3ffn : 0x1ffn);
    const hpa = at + index * BigInt(size);
    const before = rig.expected.readEntry(hpa, size);
    if (shift === 12) {
      for (const [gva, frame, user] of frames) {
        const value = frame | PTE_P | PTE_RW | PTE_A | PTE_D | user;
        rig.poke({ hpa: at + ((gva >> 12n) & 0x1ffn) * BigInt(size), size, value });
      }
      return;
    }
    at = CODE_TABLES + BigInt(level) * 0x1000n;
    if ((before & PTE_P) !== 0n) at = before & ~0xfffn;
    else {
      const flags = setting === PAE && level === 0 ? PTE_P : TABLE | PTE_A;
      rig.poke({ hpa, size, value: at | flags });
    }
  });
}
