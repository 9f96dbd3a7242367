/**
 * What follows the opcodes that no row has (SDM 2D appendix A, Opcode Map): a processor finds the end of an
 * instruction by its opcode, and only then that it has no such instruction. Where the rest of it lies in a
 * page that is not present, that is #PF and not #UD; where it is longer than 15 bytes, #GP. The blanks
 * of the map have nothing behind them, as on an AMD 19_01H. Each extension that gets its rows takes its
 * opcodes out of these lists.
 *
 * Per map, the columns ModRM and immediate of a row, and the opcode bytes, "10-17" a range.
 */

import type { OpcodeMap } from '../row.ts';

export const RESERVED: Readonly<Record<OpcodeMap, Readonly<Record<string, string>>>> = {
  '': { '/r': 'D8-DF' },
  '0F': {
    '/r': '10-17 28-2F 50-6F 74-76 7C-7F D0-FE',
    '/r ib': '0F 70-73 C2 C4-C6',
  },
  '0F38': { '/r': '00-FF' },
  '0F3A': { '/r ib': '00-FF' },
};
