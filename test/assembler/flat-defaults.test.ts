/** What a flat binary is where its source does not say it, and what it takes in memory. */

import { expect, test } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import type { FlatDefaults } from '../../src/assembler/options.ts';

const flat = (source: string, defaults: FlatDefaults = {}) => {
  const { bytes, origin, end, symbols } = assemble(source, { file: 'a.asm', flat: defaults });
  return { bytes: [...bytes], origin, end, at: (name: string) => symbols.get(name)?.value };
};

const SOURCE = 'here: dd here\npush eax\n';

test('the origin and the code size', () => {
  expect(flat(SOURCE)).toMatchObject({ origin: 0n, bytes: [0, 0, 0, 0, 0x66, 0x50] });
  const defaults = { origin: 0x100000n, mode: 32 } as const;
  expect(flat(SOURCE, defaults)).toMatchObject({
    origin: 0x100000n,
    bytes: [0, 0, 0x10, 0, 0x50],
  });
});

test('org and bits say another', () => {
  const defaults = { origin: 0x100000n, mode: 64 } as const;
  const { origin, bytes } = flat(`org 0x7c00\nbits 16\n${SOURCE}`, defaults);
  expect([origin, bytes]).toEqual([0x7c00n, [0, 0x7c, 0, 0, 0x66, 0x50]]);
});

test('sections without contents are behind the bytes, and count', () => {
  const { bytes, end, at } = flat('org 16\ndb 1\nsection .bss\nalignb 16\nspace: resb 100\n');
  expect([bytes.length, at('space'), end]).toEqual([1, 32n, 132n]);
  expect(flat('db 1, 2').end).toBe(2n);
  expect(flat('').end).toBe(0n);
});
