/**
 * Accesses through the page walk in plain TypeScript: access rights (SDM 3A 4.6), page-fault error codes
 * (4.7), accessed and dirty flags (4.8). Part of the oracle that asm/mmu is tested against.
 *
 * Accessed flags of a walk that faults may or may not be set (4.8); here, as in asm/mmu, they are not.
 */

import { PF_ID, PF_P, PF_PK, PF_US, PF_WR } from '../../base/vector.ts';
import {
  CR0_WP,
  CR4_PAE,
  CR4_PKE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_NXE,
  type PagingState,
  pagingMode,
  RFLAGS_AC,
} from './paging.ts';
import { type EntryReader, type Mapping, type UsedEntry, walk } from './walk.ts';

const PTE_A = 1n << 5n; // accessed
const PTE_D = 1n << 6n; // dirty

/** `implicit`: to a system structure, made with supervisor rights at any CPL (SDM 3A 4.6). */
export interface Access {
  readonly kind: 'read' | 'write' | 'fetch';
  readonly implicit?: boolean;
}

/** Outcome of an access: where it goes and which entries it changes, or the error code of its #PF. */
export type Translation =
  | { readonly hpa: bigint; readonly updates: readonly UsedEntry[] }
  | { readonly errorCode: number };

/** Bits 63:47 are equal. */
export function isCanonical(gva: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, gva)) === gva;
}

/** Translates canonical `gva` for `access`; changes nothing. */
export function translate(
  read: EntryReader,
  state: PagingState,
  gva: bigint,
  access: Access,
): Translation {
  const found = walk(read, state, gva);
  if ('fault' in found) {
    const present = found.fault === 0 ? 0 : PF_P;
    return { errorCode: present | found.fault | accessBits(state, access) };
  }
  return use(found, state, access);
}

/** What an access to a mapped page gives. */
export function use(page: Mapping, state: PagingState, access: Access): Translation {
  if (pagingMode(state) === 'none') return { hpa: page.hpa, updates: [] };
  const isBarred = keyForbids(page, state, access);
  if (isAllowed(page, state, access) && !isBarred) {
    return { hpa: page.hpa, updates: updates(page, access) };
  }
  return { errorCode: PF_P | (isBarred ? PF_PK : 0) | accessBits(state, access) };
}

function isUserMode({ cpl }: PagingState, { implicit }: Access): boolean {
  return cpl === 3 && implicit !== true;
}

/** Access rights without protection keys (SDM 3A 4.6.1). */
function isAllowed(page: Mapping, state: PagingState, access: Access): boolean {
  const userMode = isUserMode(state, access);
  if (userMode && !page.user) return false;
  if (access.kind === 'fetch') {
    const smep = !userMode && page.user && (state.cr4 & CR4_SMEP) !== 0n;
    return page.executable && !smep;
  }
  const smap = !userMode && page.user && (state.cr4 & CR4_SMAP) !== 0n;
  const lifted = access.implicit !== true && (state.rflags & RFLAGS_AC) !== 0n;
  if (smap && !lifted) return false;
  return access.kind === 'read' || page.writable || !(userMode || (state.cr0 & CR0_WP) !== 0n);
}

/** Protection keys apply to data accesses to user pages, in 4-level paging (SDM 3A 4.6.2). */
function keyForbids(page: Mapping, state: PagingState, access: Access): boolean {
  if (pagingMode(state) !== '4-level' || (state.cr4 & CR4_PKE) === 0n) return false;
  if (access.kind === 'fetch' || !page.user) return false;
  const accessDisabled = ((state.pkru >>> (2 * page.key)) & 1) !== 0;
  const writeDisabled = ((state.pkru >>> (2 * page.key + 1)) & 1) !== 0;
  const obeysWrite = isUserMode(state, access) || (state.cr0 & CR0_WP) !== 0n;
  return accessDisabled || (access.kind === 'write' && writeDisabled && obeysWrite);
}

/** Bits of the error code that tell of the access itself (SDM 3A 4.7). */
function accessBits(state: PagingState, access: Access): number {
  const hasXd = (state.cr4 & CR4_PAE) !== 0n && (state.efer & EFER_NXE) !== 0n;
  const tellsFetch = hasXd || (state.cr4 & CR4_SMEP) !== 0n;
  return (
    (access.kind === 'write' ? PF_WR : 0) |
    (isUserMode(state, access) ? PF_US : 0) |
    (access.kind === 'fetch' && tellsFetch ? PF_ID : 0)
  );
}

/** Entries that change: A everywhere, D in the leaf of a write (SDM 3A 4.8). One entry may serve twice. */
function updates({ entries }: Mapping, { kind }: Access): readonly UsedEntry[] {
  const changed = new Map<bigint, UsedEntry>();
  entries.forEach((entry, n) => {
    const dirty = kind === 'write' && n === entries.length - 1 ? PTE_D : 0n;
    const value = (changed.get(entry.hpa) ?? entry).value | PTE_A | dirty;
    changed.set(entry.hpa, { ...entry, value });
  });
  return [...changed.values()].filter(({ hpa, value }) =>
    entries.some((entry) => entry.hpa === hpa && entry.value !== value),
  );
}
