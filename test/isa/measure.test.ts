/** `measure` says of all code what `decode` says, less the operands. */

import { expect, test } from 'vitest';
import { decode, measure } from '../../src/isa/decode.ts';
import { buildDecodeTables } from '../../src/isa/decode-table.ts';
import { randomSource } from '../../src/isa/random.ts';
import { ROWS } from '../../src/isa/table.ts';
import { instruction } from '../fuzz/code.ts';

const CASES = 10_000;
const TABLES = buildDecodeTables(ROWS);

test.each([64, 32, 16] as const)('measure in %i-bit code', (mode) => {
  const random = randomSource(mode);
  for (let n = 0; n < CASES; n++) {
    const code = instruction(random, mode);
    const bytes = code.subarray(0, 1 + random(code.length));
    const decoded = decode(bytes, 0, mode, TABLES);
    const wanted = decoded.ok
      ? { ok: true, row: decoded.row, length: decoded.length }
      : { ok: false, reason: decoded.reason };
    expect(measure(bytes, 0, mode, TABLES)).toEqual(wanted);
  }
});
