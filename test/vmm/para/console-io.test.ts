/** HYPERVISOR_console_io. */

import { beforeEach, expect, test } from 'vitest';
import { Slice } from '../../../src/vmm/direct/slice.ts';
import { consoleIoCalls } from '../../../src/vmm/para/hypercalls/console-io.ts';
import { CONSOLEIO } from '../../../src/xen/console.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { BASE, FlatSpace, finish, NOWHERE, XEN } from './flat-space.ts';

let output: number[];
let space: FlatSpace;
beforeEach(() => {
  output = [];
  space = new FlatSpace();
  new Uint8Array(space.view.buffer).forEach((_, n, all) => {
    all[n] = n % 251;
  });
});
const run = (command: number, size: number | bigint, buffer: bigint = BASE) =>
  finish(
    consoleIoCalls({ space, slice: new Slice(), write: (byte) => output.push(byte) }).console_io,
    command,
    size,
    buffer,
  );

test('writes bytes as they are', () => {
  expect(run(CONSOLEIO.write, 256)).toEqual({ result: 0, steps: 1 });
  expect(output).toEqual(Array.from({ length: 256 }, (_, n) => n % 251));
  expect(run(CONSOLEIO.write, 0, NOWHERE).result).toBe(0);
  expect(run(CONSOLEIO.write, 2n ** 32n + 1n).result).toBe(0);
  expect(output).toHaveLength(257);
});

test('writes much in slices', () => {
  const { result, steps } = run(CONSOLEIO.write, 10_000);
  expect(result).toBe(0);
  expect(steps).toBe(3);
  expect(output).toEqual(Array.from({ length: 10_000 }, (_, n) => n % 251));
});

test('stops where reading faults', () => {
  expect(run(CONSOLEIO.write, 2 ** 32 - 1).result).toBe(-ERRNO.EFAULT);
  expect(output.length).toBeGreaterThan(0x2_0000 - 128);
  const { length } = output;
  for (const buffer of [NOWHERE, XEN, 2n ** 64n - 1n, 2n ** 47n - 1n]) {
    expect(run(CONSOLEIO.write, 2, buffer).result).toBe(-ERRNO.EFAULT);
  }
  expect(output).toHaveLength(length);
});

test('reading, and what there is not, is for privileged domains', () => {
  for (const command of [CONSOLEIO.read, 2, 2 ** 32 - 1]) {
    expect(run(command, 16).result).toBe(-ERRNO.EPERM);
  }
});
