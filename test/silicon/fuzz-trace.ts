/**
 * Which instructions a case executes, one at a time on the emulator: each step starts from what the one before
 * it has left.
 */

import { type Decoded, type DecodeFailure, decode } from '../../src/isa/decode.ts';
import { buildDecodeTables } from '../../src/isa/decode-table.ts';
import type { Insn } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import type { Bits, CaseInput, Outcome, Piece } from '../vectors/format.ts';
import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { CODE, CODE_END } from '../vectors/pages.ts';
import type { Target } from '../vectors/run.ts';
import { hex } from './draft.ts';

/** Steps after which a case counts as endless. */
export const STEPS = 40;
const PAGE_BYTES = 0x1000;
/** What the harness fills the code page with. */
export const INT3_PAGE = 'cc'.repeat(PAGE_BYTES);
const LONGEST = 15;

const TABLES = buildDecodeTables(ROWS);

export interface Step {
  readonly bits: Bits;
  readonly decoded: Decoded | DecodeFailure;
  readonly row: Insn | undefined;
  /** All that may belong to it. */
  readonly bytes: Uint8Array;
  readonly input: CaseInput;
  readonly outcome: Outcome;
}

/** What is added to RIP in the segment `selector`. */
export function codeBase(selector: bigint): bigint {
  return segment(selector)?.base ?? 0n;
}

function segment(selector: bigint) {
  return Object.values(LDT_SEGMENTS).find((candidate) => candidate.selector === selector);
}

/** Size of the code in the segment `selector`, which `exec` takes for 32-bit code in a 32-bit case. */
function codeBits(selector: bigint, whole: CaseInput): Bits {
  if (selector === 0x33n && whole.bits === 64) return 64;
  return segment(selector)?.big === false ? 16 : 32;
}

/** `single` executes one instruction of a case. */
export function trace(single: Target, whole: CaseInput): Step[] {
  const page = new Uint8Array(PAGE_BYTES).fill(0xcc);
  const start = codeBase(whole.regs.cs!) + whole.regs.rip!;
  const given: Piece[] = [...whole.memory, [start, whole.code]];
  for (const piece of given) applyTo(page, piece);
  const memory: Piece[] = [[CODE, INT3_PAGE], ...given];
  const steps: Step[] = [];
  let { regs } = whole;
  while (steps.length < STEPS) {
    const at = codeBase(regs.cs!) + regs.rip!;
    if (at < CODE || at >= CODE_END) break;
    const offset = Number(at - CODE);
    const bits = codeBits(regs.cs!, whole);
    const decoded = decode(page, offset, bits, TABLES);
    const bytes = page.slice(offset, offset + (decoded.ok ? decoded.length : LONGEST));
    const input = { ...whole, code: hex([...bytes]), regs, memory: [...memory] };
    const [outcome] = single.run([input]);
    if (outcome === undefined || typeof outcome === 'string') break;
    const row = decoded.ok ? ROWS[decoded.row] : undefined;
    steps.push({ bits, decoded, row, bytes, input, outcome });
    if (outcome.trap) break;
    for (const piece of outcome.memory) {
      applyTo(page, piece);
      memory.push(piece);
    }
    regs = outcome.regs;
  }
  return steps;
}

function applyTo(page: Uint8Array, [at, digits]: Piece): void {
  const bytes = Buffer.from(digits, 'hex');
  const first = Number(at - CODE);
  for (const [i, byte] of bytes.entries()) {
    if (first + i >= 0 && first + i < PAGE_BYTES) page[first + i] = byte;
  }
}
