/** sched_op and its old form: sleeping and what ends it, the end of the VM, watchdogs. */

import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import * as ABI from '../../../src/xen/sched.ts';
import { SCHEDOP, SHUTDOWN } from '../../../src/xen/sched.ts';
import { u32 } from '../../../src/xen/structure.ts';
import { VIRQ } from '../../../src/xen/virq.ts';
import {
  DOMAIN,
  EventsRig,
  FORBIDDEN,
  MEMORY,
  NEIGHBOUR,
  NOBODY,
  NOWHERE,
  READ_ONLY,
} from './events-rig.ts';

const S = 1_000_000_000n;
const PORTS = MEMORY + 0x1000n;

let rig: EventsRig;
beforeEach(() => {
  rig = new EventsRig();
});

const op = (command: number, argument: bigint = 0n) => rig.call('sched_op', command, argument);
const BAD = [0n, NOWHERE, FORBIDDEN, READ_ONLY + 4094n, 2n ** 64n - 1n];

test('yield', () => {
  expect(op(SCHEDOP.yield)).toBe(0);
  expect(rig.isAsleep).toBe(false);
});

describe('block', () => {
  test('lets upcalls come, and sleeps until one is due', () => {
    const { channels } = rig.events;
    const port = channels.bindIpi();
    expect(op(SCHEDOP.block)).toBe(0);
    expect(rig.shared.isUpcallMasked).toBe(false);
    expect(rig.isAsleep).toBe(true);
    channels.raise(port);
    expect(rig.isAsleep).toBe(false);
  });

  test('does not sleep over an upcall that is due', () => {
    const { channels } = rig.events;
    channels.raise(channels.bindIpi());
    expect(op(SCHEDOP.block)).toBe(0);
    expect(rig.isAsleep).toBe(false);
    expect(rig.shared.isUpcallMasked).toBe(false);
  });

  test('a masked port does not wake', () => {
    const { channels } = rig.events;
    const port = channels.bindIpi();
    rig.mask(port);
    op(SCHEDOP.block);
    channels.raise(port);
    expect(rig.isAsleep).toBe(true);
  });

  test('a timer wakes; the ticker rests meanwhile, and one tick is made up for', () => {
    const port = rig.events.channels.bindVirq(VIRQ.TIMER);
    rig.call('set_timer_op', 3n * S + 1n);
    op(SCHEDOP.block);
    expect(rig.clock.nextDeadline()).toBe(3n * S + 1n);
    rig.passTo(3n * S + 1n);
    expect(rig.isAsleep).toBe(false);
    expect(rig.shared.isPending(port)).toBe(true);
    expect(rig.clock.nextDeadline()).toBe(3n * S + 10_000_001n);
  });
});

describe('poll', () => {
  function poll(ports: readonly number[], timeout = 0n): number {
    for (const [n, port] of ports.entries()) rig.put(u32, port, PORTS + BigInt(n * 4));
    const given = { ports: PORTS, nr_ports: ports.length, timeout };
    return rig.op('sched_op', SCHEDOP.poll, ABI.SCHED_POLL, given);
  }
  const ipis = (count: number) =>
    Array.from({ length: count }, () => rig.events.channels.bindIpi());

  test('returns at once if one is pending, even a masked one', () => {
    const ports = ipis(3);
    rig.mask(2);
    rig.events.channels.raise(2);
    expect(poll(ports)).toBe(0);
    expect(rig.isAsleep).toBe(false);
  });

  test('sleeps until the port is raised, masked or not; the mask of upcalls stays', () => {
    const [port = 0, other = 0] = ipis(2);
    rig.mask(port);
    rig.mask(other);
    expect(poll([port])).toBe(0);
    expect(rig.shared.isUpcallMasked).toBe(true);
    rig.events.channels.raise(other);
    expect(rig.isAsleep).toBe(true);
    rig.events.channels.raise(port);
    expect(rig.isAsleep).toBe(false);
  });

  test('an upcall ends it too, though it is for another port', () => {
    const [port = 0, other = 0] = ipis(2);
    poll([port]);
    rig.events.channels.raise(other);
    expect(rig.isAsleep).toBe(false);
  });

  test.each([0, 2, 128])('%i ports: any one may end it', (count) => {
    const ports = ipis(count);
    const [other = 0] = ipis(1);
    rig.mask(other);
    expect(poll(ports)).toBe(0);
    expect(rig.isAsleep).toBe(true);
    rig.events.channels.raise(other);
    expect(rig.isAsleep).toBe(false);
  });

  test('ends at the timeout', () => {
    const [port = 0] = ipis(1);
    rig.now = 5n * S;
    poll([port], 7n * S);
    expect(rig.clock.nextDeadline()).toBe(7n * S);
    rig.passTo(7n * S);
    expect(rig.isAsleep).toBe(false);
  });

  test.each([1n, 2n ** 63n, 2n ** 64n - 1n])('a timeout of %i has passed', (timeout) => {
    rig.now = S;
    poll(ipis(1), timeout);
    rig.clock.runDue();
    expect(rig.isAsleep).toBe(false);
  });

  test('does not sleep over an upcall that is due', () => {
    const { channels } = rig.events;
    rig.shared.upcallMask = 1;
    channels.raise(channels.bindIpi());
    const port = channels.bindIpi();
    rig.shared.upcallMask = 0;
    expect(poll([port])).toBe(0);
    expect(rig.isAsleep).toBe(false);
    rig.shared.upcallMask = 1;
    expect(poll([port])).toBe(0);
    expect(rig.isAsleep).toBe(true);
  });

  test('the timeout of a poll that has ended does not end the next one', () => {
    const [port = 0] = ipis(1);
    poll([port], S);
    rig.events.channels.raise(port);
    rig.acknowledge();
    poll([port]);
    rig.passTo(2n * S);
    expect(rig.isAsleep).toBe(true);
  });

  test('EINVAL: too many ports, or one that is not open, before one that is pending', () => {
    const [port = 0] = ipis(1);
    expect(poll(Array(129).fill(port))).toBe(-ERRNO.EINVAL);
    for (const closed of [0, 2, 64, 4096, 2 ** 32 - 1]) {
      expect(poll([port, closed])).toBe(-ERRNO.EINVAL);
    }
    rig.events.channels.raise(port);
    expect(poll([port, 2])).toBe(0);
    expect(poll([2, port])).toBe(-ERRNO.EINVAL);
    expect(rig.isAsleep).toBe(false);
  });

  test('EFAULT: no structure, no ports', () => {
    for (const va of BAD) expect(op(SCHEDOP.poll, va)).toBe(-ERRNO.EFAULT);
    for (const ports of BAD.slice(0, 3)) {
      const given = { ports, nr_ports: 1 };
      expect(rig.op('sched_op', SCHEDOP.poll, ABI.SCHED_POLL, given)).toBe(-ERRNO.EFAULT);
    }
    const given = { ports: 2n ** 64n - 4n, nr_ports: 128 };
    expect(rig.op('sched_op', SCHEDOP.poll, ABI.SCHED_POLL, given)).toBe(-ERRNO.EFAULT);
    expect(rig.isAsleep).toBe(false);
  });
});

describe('shutdown', () => {
  const end = (reason: number, command: number = SCHEDOP.shutdown) =>
    rig.op('sched_op', command, ABI.SCHED_SHUTDOWN, { reason });

  test.each(Object.entries(SHUTDOWN))('%s', (_, reason) => {
    expect(end(reason)).toBe(0);
    expect(rig.endings).toEqual([reason]);
  });

  test('the reason is a byte; the VM ends once', () => {
    end(0x1_02fe);
    end(SHUTDOWN.reboot);
    expect(rig.endings).toEqual([0xfe]);
  });

  test('shutdown_code: says before why the VM will end; EINVAL the second time', () => {
    expect(end(SHUTDOWN.crash, SCHEDOP.shutdown_code)).toBe(0);
    expect(end(SHUTDOWN.reboot, SCHEDOP.shutdown_code)).toBe(-ERRNO.EINVAL);
    expect(rig.endings).toEqual([]);
    end(SHUTDOWN.poweroff);
    expect(rig.endings).toEqual([SHUTDOWN.crash]);
  });

  test.each([SCHEDOP.shutdown, SCHEDOP.shutdown_code, SCHEDOP.remote_shutdown, SCHEDOP.watchdog])(
    'operation %i: EFAULT',
    (command) => {
      for (const va of BAD) expect(op(command, va)).toBe(-ERRNO.EFAULT);
      expect(rig.endings).toEqual([]);
    },
  );

  test('remote_shutdown: EPERM, even for itself; ESRCH', () => {
    const endOther = (domain_id: number) =>
      rig.op('sched_op', SCHEDOP.remote_shutdown, ABI.SCHED_REMOTE_SHUTDOWN, { domain_id });
    for (const domain of [DOMAIN, NEIGHBOUR, 0]) expect(endOther(domain)).toBe(-ERRNO.EPERM);
    for (const domain of [NOBODY, 0x7ff0]) expect(endOther(domain)).toBe(-ERRNO.ESRCH);
    expect(rig.endings).toEqual([]);
  });
});

describe('watchdog', () => {
  const set = (id: number, timeout: number) =>
    rig.op('sched_op', SCHEDOP.watchdog, ABI.SCHED_WATCHDOG, { id, timeout });

  test('ends the VM unless it is set anew', () => {
    expect(set(0, 2)).toBe(1);
    rig.passTo(S);
    expect(set(1, 3)).toBe(0);
    rig.passTo(4n * S - 1n);
    expect(rig.endings).toEqual([]);
    rig.passTo(4n * S);
    expect(rig.endings).toEqual([SHUTDOWN.watchdog]);
  });

  test('given back, it does not', () => {
    set(0, 1);
    expect(set(1, 0)).toBe(0);
    rig.passTo(9n * S);
    expect(rig.endings).toEqual([]);
    expect(set(1, 1)).toBe(-ERRNO.EINVAL);
    expect(set(0, 1)).toBe(1);
  });

  test('there are two: ENOSPC, EINVAL', () => {
    expect(set(2, 1)).toBe(-ERRNO.EINVAL);
    expect([set(0, 5), set(0, 2 ** 32 - 1), set(0, 5)]).toEqual([1, 2, -ERRNO.ENOSPC]);
    expect(set(3, 1)).toBe(-ERRNO.EINVAL);
    expect(set(2 ** 32 - 1, 1)).toBe(-ERRNO.EINVAL);
  });
});

test('pin_override: EPERM; others: ENOSYS', () => {
  expect(op(SCHEDOP.pin_override)).toBe(-ERRNO.EPERM);
  for (const command of [8, 2 ** 31, 2 ** 32 - 1]) expect(op(command)).toBe(-ERRNO.ENOSYS);
});

test('the old form has yield, block and shutdown', () => {
  const old = (command: number, argument = 0) => rig.call('sched_op_compat', command, argument);
  expect(old(SCHEDOP.yield)).toBe(0);
  expect(rig.isAsleep).toBe(false);
  expect(old(SCHEDOP.block)).toBe(0);
  expect(rig.isAsleep).toBe(true);
  expect(old(SCHEDOP.shutdown, SHUTDOWN.reboot)).toBe(0);
  expect(rig.endings).toEqual([SHUTDOWN.reboot]);
  expect(old(SCHEDOP.poll)).toBe(-ERRNO.ENOSYS);
});
