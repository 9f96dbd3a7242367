/** The textbook's loop over all present entries of a guest's page tables. */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { GuestPaging } from './guest-paging.ts';

const PTE_P = 1;
const PTE_PS = 1 << 7;

/** Numbers of the pages that present entries lead to, at most `most`: tables may map one another without end. */
export function* presentPages(
  memory: GuestMemory,
  paging: GuestPaging,
  pdptes: readonly number[],
  most: number,
): Generator<number> {
  let left = most;
  for (const page of pagesOfRoot(memory, paging, pdptes)) {
    if (left === 0) return;
    left--;
    yield page;
  }
}

function* pagesOfRoot(
  memory: GuestMemory,
  paging: GuestPaging,
  pdptes: readonly number[],
): Generator<number> {
  const { mode, root } = paging;
  if (mode === '4-level') yield* pagesOf(memory, paging, root, 4, 0);
  if (mode === '32-bit') yield* pagesOf(memory, paging, root, 2, 0);
  if (mode !== 'pae') return;
  for (const [n, entry] of pdptes.entries()) {
    if (entry % 2 !== 0) {
      yield* pagesOf(memory, paging, entry - (entry % PAGE_SIZE), 2, n * 512 ** 2);
    }
  }
}

/** Pages of the table at GPA `table`, which maps from page `first` on. */
function* pagesOf(
  memory: GuestMemory,
  paging: GuestPaging,
  table: number,
  level: number,
  first: number,
): Generator<number> {
  const isNarrow = paging.mode === '32-bit';
  const bytes = isNarrow ? 4 : 8;
  const entries = PAGE_SIZE / bytes;
  const pages = entries ** (level - 1);
  const mayBeLarge = level > 1 && level < 4 && (!isNarrow || paging.pse);
  for (let n = 0; n < entries; n++) {
    const low = memory.readU32(table + n * bytes);
    if ((low & PTE_P) === 0) continue;
    const start = first + n * pages;
    if (level === 1) yield start;
    else if (mayBeLarge && (low & PTE_PS) !== 0) {
      for (let page = start; page < start + pages; page++) yield page;
    } else {
      const high = isNarrow ? 0 : memory.readU32(table + n * bytes + 4) % 0x100;
      const next = high * 2 ** 32 + (low >>> 12) * PAGE_SIZE;
      yield* pagesOf(memory, paging, next, level - 1, start);
    }
  }
}
