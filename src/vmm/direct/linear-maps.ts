/**
 * Linear page tables: an entry of a table that leads to a table of the same level, by which the guest reads its tables
 * as memory. They are allowed read-only. A table to itself counts as no use. A table to another one does, and to keep
 * such uses from going round in a circle, which would hold its tables for ever, a table may have such entries or be
 * what such entries lead to, but not both.
 */

import type { Domain } from './domain.ts';
import { PTE_RW } from './pte.ts';

/** An entry of the table `parent` may lead to `child`, read-only, and now does; the use itself has been counted. */
export function useLinear({ frames, flush }: Domain, parent: number, child: number): boolean {
  const level = frames.type(parent);
  if (frames.type(child) !== level || !frames.isValidated(child)) return false;
  if (frames.typeCount(child) === 0 || frames.linear(parent) < 0 || frames.linear(child) > 0) {
    return false;
  }
  frames.useAs(child, level, flush);
  frames.addLinear(parent, 1);
  frames.addLinear(child, -1);
  return true;
}

/** An entry of `parent` has lost its use of `child`; 0 for `parent` says that the use was no entry's. */
export function dropLinear({ frames }: Domain, parent: number, child: number): void {
  if (parent === 0 || frames.type(parent) !== frames.type(child)) return;
  frames.addLinear(parent, -1);
  frames.addLinear(child, 1);
}

export function mayBeLinear(low: number): boolean {
  return (low & PTE_RW) === 0;
}
