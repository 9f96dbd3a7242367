/** The memory type range registers as firmware leaves them, read by a guest. */

import { expect, test } from 'vitest';
import { boot } from './rig.ts';

const UC = 0x00;
const WP = 0x05;
const WB = 0x06;

function readMsr(msr: number): bigint {
  const { machine } = boot(`mov ecx, ${msr}\nrdmsr\nhlt`, { ramBytes: 2 ** 22 }).pc;
  machine.run();
  const { view } = machine.processor;
  const register = (n: number): bigint => view.data.getBigUint64(view.layout('REGS') + 8 * n, true);
  return (register(2) << 32n) | register(0);
}

test('all memory is write-back, but for what is fixed below 1 MiB and the devices', () => {
  expect(readMsr(0x2ff)).toBe(0xc06n);
  expect(readMsr(0x200)).toBe(0xc0000000n);
  expect(readMsr(0x201)).toBe(0xffc0000800n);
  expect(readMsr(0x203)).toBe(0n);
});

test.each([
  ['0', 0x250, WB],
  ['80000h', 0x258, WB],
  ['a0000h', 0x259, UC],
  ['c0000h', 0x268, WP],
  ['f8000h', 0x26f, WP],
])('the fixed range at %s', (_, msr, type) => {
  expect(readMsr(msr)).toBe(BigInt(type) * 0x0101010101010101n);
});

test('IA32_MISC_ENABLE: fast strings are on, tracing is absent', () => {
  expect(readMsr(0x1a0)).toBe(0x1801n);
});
