/**
 * The shape of each opcode: what stands behind it whatever ModRM and the prefixes say, so that the length of
 * bytes that are no instruction can be told. One byte per opcode of the four maps (VEX has the same):
 *
 *   7 ModRM follows   6 two or four bytes of immediate, by the operand size   2:0 further bytes of immediate
 *
 * Opcodes of which every form is an instruction (mov of 64-bit immediates and offsets) need no shape.
 */

import type { Insn, OpcodeMap } from './row.ts';
import { RESERVED } from './table/reserved.ts';

export const SHAPE = { MODRM: 0x80, SIZED: 0x40, BYTES: 7 } as const;

const MAPS: readonly OpcodeMap[] = ['', '0F', '0F38', '0F3A'];

/** shapes[map * 256 + opcode]. */
export function buildShapes(rows: readonly Insn[]): Uint8Array {
  const shapes = new Uint8Array(MAPS.length * 256);
  MAPS.forEach((map, number) => {
    for (const [columns, ranges] of Object.entries(RESERVED[map])) {
      for (const opcode of opcodesIn(ranges)) shapes[number * 256 + opcode] = shapeOf([columns]);
    }
  });
  for (const [at, columns] of columnsOf(rows)) shapes[at] = shapeOf([...columns]);
  return shapes;
}

/** The opcode bytes of `10-17 28`. */
export function opcodesIn(ranges: string): number[] {
  return ranges.split(' ').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map((byte) => Number.parseInt(byte, 16));
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
}

/** What follows each opcode in the rows that have it, as in their opcode column. */
function columnsOf(rows: readonly Insn[]): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  for (const { encoding } of rows) {
    const { map, opcode, plusR, modrm, immediates } = encoding;
    const first = MAPS.indexOf(map) * 256 + opcode;
    for (let at = first; at < first + (plusR ? 8 : 1); at++) {
      const columns = found.get(at) ?? new Set();
      found.set(at, columns.add([...(modrm ? ['/r'] : []), ...immediates].join(' ')));
    }
  }
  return found;
}

/** Immediates, the first that some row ends with counts: `iw` beside an `id` has the operand size. */
const ENDINGS: readonly (readonly [fields: string, shape: number])[] = [
  ['cp', SHAPE.SIZED | 2],
  ['id', SHAPE.SIZED],
  ['cd', SHAPE.SIZED],
  ['iw ib', 3],
  ['iw', 2],
  ['ib', 1],
  ['cb', 1],
];

function shapeOf(columns: readonly string[]): number {
  const modrm = columns.some((column) => column.startsWith('/r')) ? SHAPE.MODRM : 0;
  const ending = ENDINGS.find(([fields]) => columns.some((column) => column.endsWith(fields)));
  return modrm | (ending?.[1] ?? 0);
}
