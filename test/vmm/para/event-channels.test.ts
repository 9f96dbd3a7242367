/** Event channels: bits in the shared page, upcalls, and each operation with its errors. */

import { beforeEach, describe, expect, test } from 'vitest';
import { DOMID } from '../../../src/xen/domid.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import * as ABI from '../../../src/xen/event-channel.ts';
import { EVTCHNOP, EVTCHNSTAT } from '../../../src/xen/event-channel.ts';
import { NR_VIRQS, VIRQ } from '../../../src/xen/virq.ts';
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

let rig: EventsRig;
beforeEach(() => {
  rig = new EventsRig();
});

const op = (command: number, argument: bigint) => rig.call('event_channel_op', command, argument);
const allocate = (remote_dom: number, dom: number = DOMID.SELF) =>
  rig.port(EVTCHNOP.alloc_unbound, ABI.EVTCHN_ALLOC_UNBOUND, { dom, remote_dom });
const bindVirq = (virq: number, vcpu = 0) =>
  rig.port(EVTCHNOP.bind_virq, ABI.EVTCHN_BIND_VIRQ, { virq, vcpu });
const bindIpi = (vcpu = 0) => rig.port(EVTCHNOP.bind_ipi, ABI.EVTCHN_BIND_IPI, { vcpu });
const bindVcpu = (port: number, vcpu = 0) =>
  rig.op('event_channel_op', EVTCHNOP.bind_vcpu, ABI.EVTCHN_BIND_VCPU, { port, vcpu });
const onPort = (command: number) => (port: number) =>
  rig.op('event_channel_op', command, ABI.EVTCHN_CLOSE, { port });
const close = onPort(EVTCHNOP.close);
const send = onPort(EVTCHNOP.send);
const unmask = onPort(EVTCHNOP.unmask);
const reset = (dom: number) =>
  rig.op('event_channel_op', EVTCHNOP.reset, ABI.EVTCHN_RESET, { dom });
function connect(remote_dom: number, remote_port: number): number {
  const type = ABI.EVTCHN_BIND_INTERDOMAIN;
  const result = rig.op('event_channel_op', EVTCHNOP.bind_interdomain, type, {
    remote_dom,
    remote_port,
  });
  return result === 0 ? rig.get(type).local_port : result;
}

/** What the guest sees of `port`. */
function seen(port: number) {
  const { evtchn_upcall_pending, evtchn_pending_sel } = rig.vcpu();
  const isSelected = (evtchn_pending_sel >> BigInt(port >>> 6)) & 1n;
  return [rig.shared.isPending(port), isSelected === 1n, evtchn_upcall_pending === 1];
}

describe('raising', () => {
  test('sets all three bits; the word of the port is selected', () => {
    for (let n = 1; n < 70; n++) bindIpi();
    rig.events.channels.raise(69);
    expect(seen(69)).toEqual([true, true, true]);
    expect(rig.vcpu().evtchn_pending_sel).toBe(2n);
  });

  test('a masked port becomes pending, and no more', () => {
    const port = bindIpi();
    rig.mask(port);
    rig.events.channels.raise(port);
    expect(seen(port)).toEqual([true, false, false]);
  });

  test('what is pending stays as it is', () => {
    const port = bindIpi();
    rig.shared.setPending(port);
    rig.events.channels.raise(port);
    expect(seen(port)).toEqual([true, false, false]);
  });

  test('in a word that is selected already no upcall becomes due', () => {
    const port = bindIpi();
    rig.shared.selectPending(0);
    rig.events.channels.raise(port);
    expect(seen(port)).toEqual([true, true, false]);
  });

  test.each([0, 1, 63, 64, 4095, 4096, 2 ** 32 - 1])(
    'nothing at port %i, which is not open',
    (n) => {
      rig.events.channels.raise(n);
      expect(rig.info().evtchn_pending.some((word) => word !== 0n)).toBe(false);
      expect(rig.vcpu().evtchn_upcall_pending).toBe(0);
    },
  );

  test('a virtual interrupt comes only while it is bound', () => {
    const { channels } = rig.events;
    channels.raiseVirq(VIRQ.DEBUG);
    expect(rig.vcpu().evtchn_upcall_pending).toBe(0);
    const port = bindVirq(VIRQ.DEBUG);
    channels.raiseVirq(VIRQ.DEBUG);
    expect(seen(port)).toEqual([true, true, true]);
    close(port);
    rig.acknowledge();
    bindIpi();
    channels.raiseVirq(VIRQ.DEBUG);
    expect(seen(port)).toEqual([false, false, false]);
  });
});

describe('ports', () => {
  test('the lowest free one is taken, from 1 on', () => {
    expect([bindIpi(), allocate(NEIGHBOUR), bindVirq(VIRQ.TIMER), bindIpi()]).toEqual([1, 2, 3, 4]);
    close(2);
    close(1);
    expect([bindIpi(), bindIpi(), bindIpi()]).toEqual([1, 2, 5]);
  });

  test('ENOSPC: there are 4095', () => {
    for (let port = 1; port < 4096; port++) expect(rig.events.channels.bindIpi()).toBe(port);
    expect(bindIpi()).toBe(-ERRNO.ENOSPC);
    expect(allocate(0)).toBe(-ERRNO.ENOSPC);
    expect(bindVirq(VIRQ.TIMER)).toBe(-ERRNO.ENOSPC);
    expect(connect(DOMID.SELF, 1)).toBe(-ERRNO.ENOSPC);
    expect(send(4095)).toBe(0);
    expect(rig.vcpu().evtchn_pending_sel).toBe(1n << 63n);
    close(4000);
    expect(bindVirq(VIRQ.TIMER)).toBe(4000);
  });

  test('those behind the last group in use are none', () => {
    expect(rig.status(63)).toEqual({ status: EVTCHNSTAT.closed, vcpu: 0, u: expect.anything() });
    expect(rig.status(64)).toBe(-ERRNO.EINVAL);
    for (let n = 1; n <= 64; n++) bindIpi();
    expect(rig.status(127)).toMatchObject({ status: EVTCHNSTAT.closed });
    expect(rig.status(128)).toBe(-ERRNO.EINVAL);
  });
});

describe('alloc_unbound and bind_interdomain', () => {
  test('a port waits for whom it is for', () => {
    expect(rig.status(allocate(NOBODY))).toMatchObject({
      status: EVTCHNSTAT.unbound,
      u: { unbound: { dom: NOBODY } },
    });
    expect(rig.status(allocate(DOMID.SELF, DOMAIN))).toMatchObject({
      u: { unbound: { dom: DOMAIN } },
    });
  });

  test('alloc_unbound: EPERM for another VM or the VMM, ESRCH for none', () => {
    expect(allocate(DOMID.SELF, NEIGHBOUR)).toBe(-ERRNO.EPERM);
    expect(allocate(DOMID.SELF, 0)).toBe(-ERRNO.EPERM);
    expect(allocate(DOMID.SELF, NOBODY)).toBe(-ERRNO.ESRCH);
    expect(allocate(DOMID.SELF, DOMID.XEN)).toBe(-ERRNO.ESRCH);
  });

  test.each([DOMID.SELF, DOMAIN])('both ends may be the VM, as domain %i', (self) => {
    const far = allocate(self);
    const near = connect(self, far);
    expect([far, near]).toEqual([1, 2]);
    expect(seen(near)).toEqual([true, true, true]);
    const end = (port: number) => ({
      status: EVTCHNSTAT.interdomain,
      u: { interdomain: { dom: DOMAIN, port } },
    });
    expect(rig.status(near)).toMatchObject(end(far));
    expect(rig.status(far)).toMatchObject(end(near));
    rig.acknowledge();
    expect(send(near)).toBe(0);
    expect(seen(far)).toEqual([true, true, true]);
    expect(rig.shared.isPending(near)).toBe(false);
  });

  test('EINVAL: the other end does not wait for the VM', () => {
    allocate(NEIGHBOUR);
    bindIpi();
    const taken = allocate(DOMID.SELF);
    connect(DOMID.SELF, taken);
    for (const port of [0, 1, 2, taken, 60, 64, 4096, 2 ** 32 - 1]) {
      expect(connect(DOMID.SELF, port)).toBe(-ERRNO.EINVAL);
    }
    expect(connect(NEIGHBOUR, 1)).toBe(-ERRNO.EINVAL);
    expect(connect(0, 1)).toBe(-ERRNO.EINVAL);
    expect(bindIpi()).toBe(5);
  });

  test('bind_interdomain: ESRCH', () => {
    expect(connect(NOBODY, 1)).toBe(-ERRNO.ESRCH);
  });
});

describe('backends', () => {
  test('the guest notifies the backend, the backend the guest', () => {
    let count = 0;
    const { port, raise } = rig.events.channels.bindBackend(() => count++);
    rig.events.channels.bindBackend(() => {});
    expect(port).toBe(1);
    expect(seen(port)).toEqual([false, false, false]);
    expect(rig.status(port)).toMatchObject({
      status: EVTCHNSTAT.interdomain,
      u: { interdomain: { dom: 0, port: 1 } },
    });
    expect(send(port)).toBe(0);
    expect(count).toBe(1);
    expect(seen(port)).toEqual([false, false, false]);
    raise();
    expect(seen(port)).toEqual([true, true, true]);
  });

  test('a closed port is not raised, whatever it becomes; the guest may connect again', () => {
    let count = 0;
    const { port, raise } = rig.events.channels.bindBackend(() => count++);
    close(port);
    expect(bindIpi()).toBe(port);
    raise();
    expect(rig.shared.isPending(port)).toBe(false);
    const again = connect(0, 1);
    expect(again).toBe(2);
    rig.acknowledge();
    raise();
    expect(seen(again)).toEqual([true, true, true]);
    send(again);
    expect(count).toBe(1);
    expect(connect(0, 1)).toBe(-ERRNO.EINVAL);
  });
});

describe('bind_virq', () => {
  test('names it', () => {
    const port = bindVirq(VIRQ.CONSOLE);
    expect(rig.status(port)).toMatchObject({ status: EVTCHNSTAT.virq, u: { virq: VIRQ.CONSOLE } });
  });

  test('EEXIST until it is closed', () => {
    const port = bindVirq(VIRQ.TIMER);
    expect(bindVirq(VIRQ.TIMER)).toBe(-ERRNO.EEXIST);
    close(port);
    expect(bindVirq(VIRQ.TIMER)).toBe(port);
  });

  test('EINVAL: there is none, or it is global and for another processor; ENOENT: there is no such processor', () => {
    expect(bindVirq(NR_VIRQS)).toBe(-ERRNO.EINVAL);
    expect(bindVirq(2 ** 32 - 1)).toBe(-ERRNO.EINVAL);
    expect(bindVirq(VIRQ.CONSOLE, 1)).toBe(-ERRNO.EINVAL);
    expect(bindVirq(VIRQ.TIMER, 1)).toBe(-ERRNO.ENOENT);
  });
});

test('bind_ipi: one that is sent comes back; ENOENT', () => {
  const port = bindIpi();
  expect(rig.status(port)).toMatchObject({ status: EVTCHNSTAT.ipi });
  expect(send(port)).toBe(0);
  expect(seen(port)).toEqual([true, true, true]);
  expect(bindIpi(1)).toBe(-ERRNO.ENOENT);
});

test('bind_pirq: EPERM, EINVAL', () => {
  const bind = (pirq: number) =>
    rig.op('event_channel_op', EVTCHNOP.bind_pirq, ABI.EVTCHN_BIND_PIRQ, { pirq, flags: 0 });
  expect(bind(0)).toBe(-ERRNO.EPERM);
  expect(bind(55)).toBe(-ERRNO.EPERM);
  expect(bind(56)).toBe(-ERRNO.EINVAL);
  expect(bind(2 ** 32 - 1)).toBe(-ERRNO.EINVAL);
});

describe('close', () => {
  test('what is pending is no more', () => {
    const port = bindIpi();
    send(port);
    expect(close(port)).toBe(0);
    expect(rig.shared.isPending(port)).toBe(false);
    expect(rig.status(port)).toMatchObject({ status: EVTCHNSTAT.closed });
  });

  test('the other end waits again', () => {
    const far = allocate(DOMID.SELF);
    close(connect(DOMID.SELF, far));
    expect(rig.status(far)).toMatchObject({
      status: EVTCHNSTAT.unbound,
      u: { unbound: { dom: DOMAIN } },
    });
    expect(connect(DOMID.SELF, far)).toBe(2);
  });

  test.each([0, 1, 64, 4096, 2 ** 32 - 1])('EINVAL: port %i is not open', (port) => {
    expect(close(port)).toBe(-ERRNO.EINVAL);
  });
});

test('send: to nobody yet; EINVAL', () => {
  expect(send(allocate(NEIGHBOUR))).toBe(0);
  const virq = bindVirq(VIRQ.TIMER);
  for (const port of [0, 9, virq, 64, 4096]) expect(send(port)).toBe(-ERRNO.EINVAL);
});

test('status: EPERM for another VM, ESRCH, EINVAL; port 0 is closed', () => {
  expect(rig.status(0)).toMatchObject({ status: EVTCHNSTAT.closed });
  expect(rig.status(0, DOMID.SELF)).toMatchObject({ status: EVTCHNSTAT.closed });
  expect(rig.status(1, NEIGHBOUR)).toBe(-ERRNO.EPERM);
  expect(rig.status(1, NOBODY)).toBe(-ERRNO.ESRCH);
  expect(rig.status(4096)).toBe(-ERRNO.EINVAL);
});

test('bind_vcpu: what is not the processor’s own; EINVAL, ENOENT', () => {
  expect(bindVcpu(allocate(NEIGHBOUR))).toBe(0);
  expect(bindVcpu(connect(DOMID.SELF, allocate(DOMID.SELF)))).toBe(0);
  expect(bindVcpu(bindVirq(VIRQ.CONSOLE))).toBe(0);
  expect(bindVcpu(bindVirq(VIRQ.TIMER))).toBe(-ERRNO.EINVAL);
  expect(bindVcpu(bindIpi())).toBe(-ERRNO.EINVAL);
  expect(bindVcpu(0)).toBe(-ERRNO.EINVAL);
  expect(bindVcpu(64)).toBe(-ERRNO.EINVAL);
  expect(bindVcpu(1, 1)).toBe(-ERRNO.ENOENT);
});

describe('unmask', () => {
  test('what is pending comes then', () => {
    const port = bindIpi();
    rig.mask(port);
    send(port);
    expect(unmask(port)).toBe(0);
    expect(rig.shared.isMasked(port)).toBe(false);
    expect(seen(port)).toEqual([true, true, true]);
  });

  test('nothing comes of what is not pending, or was not masked', () => {
    const port = bindIpi();
    rig.mask(port);
    unmask(port);
    expect(seen(port)).toEqual([false, false, false]);
    rig.shared.setPending(port);
    unmask(port);
    expect(seen(port)).toEqual([true, false, false]);
  });

  test('a port that is not open stays masked; EINVAL', () => {
    rig.mask(5);
    expect(unmask(5)).toBe(0);
    expect(rig.shared.isMasked(5)).toBe(true);
    expect(unmask(64)).toBe(-ERRNO.EINVAL);
    expect(unmask(2 ** 32 - 1)).toBe(-ERRNO.EINVAL);
  });
});

describe('reset', () => {
  test.each([DOMID.SELF, DOMAIN])('closes all ports of domain %i', (self) => {
    rig.events.channels.bindBackend(() => {});
    bindVirq(VIRQ.TIMER);
    connect(DOMID.SELF, allocate(DOMID.SELF));
    send(bindIpi());
    expect(reset(self)).toBe(0);
    for (let port = 0; port < 64; port++) {
      expect(rig.status(port)).toMatchObject({ status: EVTCHNSTAT.closed });
      expect(rig.shared.isPending(port)).toBe(false);
    }
    expect(bindVirq(VIRQ.TIMER)).toBe(1);
  });

  test('EPERM, ESRCH', () => {
    const port = bindIpi();
    expect(reset(NEIGHBOUR)).toBe(-ERRNO.EPERM);
    expect(reset(NOBODY)).toBe(-ERRNO.ESRCH);
    expect(rig.status(port)).toMatchObject({ status: EVTCHNSTAT.ipi });
  });
});

describe('arguments', () => {
  const offered = Object.entries(EVTCHNOP).filter(([, command]) => command <= EVTCHNOP.reset);
  const queues = Object.entries(EVTCHNOP).filter(([, command]) => command > EVTCHNOP.reset);

  test.each(offered)('%s: EFAULT', (_, command) => {
    const end = READ_ONLY + 4095n;
    for (const va of [0n, NOWHERE, FORBIDDEN, end, 2n ** 64n - 1n]) {
      expect(op(command, va)).toBe(-ERRNO.EFAULT);
    }
  });

  test('EFAULT of what cannot be told; the port stays', () => {
    // Zeros: a port of the VMM's for itself is refused, an IPI for processor 0 is not.
    expect(op(EVTCHNOP.bind_ipi, READ_ONLY)).toBe(-ERRNO.EFAULT);
    expect(rig.status(1)).toMatchObject({ status: EVTCHNSTAT.ipi });
  });

  test.each(queues)('%s: ENOSYS', (_, command) => {
    expect(op(command, MEMORY)).toBe(-ERRNO.ENOSYS);
  });

  test.each([14, 2 ** 31, 2 ** 32 - 1])('%i: ENOSYS', (command) => {
    expect(op(command, MEMORY)).toBe(-ERRNO.ENOSYS);
  });
});

describe('event_channel_op_compat', () => {
  const compat = (va: bigint) => rig.call('event_channel_op_compat', va);

  test('does the same with the operation in memory', () => {
    rig.put(ABI.EVTCHN_OP, { cmd: EVTCHNOP.bind_virq, u: { bind_virq: { virq: VIRQ.DEBUG } } });
    expect(compat(MEMORY)).toBe(0);
    expect(rig.get(ABI.EVTCHN_OP).u.bind_virq.port).toBe(1);
    expect(rig.status(1)).toMatchObject({ status: EVTCHNSTAT.virq });
  });

  test('ENOSYS, EFAULT, errors of the operation', () => {
    for (const cmd of [EVTCHNOP.reset, EVTCHNOP.init_control, 99]) {
      rig.put(ABI.EVTCHN_OP, { cmd });
      expect(compat(MEMORY)).toBe(-ERRNO.ENOSYS);
    }
    rig.put(ABI.EVTCHN_OP, { cmd: EVTCHNOP.close, u: { close: { port: 7 } } });
    expect(compat(MEMORY)).toBe(-ERRNO.EINVAL);
    for (const va of [0n, NOWHERE, FORBIDDEN]) expect(compat(va)).toBe(-ERRNO.EFAULT);
  });
});
