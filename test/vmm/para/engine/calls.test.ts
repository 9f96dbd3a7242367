/**
 * Each call that takes an address, made by SYSCALL: with a good one, and with those that lead nowhere: nothing mapped, the
 * hypervisor's, not canonical, going on into a page that is not there, and for results a page that is read-only.
 */

import { beforeAll, describe, expect, test } from 'vitest';
import { DOMID } from '../../../../src/xen/domid.ts';
import { ERRNO } from '../../../../src/xen/errno.ts';
import type { HypercallName } from '../../../../src/xen/hypercalls.ts';
import { checkCounts, checkReach } from '../../direct/invariants.ts';
import { type Argument, guest, P, PAGE, RAM_BYTES, type TestGuest, US } from './guest.ts';

const SELF = BigInt(DOMID.SELF);
const READ_ONLY = 0x40 * PAGE;
/** Where good arguments are. */
const AREA = 0x9000;
/** Of the last page that is mapped. */
const END = RAM_BYTES;

const BAD: readonly (readonly [name: string, at: bigint])[] = [
  ['nothing is mapped', 0x50_0000n],
  ['the hypervisor’s', 0xffff_8000_0000_0000n],
  ['the hypervisor’s last page', 0xffff_87ff_ffff_f000n],
  ['not canonical', 0x8000_0000_0000n],
  ['not canonical, far up', 0xffff_7fff_ffff_f000n],
  ['up to where it is not canonical', 0x7fff_ffff_ffffn],
  ['the end of all addresses', 0xffff_ffff_ffff_ffffn],
  ['on into a page that is not there', BigInt(END - 1)],
];

interface Case {
  readonly call: HypercallName;
  /** `at` is the address of the argument. */
  readonly args: (at: bigint) => readonly Argument[];
  /** Words of the argument; numbers may be the guest's frames. */
  readonly words?: (one: TestGuest) => readonly Argument[];
  readonly result?: number;
  /** What is there is written, too. */
  readonly writes?: boolean;
  /** A bad address gives this. */
  readonly bad?: number;
  readonly only?: 'direct' | 'shadow';
}

const memory =
  (operation: number): ((at: bigint) => Argument[]) =>
  (at) => [operation, at];
const plain =
  (command: number): ((at: bigint) => Argument[]) =>
  (at) => [command, at];
const vcpu =
  (command: number): ((at: bigint) => Argument[]) =>
  (at) => [command, 0, at];

// biome-ignore format: one case per line.
const CASES: readonly Case[] = [
  { call: 'set_trap_table', args: (at) => [at], words: () => [0xe033_0003, 0x1000, 0, 0] },
  { call: 'mmu_update', args: (at) => [at, 1, 0, SELF], words: (one) => [BigInt(one.frame(0x60) * PAGE), 0], only: 'direct' },
  { call: 'mmuext_op', args: (at) => [at, 1, 0, SELF], words: () => [6] },
  { call: 'multicall', args: (at) => [at, 1], words: () => [17, 0, 0, 0], writes: true },
  { call: 'set_gdt', args: (at) => [at, 8], words: (one) => [one.frame(0x70)] },
  { call: 'console_io', args: (at) => [0, 4, at] },
  { call: 'callback_op', args: plain(0), words: () => [0, 0x4000] },
  { call: 'callback_op', args: plain(1), words: () => [4] },
  { call: 'xen_version', args: plain(1), writes: true },
  { call: 'xen_version', args: plain(2), writes: true },
  { call: 'xen_version', args: plain(3), writes: true },
  { call: 'xen_version', args: plain(4), writes: true },
  { call: 'xen_version', args: plain(5), writes: true },
  { call: 'xen_version', args: plain(6), writes: true },
  { call: 'xen_version', args: plain(8), writes: true },
  { call: 'xen_version', args: plain(9), writes: true },
  { call: 'vcpu_op', args: vcpu(0), result: -ERRNO.EEXIST },
  { call: 'vcpu_op', args: vcpu(4), writes: true },
  { call: 'vcpu_op', args: vcpu(5), words: () => [0x9000] },
  { call: 'vcpu_op', args: vcpu(6), words: () => [1_000_000] },
  { call: 'vcpu_op', args: vcpu(8), words: () => [1n << 40n] },
  { call: 'vcpu_op', args: vcpu(10), words: (one) => [one.frame(0x71), 0] },
  { call: 'vcpu_op', args: vcpu(13), words: () => [0x9000] },
  { call: 'event_channel_op', args: plain(6), words: () => [SELF | (SELF << 16n)], writes: true },
  // The read-only page has not kept it from being bound.
  { call: 'event_channel_op', args: plain(1), words: () => [0, 0], writes: true, result: -ERRNO.EEXIST },
  { call: 'event_channel_op', args: plain(4), words: () => [2] },
  { call: 'event_channel_op', args: plain(9), words: () => [2] },
  { call: 'event_channel_op', args: plain(5), words: () => [SELF | (2n << 32n)], writes: true },
  { call: 'event_channel_op', args: plain(7), words: () => [0], writes: true },
  { call: 'sched_op', args: plain(3), words: () => [0, 0, 1] },
  { call: 'sched_op', args: plain(6), words: () => [10n << 32n], result: 1 },
  { call: 'memory_op', args: memory(9), words: () => [0, 0], writes: true },
  { call: 'memory_op', args: memory(3), words: () => [SELF], result: RAM_BYTES / PAGE },
  { call: 'memory_op', args: memory(12), writes: true, only: 'direct' },
  { call: 'memory_op', args: memory(0), words: () => [0, 0, 0, SELF], result: 0, bad: 0, only: 'direct' },
];

describe.each(['direct', 'shadow'] as const)('with --memory %s', (technique) => {
  let one: TestGuest;

  beforeAll(() => {
    one = guest(technique);
    expect(one.protect(0x40, P | US)).toBe(0);
    expect(one.protect(0x70, P | US)).toBe(0);
  });

  const put = (at: number, { words }: Case): void => {
    for (const [n, value] of (words?.(one) ?? []).entries()) one.poke(at + n * 8, value);
  };

  const check = (): void => {
    if (technique === 'shadow') return;
    checkCounts(one.checked);
    checkReach(one.checked);
  };

  const cases = CASES.filter(({ only = technique }) => only === technique);

  test.each(cases.map((one) => [`${one.call} ${one.args(0n).join(' ')}`, one] as const))(
    '%s',
    (_, item) => {
      const { call, args, result = 0, bad = -ERRNO.EFAULT } = item;
      for (const [name, at] of BAD) {
        expect(one.call(call, ...args(at)), name).toBe(bad);
      }
      if (item.writes) {
        one.write(READ_ONLY, new Uint8Array(PAGE));
        put(READ_ONLY, item);
        const before = one.words(READ_ONLY, 64);
        expect(one.call(call, ...args(BigInt(READ_ONLY))), 'read-only').toBe(-ERRNO.EFAULT);
        if (call !== 'multicall') expect(one.words(READ_ONLY, 64)).toEqual(before);
      }
      one.write(AREA, new Uint8Array(PAGE));
      put(AREA, item);
      const got = one.call(call, ...args(BigInt(AREA)));
      if (item.call === 'mmu_update') expect([result, -ERRNO.EINVAL]).toContain(got);
      else if (item.writes && result === 0) expect(got).toBeGreaterThanOrEqual(0);
      else expect(got).toBe(result);
      if (call === 'vcpu_op' && args(0n)[0] === 10) one.registered.push(one.frame(0x71));
      check();
    },
  );

  test('lists whose extents lie anywhere', () => {
    for (const operation of [1, 6, 11]) {
      for (const [name, at] of BAD) {
        const words = [at, 1n, 0n, SELF];
        for (const [n, value] of [...words, ...words].entries()) one.poke(AREA + n * 8, value);
        const result = one.call('memory_op', operation, AREA);
        expect([0, -ERRNO.EFAULT, -ERRNO.ENOSYS], name).toContain(result);
      }
    }
    check();
  });

  test('how much of a list is done goes to an address, if it can', () => {
    for (const [, at] of BAD) {
      one.poke(AREA, 6);
      expect(one.call('mmuext_op', AREA, 1, at, SELF)).toBe(0);
    }
    expect(one.call('mmuext_op', AREA, 1, AREA + 64, SELF)).toBe(0);
    expect(Number(one.peek(AREA + 64) & 0xffff_ffffn)).toBe(1);
    check();
  });

  test('what there is to do takes time', () => {
    const timeOf = (bytes: number): number => {
      const before = one.machine.instructions;
      expect(one.call('console_io', 0, bytes, AREA)).toBe(0);
      return Number(one.machine.instructions - before);
    };
    expect(timeOf(4096) - timeOf(0)).toBe(4096 / 16);
  });

  test('a mask of processors is read', () => {
    for (const [name, at] of BAD) {
      expect(one.ext(8, 0, at), name).toBe(-ERRNO.EINVAL);
      const va = 0x9000;
      const flags = (at & ~7n) | 1n;
      if ((at & ~3n) > 4n) {
        expect([0, -ERRNO.EFAULT]).toContain(
          one.call('update_va_mapping', va, one.entry(9, 7), flags),
        );
      }
    }
    check();
  });

  test('an area that is told of each change may come and go', () => {
    one.poke(AREA, END - 8);
    expect(one.call('vcpu_op', 5, 0, AREA)).toBe(0);
    one.poke(AREA, 0xffff_8000_0000_0000n);
    expect(one.call('vcpu_op', 5, 0, AREA)).toBe(-ERRNO.EFAULT);
    one.poke(AREA, READ_ONLY);
    const before = one.words(READ_ONLY, 8);
    expect(one.call('vcpu_op', 5, 0, AREA)).toBe(0);
    expect(one.call('vcpu_op', 13, 0, AREA)).toBe(0);
    expect(one.words(READ_ONLY, 8)).toEqual(before);
  });

  test('counts of 2^31 and more', () => {
    one.poke(AREA, 6);
    one.poke(AREA + 24, 99);
    expect(one.call('mmuext_op', AREA, 0xffff_ffff, 0, SELF)).toBe(-ERRNO.ENOSYS);
    expect(one.call('mmuext_op', AREA, 0x8000_0001, 0, SELF)).toBe(0);
    expect(one.call('multicall', AREA, 0xffff_ffff)).toBeLessThan(0);
    expect(one.call('console_io', 0, 0xffff_ffff, AREA)).toBe(-ERRNO.EFAULT);
    expect(one.call('set_gdt', AREA, 0xffff_ffff)).toBe(-ERRNO.EINVAL);
    one.poke(AREA, 0x9000);
    one.poke(AREA + 8, 0xffff_ffff_ffff_ffffn);
    one.poke(AREA + 16, 0);
    one.poke(AREA + 24, SELF);
    for (const operation of [0, 1, 6]) {
      const result = one.call('memory_op', operation, AREA);
      expect([0, -ERRNO.ENOSYS]).toContain(result);
    }
    one.poke(AREA, 0x9000n);
    one.poke(AREA + 8, 0xffff_ffff);
    expect(one.call('sched_op', 3, AREA)).toBe(-ERRNO.EINVAL);
    check();
  });
});
