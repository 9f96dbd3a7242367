/**
 * Two address spaces whose tables are edited while they are in use. Four pages at 2 MiB and 4 MiB; every
 * way to map them (4 KiB, 2 MiB, 1 GiB pages) leads to RAM that no table lies in. Each page of RAM holds at
 * `MARK` its own HPA, at `ENTRY` code that returns it.
 */

import fc from 'fast-check';
import type { Rig } from './rig.ts';
import { CODE, CODE_FRAME, PTE_A, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US, PTE_XD } from './tables.ts';

export const SPACE_RAM = 6 * 2 ** 20;
export const PAGES = [0x20_0000n, 0x20_1000n, 0x40_0000n, 0x40_1000n] as const;
export const MARK = 0x80n;
export const ENTRY = 0x100n;
export const SLOT = 0x180n;
export const ROOTS = [0x1_0000n, 0x2_0000n] as const;

const PDPT = 0x1000n;
const PD = 0x2000n;
const PTS = [0x3000n, 0x4000n] as const;
const CODE_TABLES = 0x3_0000n;
const TABLE = PTE_P | PTE_RW | PTE_US;

/** A new value for one entry: which root's, which table's, and what. */
export interface Edit {
  readonly root: 0 | 1;
  readonly hpa: bigint;
  readonly value: bigint;
}

const leafBits = fc
  .array(fc.constantFrom(PTE_RW, PTE_US, PTE_XD, PTE_G, PTE_A, 0x40n, 5n << 59n), { maxLength: 5 })
  .map((bits) => bits.reduce((all, bit) => all | bit, PTE_P));
const half = fc.constantFrom(0, 1);
const pte = fc.record({ at: half, index: half, page: fc.constantFrom(...PAGES), bits: leafBits });

/** Edits of PTEs mostly, then of PDEs (tables and large pages), then of the PDPTE. */
export const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ root: half, entry: pte, gone: fc.nat(4) }).map((of) => {
      const { at, index, page, bits } = of.entry;
      const hpa = root(of.root) + (PTS[at] ?? 0n) + BigInt(index) * 8n;
      return { root: of.root, hpa, value: of.gone === 0 ? 0n : page | bits } as Edit;
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ root: half, at: half, to: half, kind: fc.nat(5), bits: leafBits })
      .map((of) => {
        const hpa = root(of.root) + PD + BigInt(of.at + 1) * 8n;
        const large = (BigInt(of.to + 1) * 0x20_0000n) | PTE_PS | of.bits;
        const table = (root(of.root) + (PTS[of.to] ?? 0n)) | TABLE;
        return { root: of.root, hpa, value: [0n, large, large][of.kind] ?? table } as Edit;
      }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ root: half, isLarge: fc.boolean(), bits: leafBits }).map((of) => {
      const value = of.isLarge ? PTE_PS | of.bits : (root(of.root) + PD) | TABLE;
      return { root: of.root, hpa: root(of.root) + PDPT, value } as Edit;
    }),
  },
);

function root(n: number): bigint {
  return ROOTS[n] ?? ROOTS[0];
}

/** Both spaces with identity mappings, the code page in both, marks in the pages. */
export function buildSpaces(rig: Rig): void {
  for (const base of ROOTS) {
    rig.poke({ hpa: base, value: (base + PDPT) | TABLE });
    rig.poke({ hpa: base + PDPT, value: (base + PD) | TABLE });
    PTS.forEach((pt, n) => {
      rig.poke({ hpa: base + PD + BigInt(n + 1) * 8n, value: (base + pt) | TABLE });
      for (const index of [0n, 1n]) {
        const page = PAGES[2 * n + Number(index)] ?? 0n;
        rig.poke({ hpa: base + pt + index * 8n, value: page | TABLE });
      }
    });
    mapCode(rig, base);
  }
  for (const page of PAGES) {
    rig.poke({ hpa: page + MARK, value: page });
    // mov eax, page; jmp $
    const immediate = [0, 8, 16, 24].map((shift) => Number((page >> BigInt(shift)) & 0xffn));
    rig.pokeBytes(page + ENTRY, [0xb8, ...immediate, 0xeb, 0xfe]);
  }
}

function mapCode(rig: Rig, base: bigint): void {
  const tables = [base, ...[0n, 1n, 2n].map((n) => CODE_TABLES + n * 0x1000n), CODE_FRAME];
  for (let level = 0; level < 4; level++) {
    const index = (CODE >> BigInt(39 - 9 * level)) & 0x1ffn;
    const hpa = (tables[level] ?? 0n) + index * 8n;
    rig.poke({ hpa, value: (tables[level + 1] ?? 0n) | PTE_P | PTE_RW | PTE_A });
  }
}
