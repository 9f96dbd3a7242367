/**
 * Paging structures that every mode can use, at the same CR3: the code page and three pages of data are mapped
 * whichever way they are read, and each page of data leads to a frame that tells by which tables it was found.
 *
 * ROOT -> first -> second -> third are the four levels of 4-level paging. PAE paging has ROOT for its PDPTEs, first
 * as PD, second as PT; 32-bit paging has ROOT as PD, first as PT. All that is mapped lies in the lowest 64 KiB.
 */

import type { Rig } from './rig.ts';
import { CODE_FRAME } from './settings.ts';
import { PTE_P, PTE_RW, PTE_US, PTE_XD } from './tables.ts';

/** Top structures: entry 0 as a PDPTE must be, as other modes like it, and with PDPTEs that no load accepts. */
export const ROOTS = { pae: 0x1000n, others: 0x2000n, malformed: 0x3000n } as const;
const FIRST = 0x4000n;
const SECOND = 0x5000n;
const THIRD = 0x6000n;

/** Linear addresses: plain, a user page, and one with XD where entries have it. */
export const DATA = [0x9000n, 0xa000n, 0xb000n] as const;
const FLAGS = [PTE_RW, PTE_US, PTE_XD] as const;

/** Writes them all anew, with A and D clear. */
export function writeTables(rig: Rig): void {
  writeRoots(rig);
  rig.poke({ hpa: FIRST, size: 8, value: SECOND | PTE_P | PTE_RW | PTE_US });
  rig.poke({ hpa: SECOND, size: 8, value: THIRD | PTE_P | PTE_RW | PTE_US });
  mapPages(rig, FIRST, 4, 0x2_0000n);
  mapPages(rig, SECOND, 8, 0x3_0000n);
  mapPages(rig, THIRD, 8, 0x4_0000n);
}

/** The PDPTEs and their like: a walk of another mode sets A in them, which a load of PDPTEs refuses. */
export function writeRoots(rig: Rig): void {
  rig.poke({ hpa: ROOTS.pae, size: 8, value: FIRST | PTE_P });
  rig.poke({ hpa: ROOTS.others, size: 8, value: FIRST | PTE_P | PTE_RW | PTE_US });
  rig.poke({ hpa: ROOTS.malformed, size: 8, value: FIRST | PTE_P });
  rig.poke({ hpa: ROOTS.malformed + 24n, size: 8, value: PTE_P | (1n << 40n) });
}

function mapPages(rig: Rig, table: bigint, size: 4 | 8, frames: bigint): void {
  const at = (page: bigint) => table + (page >> 12n) * BigInt(size);
  rig.poke({ hpa: at(CODE_FRAME), size, value: CODE_FRAME | PTE_P });
  DATA.forEach((page, n) => {
    const flags = size === 8 ? FLAGS[n] : (FLAGS[n] ?? 0n) & 0xffff_ffffn;
    rig.poke({ hpa: at(page), size, value: frames | page | PTE_P | (flags ?? 0n) });
    rig.poke({ hpa: frames | page, size: 8, value: frames | page });
    rig.poke({ hpa: page, size: 8, value: page });
  });
}
