/** Counts the roots of a shadow by what they stand for. */

import type { ShadowPage } from './shadow-page.ts';

export interface RootCount {
  /** Roots of the guest that user code has run under, as those of its processes, and their shadows. */
  readonly guestRoots: number;
  readonly roots: number;
  /** Shadows of the others: the tables that a kernel booted with, or no tables at all. */
  readonly bootRoots: number;
}

/** Counts `roots`; a guest has one for each of its own, each view and each setting of its access rights. */
export function countRoots(roots: readonly ShadowPage[]): RootCount {
  const name = ({ gfn, role }: ShadowPage): string => `${role.mode} ${gfn}`;
  const ofUsers = new Set(roots.filter(({ role }) => role.view === 'user').map(name));
  const shadows = roots.filter((root) => ofUsers.has(name(root)));
  return {
    guestRoots: ofUsers.size,
    roots: shadows.length,
    bootRoots: roots.length - shadows.length,
  };
}
