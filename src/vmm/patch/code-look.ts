/** What code looks like from any of its bytes on: how long the instruction is that begins there, and how safe. */

import { measure } from '../../isa/decode.ts';
import { buildDecodeTables } from '../../isa/decode-table.ts';
import { MAX_LENGTH } from '../../isa/decoding.ts';
import type { CodeMode } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import { leavesLine } from '../../isa/uops.ts';
import { directSafety, TRAPPING } from './direct-safety.ts';

/** INT3, which at CPL 3 traps wherever it is come upon. */
export const FILLER = 0xcc;

const TABLES = buildDecodeTables(ROWS);

/** A look: length in bits 3:0 (0: it crosses the end of the page), safety in 5:4, and what follows. */
export const LOOK_LENGTH = 15;
export const LOOK_SAFETY_SHIFT = 4;
/** What stands behind it is not run after it. */
export const LOOK_LEAVES = 1 << 6;
/** So that no look is 0. */
const LOOK_KNOWN = 1 << 7;
/** Bytes of the displacement of a direct branch, the last of the instruction; 0: it is none. */
const LOOK_BRANCH_SHIFT = 8;

/** Safety and what else is needed of each row, made when it is first met. */
const OF_ROW = new Uint16Array(ROWS.length);

/** The instruction at `at` of the page `code`. */
export function lookAt(code: Uint8Array, at: number, mode: CodeMode): number {
  if (code[at] === FILLER) return trapping(1);
  const measured = measure(code, at, mode, TABLES);
  if (measured.ok) return ofRow(measured.row) | measured.length;
  if (measured.reason === 'truncated') return trapping(0);
  return trapping(measured.reason === 'too-long' ? MAX_LENGTH : failureLength(code, at, mode));
}

function trapping(length: number): number {
  return LOOK_KNOWN | (TRAPPING << LOOK_SAFETY_SHIFT) | length;
}

function ofRow(row: number): number {
  const known = OF_ROW[row] ?? 0;
  if (known !== 0) return known;
  const insn = ROWS[row];
  const safety = insn === undefined ? TRAPPING : directSafety(insn);
  const leaves = insn !== undefined && leavesLine(insn.uop) ? LOOK_LEAVES : 0;
  const [operand] = insn?.operands ?? [];
  const branch = operand?.kind === 'rel' ? operand.bits / 8 : 0;
  const look = LOOK_KNOWN | (safety << LOOK_SAFETY_SHIFT) | leaves | (branch << LOOK_BRANCH_SHIFT);
  OF_ROW[row] = look;
  return look;
}

/** Where the instruction at `at`, which looks as `look`, branches to, as an offset in the page; undefined: nowhere. */
export function branchTarget(code: Uint8Array, at: number, look: number): number | undefined {
  const size = look >> LOOK_BRANCH_SHIFT;
  if (size === 0) return undefined;
  const end = at + (look & LOOK_LENGTH);
  let displacement = 0;
  for (let n = 0; n < size; n++) displacement |= (code[end - size + n] ?? 0) << (8 * n);
  const unused = 32 - 8 * size;
  return end + ((displacement << unused) >> unused);
}

/** How many bytes tell that there is no instruction at `at`. */
function failureLength(code: Uint8Array, at: number, mode: CodeMode): number {
  let length = 1;
  for (; length < MAX_LENGTH; length++) {
    const measured = measure(code.subarray(at, at + length), 0, mode, TABLES);
    if (measured.ok || measured.reason !== 'truncated') break;
  }
  return length;
}
