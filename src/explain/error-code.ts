/** Error codes of exceptions in words (SDM 3A 6.13 Error Code; 4.7 Page-Fault Exceptions). */

import { PF, PF_ID, PF_P, PF_PK, PF_RSVD, PF_US, PF_WR } from '../base/vector.ts';
import { hex } from './hex.ts';

const SELECTOR_VECTORS: ReadonlySet<number> = new Set([10, 11, 12, 13]);

const SEL_EXT = 0x1; // met while delivering an event from outside the program
const SEL_IDT = 0x2; // the index is that of an IDT entry
const SEL_TI = 0x4; // in the LDT

/**
 * What the error code of `vector` says; undefined where it says nothing. Without XD and SMEP a code
 * does not tell a fetch: `isFetch` does.
 */
export function describeErrorCode(
  vector: number,
  code: number,
  isFetch = false,
): string | undefined {
  if (vector === PF) return pageFault(code, isFetch);
  if (!SELECTOR_VECTORS.has(vector) || code === 0) return undefined;
  const entry = code >> 3;
  const delivery = code & SEL_EXT ? ', EXT' : '';
  if (code & SEL_IDT) return `IDT entry ${entry}${delivery}`;
  const selector = code & ~(SEL_EXT | SEL_IDT);
  if (selector === 0) return `no selector${delivery}`;
  return `selector ${hex(selector, 4)}, ${code & SEL_TI ? 'LDT' : 'GDT'} entry ${entry}${delivery}`;
}

function pageFault(code: number, isFetch: boolean): string {
  const access = code & PF_ID || isFetch ? 'instruction fetch' : code & PF_WR ? 'write' : 'read';
  const who = code & PF_US ? 'user' : 'supervisor';
  const page = code & PF_P ? 'a present page' : 'a page that is not present';
  const reserved = code & PF_RSVD ? ', reserved bit set' : '';
  const key = code & PF_PK ? ', protection key' : '';
  return `${who} ${access} of ${page}${reserved}${key}`;
}
