/** The names of guests/inc/xen.inc have the values that Xen's headers give (test/xen/abi.txt). */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test('constants and offsets are those of the headers', () => {
  const values = new Map<string, bigint>();
  for (const line of read('../xen/abi.txt').trimEnd().split('\n')) {
    const [name, value] = line.replace(/^struct /, '').split(' ') as [string, string];
    values.set(name, BigInt(value));
  }
  const own = [...read('../../guests/inc/xen.inc').matchAll(/^([\w.]+)\s+equ\s+(\w+)/gm)];
  const wrong = own.filter(([, name = '', value = '']) => values.get(name) !== BigInt(value));
  expect(wrong.map(([line]) => line)).toEqual([]);
  expect(own.length).toBeGreaterThan(100);
});
