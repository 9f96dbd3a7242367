/** HYPERVISOR_memory_op of a domain with direct paging. */

import { beforeEach, describe, expect, test } from 'vitest';
import { type MemoryDeps, memoryCalls } from '../../../src/vmm/para/hypercalls/memory-op.ts';
import { DOMID } from '../../../src/xen/domid.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import {
  XEN_ADD_TO_PHYSMAP,
  XEN_MACHPHYS_MAPPING,
  XEN_MACHPHYS_MFN_LIST,
  XEN_MEMORY_DOMAIN,
  XEN_MEMORY_EXCHANGE,
  XEN_MEMORY_MAP,
  XEN_MEMORY_RESERVATION,
  XEN_REMOVE_FROM_PHYSMAP,
  XENMAPSPACE,
  XENMEM,
  XENMEMF_populate_on_demand,
} from '../../../src/xen/memory.ts';
import { u64 } from '../../../src/xen/structure.ts';
import { entry, Guest, Machine, P, RW, SPARE_FRAMES, US } from '../direct/rig.ts';
import { Space } from '../direct/space.ts';
import { BASE, FlatSpace, finish, NOWHERE, READ_ONLY, XEN } from './flat-space.ts';

const ARG = BASE + 0x100n;
const LIST = BASE + 0x1000n;
const OTHER_LIST = BASE + 0x2000n;
const INVALID = 2n ** 64n - 1n;

let machine: Machine;
let space: Space;
let other: Guest;
let memory: FlatSpace;
let maxPfn: bigint;

/** With slices of one frame taken. */
beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1, 24, 512).fill().start();
  memory = new FlatSpace();
  maxPfn = 0n;
});

function deps(): MemoryDeps {
  return {
    number: 1,
    domains: machine.vms,
    space: memory,
    reservation: space.direct.reservation,
    machineToPhys: machine.machineToPhys,
    maxPfn: () => maxPfn,
  };
}
const run = (command: number | bigint, arg: bigint = ARG) =>
  finish(memoryCalls(deps()).memory_op, command, arg);
const call = (command: number | bigint, arg: bigint = ARG): number => run(command, arg).result;
const owner = (frame: number | bigint): number => machine.pool.ownerOf(Number(frame));
const setList = (values: readonly (number | bigint)[], list = LIST): void =>
  values.forEach((value, n) => {
    memory.set(u64, list + BigInt(n) * 8n, BigInt(value));
  });
const listed = (n: number, list = LIST): bigint => memory.get(u64, list + BigInt(n) * 8n);
function reserve(count: number, more: Parameters<typeof XEN_MEMORY_RESERVATION.write>[2] = {}) {
  memory.set(XEN_MEMORY_RESERVATION, ARG, {
    extent_start: LIST,
    nr_extents: BigInt(count),
    extent_order: 0,
    mem_flags: 0,
    domid: DOMID.SELF,
    ...more,
  });
}
/** Leaves the machine these many free frames. */
function leave(count: number): void {
  while (machine.pool.left > count) machine.pool.take(3);
}

describe('populate_physmap', () => {
  test('gives scrubbed frames for the guest’s numbers, slice by slice', () => {
    setList([7, 2n ** 63n, 9]);
    reserve(3, { domid: 1 });
    expect(run(XENMEM.populate_physmap)).toEqual({ result: 3, steps: 3 });
    for (const [n, pfn] of [7n, 2n ** 63n, 9n].entries()) {
      expect(owner(listed(n))).toBe(1);
      expect(machine.machineToPhys.get(Number(listed(n)))).toBe(pfn);
    }
  });

  test('gives extents of frames in a row', () => {
    setList([0x100]);
    reserve(1, { extent_order: 2 });
    expect(call(XENMEM.populate_physmap)).toBe(1);
    const first = Number(listed(0));
    expect(first % 4).toBe(0);
    expect(machine.machineToPhys.get(first + 3)).toBe(0x103n);
  });

  test('stops where the domain or the machine has no more', () => {
    reserve(SPARE_FRAMES + 3);
    expect(call(XENMEM.populate_physmap)).toBe(SPARE_FRAMES);
    expect(call(XENMEM.populate_physmap)).toBe(0);
    expect(call(XENMEM.decrease_reservation)).toBe(SPARE_FRAMES);
    leave(1);
    expect(call(XENMEM.populate_physmap)).toBe(1);
  });

  test('stops at what cannot be read or written, or is on demand', () => {
    const end = READ_ONLY - 8n;
    reserve(2, { extent_start: end });
    expect(call(XENMEM.populate_physmap)).toBe(1);
    reserve(2, { extent_start: BASE + 0x2_0000n });
    expect(call(XENMEM.populate_physmap)).toBe(0);
    reserve(2, { mem_flags: XENMEMF_populate_on_demand });
    expect(call(XENMEM.populate_physmap)).toBe(0);
  });

  test('gives frames at addresses of as many bits as asked for', () => {
    reserve(1, { mem_flags: 17 });
    expect(call(XENMEM.populate_physmap)).toBe(1);
    expect(listed(0)).toBeLessThan(32n);
    reserve(1, { mem_flags: 13 });
    expect(call(XENMEM.populate_physmap)).toBe(owner(1) === 0 ? 1 : 0);
    reserve(1, { mem_flags: 12 });
    expect(call(XENMEM.populate_physmap)).toBe(0);
  });
});

describe('what does no extent', () => {
  const { current_reservation: _, ...rest } = XENMEM;
  const operations = [
    rest.increase_reservation,
    rest.decrease_reservation,
    rest.populate_physmap,
  ] as const;
  const bad: [string, Parameters<typeof reserve>[1]][] = [
    ['another domain', { domid: 2 }],
    ['no domain', { domid: 9 }],
    ['an order too large', { extent_order: 10 }],
    ['an order much too large', { extent_order: 2 ** 32 - 1 }],
    ['more extents than can be gone on with', { nr_extents: 2n ** 26n }],
    ['2^64 extents', { nr_extents: 2n ** 64n - 1n }],
    ['a list that is Xen’s', { extent_start: XEN }],
    ['a list into Xen', { extent_start: 2n ** 47n - 8n }],
    ['addresses of too few bits', { mem_flags: 11 }],
    ['none', { nr_extents: 0n }],
  ];
  test.each(bad)('%s', (_name, more) => {
    const { current } = space.direct.reservation;
    setList([space.page(9)]);
    reserve(2, more);
    for (const operation of operations) expect(call(operation)).toBe(0);
    expect(space.direct.reservation.current).toBe(current);
  });

  test('a call that cannot be read, or has been done', () => {
    reserve(2);
    for (const operation of operations) {
      expect(call(operation, NOWHERE)).toBe(0);
      expect(call(operation, XEN)).toBe(0);
      for (const start of [2n, 3n, 2n ** 57n]) {
        expect(call((start << 6n) | BigInt(operation))).toBe(Number(start));
      }
    }
  });
});

describe('increase_reservation', () => {
  test('gives frames without numbers, and tells which if asked', () => {
    const { current } = space.direct.reservation;
    reserve(2);
    expect(run(XENMEM.increase_reservation)).toEqual({ result: 2, steps: 2 });
    expect([owner(listed(0)), owner(listed(1))]).toEqual([1, 1]);
    expect(machine.machineToPhys.get(Number(listed(0)))).toBe(INVALID);
    reserve(1, { extent_start: 0n });
    expect(call(XENMEM.increase_reservation)).toBe(1);
    expect(space.direct.reservation.current).toBe(current + 3);
  });

  test('stops where it cannot tell', () => {
    reserve(2, { extent_start: READ_ONLY });
    expect(call(XENMEM.increase_reservation)).toBe(0);
  });

  test('goes on from the extent in its first argument', () => {
    reserve(3);
    expect(call((2n << 6n) | BigInt(XENMEM.increase_reservation))).toBe(3);
    expect(listed(1)).toBe(0n);
    expect(owner(listed(2))).toBe(1);
  });
});

describe('decrease_reservation', () => {
  test('takes frames back, those in use with their last use', () => {
    const used = space.page(0);
    setList([space.page(9), used]);
    reserve(2);
    expect(call(XENMEM.decrease_reservation)).toBe(2);
    expect([owner(space.page(9)), owner(used)]).toEqual([0, 1]);
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    expect(owner(used)).toBe(0);
  });

  test('stops at a frame that is not the domain’s, in an extent too', () => {
    setList([space.page(9), other.frame(0), space.page(10)]);
    reserve(3);
    expect(call(XENMEM.decrease_reservation)).toBe(1);
    expect(owner(space.page(10))).toBe(1);
    for (const bad of [space.page(9), machine.size, 2n ** 64n - 1n, 0n]) {
      setList([bad]);
      expect(call(XENMEM.decrease_reservation)).toBe(0);
    }
    setList([space.page(10)]);
    reserve(1, { extent_order: 9 });
    expect(call(XENMEM.decrease_reservation)).toBe(0);
    expect(owner(space.page(10))).toBe(0);
  });

  test('flushes before the frame is free', () => {
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    const { flushes } = space.host;
    setList([space.page(0)]);
    reserve(1);
    expect(call(XENMEM.decrease_reservation)).toBe(1);
    expect(space.host.flushes).toBe(flushes + 1);
  });

  test('does a long list in slices', () => {
    const third = new Guest(machine, 3, 5, 2);
    setList(third.owned);
    reserve(5);
    const { memory_op } = memoryCalls({
      ...deps(),
      number: 3,
      reservation: third.direct.reservation,
    });
    expect(finish(memory_op, XENMEM.decrease_reservation, ARG)).toEqual({ result: 5, steps: 3 });
    expect(third.owned.map(owner)).toEqual(Array(5).fill(0));
  });
});

describe('exchange', () => {
  type Half = Parameters<typeof XEN_MEMORY_RESERVATION.write>[2];
  function ask(given: Half, wanted: Half, nr_exchanged = 0n): void {
    const half = { domid: DOMID.SELF, mem_flags: 0, extent_order: 0, nr_extents: 1n };
    memory.set(XEN_MEMORY_EXCHANGE, ARG, {
      in: { ...half, extent_start: LIST, ...given },
      out: { ...half, extent_start: OTHER_LIST, ...wanted },
      nr_exchanged,
    });
  }
  const exchanged = (): bigint => memory.get(XEN_MEMORY_EXCHANGE, ARG).nr_exchanged;

  test('gives frame for frame, slice by slice', () => {
    setList([space.page(9), space.page(10)]);
    setList([70, 71], OTHER_LIST);
    ask({ nr_extents: 2n }, { nr_extents: 2n });
    expect(run(XENMEM.exchange)).toEqual({ result: 0, steps: 2 });
    expect(exchanged()).toBe(2n);
    expect(owner(space.page(10))).toBe(0);
    expect(machine.machineToPhys.get(space.page(10))).toBe(INVALID);
    // The first one given comes back as the second one taken, scrubbed.
    expect(Number(listed(1, OTHER_LIST))).toBe(space.page(9));
    expect(owner(listed(1, OTHER_LIST))).toBe(1);
    expect(machine.machineToPhys.get(Number(listed(1, OTHER_LIST)))).toBe(71n);
  });

  test('gives a larger extent for small ones, and the other way round', () => {
    setList([space.page(9), space.page(10)]);
    setList([70], OTHER_LIST);
    ask({ nr_extents: 2n }, { extent_order: 1 });
    expect(call(XENMEM.exchange)).toBe(0);
    const first = Number(listed(0, OTHER_LIST));
    expect(first % 2).toBe(0);
    expect(machine.machineToPhys.get(first + 1)).toBe(71n);
    setList([first]);
    setList([80, 90], OTHER_LIST);
    ask({ extent_order: 1 }, { nr_extents: 2n });
    expect(call(XENMEM.exchange)).toBe(0);
    expect(machine.machineToPhys.get(Number(listed(1, OTHER_LIST)))).toBe(90n);
    expect([owner(first), owner(first + 1)]).toEqual([0, 0]);
  });

  test('fails when the machine has too little, with what was done before', () => {
    setList([space.page(9), space.page(10)]);
    ask({ nr_extents: 2n }, { nr_extents: 2n });
    leave(0);
    expect(call(XENMEM.exchange)).toBe(-ERRNO.ENOMEM);
    expect(exchanged()).toBe(0n);
    expect(owner(space.page(9))).toBe(1);
    setList([space.page(9), other.frame(0)]);
    machine.pool.release([...Array(machine.size).keys()].find((n) => owner(n) === 3) ?? 0);
    expect(call(XENMEM.exchange)).toBe(-ERRNO.EINVAL);
    expect(exchanged()).toBe(1n);
    expect(owner(space.page(9))).toBe(0);
    ask({}, { mem_flags: 5 });
    setList([space.page(10)]);
    expect(call(XENMEM.exchange)).toBe(-ERRNO.ENOMEM);
  });

  test('refuses frames in use, twice the same, and of others', () => {
    for (const bad of [space.page(0), space.l1, other.frame(0), machine.size, INVALID]) {
      setList([bad]);
      ask({}, {});
      expect(call(XENMEM.exchange)).toBe(-ERRNO.EINVAL);
    }
    setList([space.page(9), space.page(9)]);
    ask({ nr_extents: 2n }, { extent_order: 1 });
    expect(call(XENMEM.exchange)).toBe(-ERRNO.EINVAL);
    expect(owner(space.page(9))).toBe(1);
  });

  test.each<[string, Half, Half, bigint, number]>([
    ['a large order', { extent_order: 10 }, { extent_order: 10 }, 0n, ERRNO.EPERM],
    ['more done than there are', {}, {}, 2n, ERRNO.EINVAL],
    ['two domains', { domid: 1 }, {}, 0n, ERRNO.EINVAL],
    ['different sizes', { nr_extents: 2n }, {}, 0n, ERRNO.EINVAL],
    [
      'a size past 2^64',
      { nr_extents: 2n ** 63n, extent_order: 9 },
      { nr_extents: 2n ** 63n, extent_order: 9 },
      0n,
      ERRNO.EINVAL,
    ],
    ['a list that is Xen’s', { extent_start: XEN }, {}, 0n, ERRNO.EFAULT],
    ['the other one', {}, { extent_start: XEN }, 0n, ERRNO.EFAULT],
    ['no domain', { domid: 9 }, { domid: 9 }, 0n, ERRNO.ESRCH],
    ['another domain', { domid: 2 }, { domid: 2 }, 0n, ERRNO.EPERM],
    ['a list that faults', { extent_start: NOWHERE }, {}, 0n, ERRNO.EFAULT],
  ])('refuses %s', (_name, given, wanted, done, error) => {
    setList([space.page(9)]);
    ask(given, wanted, done);
    expect(call(XENMEM.exchange)).toBe(-error);
    expect(owner(space.page(9))).toBe(1);
  });

  test('keeps the frames where it cannot tell of them', () => {
    setList([space.page(9)]);
    const { current } = space.direct.reservation;
    for (const extent_start of [READ_ONLY, NOWHERE]) {
      ask({}, { extent_start });
      expect(call(XENMEM.exchange)).toBe(-ERRNO.EFAULT);
      expect(exchanged()).toBe(0n);
      setList([space.page(10)]);
    }
    expect(space.direct.reservation.current).toBe(current);
  });

  test('cannot be read, or told how far it came', () => {
    expect(call(XENMEM.exchange, NOWHERE)).toBe(-ERRNO.EFAULT);
    expect(call(XENMEM.exchange, READ_ONLY)).toBe(-ERRNO.EFAULT);
    expect(call(BigInt(XENMEM.exchange) | (1n << 6n))).toBe(-ERRNO.EINVAL);
  });
});

describe('questions', () => {
  const OF_DOMAIN = ['current_reservation', 'maximum_reservation', 'maximum_gpfn'] as const;

  test('about the machine', () => {
    expect(call(XENMEM.maximum_ram_page, 0n)).toBe(machine.size);
    expect(call(BigInt(XENMEM.maximum_ram_page) | 64n)).toBe(-ERRNO.EINVAL);
  });

  test('about the domain', () => {
    for (const domid of [DOMID.SELF, 1]) {
      memory.set(XEN_MEMORY_DOMAIN, ARG, { domid });
      expect(call(XENMEM.current_reservation)).toBe(24);
      expect(call(XENMEM.maximum_reservation)).toBe(24 + SPARE_FRAMES);
      expect(call(XENMEM.maximum_gpfn)).toBe(0);
    }
    maxPfn = 24n;
    expect(call(XENMEM.maximum_gpfn)).toBe(23);
  });

  test.each(OF_DOMAIN)('%s is refused for others', (name) => {
    for (const [domid, error] of [
      [2, ERRNO.EPERM],
      [9, ERRNO.ESRCH],
      [DOMID.IO, ERRNO.ESRCH],
    ] as const) {
      memory.set(XEN_MEMORY_DOMAIN, ARG, { domid });
      expect(call(XENMEM[name])).toBe(-error);
    }
    expect(call(XENMEM[name], NOWHERE)).toBe(-ERRNO.EFAULT);
    expect(call(BigInt(XENMEM[name]) | 64n)).toBe(-ERRNO.EINVAL);
  });

  test('about the frames of the table of all frames', () => {
    const ask = (max_extents: number, extent_start = LIST): number => {
      memory.set(XEN_MACHPHYS_MFN_LIST, ARG, { max_extents, extent_start, nr_extents: 0 });
      return call(XENMEM.machphys_mfn_list);
    };
    const told = (): number => memory.get(XEN_MACHPHYS_MFN_LIST, ARG).nr_extents;
    expect(ask(2 ** 32 - 1)).toBe(0);
    expect(told()).toBe(1);
    expect(machine.memory.readU64(Number(listed(0)) * 4096)).toBe(machine.machineToPhys.get(0));
    expect(ask(0)).toBe(0);
    expect(told()).toBe(0);
    expect(ask(1, READ_ONLY)).toBe(-ERRNO.EFAULT);
    expect(call(XENMEM.machphys_mfn_list, NOWHERE)).toBe(-ERRNO.EFAULT);
    expect(call(XENMEM.machphys_mfn_list, READ_ONLY)).toBe(-ERRNO.EFAULT);
  });

  test('about its addresses', () => {
    expect(call(XENMEM.machphys_mapping)).toBe(0);
    const mapping = memory.get(XEN_MACHPHYS_MAPPING, ARG);
    expect(mapping.v_start + (mapping.max_mfn + 1n) * 8n).toBe(mapping.v_end);
    expect(call(XENMEM.machphys_mapping, READ_ONLY)).toBe(-ERRNO.EFAULT);
  });

  test('about the memory map', () => {
    const ask = (nr_entries: number, buffer = LIST): number => {
      memory.set(XEN_MEMORY_MAP, ARG, { nr_entries, buffer });
      return call(XENMEM.memory_map);
    };
    const told = (): number => memory.get(XEN_MEMORY_MAP, ARG).nr_entries;
    expect(ask(128)).toBe(0);
    expect(told()).toBe(1);
    expect([listed(0), listed(1)]).toEqual([0n, BigInt((24 + SPARE_FRAMES) * 4096)]);
    expect(Number(listed(2))).toBe(1);
    expect(ask(0, NOWHERE)).toBe(0);
    expect(told()).toBe(0);
    for (const buffer of [NOWHERE, READ_ONLY, XEN]) expect(ask(1, buffer)).toBe(-ERRNO.EFAULT);
    expect(call(XENMEM.memory_map, NOWHERE)).toBe(-ERRNO.EFAULT);
    expect(call(XENMEM.memory_map, READ_ONLY)).toBe(-ERRNO.EFAULT);
  });
});

describe('what is not for this domain', () => {
  test('places in the physical memory of translated domains', () => {
    const add = (domid: number, where: number): number => {
      memory.set(XEN_ADD_TO_PHYSMAP, ARG, { domid, space: where });
      return call(XENMEM.add_to_physmap);
    };
    expect(add(DOMID.SELF, XENMAPSPACE.shared_info)).toBe(-ERRNO.EACCES);
    expect(add(DOMID.SELF, XENMAPSPACE.gmfn_foreign)).toBe(-ERRNO.ENOSYS);
    expect(add(9, XENMAPSPACE.shared_info)).toBe(-ERRNO.ESRCH);
    expect(add(2, XENMAPSPACE.shared_info)).toBe(-ERRNO.EPERM);
    expect(call(XENMEM.add_to_physmap, NOWHERE)).toBe(-ERRNO.EFAULT);
    expect(call(BigInt(XENMEM.add_to_physmap) | (0x1_0000n << 6n))).toBe(-ERRNO.EDOM);
    memory.set(XEN_REMOVE_FROM_PHYSMAP, ARG, { domid: DOMID.SELF });
    expect(call(XENMEM.remove_from_physmap)).toBe(-ERRNO.EACCES);
    memory.set(XEN_REMOVE_FROM_PHYSMAP, ARG, { domid: 9 });
    expect(call(XENMEM.remove_from_physmap)).toBe(-ERRNO.ESRCH);
    expect(call(XENMEM.remove_from_physmap, NOWHERE)).toBe(-ERRNO.EFAULT);
    expect(call(BigInt(XENMEM.remove_from_physmap) | 64n)).toBe(-ERRNO.EINVAL);
  });

  test('the machine’s map, its own map, and what there is not', () => {
    expect(call(XENMEM.machine_memory_map)).toBe(-ERRNO.EPERM);
    expect(call(XENMEM.set_memory_map)).toBe(-ERRNO.EPERM);
    for (const operation of [8, 16, 17, 18, 23, 25, 63]) {
      expect(call(operation)).toBe(-ERRNO.ENOSYS);
    }
    expect(call(BigInt(XENMEM.memory_map) | 64n)).toBe(-ERRNO.ENOSYS);
  });
});

test('a frame that another domain gives back comes scrubbed', () => {
  setList([space.page(9)]);
  machine.memory.fill(space.page(9) * 4096, 4096, 0xaa);
  reserve(1);
  leave(0);
  expect(call(XENMEM.decrease_reservation)).toBe(1);
  const taken = other.direct.reservation.take(1, machine.size);
  expect(taken).toBe(space.page(9));
  expect(machine.u64(space.page(9), 0)).toBe(0n);
  expect(space.set(space.l1, 20, entry(space.page(9), P | RW | US))).toBe(-ERRNO.EBUSY);
});
