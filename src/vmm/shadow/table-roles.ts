/** What shadow pages stand for: which tables of the guest, or what in the place of one, under which roles. */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestPaging } from './guest-paging.ts';
import { type GuestWalk, RIGHT_USER, RIGHT_WRITE } from './guest-walk.ts';
import { flagsOf } from './leaf-rights.ts';
import { firstPage, type Role, type ShadowKind, type ViewName } from './shadow-page.ts';

export const ALL_RIGHTS = RIGHT_WRITE | RIGHT_USER;

export interface TableRole {
  readonly gfn: number;
  readonly role: Role;
}

/** What the shadow page at `level` on the way to `page` stands for, by the walk just made. */
export function roleOf(
  walk: GuestWalk,
  level: 1 | 2 | 3 | 4,
  page: number,
  paging: GuestPaging,
  view: ViewName,
): TableRole {
  const { mode } = paging;
  const { steps, leaf, gfn, isDirty } = walk;
  const flags = flagsOf(paging);
  const own = (kind: ShadowKind, of: number, part: number, rights: number): TableRole => ({
    gfn: of,
    role: { kind, mode, view, level, part, rights, flags },
  });
  if (mode === 'off') return own('direct', firstPage(page, level), 0, ALL_RIGHTS);
  const top = mode === '4-level' ? 4 : 2;
  if (level > top) {
    const id = mode === 'pae' ? paging.root / 32 : paging.root / PAGE_SIZE;
    return own('upper', id, 0, ALL_RIGHTS);
  }
  if (level === 4) return own('table', paging.root / PAGE_SIZE, 0, ALL_RIGHTS);
  if (level < leaf) {
    const all = steps[leaf]?.rights ?? 0;
    // A kernel that ignores R/W may write through an entry that others share: D is its own all the same.
    const rights = isDirty ? all : all & ~RIGHT_WRITE;
    return own('direct', firstPage(gfn, level), isDirty ? 1 : 0, rights);
  }
  const rights = level === top ? ALL_RIGHTS : (steps[level + 1]?.rights ?? 0);
  const part = mode === '32-bit' ? partOf(page, level) : 0;
  return own('table', steps[level]?.gfn ?? 0, part, rights);
}

/** Which part of a table with 1024 entries. */
function partOf(page: number, level: number): number {
  return level === 2 ? (page >>> 18) & 3 : (page >>> 9) & 1;
}
