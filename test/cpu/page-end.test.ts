/**
 * Fetches at the end of a page where Intel and AMD processors differ, as a Xeon 06_55H does it; the others are
 * among the vectors (fetch.ins, page-end and invalid-page-end).
 */

import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../src/machine/exec.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

const END = 0x2000_1000;

describe('at the end of the last page', () => {
  const execute = createExecutor(loadProcessorModule());
  test.each([
    ['c4', '#PF', 'a VEX prefix is read up to its map'],
    ['c4e0', '#UD', 'map 0 is refused'],
    ['c4e4', '#UD', 'map 4 is refused'],
    ['c4ff', '#UD', 'map 31 is refused'],
    ['c4e2', '#PF', 'a map that exists is read on'],
    ['c4e278f3', '#PF', 'up to ModRM'],
    ['0fff', '#PF', 'UD0 has ModRM'],
    ['0fb9', '#PF', 'UD1 has ModRM'],
    ['0fb9c0', '#UD', 'and nothing more'],
    ['8fc8', '#UD', '8F /1 is no XOP prefix'],
  ])('%s is %s: %s', (code, name) => {
    const rip = `0x${(END - code.length / 2).toString(16)}`;
    const reply = execute({ code, cpl: 3, regs: { rip } });
    expect(reply).toMatchObject({ trap: { name } });
  });
});
