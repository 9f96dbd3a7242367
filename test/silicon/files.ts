/** Which file of test/vectors the cases of a row go to: the families of the instruction table. */

import type { Insn } from '../../src/isa/row.ts';
import { ARITH } from '../../src/isa/table/arith.ts';
import { BIT } from '../../src/isa/table/bit.ts';
import { BRANCH, CONDITIONAL_JUMP } from '../../src/isa/table/branch.ts';
import { FLAG } from '../../src/isa/table/flag.ts';
import { IO } from '../../src/isa/table/io.ts';
import { LEGACY } from '../../src/isa/table/legacy.ts';
import { CONDITIONAL_MOVE, MOVE } from '../../src/isa/table/move.ts';
import { NOP } from '../../src/isa/table/nop.ts';
import { SEGMENT } from '../../src/isa/table/segment.ts';
import { SHIFTS } from '../../src/isa/table/shift.ts';
import { STACK } from '../../src/isa/table/stack.ts';
import { STRING } from '../../src/isa/table/string.ts';

const FAMILIES: Record<string, readonly Insn[]> = {
  arith: ARITH,
  bit: BIT,
  branch: BRANCH,
  jcc: CONDITIONAL_JUMP,
  condition: CONDITIONAL_MOVE,
  flag: FLAG,
  io: IO,
  legacy: LEGACY,
  move: MOVE,
  nop: NOP,
  segment: SEGMENT,
  shift: SHIFTS,
  stack: STACK,
  string: STRING,
};

export function fileOf(row: Insn): string {
  return Object.keys(FAMILIES).find((name) => FAMILIES[name]!.includes(row)) ?? 'system';
}
