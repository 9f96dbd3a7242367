/**
 * The instruction set: every row of src/isa/table, family by family. Where several rows fit a text, the
 * assembler takes the first; which row bytes belong to is decided by their encoding, not by this order.
 */

import type { Insn } from './row.ts';
import { ARITH } from './table/arith.ts';
import { BIT } from './table/bit.ts';
import { BRANCH, CONDITIONAL_JUMP } from './table/branch.ts';
import { FLAG } from './table/flag.ts';
import { IO } from './table/io.ts';
import { LEGACY } from './table/legacy.ts';
import { CONDITIONAL_MOVE, MOVE } from './table/move.ts';
import { NOP } from './table/nop.ts';
import { SEGMENT } from './table/segment.ts';
import { SHIFTS } from './table/shift.ts';
import { STACK } from './table/stack.ts';
import { STRING } from './table/string.ts';
import { SYSTEM } from './table/system.ts';
import { VMX } from './table/vmx.ts';

/** All rows; a row's index in this list is its number everywhere (decode tables, traces). */
export const ROWS: readonly Insn[] = [
  ...MOVE,
  ...CONDITIONAL_MOVE,
  ...ARITH,
  ...SHIFTS,
  ...BIT,
  ...STACK,
  ...CONDITIONAL_JUMP,
  ...BRANCH,
  ...STRING,
  ...FLAG,
  ...SEGMENT,
  ...SYSTEM,
  ...VMX,
  ...IO,
  ...LEGACY,
  ...NOP,
];
