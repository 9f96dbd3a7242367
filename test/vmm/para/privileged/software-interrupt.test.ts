/** INT n: what the guest's trap table permits. */

import { describe, expect, test } from 'vitest';
import { TI_IF } from '../../../../src/xen/trap.ts';
import { CODE, REFUSED, StoppedGuest, stateOf } from './rig.ts';

const codeOf = (vector: number): number => (vector << 3) | 2;

describe('INT n', () => {
  test.each([
    [true, 0, false],
    [true, 1, true],
    [true, 3, true],
    [false, 0, false],
    [false, 1, false],
    [false, 2, false],
    [false, 3, true],
  ])('from the kernel: %s, to a trap of level %i: %s', (isKernel, level, isPermitted) => {
    const guest = new StoppedGuest('int 0x80');
    guest.isKernel = isKernel;
    guest.traps.set(0x80, 0x5000n, level | TI_IF);
    const before = stateOf(guest);
    const outcome = guest.gp(codeOf(0x80));
    if (isPermitted) {
      expect(outcome).toEqual({ kind: 'event', event: { vector: 0x80 }, retired: 1 });
      expect(guest.rip).toBe(CODE + 2n);
    } else {
      expect(outcome).toEqual(REFUSED);
      expect(stateOf(guest)).toEqual(before);
    }
  });

  test('prefixes count', () => {
    const guest = new StoppedGuest('db 0x66, 0x67\nint 255');
    guest.traps.set(255, 0x5000n, 3);
    expect(guest.gp(codeOf(255))).toMatchObject({ event: { vector: 255 } });
    expect(guest.rip).toBe(CODE + 4n);
  });

  test('INT3 and INTO, too', () => {
    for (const [text, vector] of [
      ['int3', 3],
      ['into', 4],
    ] as const) {
      const guest = new StoppedGuest(text, 32);
      guest.traps.set(vector, 0x5000n, 3);
      expect(guest.gp(codeOf(vector))).toMatchObject({ event: { vector } });
      expect(guest.rip).toBe(CODE + 1n);
    }
  });

  test('a trap that was never set', () => {
    expect(new StoppedGuest('int 0x21').gp(codeOf(0x21))).toEqual(REFUSED);
  });

  test('an error code of another kind', () => {
    const guest = new StoppedGuest('int 0x80');
    guest.traps.set(0x80, 0x5000n, 3);
    for (const error of [0x400, 0x401, 0x403, 0x404]) expect(guest.gp(error)).toEqual(REFUSED);
  });

  test('an instruction that is not there any more, or another one', () => {
    const guest = new StoppedGuest('clts');
    guest.traps.set(0x80, 0x5000n, 3);
    expect(guest.gp(codeOf(0x80))).toEqual(REFUSED);
    guest.unmap(CODE);
    expect(guest.gp(codeOf(0x80))).toEqual(REFUSED);
  });
});
