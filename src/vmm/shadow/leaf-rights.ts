/** What a page's rights allow, by the guest's paging (SDM 3A 4.6.1). */

import type { GuestPaging } from './guest-paging.ts';
import { RIGHT_NO_EXECUTE, RIGHT_USER, RIGHT_WRITE } from './guest-walk.ts';
import type { ViewName } from './shadow-page.ts';

/** Bits of the guest's paging that change what entries and their rights mean. */
export const FLAG_PSE = 1;
export const FLAG_WP = 2;
export const FLAG_NXE = 4;
export const FLAG_SMEP = 8;
export const FLAG_SMAP = 16;

export function flagsOf({ pse, wp, nxe, smep, smap }: GuestPaging): number {
  return (
    (pse ? FLAG_PSE : 0) |
    (wp ? FLAG_WP : 0) |
    (nxe ? FLAG_NXE : 0) |
    (smep ? FLAG_SMEP : 0) |
    (smap ? FLAG_SMAP : 0)
  );
}

export interface LeafRights {
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  readonly mayFetch: boolean;
}

/** What the guest may do under `view` to a page of these RIGHT_ bits; `flags` are FLAG_ bits. */
export function leafRights(rights: number, view: ViewName, flags: number): LeafRights {
  const isUser = (rights & RIGHT_USER) !== 0;
  const isWritable = (rights & RIGHT_WRITE) !== 0;
  const isCode = (rights & RIGHT_NO_EXECUTE) === 0;
  if (view === 'user') {
    return { mayRead: isUser, mayWrite: isUser && isWritable, mayFetch: isUser && isCode };
  }
  const mayRead = !(isUser && (flags & FLAG_SMAP) !== 0);
  return {
    mayRead,
    mayWrite: mayRead && (isWritable || (flags & FLAG_WP) === 0),
    mayFetch: isCode && !(isUser && (flags & FLAG_SMEP) !== 0),
  };
}
