/** HYPERVISOR_event_channel_op, and its old form: event channels by the 2-level ABI; that with queues is not offered. */

import { isGuestRange } from '../../../xen/address-space.ts';
import { DOMID } from '../../../xen/domid.ts';
import { ERRNO } from '../../../xen/errno.ts';
import {
  EVTCHN_ALLOC_UNBOUND,
  EVTCHN_BIND_INTERDOMAIN,
  EVTCHN_BIND_IPI,
  EVTCHN_BIND_PIRQ,
  EVTCHN_BIND_VCPU,
  EVTCHN_BIND_VIRQ,
  EVTCHN_CLOSE,
  EVTCHN_OP,
  EVTCHN_RESET,
  EVTCHN_SEND,
  EVTCHN_STATUS,
  EVTCHN_UNMASK,
  EVTCHNOP,
  EVTCHNSTAT,
} from '../../../xen/event-channel.ts';
import type { Field } from '../../../xen/structure.ts';
import { NR_VIRQS } from '../../../xen/virq.ts';
import { type Domains, domainOf, foreignError } from '../../direct/foreign-domain.ts';
import { type Channel, type EventChannels, isPerVcpu } from '../events/event-channels.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';
import { type GuestSpace, readAt } from '../memory/guest-space.ts';

export interface EventChannelDeps {
  readonly channels: EventChannels;
  readonly space: GuestSpace;
  /** The VM's number, and which others there are. */
  readonly number: number;
  readonly domains: Domains;
}

/** Physical interrupts that a guest can name: a machine's with one I/O APIC, and 32. None is for an ordinary guest. */
const NR_PIRQS = 24 + 32;

type Operations = Readonly<Record<number, (argument: bigint) => number>>;

export function eventChannelCalls(deps: EventChannelDeps): HypercallTable {
  const operations: Operations = { ...bindings(deps), ...uses(deps) };
  const perform = (command: number, argument: bigint): number =>
    operations[command]?.(argument) ?? -ERRNO.ENOSYS;
  return {
    event_channel_op: ([command, argument]) => perform(u32Of(command), argument),
    event_channel_op_compat: ([argument]) => {
      const operation = readAt(deps.space, EVTCHN_OP, argument);
      if (operation === undefined) return -ERRNO.EFAULT;
      if (operation.cmd > EVTCHNOP.unmask) return -ERRNO.ENOSYS;
      return perform(operation.cmd, argument + BigInt(EVTCHN_OP.offsets.u));
    },
  };
}

/** How ports come to be. What has succeeded stays if the guest cannot be told the port. */
function bindings({ channels, space, number, domains }: EventChannelDeps): Operations {
  const numberOf = (domain: number): number => (domain === DOMID.SELF ? number : domain);
  return {
    [EVTCHNOP.alloc_unbound]: (va) =>
      answer(space, EVTCHN_ALLOC_UNBOUND, va, ({ dom, remote_dom }) => {
        const error = foreignError(dom, number, domains);
        return error !== 0 ? error : portOf(channels.allocateUnbound(numberOf(remote_dom)));
      }),
    [EVTCHNOP.bind_interdomain]: (va) =>
      answer(space, EVTCHN_BIND_INTERDOMAIN, va, ({ remote_dom, remote_port }) => {
        const domain = numberOf(remote_dom);
        const owner = domainOf(domain, number, domains);
        if (typeof owner === 'number') return owner;
        const port = channels.bindInterdomain(domain, remote_port);
        return port < 0 ? port : { local_port: port };
      }),
    [EVTCHNOP.bind_virq]: (va) =>
      answer(space, EVTCHN_BIND_VIRQ, va, ({ virq, vcpu }) => {
        if (virq >= NR_VIRQS || (!isPerVcpu(virq) && vcpu !== 0)) return -ERRNO.EINVAL;
        return vcpu === 0 ? portOf(channels.bindVirq(virq)) : -ERRNO.ENOENT;
      }),
    [EVTCHNOP.bind_ipi]: (va) =>
      answer(space, EVTCHN_BIND_IPI, va, ({ vcpu }) =>
        vcpu === 0 ? portOf(channels.bindIpi()) : -ERRNO.ENOENT,
      ),
    [EVTCHNOP.bind_pirq]: (va) =>
      given(space, EVTCHN_BIND_PIRQ, va, ({ pirq }) =>
        pirq < NR_PIRQS ? -ERRNO.EPERM : -ERRNO.EINVAL,
      ),
  };
}

/** What is done with ports. */
function uses({ channels, space, number, domains }: EventChannelDeps): Operations {
  return {
    [EVTCHNOP.close]: (va) => given(space, EVTCHN_CLOSE, va, ({ port }) => channels.close(port)),
    [EVTCHNOP.send]: (va) => given(space, EVTCHN_SEND, va, ({ port }) => channels.send(port)),
    [EVTCHNOP.unmask]: (va) => given(space, EVTCHN_UNMASK, va, ({ port }) => channels.unmask(port)),
    [EVTCHNOP.status]: (va) =>
      answer(space, EVTCHN_STATUS, va, ({ dom, port }) => {
        const error = foreignError(dom, number, domains);
        if (error !== 0) return error;
        const channel = channels.channel(port);
        if (channel === undefined) return -ERRNO.EINVAL;
        return { status: EVTCHNSTAT[channel.status], vcpu: 0, u: ends(channel) };
      }),
    [EVTCHNOP.bind_vcpu]: (va) =>
      given(space, EVTCHN_BIND_VCPU, va, ({ port, vcpu }) => {
        if (vcpu !== 0) return -ERRNO.ENOENT;
        return isMovable(channels.channel(port)) ? 0 : -ERRNO.EINVAL;
      }),
    [EVTCHNOP.reset]: (va) =>
      given(space, EVTCHN_RESET, va, ({ dom }) => {
        const error = foreignError(dom, number, domains);
        if (error === 0) channels.closeAll();
        return error;
      }),
  };
}

function portOf(port: number): number | { port: number } {
  return port < 0 ? port : { port };
}

/** The part of a status that depends on it. */
function ends(channel: Channel) {
  const { status } = channel;
  switch (status) {
    case 'unbound':
      return { unbound: { dom: channel.domain } };
    case 'interdomain':
      return { interdomain: { dom: channel.domain, port: channel.port } };
    case 'virq':
      return { virq: channel.virq };
    default:
      return {};
  }
}

/** The channel may notify another virtual processor than the one that it was made for. */
function isMovable(channel: Channel | undefined): boolean {
  if (channel?.status === 'virq') return !isPerVcpu(channel.virq);
  return channel?.status === 'unbound' || channel?.status === 'interdomain';
}

/** What comes of the structure at `va`. */
function given<R>(
  space: GuestSpace,
  type: Field<R, never>,
  va: bigint,
  perform: (value: R) => number,
): number {
  const value = readAt(space, type, va);
  return value === undefined ? -ERRNO.EFAULT : perform(value);
}

/** The same where success gives fields, which are written back with the rest as it was. */
function answer<R, W>(
  space: GuestSpace,
  type: Field<R, W>,
  va: bigint,
  perform: (value: R) => number | W,
): number {
  const data = new DataView(new ArrayBuffer(type.size));
  if (!isGuestRange(va, va + BigInt(type.size)) || !space.read(va, data)) return -ERRNO.EFAULT;
  const result = perform(type.read(data, 0));
  if (typeof result === 'number') return result;
  type.write(data, 0, result);
  return space.write(va, data) ? 0 : -ERRNO.EFAULT;
}
