/**
 * Address spaces whose tables are edited while they are in use: several roots, and few tables that all of them share.
 * The pages under test take the same entries of tables of every level, so that any table can serve as any other; every
 * way to map them (4 KiB pages and each large size) leads to RAM that no table lies in. Each page of RAM holds at
 * `MARK` its own HPA, at `ENTRY` code that returns it.
 */

import type { Pokes } from './rig.ts';
import { CODE_FRAME, PAE, type Setting } from './settings.ts';
import { PTE_A, PTE_D, PTE_P, PTE_RW, PTE_US } from './tables.ts';

export const MARK = 0x80;
export const ENTRY = 0x100;
export const SLOT = 0x180;
/** RAM that holds tables and pages of any setting. */
export const SPACE_RAM = 7 * 2 ** 20;

const PAGE_SIZE = 0x1000;
const TABLES = 0x1_0000;
const CODE_TABLES = 0x3_0000;
const ROOT_COUNT = 3;
/** The reserved bit of a 4 MiB page is an address bit where its entry serves as one of the last level. */
export const RESERVED_LARGE = 1 << 21;
const TABLE = PTE_P | PTE_RW | PTE_US;
/** Kernel code finds every table in a window behind its own page, user code finds its page behind that. */
const WINDOW = 0x1000n;
const USER_CODE = 0x2_0000n;

/** A page under test; pages 2n and 2n + 1 are found through the same table of the last level. */
export interface Page {
  readonly gva: bigint;
  /** Of its entry at each level, top level first. */
  readonly indices: readonly number[];
}

export interface Space {
  readonly setting: Setting;
  readonly pages: readonly Page[];
  /** HPAs of the tables that serve at each level at first, top level first. */
  readonly levels: readonly (readonly number[])[];
  readonly tables: readonly number[];
  /** HPAs of the frames that 4 KiB entries lead to. */
  readonly frames: readonly number[];
  /** Bases of large pages, by the level of the entry. */
  readonly large: ReadonlyMap<number, readonly number[]>;
  /** Offsets in a table of all entries that are used. */
  readonly offsets: readonly number[];
  /** Linear address of the page of the code that runs at CPL 0 and 3. */
  readonly code: Readonly<Record<0 | 3, bigint>>;
}

/** How a setting's tables are used. */
interface Shape {
  /** Entries at each level but the last that lead to pages under test, top level first. */
  readonly ways: readonly (readonly number[])[];
  /** Entries of the last level, behind each of them. */
  readonly last: readonly [number, number];
  readonly tableCounts: readonly number[];
}

/** Entry 1 of a PDPT leads to 32-bit code. The VMM of a VM likes entry 509 of the PML4 for itself. */
const LONG: Shape = {
  ways: [
    [0, 0, 0],
    [0, 0, 2],
    [0, 2, 0],
    [2, 0, 0],
    [2, 2, 2],
    [509, 0, 0],
  ],
  last: [0, 2],
  tableCounts: [ROOT_COUNT, 2, 2, 3],
};
const COMPATIBLE: Shape = { ...LONG, ways: LONG.ways.filter(([top]) => top === 0) };
const THREE_LEVEL: Shape = {
  ways: COMPATIBLE.ways.map((indices) => indices.slice(1)),
  last: LONG.last,
  tableCounts: [ROOT_COUNT, 3, 3],
};
/** Entries in different halves and quarters of a table of 1024: each is a table of its own in a shadow. */
const NARROW: Shape = {
  ways: [[0], [0x101], [0x202]],
  last: [0, 0x202],
  tableCounts: [ROOT_COUNT, 4],
};

function shapeOf({ size, shifts, isLong }: Setting): Shape {
  if (size === 4) return NARROW;
  if (shifts.length === 3) return THREE_LEVEL;
  return isLong ? LONG : COMPATIBLE;
}

export function spaceOf(setting: Setting): Space {
  const { size, shifts } = setting;
  const { ways, last, tableCounts } = shapeOf(setting);
  const indices = ways.flatMap((way) => last.map((index) => [...way, index]));
  let next = TABLES;
  const levels = tableCounts.map((count) =>
    Array.from({ length: count }, () => {
      next += PAGE_SIZE;
      return next - PAGE_SIZE;
    }),
  );
  const bases = [0, 0x40_0000];
  return {
    setting,
    pages: indices.map((of) => ({ indices: of, gva: addressOf(setting, of) })),
    levels,
    tables: levels.flat(),
    frames: [
      ...bases.flatMap((base) => last.map((index) => base + index * PAGE_SIZE)),
      ...(size === 4 ? bases.map((base) => base + RESERVED_LARGE) : []),
    ],
    large: new Map(
      setting.large.map((shift) => [shifts.indexOf(shift), shift === 30 ? [0] : bases] as const),
    ),
    offsets: [...new Set(indices.flat())].map((index) => index * size),
    code: { 0: setting.code, 3: setting.code + USER_CODE },
  };
}

function addressOf({ shifts }: Setting, indices: readonly number[]): bigint {
  const address = shifts.reduce(
    (sum, shift, level) => sum | (BigInt(indices[level] ?? 0) << BigInt(shift)),
    0n,
  );
  return BigInt.asUintN(64, BigInt.asIntN(48, address));
}

/** Where kernel code finds the entry at `hpa` of a table. */
export function windowOf({ code }: Space, hpa: number): bigint {
  return code[0] + WINDOW + BigInt(hpa - TABLES);
}

/** Flags of an entry at `level` that links a table, if nothing is restricted. */
export function linkFlags(setting: Setting, level: number): bigint {
  if (setting === PAE && level === 0) return PTE_P;
  // Where the code is found through the same entry, any fetch may set A: it is set from the start.
  return level < setting.fixedLevels ? TABLE | PTE_A : TABLE;
}

/** Writes an entry of a table. */
type Put = (table: number, index: number, value: bigint) => void;

/** Frames and what they hold at first. */
export type Image = readonly { readonly hpa: number; readonly bytes: Uint8Array }[];

/** All tables, linked to one another, and the pages that they can lead to. */
export function imageOf(space: Space): Image {
  const { setting, tables, frames } = space;
  const chain = setting.shifts.map((_, n) => CODE_TABLES + n * PAGE_SIZE);
  const memory = new Map(
    [...tables, ...frames, ...chain].map((hpa) => [hpa, new DataView(new ArrayBuffer(PAGE_SIZE))]),
  );
  const put: Put = (table, index, value) => {
    const view = memory.get(table);
    if (setting.size === 8) view?.setBigUint64(index * 8, value, true);
    else view?.setUint32(index * 4, Number(value), true);
  };
  linkTables(space, put);
  mapCode(space, chain, put);
  for (const hpa of [...tables, ...frames]) {
    const view = memory.get(hpa);
    view?.setBigUint64(MARK, BigInt(hpa), true);
    // mov eax, page; jmp $
    view?.setUint8(ENTRY, 0xb8);
    view?.setUint32(ENTRY + 1, hpa, true);
    view?.setUint16(ENTRY + 5, 0xfeeb, true);
  }
  return [...memory].map(([hpa, { buffer }]) => ({ hpa, bytes: new Uint8Array(buffer) }));
}

/** Entries of the pages under test, but those at the VMM's place. */
function linkTables({ setting, pages, levels, frames }: Space, put: Put): void {
  levels.forEach((all, level) => {
    const used = [...new Set(pages.map(({ indices }) => indices[level] ?? 0))].slice(0, 2);
    const below = levels[level + 1] ?? frames;
    all.forEach((table, n) => {
      used.forEach((index, k) => {
        const to = below[(n + k) % below.length] ?? 0;
        put(table, index, BigInt(to) | linkFlags(setting, level));
      });
    });
  });
}

/** Maps the code and the window, through tables of their own in every space. */
function mapCode(
  { setting, levels, tables, code }: Space,
  chain: readonly number[],
  put: Put,
): void {
  const { size, shifts, fixedLevels } = setting;
  const indexAt = (gva: bigint, shift: number): number =>
    Number((gva >> BigInt(shift)) & (size === 4 ? 0x3ffn : 0x1ffn));
  shifts.slice(0, -1).forEach((shift, level) => {
    if (level < fixedLevels) return;
    const from = level === fixedLevels ? (levels[level] ?? []) : [chain[level] ?? 0];
    const flags = setting === PAE && level === 0 ? PTE_P : TABLE | PTE_A;
    const to = BigInt(chain[level + 1] ?? 0) | flags;
    for (const table of from) put(table, indexAt(code[0], shift), to);
  });
  const frames: (readonly [bigint, bigint, bigint])[] = [
    [code[0], CODE_FRAME, 0n],
    [code[3], CODE_FRAME, PTE_US],
    ...tables.map((table, n) => [code[0] + WINDOW * BigInt(n + 1), BigInt(table), 0n] as const),
  ];
  for (const [gva, frame, user] of frames) {
    const value = frame | PTE_P | PTE_RW | PTE_A | PTE_D | user;
    put(chain.at(-1) ?? 0, indexAt(gva, 12), value);
  }
}

/** Puts what a space is made of into memory as it is at first. */
export function load(rig: Pokes, image: Image): void {
  for (const { hpa, bytes } of image) rig.pokeBytes(BigInt(hpa), bytes);
}
