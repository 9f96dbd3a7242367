/** What fits into RAM, and the state in which an image is entered. */

import { describe, expect, test } from 'vitest';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';

const module = loadProcessorModule();
const MIB = 2 ** 20;

function load(size: number, loadAddress: bigint, entry = loadAddress): Pc {
  const pc = new Pc(module, { ramBytes: 4 * MIB });
  loadImage(pc.machine, flatImage(new Uint8Array(size).fill(0xf4), { loadAddress, entry }));
  return pc;
}

describe('loading', () => {
  test('puts the image where it belongs', () => {
    const { machine } = load(3, 0x3ffffdn);
    expect([...machine.memory.read(0x3ffffc, 4)]).toEqual([0, 0xf4, 0xf4, 0xf4]);
    expect(machine.run().kind).toBe('halted');
  });

  test.each([
    ['TOO_LARGE', 4, 0x3ffffdn, 0x3ffffdn],
    ['TOO_LARGE', 1, 1n << 63n, 0n],
    ['OVERLAP', 1, 0x1000n, 0x1000n],
    ['OVERLAP', 0x2000, 0n, 0n],
    ['ENTRY', 4, 0x100000n, 0x400000n],
  ])('refuses with %s: %i bytes at %i, entered at %i', (code, size, loadAddress, entry) => {
    expect(() => load(size, loadAddress, entry)).toThrow(expect.objectContaining({ code }));
  });

  test('refuses an empty image and an unknown mode', () => {
    const code = (name: string) => expect.objectContaining({ code: name });
    expect(() => flatImage(new Uint8Array())).toThrow(code('EMPTY'));
    expect(() => flatImage(new Uint8Array(1), { mode: 'real16' })).toThrow(code('MODE'));
  });
});

test('the boot contract', () => {
  const { processor } = load(1, 0x100000n).machine;
  const { view } = processor;
  expect(view.u64('RIP')).toBe(0x100000n);
  expect(view.u64('CR0')).toBe(0x80000011n);
  expect(view.u64('CR4')).toBe(0x20n);
  expect(view.u64('EFER')).toBe(0x500n);
  expect(view.u32('IDTR_LIMIT')).toBe(0);
  expect(processor.rflags).toBe(2n);
  expect(view.segment('cs').selector).toBe(8);
  for (const name of ['ds', 'es', 'ss'] as const) expect(view.segment(name).selector).toBe(16);
});

describe('RAM', () => {
  test.each([0, MIB - 4096, MIB + 1, 2 ** 31 + 4096, Number.NaN])(
    'refuses %i bytes',
    (ramBytes) => {
      expect(() => new Pc(module, { ramBytes })).toThrow('1 MiB to 2 GiB');
    },
  );

  test('takes 1 MiB', () => {
    expect(new Pc(module, { ramBytes: MIB }).machine.memory.size).toBe(MIB);
  });
});
