/** The order of the checks of a far call (SDM 2A CALL): the stack has room before the target is within its limit. */

import { describe, expect, it } from 'vitest';
import { createEmulator } from '../vectors/emulator.ts';
import { type Bits, type CaseInput, defaultInput, type Registers } from '../vectors/format.ts';
import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { DATA } from '../vectors/pages.ts';

const emulator = createEmulator();
/** Offset and selector of a target beyond the limit of its segment. */
const BEYOND = '00200000' + '0f00';

function trapOf(code: string, bits: Bits, regs: Registers): unknown {
  const input: CaseInput = defaultInput(code, bits, true);
  Object.assign(input.regs, { rbx: DATA, ...regs });
  input.memory.push([DATA, BEYOND]);
  const [outcome] = emulator.run([input]);
  return typeof outcome === 'object' ? outcome.trap?.name : outcome;
}

describe('a far call to a target beyond the limit', () => {
  it('raises #GP', () => {
    expect(trapOf('ff1b', 32, {})).toBe('#GP');
    expect(trapOf('ff1b', 64, {})).toBe('#GP');
  });

  it('raises #SS where the stack has no room', () => {
    const ss = LDT_SEGMENTS.stack16.selector;
    expect(trapOf('ff1b', 32, { ss, rsp: 0n })).toBe('#SS');
    expect(trapOf('ff1b', 64, { rsp: 0x800000000004n })).toBe('#SS');
  });
});
