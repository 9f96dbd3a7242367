/** HYPERVISOR_multicall. */

import { beforeEach, expect, test } from 'vitest';
import type { HypercallArguments, HypercallResult } from '../../../src/vmm/para/hypercall.ts';
import { multicallCalls } from '../../../src/vmm/para/hypercalls/multicall.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { HYPERVISOR } from '../../../src/xen/hypercalls.ts';
import { MULTICALL_ENTRY } from '../../../src/xen/multicall.ts';
import { BASE, FlatSpace, finish, NOWHERE, READ_ONLY, XEN } from './flat-space.ts';

const SIZE = BigInt(MULTICALL_ENTRY.size);
/** Numbers of calls of the test: one adds its arguments, one counts its first argument down, slice by slice. */
const ADD = 100n;
const COUNT_DOWN = 101n;

let space: FlatSpace;
let made: bigint[];
let calls: ReturnType<typeof multicallCalls>;

beforeEach(() => {
  space = new FlatSpace();
  made = [];
  calls = multicallCalls({ space, call });
});

function call(number: number, args: HypercallArguments): HypercallResult {
  made.push(BigInt(number));
  const [first, ...rest] = args;
  switch (BigInt(number)) {
    case ADD:
      return args.reduce((sum, value) => sum + value, 0n);
    case COUNT_DOWN:
      if (first === 0n) return 7;
      return { again: [first - 1n, ...rest] as unknown as HypercallArguments };
    case BigInt(HYPERVISOR.multicall):
      return calls.multicall?.(args) ?? 0;
    case BigInt(HYPERVISOR.iret):
      return 0x1234n;
    default:
      return -ERRNO.ENOSYS;
  }
}

const run = (list: bigint, count: number | bigint) => finish(calls.multicall, list, count);
function write(n: number, op: bigint | number, args: readonly bigint[] = [], at = BASE): void {
  space.set(MULTICALL_ENTRY, at + BigInt(n) * SIZE, { op: BigInt(op), result: 99n, args });
}
const result = (n: number, at = BASE): bigint =>
  BigInt.asIntN(64, space.get(MULTICALL_ENTRY, at + BigInt(n) * SIZE).result);

test('makes calls one after the other, each with a result', () => {
  write(0, ADD, [1n, 2n, 3n, 4n, 5n, 6n]);
  write(1, 2n ** 63n);
  write(2, ADD, [2n ** 63n]);
  expect(run(BASE, 3)).toEqual({ result: 0, steps: 1 });
  expect([result(0), result(1), result(2)]).toEqual([21n, BigInt(-ERRNO.ENOSYS), -(2n ** 63n)]);
  expect(run(NOWHERE, 0).result).toBe(0);
});

test('makes many calls in slices', () => {
  for (let n = 0; n < 100; n++) write(n, ADD, [BigInt(n)]);
  expect(run(BASE, 100)).toEqual({ result: 0, steps: 4 });
  expect(Array.from({ length: 100 }, (_, n) => result(n))).toEqual(
    Array.from({ length: 100 }, (_, n) => BigInt(n)),
  );
});

test('goes on with a call that is not done, and does those before it once', () => {
  write(0, ADD, [1n]);
  write(1, COUNT_DOWN, [3n, 5n]);
  write(2, ADD, [2n]);
  expect(run(BASE, 3)).toEqual({ result: 0, steps: 4 });
  expect(made).toEqual([ADD, COUNT_DOWN, COUNT_DOWN, COUNT_DOWN, COUNT_DOWN, ADD]);
  expect([result(0), result(1), result(2)]).toEqual([1n, 7n, 2n]);
});

test('has no other list in it', () => {
  write(0, HYPERVISOR.multicall, [BASE, 1n]);
  write(1, ADD, [3n]);
  expect(run(BASE, 2).result).toBe(0);
  expect([result(0), result(1)]).toEqual([BigInt(-ERRNO.EINVAL), 3n]);
  // It is over: another one may come.
  expect(run(BASE + SIZE, 1).result).toBe(0);
});

test('ends with an iret', () => {
  write(0, HYPERVISOR.iret);
  write(1, ADD, [3n]);
  expect(run(BASE, 2).result).toBe(0x1234);
  expect([result(0), result(1)]).toEqual([99n, 99n]);
});

test('stops at an entry that cannot be read', () => {
  const last = BASE + 0x2_0000n - SIZE;
  expect(run(last + SIZE, 1).result).toBe(-ERRNO.EFAULT);
  for (const list of [NOWHERE, XEN, 2n ** 47n - SIZE]) {
    expect(run(list, 2).result).toBe(-ERRNO.EFAULT);
  }
  expect(run(BASE, 2 ** 32 - 1).result).toBe(-ERRNO.EFAULT);
  expect(made.length).toBeGreaterThan(100);
});

test('checks addresses of all before the first', () => {
  write(0, ADD, [1n]);
  expect(run(XEN - 0x1000n, 1).result).toBe(-ERRNO.EFAULT);
  expect(run(2n ** 47n - 2n * SIZE, 3).result).toBe(-ERRNO.EFAULT);
  expect(made).toEqual([]);
});

test('stops where a result, or what goes on, cannot be written', () => {
  const first = READ_ONLY - SIZE;
  write(0, ADD, [1n], first);
  write(1, ADD, [1n], first);
  write(2, ADD, [1n], first);
  expect(run(first, 3).result).toBe(-ERRNO.EFAULT);
  expect(made).toEqual([ADD, ADD]);
  write(1, COUNT_DOWN, [1n], first);
  expect(run(first + SIZE, 1).result).toBe(-ERRNO.EFAULT);
  // It is over: another one may come.
  write(0, ADD, [1n]);
  expect(run(BASE, 1).result).toBe(0);
});
