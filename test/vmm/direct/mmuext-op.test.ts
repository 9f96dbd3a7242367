/** HYPERVISOR_mmuext_op: roots, flushes, pages, the LDT. Pins: pins.test.ts. */

import { beforeEach, describe, expect, test } from 'vitest';
import { DOMID } from '../../../src/xen/domid.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { MMUEXT } from '../../../src/xen/mmu.ts';
import { checkCounts } from './invariants.ts';
import {
  CLEAR_PAGE,
  COPY_PAGE,
  entry,
  Guest,
  L4,
  LIST,
  Machine,
  NEW_BASEPTR,
  NEW_USER_BASEPTR,
  P,
  RW,
  UNPIN,
  US,
} from './rig.ts';
import { Space } from './space.ts';

const {
  TLB_FLUSH_LOCAL,
  INVLPG_LOCAL,
  TLB_FLUSH_MULTI,
  INVLPG_MULTI,
  TLB_FLUSH_ALL,
  INVLPG_ALL,
  SET_LDT,
} = MMUEXT;
const XEN_VA = 0xffff_8000_0000_1000n;
/** Of a bitmap in the argument area. */
const MASK = LIST + 0x8000n;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

describe('base pointers', () => {
  test('need not be pinned', () => {
    const root = space.page(10);
    expect(space.ext(NEW_BASEPTR, root)).toBe(0);
    expect(space.direct.domain.kernelRoot).toBe(root);
    expect(space.uses(root)).toEqual({ type: 4, typeCount: 1, count: 1 });
    expect(machine.u64(root, 256)).toBe(machine.machineToPhys.entry);
    expect(space.host.roots).toBe(2);
    expect(space.ext(UNPIN, space.l4)).toBe(0);
    expect(space.uses(space.l4).count).toBe(0);
    expect(space.ext(NEW_BASEPTR, space.l4)).toBe(0);
    expect(space.uses(root).count).toBe(0);
    expect(space.uses(space.l1).typeCount).toBe(1);
    checkCounts(space);
  });

  test('of the user have no table of machine to physical frames', () => {
    const root = space.page(10);
    expect(space.ext(NEW_USER_BASEPTR, root)).toBe(0);
    expect(space.direct.domain.userRoot).toBe(root);
    expect(machine.u64(root, 256)).toBe(0n);
    expect(space.ext(NEW_USER_BASEPTR, root)).toBe(0);
    expect(space.uses(root).typeCount).toBe(1);
    expect(space.ext(NEW_USER_BASEPTR, 0)).toBe(0);
    expect(space.direct.domain.userRoot).toBe(0);
    expect(space.uses(root).count).toBe(0);
    checkCounts(space);
  });

  test('with m2p_strict the user never sees it', () => {
    space.direct.domain.isM2pStrict = true;
    const root = space.page(10);
    expect(space.ext(L4, root)).toBe(0);
    expect(machine.u64(root, 256)).toBe(machine.machineToPhys.entry);
    expect(space.ext(NEW_USER_BASEPTR, root)).toBe(0);
    expect(machine.u64(root, 256)).toBe(0n);
  });

  test('the same again only flushes', () => {
    const { flushes } = space.host;
    expect(space.ext(NEW_BASEPTR, space.l4)).toBe(0);
    expect(space.uses(space.l4).typeCount).toBe(2);
    expect(space.host.flushes).toBe(flushes + 1);
  });

  test('of what is no root are refused, and the old ones stay', () => {
    for (const frame of [0, space.l3, space.page(0), other.frame(0), machine.size]) {
      expect(space.ext(NEW_BASEPTR, frame)).toBe(-ERRNO.EINVAL);
      if (frame !== 0) expect(space.ext(NEW_USER_BASEPTR, frame)).toBe(-ERRNO.EINVAL);
    }
    space.poke(space.page(10), 0, entry(other.frame(0), P | US));
    expect(space.ext(NEW_BASEPTR, space.page(10))).toBe(-ERRNO.EINVAL);
    expect(space.direct.domain.kernelRoot).toBe(space.l4);
    expect(space.direct.domain.userRoot).toBe(0);
    checkCounts(space);
  });
});

describe('flushes', () => {
  const told = (): [number, bigint[]] => [space.host.flushes, space.host.pages];

  test('of all and of pages, at the end and once', () => {
    const [before] = told();
    expect(space.exts([{ command: TLB_FLUSH_LOCAL }, { command: TLB_FLUSH_ALL }])).toBe(0);
    expect(told()).toEqual([before + 1, []]);
    expect(
      space.exts([
        { command: INVLPG_LOCAL, arg1: 0x1000 },
        { command: INVLPG_ALL, arg1: 0x2000 },
      ]),
    ).toBe(0);
    expect(told()).toEqual([before + 1, [0x1000n, 0x2000n]]);
    expect(space.exts([{ command: INVLPG_LOCAL, arg1: 1 }, { command: TLB_FLUSH_ALL }])).toBe(0);
    expect(told()).toEqual([before + 2, [0x1000n, 0x2000n]]);
  });

  test('of Xen’s addresses do nothing', () => {
    const [before] = told();
    for (const command of [INVLPG_LOCAL, INVLPG_ALL]) expect(space.ext(command, XEN_VA)).toBe(0);
    expect(told()).toEqual([before, []]);
  });

  test('of some virtual processors', () => {
    const [before] = told();
    const { view } = space.arguments;
    view.setBigUint64(Number(MASK - LIST), 2n, true);
    expect(space.ext(TLB_FLUSH_MULTI, 0, MASK)).toBe(0);
    expect(space.ext(INVLPG_MULTI, 0x3000, MASK)).toBe(0);
    expect(told()).toEqual([before, []]);
    view.setBigUint64(Number(MASK - LIST), 3n, true);
    expect(space.ext(INVLPG_MULTI, 0x3000, MASK)).toBe(0);
    expect(space.ext(TLB_FLUSH_MULTI, 0, MASK)).toBe(0);
    expect(told()).toEqual([before + 1, [0x3000n]]);
    for (const bad of [0n, XEN_VA, 2n ** 64n - 4n]) {
      expect(space.ext(TLB_FLUSH_MULTI, 0, bad)).toBe(-ERRNO.EINVAL);
      expect(space.ext(INVLPG_MULTI, 0, bad)).toBe(-ERRNO.EINVAL);
    }
  });
});

describe('pages', () => {
  test('are cleared and copied', () => {
    space.poke(space.page(0), 9, 99n);
    expect(space.ext(COPY_PAGE, space.page(9), space.page(0))).toBe(0);
    expect(machine.u64(space.page(9), 9)).toBe(99n);
    machine.written.clear();
    expect(space.ext(CLEAR_PAGE, space.page(0))).toBe(0);
    expect(machine.u64(space.page(0), 9)).toBe(0n);
    expect(machine.written.has(space.page(0))).toBe(true);
    // What a table holds may be read.
    expect(space.ext(COPY_PAGE, space.page(9), space.l1)).toBe(0);
    expect(machine.u64(space.page(9), 0)).toBe(machine.u64(space.l1, 0));
    checkCounts(space);
  });

  test('that are tables, or another’s, are not written to', () => {
    for (const frame of [space.l1, space.l4, other.frame(0), machine.vmmFrame, machine.size, 0]) {
      expect(space.ext(CLEAR_PAGE, frame)).toBe(-ERRNO.EINVAL);
      expect(space.ext(COPY_PAGE, frame, space.page(0))).toBe(-ERRNO.EINVAL);
    }
    for (const frame of [other.frame(0), machine.vmmFrame, machine.size]) {
      expect(space.ext(COPY_PAGE, space.page(9), frame)).toBe(-ERRNO.EINVAL);
    }
    space.direct.descriptors.setGdt([space.page(9)], 1);
    expect(space.ext(CLEAR_PAGE, space.page(9))).toBe(-ERRNO.EINVAL);
  });
});

describe('the LDT', () => {
  test('is looked up when it is needed', () => {
    const { descriptors } = space.direct;
    const code = 0x00af_9b00_0000_ffffn;
    space.poke(space.page(4), 1, code);
    expect(space.ext(SET_LDT, 0x4000, 600)).toBe(0);
    expect(descriptors.ldt).toEqual({ base: 0x4000n, entries: 600 });
    expect(descriptors.ldtFrame(0)).toBe(space.page(4));
    expect(space.uses(space.page(4))).toEqual({ type: 5, typeCount: 1, count: 2 });
    // DPL 0 is raised to 3.
    expect(machine.u64(space.page(4), 1)).toBe(0x00af_fb00_0000_ffffn);
    expect(descriptors.ldtFrame(1)).toBe(space.page(5));
    expect(descriptors.ldtFrame(2)).toBeUndefined();
    expect(space.set(space.l1, 20, entry(space.page(4), P | RW))).toBe(-ERRNO.EBUSY);
    checkCounts(space);
    expect(space.ext(SET_LDT, 0, 0)).toBe(0);
    expect(space.uses(space.page(4)).typeCount).toBe(0);
    expect(space.host.ldts).toBeGreaterThan(0);
    checkCounts(space);
  });

  test('of pages that are mapped writable, or not at all, has none', () => {
    const { descriptors } = space.direct;
    expect(space.ext(SET_LDT, 0x0, 600)).toBe(0);
    expect(descriptors.ldtFrame(0)).toBeUndefined();
    expect(space.ext(SET_LDT, 0x9000, 600)).toBe(0);
    expect(descriptors.ldtFrame(0)).toBeUndefined();
    expect(space.ext(SET_LDT, 0x7fff_ffff_f000n, 600)).toBe(0);
    expect(descriptors.ldtFrame(0)).toBeUndefined();
    checkCounts(space);
  });

  test('is given up with the address space', () => {
    expect(space.ext(SET_LDT, 0x4000, 10)).toBe(0);
    space.direct.descriptors.ldtFrame(0);
    expect(space.ext(NEW_BASEPTR, space.page(10))).toBe(0);
    expect(space.direct.descriptors.inUse).toEqual([]);
    checkCounts(space);
  });

  test('has a size and an address', () => {
    expect(space.ext(SET_LDT, 0x4000, 8193)).toBe(-ERRNO.EINVAL);
    expect(space.ext(SET_LDT, 0x4008, 10)).toBe(-ERRNO.EINVAL);
    expect(space.ext(SET_LDT, XEN_VA, 10)).toBe(-ERRNO.EINVAL);
    expect(space.ext(SET_LDT, 1n << 47n, 10)).toBe(-ERRNO.EINVAL);
    expect(space.ext(SET_LDT, XEN_VA, 0)).toBe(0);
  });
});

describe('refused', () => {
  test('are commands for devices, for superpages, and what there is not', () => {
    for (const command of [12, 18]) expect(space.ext(command)).toBe(-ERRNO.EACCES);
    for (const command of [19, 20])
      expect(space.ext(command, space.page(9))).toBe(-ERRNO.EOPNOTSUPP);
    for (const command of [14, 21, 0xffff_ffff]) expect(space.ext(command)).toBe(-ERRNO.ENOSYS);
  });

  test('are other VMs', () => {
    const list = [{ command: TLB_FLUSH_LOCAL }];
    expect(space.exts(list, 2)).toBe(-ERRNO.EPERM);
    expect(space.exts(list, DOMID.IO)).toBe(-ERRNO.EPERM);
    expect(space.exts(list, 1)).toBe(-ERRNO.ESRCH);
    expect(space.exts(list, 9)).toBe(-ERRNO.ESRCH);
    expect(space.exts(list, DOMID.SELF)).toBe(0);
  });

  test('is what comes after a bad entry', () => {
    const list = [{ command: TLB_FLUSH_LOCAL }, { command: 99 }, { command: CLEAR_PAGE }];
    expect(space.exts(list)).toBe(-ERRNO.ENOSYS);
    expect(space.done).toBe(1);
    const { mmuextOps, mmuextOpEntries } = space.direct.domain.counters;
    // Two of start().
    expect([mmuextOps, mmuextOpEntries]).toEqual([3, 3]);
  });
});
