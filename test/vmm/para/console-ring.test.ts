/** The console ring from outside, with a guest that does what it likes to the page. */

import { beforeEach, describe, expect, test } from 'vitest';
import { Clock } from '../../../src/machine/clock.ts';
import { ConsoleRing, type ConsoleRingState } from '../../../src/vmm/para/console-ring.ts';
import { XENCONS_INTERFACE } from '../../../src/xen/console.ts';
import { Machine } from '../direct/rig.ts';

const PAGE = 3 * 4096;
const { in_cons, in_prod, out_cons, out_prod } = XENCONS_INTERFACE.offsets;
const QUIET = 20_000n;

let machine: Machine;
let clock: Clock;
let now: bigint;
let output: number[];
let raised: number;
let asked: number;
let isHeard: boolean;
let ring: ConsoleRing;

function connect(state?: ConsoleRingState): ConsoleRing {
  return new ConsoleRing(
    {
      clock,
      memory: machine.memory,
      page: PAGE,
      write: (byte) => output.push(byte),
      port: { raise: () => raised++ },
      isHeard: () => isHeard,
      wait: () => asked++,
    },
    state,
  );
}

beforeEach(() => {
  machine = new Machine(8);
  machine.memory.fill(PAGE, 4096, 0);
  now = 0n;
  clock = new Clock(() => now);
  output = [];
  raised = 0;
  asked = 0;
  isHeard = true;
  ring = connect();
});

const set = (offset: number, value: number): void => machine.memory.writeU32(PAGE + offset, value);
const page = () => XENCONS_INTERFACE.read(new DataView(machine.memory.read(PAGE, 4096).buffer), 0);
function pass(ns: bigint): void {
  now += ns;
  clock.runDue();
}
/** The guest writes and raises the port. */
function print(text: string): void {
  const { out_prod: start } = page();
  [...Buffer.from(text)].forEach((byte, n) => {
    machine.memory.fill(PAGE + 1024 + ((start + n) % 2048), 1, byte);
  });
  set(out_prod, (start + text.length) >>> 0);
  ring.notified();
}
/** The guest takes all that came. */
function take(): string {
  const { in: bytes, in_cons: start, in_prod: end } = page();
  let text = '';
  for (let n = start; n !== end; n = (n + 1) >>> 0)
    text += String.fromCharCode(bytes[n % 1024] ?? 0);
  set(in_cons, end);
  return text;
}

describe('output', () => {
  test('is taken when the guest tells, and the guest is told of the room', () => {
    print('hello');
    expect(Buffer.from(output).toString()).toBe('hello');
    expect(page().out_cons).toBe(5);
    expect(raised).toBe(1);
    ring.notified();
    expect(raised).toBe(1);
  });

  test('goes on past the end of the ring, and of the indices', () => {
    set(out_cons, 2 ** 32 - 3);
    set(out_prod, 2 ** 32 - 3);
    print('abcdef');
    expect(Buffer.from(output).toString()).toBe('abcdef');
    expect(page().out_cons).toBe(3);
    print('x'.repeat(2048));
    expect(output).toHaveLength(2054);
  });

  test.each([2049, 2 ** 31, 2 ** 32 - 1])('with indices %i apart is none', (apart) => {
    set(out_cons, 7);
    set(out_prod, (7 + apart) >>> 0);
    ring.notified();
    expect(output).toEqual([]);
    expect(page().out_cons).toBe(7);
    expect(raised).toBe(0);
  });
});

describe('live input', () => {
  test('reaches the guest at once', () => {
    ring.receive(0x61);
    ring.receive(0x62);
    expect(raised).toBe(2);
    expect(take()).toBe('ab');
  });

  test('waits for room', () => {
    for (let n = 0; n < 1030; n++) ring.receive(n & 0x7f);
    expect(raised).toBe(1024);
    expect(take()).toHaveLength(1024);
    ring.notified();
    expect(raised).toBe(1025);
    expect(take()).toHaveLength(6);
    set(in_cons, 0xffff_ffff);
    set(in_prod, 0xffff_ffff);
    ring.receive(0x61);
    ring.receive(0x62);
    expect(page().in_prod).toBe(1);
    expect(take()).toBe('ab');
  });

  test.each([1025, 2 ** 31, 2 ** 32 - 1])('with indices %i apart stays outside', (apart) => {
    set(in_cons, 7);
    set(in_prod, (7 + apart) >>> 0);
    ring.receive(0x61);
    ring.notified();
    expect(raised).toBe(0);
    set(in_prod, 7);
    ring.notified();
    expect(take()).toBe('a');
  });
});

describe('input that is asked for', () => {
  test('is asked for when the guest is quiet, byte by byte', () => {
    pass(QUIET);
    expect(asked).toBe(0);
    ring.openInput();
    pass(QUIET - 1n);
    expect(asked).toBe(0);
    pass(1n);
    expect(asked).toBe(1);
    ring.supply(0x61);
    expect(raised).toBe(1);
    // Not taken yet.
    pass(QUIET);
    expect(asked).toBe(1);
    expect(take()).toBe('a');
    ring.notified();
    pass(QUIET);
    expect(asked).toBe(2);
    ring.supply(undefined);
    pass(10n * QUIET);
    expect(asked).toBe(2);
  });

  test('is not asked for while the guest would not hear of it', () => {
    isHeard = false;
    expect(ring.wantsInput).toBe(false);
    ring.openInput();
    for (let n = 0; n < 5; n++) pass(1_000_000n);
    expect(asked).toBe(0);
    isHeard = true;
    pass(1_000_000n);
    pass(QUIET);
    expect(asked).toBe(1);
  });
});

test('goes on where it was saved', () => {
  for (let n = 0; n < 1026; n++) ring.receive(n & 0x7f);
  ring.openInput();
  const state = structuredClone(ring.save());
  ring = connect(state);
  expect(ring.save()).toEqual(state);
  expect(take()).toHaveLength(1024);
  ring.notified();
  expect(take()).toHaveLength(2);
  expect(() => connect({ ...state, version: 9 })).toThrow('version 9');
});
