/**
 * The two-dimensional walk in plain TypeScript (SDM 3C 29.3.2): the page walk of walk.ts, whose physical addresses all
 * go through extended page tables. Part of the oracle that asm/mmu is tested against.
 */

import { type Access, translate } from './access.ts';
import { type EntryMemory, type ExtendedTables, type NestedExit, Refusal } from './ept.ts';
import type { PagingState } from './paging.ts';
import type { EntryReader, UsedEntry } from './walk.ts';

const PTE_A = 1n << 5n; // accessed
const PTE_D = 1n << 6n; // dirty

/** Where an access goes; the error code of its #PF; the VM exit that it causes. */
export type NestedResult =
  | { readonly hpa: bigint }
  | { readonly errorCode: number }
  | { readonly exit: NestedExit };

/** Entries read by a walk: of the guest's tables, and of extended page tables. */
export interface References {
  guest: number;
  ept: number;
}

/** Makes the access to canonical `gva` but for the data itself; `references` are added to. */
export function translateNested(
  memory: EntryMemory,
  tables: ExtendedTables,
  state: PagingState,
  gva: bigint,
  access: Access,
  references: References = { guest: 0, ept: 0 },
): NestedResult {
  const before = tables.references;
  const entries: Place[] = [];
  const read = readerOf(memory, tables);
  try {
    const page = translate(
      (hpa, size) => {
        entries.push({ hpa, size });
        return read(hpa, size);
      },
      state,
      gva,
      access,
    );
    if ('errorCode' in page) return page;
    setFlags(memory, tables, entries, access);
    return { hpa: tables.translate(page.hpa, { [access.kind]: true, linear: 'page' }) };
  } catch (error) {
    if (error instanceof Refusal) return { exit: error.exit };
    throw error;
  } finally {
    references.guest += entries.length;
    references.ept += tables.references - before;
  }
}

type Place = Pick<UsedEntry, 'hpa' | 'size'>;

/** Reads the guest's paging-structure entries by their guest-physical addresses. */
function readerOf(memory: EntryMemory, tables: ExtendedTables): EntryReader {
  const access = { read: true, write: tables.hasFlags, linear: 'table' } as const;
  return (gpa, size) => memory.readEntry(tables.translate(gpa, access), size);
}

/** Sets A in the guest's entries and D in the last of a write, from the top down. These are no references of the walk. */
function setFlags(
  memory: EntryMemory,
  tables: ExtendedTables,
  entries: readonly Place[],
  { kind }: Access,
): void {
  const { references } = tables;
  const read = readerOf(memory, tables);
  try {
    entries.forEach(({ hpa: gpa, size }, n) => {
      const flags = kind === 'write' && n === entries.length - 1 ? PTE_A | PTE_D : PTE_A;
      const value = read(gpa, size);
      if ((value & flags) === flags) return;
      const hpa = tables.translate(gpa, { read: true, write: true, linear: 'table' });
      memory.writeEntry({ hpa, size, value: value | flags });
    });
  } finally {
    tables.references = references;
  }
}
