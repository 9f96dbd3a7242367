/** HYPERVISOR_mmu_update: what it changes, where it stops, and who may be named. */

import { beforeEach, describe, expect, test } from 'vitest';
import { DOMID } from '../../../src/xen/domid.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { MMU } from '../../../src/xen/mmu.ts';
import { checkCounts, checkReach } from './invariants.ts';
import {
  A,
  D,
  DONE,
  entry,
  G,
  GUEST_KERNEL,
  Guest,
  L1,
  L3,
  L4,
  LIST,
  Machine,
  P,
  PS,
  RW,
  UNPIN,
  US,
} from './rig.ts';
import { Space } from './space.ts';

const NORMAL = MMU.NORMAL_PT_UPDATE;
const MACHPHYS = MMU.MACHPHYS_UPDATE;
const PRESERVE_AD = MMU.PT_UPDATE_PRESERVE_AD;
const NO_TRANSLATE = MMU.PT_UPDATE_NO_TRANSLATE;

let machine: Machine;
let space: Space;
let other: Guest;
const at = (frame: number, n: number): number => frame * 4096 + n * 8;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

describe('an L1 entry', () => {
  test('maps and unmaps a page', () => {
    expect(space.set(space.l1, 20, entry(space.page(9), P | RW | US))).toBe(0);
    expect(space.uses(space.page(9))).toEqual({ type: 6, typeCount: 1, count: 1 });
    expect(machine.u64(space.l1, 20)).toBe(entry(space.page(9), P | RW | US | G));
    expect(space.set(space.l1, 20, entry(space.page(9), P | US))).toBe(0);
    expect(space.uses(space.page(9))).toEqual({ type: 0, typeCount: 0, count: 1 });
    expect(space.set(space.l1, 20, 0xabc0n)).toBe(0);
    expect(machine.u64(space.l1, 20)).toBe(0xabc0n);
    expect(space.uses(space.page(9)).count).toBe(0);
    checkCounts(space);
  });

  test('changes the page it maps', () => {
    expect(space.set(space.l1, 0, entry(space.page(9), P | RW))).toBe(0);
    expect(space.uses(space.page(0)).count).toBe(0);
    expect(machine.u64(space.l1, 0)).toBe(entry(space.page(9), P | RW | US) | GUEST_KERNEL);
    checkCounts(space);
  });

  test('keeps accessed and dirty flags if asked', () => {
    space.poke(space.l1, 0, entry(space.page(0), P | RW | US | G | A | D));
    const clean = entry(space.page(0), P | RW | US);
    expect(space.set(space.l1, 0, clean, PRESERVE_AD)).toBe(0);
    expect(machine.u64(space.l1, 0)).toBe(entry(space.page(0), P | RW | US | G | A | D));
    expect(space.set(space.l1, 0, clean, NO_TRANSLATE)).toBe(0);
    expect(machine.u64(space.l1, 0)).toBe(entry(space.page(0), P | RW | US | G));
    expect(space.set(space.l1, 0, clean, NORMAL)).toBe(0);
    expect(space.host.flushes).toBe(1);
  });
});

describe('an entry of an upper table', () => {
  test('takes a table, and lets it go', () => {
    const table = space.page(10);
    space.poke(table, 3, entry(space.page(11), P | RW | US));
    expect(space.set(space.l2, 1, entry(table, P | RW))).toBe(0);
    expect(machine.u64(space.l2, 1)).toBe(entry(table, P | RW | US));
    expect(space.uses(table)).toEqual({ type: 1, typeCount: 1, count: 1 });
    expect(space.uses(space.page(11))).toEqual({ type: 6, typeCount: 1, count: 1 });
    expect(space.set(space.l2, 1, 0n)).toBe(0);
    expect(space.uses(table).count).toBe(0);
    expect(space.uses(space.page(11)).count).toBe(0);
    // Once because it is an upper table: the processor may have what it led to.
    expect(space.host.flushes).toBe(3);
    checkCounts(space);
  });

  test('is flushed even where only free bits change, as execute-disable', () => {
    const { flushes } = space.host;
    expect(space.set(space.l2, 0, (1n << 63n) | entry(space.l1, P | RW | US | A))).toBe(0);
    expect(machine.u64(space.l2, 0)).toBe((1n << 63n) | entry(space.l1, P | RW | US | A));
    expect(space.host.flushes).toBe(flushes + 1);
    expect(space.uses(space.l1).typeCount).toBe(1);
  });

  test('becomes read-only, which pages below need not be', () => {
    expect(space.set(space.l2, 0, entry(space.l1, P | US))).toBe(0);
    expect(space.set(space.l1, 9, entry(space.l1, P | RW | US))).toBe(-ERRNO.EBUSY);
    checkCounts(space);
  });

  test('of Xen’s cannot be changed', () => {
    for (const n of [256, 260, 271]) {
      const before = machine.u64(space.l4, n);
      expect(space.set(space.l4, n, 0n)).toBe(-ERRNO.EINVAL);
      expect(space.set(space.l4, n, entry(space.l3, P | US))).toBe(-ERRNO.EINVAL);
      expect(machine.u64(space.l4, n)).toBe(before);
    }
    for (const n of [255, 272]) expect(space.set(space.l4, n, entry(space.l3, P))).toBe(0);
    expect(machine.u64(space.l4, 255)).toBe(entry(space.l3, P | US | A));
    checkCounts(space);
  });

  test('with a bad table changes nothing', () => {
    const table = space.page(10);
    space.poke(table, 3, entry(space.page(11), P | RW | US));
    space.poke(table, 4, entry(other.frame(0), P | US));
    expect(space.set(space.l2, 1, entry(table, P | RW | US))).toBe(-ERRNO.EBUSY);
    expect(space.uses(table).count).toBe(0);
    expect(space.uses(space.page(11)).count).toBe(0);
    expect(machine.u64(space.l2, 1)).toBe(0n);
    checkCounts(space);
  });
});

describe('a frame that is no table', () => {
  test('is written to', () => {
    expect(space.set(space.page(0), 1, 0x1234_5678_9abc_def0n)).toBe(0);
    expect(space.set(space.page(9), 1, 7n)).toBe(0);
    expect(machine.u64(space.page(0), 1)).toBe(0x1234_5678_9abc_def0n);
    expect(machine.u64(space.page(9), 1)).toBe(7n);
    expect(space.uses(space.page(9))).toEqual({ type: 0, typeCount: 0, count: 0 });
  });

  test('but holds descriptors is not', () => {
    expect(space.direct.descriptors.setGdt([space.page(9)], 8)).toBe(0);
    expect(space.set(space.page(9), 1, 7n)).toBe(-ERRNO.EINVAL);
  });
});

describe('a batch', () => {
  test('stops at the first bad entry, and tells how many are done', () => {
    const good = { ptr: at(space.l1, 20), val: entry(space.page(9), P | US) };
    const bad = { ptr: at(space.l1, 21), val: entry(other.frame(0), P | US) };
    expect(space.updates([good, { ...good, ptr: at(space.l1, 22) }, bad, good])).toBe(-ERRNO.EBUSY);
    expect(space.done).toBe(2);
    expect(machine.u64(space.l1, 22)).not.toBe(0n);
    expect(space.uses(space.page(9)).count).toBe(2);
    expect(space.updates([good])).toBe(0);
    expect(space.done).toBe(1);
    const { mmuUpdates, mmuUpdateEntries } = space.direct.domain.counters;
    expect([mmuUpdates, mmuUpdateEntries]).toEqual([2, 3]);
    checkCounts(space);
  });

  test('flushes once', () => {
    const { flushes } = space.host;
    const list = [1, 2, 3, 4].map((n) => ({ ptr: at(space.l4, n), val: entry(space.l3, P | US) }));
    expect(space.updates(list)).toBe(0);
    expect(space.host.flushes).toBe(flushes + 1);
  });

  test('of none is good', () => {
    expect(space.updates([])).toBe(0);
    expect(space.done).toBe(0);
  });

  test('that lies beyond what the guest can read faults', () => {
    const call = space.updateCall([{ ptr: at(space.page(9), 0), val: 1 }]);
    const run = (list: bigint, count = 1): number =>
      space.finish((next) => space.direct.mmuUpdate(next), { ...call, list, count });
    expect(run(0x9000n)).toBe(-ERRNO.EFAULT);
    expect(run(0xffff_8000_0000_0000n)).toBe(-ERRNO.EFAULT);
    expect(run(0xffff_87ff_ffff_fff8n)).toBe(-ERRNO.EFAULT);
    expect(run(1n << 47n)).toBe(-ERRNO.EFAULT);
    expect(run((1n << 47n) - 8n)).toBe(-ERRNO.EFAULT);
    expect(run(2n ** 64n - 8n)).toBe(-ERRNO.EFAULT);
    expect(run(0xffff_8000_0000_0000n, 0)).toBe(-ERRNO.EFAULT);
    // The argument area ends after 8192 entries; all those before are done.
    for (let n = 0; n < 8192; n++) space.arguments.view.setBigUint64(n * 16, 0n, true);
    space.updateCall([{ ptr: at(space.page(9), 0), val: 1 }]);
    expect(run(LIST + 8192n * 16n - 8n)).toBe(-ERRNO.EFAULT);
  });

  test('of 2^32 entries goes on in slices, and ends where it faults', () => {
    for (let n = 0; n < 8192; n++) {
      space.arguments.view.setBigUint64(n * 16, BigInt(at(space.page(9), n % 512)), true);
      space.arguments.view.setBigUint64(n * 16 + 8, BigInt(n), true);
    }
    for (const count of [2 ** 31 - 1, 2 ** 32 - 1]) {
      let slices = 0;
      const call = { list: LIST, count, done: 0n, foreign: DOMID.SELF };
      const result = space.finish((next) => {
        slices++;
        return space.direct.mmuUpdate(next);
      }, call);
      expect(result).toBe(-ERRNO.EFAULT);
      expect(slices).toBe(3);
    }
    expect(machine.u64(space.page(9), 0)).toBe(7680n);
  });

  test('can be one that never began', () => {
    const call = { list: 0n, count: 2 ** 31, done: DONE, foreign: 0xffff_fff0 };
    expect(space.direct.mmuUpdate(call)).toEqual({ result: -16 });
  });

  test('with a bad place for the number done is done', () => {
    const call = space.updateCall([{ ptr: at(space.page(9), 0), val: 1 }]);
    for (const done of [0n, 0x9000n, 0xffff_8000_0000_0000n, 2n ** 64n - 2n]) {
      expect(space.direct.mmuUpdate({ ...call, done })).toEqual({ result: 0 });
    }
  });
});

describe('refused', () => {
  test('are commands that there are not', () => {
    for (const command of [4, 5, 6, 7]) {
      expect(space.set(space.l1, 20, 0n, command)).toBe(-ERRNO.ENOSYS);
    }
  });

  test('are frames of others', () => {
    for (const frame of [other.frame(0), machine.vmmFrame, 0, machine.size, 2 ** 40]) {
      expect(space.update(BigInt(frame) * 4096n, 1)).toBe(-ERRNO.EINVAL);
      expect(space.update(BigInt(frame) * 4096n, 1, MACHPHYS)).toBe(-ERRNO.EINVAL);
    }
    expect(space.update(2n ** 64n - 8n, 1)).toBe(-ERRNO.EINVAL);
  });

  test('are other VMs', () => {
    const one = [{ ptr: at(space.l1, 20), val: entry(space.page(9), P) }];
    const m2p = [{ ptr: at(space.page(9), 0), val: 1, command: MACHPHYS }];
    for (const list of [one, m2p]) {
      expect(space.updates(list, 1)).toBe(-ERRNO.ESRCH);
      expect(space.updates(list, 9)).toBe(-ERRNO.ESRCH);
      expect(space.updates(list, 2)).toBe(-ERRNO.EPERM);
      expect(space.updates(list, DOMID.XEN)).toBe(-ERRNO.EPERM);
      expect(space.updates(list, (10 << 16) | DOMID.SELF)).toBe(-ERRNO.ESRCH);
      expect(space.updates(list, (3 << 16) | DOMID.SELF)).toBe(-ERRNO.EPERM);
    }
    expect(space.updates([], 9)).toBe(-ERRNO.ESRCH);
    expect(space.updates(one, (2 << 16) | DOMID.SELF)).toBe(0);
  });

  test('is all RAM where only devices are meant', () => {
    const ptr = at(space.l1, 20);
    expect(space.updates([{ ptr, val: entry(space.page(9), P) }], DOMID.IO)).toBe(-ERRNO.EBUSY);
    expect(space.updates([{ ptr, val: entry(machine.size, P) }], DOMID.IO)).toBe(-ERRNO.EPERM);
    expect(space.updates([{ ptr, val: 0 }], DOMID.IO)).toBe(0);
    const link = { ptr: at(space.l2, 1), val: entry(space.page(9), P) };
    expect(space.updates([link], DOMID.IO)).toBe(-ERRNO.EINVAL);
    const m2p = { ptr: at(space.page(9), 0), val: 1, command: MACHPHYS };
    expect(space.updates([m2p], DOMID.IO)).toBe(-ERRNO.EINVAL);
  });
});

describe('the table of machine to physical frames', () => {
  test('has what the owner says', () => {
    const frame = space.page(9);
    expect(machine.machineToPhys.get(frame)).toBe(2n ** 64n - 1n);
    expect(space.update(frame * 4096 + 0x123 * 8, 0x77, MACHPHYS)).toBe(0);
    expect(machine.machineToPhys.get(frame)).toBe(0x77n);
    expect(space.update(space.l4 * 4096, 3, MACHPHYS)).toBe(0);
  });

  test('is mapped read-only, where only who uses it as kernel root sees it', () => {
    const m2p = machine.machineToPhys;
    const l3 = Number((m2p.entry >> 12n) & 0xfffffn);
    const l2 = Number((machine.u64(l3, 0) >> 12n) & 0xfffffn);
    const l1 = Number((machine.u64(l2, 0) >> 12n) & 0xfffffn);
    const page = Number((machine.u64(l1, 0) >> 12n) & 0xfffffn);
    expect(machine.u64(l1, 0) & 7n).toBe(5n);
    m2p.set(5, 99n);
    expect(machine.u64(page, 5)).toBe(99n);
    expect(space.set(space.l1, 20, entry(page, P | US))).toBe(-ERRNO.EBUSY);
    checkReach(space);
  });
});

describe('what an entry leads to after it is gone', () => {
  test('a tree below a pin stays', () => {
    expect(space.ext(L3, space.l3)).toBe(0);
    expect(space.set(space.l4, 0, 0n)).toBe(0);
    expect(space.uses(space.l3)).toEqual({ type: 3, typeCount: 1, count: 1 });
    expect(space.uses(space.l1).typeCount).toBe(1);
    expect(space.ext(UNPIN, space.l3)).toBe(0);
    expect(space.uses(space.l1)).toEqual({ type: 0, typeCount: 0, count: 0 });
    expect(space.ext(L1, space.l1)).toBe(0);
    checkCounts(space);
  });

  test('a second root keeps what it leads to', () => {
    const root = space.page(10);
    space.poke(root, 0, entry(space.l3, P | US));
    expect(space.ext(L4, root)).toBe(0);
    expect(space.uses(space.l3).typeCount).toBe(2);
    expect(space.set(space.l4, 0, entry(space.l3, P | US | PS))).toBe(-ERRNO.EINVAL);
    expect(space.set(space.l4, 0, 0n)).toBe(0);
    expect(space.uses(space.l3).typeCount).toBe(1);
    checkCounts(space);
  });
});
