/** vcpu_op and set_timer_op: timers, runstate, where the guest has its information. */

import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import { SCHEDOP, SHUTDOWN } from '../../../src/xen/sched.ts';
import { VCPU_TIME_INFO } from '../../../src/xen/shared-info.ts';
import * as ABI from '../../../src/xen/vcpu.ts';
import { RUNSTATE, VCPU_SSHOTTMR_future, VCPUOP } from '../../../src/xen/vcpu.ts';
import { VIRQ } from '../../../src/xen/virq.ts';
import { EventsRig, FORBIDDEN, MEMORY, NOWHERE, READ_ONLY, START_MS } from './events-rig.ts';

const MS = 1_000_000n;
const AREA = MEMORY + 0x1800n;
const BAD = [0n, NOWHERE, FORBIDDEN, READ_ONLY + 4094n, 2n ** 64n - 1n];

let rig: EventsRig;
let timer: number;
beforeEach(() => {
  rig = new EventsRig();
  timer = rig.events.channels.bindVirq(VIRQ.TIMER);
});

const op = (command: number, argument: bigint = 0n, vcpu = 0) =>
  rig.call('vcpu_op', command, vcpu, argument);

/** When VIRQ_TIMER came until `end`. */
function ticksUntil(end: bigint): bigint[] {
  const ticks: bigint[] = [];
  while (rig.now < end) {
    const next = rig.clock.nextDeadline();
    rig.passTo(next === undefined || next > end ? end : next > rig.now ? next : rig.now);
    if (rig.shared.isPending(timer)) ticks.push(rig.now);
    rig.acknowledge();
  }
  return ticks;
}

describe('processors', () => {
  test.each(Object.entries(VCPUOP))('%s: ENOENT for any but 0', (_, command) => {
    for (const vcpu of [1, 31, 2 ** 32 - 1]) expect(op(command, MEMORY, vcpu)).toBe(-ERRNO.ENOENT);
  });

  test('ENOSYS', () => {
    for (const command of [14, 15, 2 ** 31, 2 ** 32 - 1]) {
      expect(op(command, MEMORY)).toBe(-ERRNO.ENOSYS);
    }
  });

  test.each([
    'initialise',
    'get_runstate_info',
    'register_runstate_memory_area',
    'set_periodic_timer',
    'set_singleshot_timer',
    'register_vcpu_info',
    'register_vcpu_time_memory_area',
  ] as const)('%s: EFAULT', (name) => {
    for (const va of BAD) expect(op(VCPUOP[name], va)).toBe(-ERRNO.EFAULT);
  });

  test('is up; brought down, the VM ends', () => {
    expect(op(VCPUOP.is_up)).toBe(1);
    expect(op(VCPUOP.up)).toBe(0);
    expect(op(VCPUOP.down)).toBe(0);
    expect(rig.endings).toEqual([SHUTDOWN.poweroff]);
  });

  test('initialise: EEXIST', () => {
    expect(op(VCPUOP.initialise, MEMORY)).toBe(-ERRNO.EEXIST);
  });

  test('send_nmi: EINVAL with an argument', () => {
    expect(op(VCPUOP.send_nmi, MEMORY)).toBe(-ERRNO.EINVAL);
    expect(rig.nmis).toBe(0);
    expect(op(VCPUOP.send_nmi)).toBe(0);
    expect(rig.nmis).toBe(1);
  });

  test('get_physid: EINVAL', () => {
    expect(op(VCPUOP.get_physid, MEMORY)).toBe(-ERRNO.EINVAL);
  });
});

describe('periodic timer', () => {
  function setPeriod(period_ns: bigint): number {
    const va = rig.put(ABI.VCPU_SET_PERIODIC_TIMER, { period_ns });
    return op(VCPUOP.set_periodic_timer, va);
  }

  test('ticks at 100 Hz from the beginning', () => {
    expect(ticksUntil(35n * MS)).toEqual([10n * MS, 20n * MS, 30n * MS]);
    expect(op(VCPUOP.stop_periodic_timer)).toBe(0);
    expect(ticksUntil(90n * MS)).toEqual([]);
  });

  test('with another period since the latest tick', () => {
    expect(ticksUntil(12n * MS)).toEqual([10n * MS]);
    expect(setPeriod(3n * MS)).toBe(0);
    expect(ticksUntil(20n * MS)).toEqual([13n * MS, 16n * MS, 19n * MS]);
  });

  test('set when that has passed, at once', () => {
    op(VCPUOP.stop_periodic_timer);
    rig.passTo(50n * MS);
    expect(setPeriod(20n * MS)).toBe(0);
    expect(rig.shared.isPending(timer)).toBe(true);
    rig.acknowledge();
    expect(ticksUntil(100n * MS)).toEqual([70n * MS, 90n * MS]);
  });

  test('EINVAL: under a millisecond, or beyond all times', () => {
    expect(setPeriod(MS - 1n)).toBe(-ERRNO.EINVAL);
    expect(setPeriod(2n ** 62n)).toBe(-ERRNO.EINVAL);
    expect(setPeriod(MS)).toBe(0);
    expect(setPeriod(2n ** 62n - 1n)).toBe(0);
  });
});

describe('single-shot timer', () => {
  beforeEach(() => {
    op(VCPUOP.stop_periodic_timer);
    rig.passTo(10n * MS);
  });
  function set(timeout_abs_ns: bigint, flags = 0): number {
    const va = rig.put(ABI.VCPU_SET_SINGLESHOT_TIMER, { timeout_abs_ns, flags });
    return op(VCPUOP.set_singleshot_timer, va);
  }

  test('fires once; stopped, it does not', () => {
    expect(set(15n * MS)).toBe(0);
    expect(ticksUntil(30n * MS)).toEqual([15n * MS]);
    set(35n * MS);
    expect(op(VCPUOP.stop_singleshot_timer)).toBe(0);
    expect(ticksUntil(50n * MS)).toEqual([]);
  });

  test.each([0n, 9n * MS, 2n ** 63n, 2n ** 64n - 1n])('at %i it fires at once', (at) => {
    expect(set(at)).toBe(0);
    rig.clock.runDue();
    expect(rig.shared.isPending(timer)).toBe(true);
  });

  test('ETIME if it has to be in the future', () => {
    expect(set(10n * MS - 1n, VCPU_SSHOTTMR_future)).toBe(-ERRNO.ETIME);
    expect(rig.clock.nextDeadline()).toBeUndefined();
    expect(set(10n * MS, VCPU_SSHOTTMR_future)).toBe(0);
  });

  test('set_timer_op has the same one', () => {
    expect(rig.call('set_timer_op', 15n * MS)).toBe(0);
    set(20n * MS);
    expect(ticksUntil(40n * MS)).toEqual([20n * MS]);
    rig.call('set_timer_op', 50n * MS);
    expect(rig.call('set_timer_op', 0)).toBe(0);
    expect(ticksUntil(90n * MS)).toEqual([]);
  });

  test('set_timer_op: past, and too far away', () => {
    rig.call('set_timer_op', 5n * MS);
    rig.clock.runDue();
    expect(rig.shared.isPending(timer)).toBe(true);
    rig.call('set_timer_op', 10n * MS + 2n ** 50n - 1n);
    expect(rig.clock.nextDeadline()).toBe(10n * MS + 2n ** 50n - 1n);
    for (const far of [10n * MS + 2n ** 50n, 2n ** 63n, 2n ** 64n - 1n]) {
      rig.call('set_timer_op', far);
      expect(rig.clock.nextDeadline()).toBe(110n * MS);
    }
  });

  test('nothing comes if VIRQ_TIMER is not bound', () => {
    rig.events.channels.close(timer);
    set(15n * MS);
    rig.passTo(20n * MS);
    expect(rig.vcpu().evtchn_upcall_pending).toBe(0);
  });
});

describe('runstate', () => {
  const times = (running: bigint, blocked: bigint) => [running, 0n, blocked, 0n];
  const register = (v: bigint) =>
    op(
      VCPUOP.register_runstate_memory_area,
      rig.put(ABI.VCPU_REGISTER_RUNSTATE_MEMORY_AREA, { addr: { v } }),
    );
  function block(until: bigint): void {
    rig.call('set_timer_op', until);
    rig.call('sched_op', SCHEDOP.block);
  }

  test('get_runstate_info: with the time until now', () => {
    rig.passTo(3n * MS);
    expect(op(VCPUOP.get_runstate_info, MEMORY)).toBe(0);
    const { running } = RUNSTATE;
    expect(rig.runstate()).toEqual({
      state: running,
      state_entry_time: 0n,
      time: times(3n * MS, 0n),
    });
    block(7n * MS);
    rig.passTo(8n * MS);
    op(VCPUOP.get_runstate_info, MEMORY);
    expect(rig.runstate()).toEqual({
      state: running,
      state_entry_time: 7n * MS,
      time: times(4n * MS, 4n * MS),
    });
    expect(op(VCPUOP.get_runstate_info, READ_ONLY)).toBe(-ERRNO.EFAULT);
  });

  test('an area is written at once and at each change', () => {
    rig.passTo(3n * MS);
    expect(register(AREA)).toBe(0);
    expect(rig.runstate(AREA)).toEqual({
      state: RUNSTATE.running,
      state_entry_time: 0n,
      time: times(0n, 0n),
    });
    block(7n * MS);
    expect(rig.runstate(AREA)).toEqual({
      state: RUNSTATE.blocked,
      state_entry_time: 3n * MS,
      time: times(3n * MS, 0n),
    });
    rig.passTo(7n * MS);
    expect(rig.runstate(AREA)).toEqual({
      state: RUNSTATE.running,
      state_entry_time: 7n * MS,
      time: times(3n * MS, 4n * MS),
    });
  });

  test('an area that is not there is none; EFAULT for one of Xen’s', () => {
    for (const va of [0n, NOWHERE, READ_ONLY]) expect(register(va)).toBe(0);
    block(7n * MS);
    rig.passTo(8n * MS);
    expect(register(FORBIDDEN)).toBe(-ERRNO.EFAULT);
    expect(register(2n ** 64n - 8n)).toBe(-ERRNO.EFAULT);
  });
});

describe('register_vcpu_info', () => {
  const move = (mfn: bigint, offset: number) =>
    op(VCPUOP.register_vcpu_info, rig.put(ABI.VCPU_REGISTER_VCPU_INFO, { mfn, offset }));

  test('moves it, with all in it pending', () => {
    const old = rig.vcpu();
    expect(move(3n, 0xfc0)).toBe(0);
    expect(rig.shared.vcpuInfo).toBe(0x3fc0);
    expect(rig.sharedFrames).toEqual([3n]);
    expect(rig.vcpu()).toEqual({
      ...old,
      evtchn_upcall_pending: 1,
      evtchn_pending_sel: 2n ** 64n - 1n,
    });
    rig.acknowledge();
    const [first] = rig.info().vcpu_info;
    const port = rig.events.channels.bindIpi();
    rig.events.channels.raise(port);
    expect(rig.vcpu()).toMatchObject({ evtchn_upcall_pending: 1, evtchn_pending_sel: 1n });
    expect(rig.info().vcpu_info[0]).toEqual(first);
  });

  test('ENXIO: beyond the page, or not aligned', () => {
    for (const offset of [0xfc8, 0xfff, 0x1000, 2 ** 32 - 64, 4]) {
      expect(move(3n, offset)).toBe(-ERRNO.ENXIO);
    }
    expect(rig.sharedFrames).toEqual([]);
  });

  test('EINVAL: another one’s frame, or a second time', () => {
    expect(move(1n, 0)).toBe(-ERRNO.EINVAL);
    expect(move(2n ** 64n - 1n, 0)).toBe(-ERRNO.EINVAL);
    expect(move(3n, 0)).toBe(0);
    expect(move(4n, 0)).toBe(-ERRNO.EINVAL);
    expect(rig.sharedFrames).toEqual([3n]);
  });
});

describe('time', () => {
  /** As the header computes it. */
  function systemTime(time: ReturnType<typeof VCPU_TIME_INFO.read>, tsc: bigint): bigint {
    const ticks = (tsc - time.tsc_timestamp) << BigInt(time.tsc_shift);
    return time.system_time + ((ticks * BigInt(time.tsc_to_system_mul)) >> 32n);
  }

  test('a tick is a nanosecond', () => {
    const { time } = rig.vcpu();
    expect(time).toMatchObject({ version: 2, flags: 1 });
    for (const tsc of [0n, 1n, 12_345_678_901n, 2n ** 62n + 1n]) {
      expect(systemTime(time, tsc)).toBe(tsc);
    }
  });

  test('the date', () => {
    const { wc_version, wc_sec, wc_sec_hi, wc_nsec } = rig.info();
    expect(wc_version).toBe(2);
    expect(wc_sec + wc_sec_hi * 2 ** 32).toBe(Math.floor(START_MS / 1000));
    expect([wc_sec, wc_sec_hi, wc_nsec]).toEqual([5, 1, 250_000_000]);
  });

  test('a copy elsewhere has the same version', () => {
    const register = (v: bigint) =>
      op(
        VCPUOP.register_vcpu_time_memory_area,
        rig.put(ABI.VCPU_REGISTER_TIME_MEMORY_AREA, { addr: { v } }),
      );
    expect(register(AREA)).toBe(0);
    expect(rig.vcpu().time.version).toBe(4);
    expect(rig.get(VCPU_TIME_INFO, AREA)).toEqual(rig.vcpu().time);
    for (const va of [0n, NOWHERE, READ_ONLY]) expect(register(va)).toBe(0);
    expect(register(FORBIDDEN)).toBe(-ERRNO.EFAULT);
  });
});
