/**
 * Event channels of a VM by the 2-level ABI: what each port is connected to, and its bits in the shared info page. The
 * other end of an interdomain channel is another port of the VM, or one of the VMM, as BACKEND_DOMAIN.
 */

import { ERRNO } from '../../../xen/errno.ts';
import { EVTCHN_2L_NR_CHANNELS, type EVTCHNSTAT } from '../../../xen/event-channel.ts';
import { NR_VIRQS, VIRQ } from '../../../xen/virq.ts';
import { BACKEND_DOMAIN } from '../../direct/foreign-domain.ts';
import type { SharedInfo } from '../shared-info.ts';

/** What a port is, by the names of its status. */
export type Channel = { readonly status: keyof typeof EVTCHNSTAT } & (
  | { readonly status: 'closed' | 'ipi' }
  | { readonly status: 'virq'; readonly virq: number }
  | { readonly status: 'unbound'; readonly domain: number }
  | { readonly status: 'interdomain'; readonly domain: number; readonly port: number }
);

/** Who sleeps until something is raised. */
export interface Sleeper {
  /** It polls `port`. */
  waitsFor(port: number): boolean;
  /** An upcall became due. */
  wake(): void;
  portRaised(port: number): void;
}

/** The VMM's end of a channel. */
export interface Backend {
  /** The guest's end at first, which it may close. */
  readonly port: number;
  /** Raises the guest's end, if there is one. */
  raise(): void;
  /** The guest would hear of it. */
  readonly isHeard: boolean;
}

interface BackendPort {
  readonly notified: () => void;
  /** 0: the guest has closed its end, and may bind another one. */
  peer: number;
}

const CLOSED: Channel = { status: 'closed' };
/** A guest has ports in groups: what lies behind them is no port, not a closed one. */
const GROUP = 64;
const WORD_BITS = 64;
const PER_VCPU_VIRQS: readonly number[] = [VIRQ.TIMER, VIRQ.DEBUG, VIRQ.XENOPROF, VIRQ.XENPMU];

/** Virtual interrupts that are a virtual processor's own: their channels stay with it. */
export function isPerVcpu(virq: number): boolean {
  return PER_VCPU_VIRQS.includes(virq);
}

/** Results that are numbers are ports, 0, or error numbers negated. */
export class EventChannels {
  readonly #shared: SharedInfo;
  readonly #domain: number;
  readonly #sleeper: Sleeper;
  /** By port. Port 0 is reserved. */
  readonly #channels: Channel[] = Array(GROUP).fill(CLOSED);
  /** Ports of BACKEND_DOMAIN, from 1 on. */
  readonly #backends: BackendPort[] = [];
  /** Ports by virtual interrupt; 0: not bound. */
  readonly #virqs = new Uint16Array(NR_VIRQS);

  /** `domain` is the VM's number. */
  constructor(shared: SharedInfo, domain: number, sleeper: Sleeper) {
    this.#shared = shared;
    this.#domain = domain;
    this.#sleeper = sleeper;
  }

  /** Undefined if there is no such port. */
  channel(port: number): Channel | undefined {
    return this.#channels[port];
  }

  /** Undefined if no such port is open. */
  isPending(port: number): boolean | undefined {
    const { status } = this.channel(port) ?? CLOSED;
    return status === 'closed' ? undefined : this.#shared.isPending(port);
  }

  /** Binds the lowest free port to a backend, which is told when the guest sends. */
  bindBackend(notified: () => void): Backend {
    const backend: BackendPort = { notified, peer: 0 };
    const remote = this.#backends.push(backend);
    const port = this.bindInterdomain(BACKEND_DOMAIN, remote, false);
    const isHeard = (): boolean => this.#isHeard(backend.peer);
    return {
      port,
      raise: () => this.raise(backend.peer),
      get isHeard() {
        return isHeard();
      },
    };
  }

  #isHeard(port: number): boolean {
    if (port === 0) return false;
    return !this.#shared.isMasked(port) || this.#sleeper.waitsFor(port);
  }

  allocateUnbound(domain: number): number {
    return this.#allocate({ status: 'unbound', domain });
  }

  /** What the other end sent before may be lost, so the new port is raised. */
  bindInterdomain(domain: number, remote: number, isRaised = true): number {
    const local = this.#freePort();
    if (local < 0) return local;
    if (!this.#connect(domain, remote, local)) return -ERRNO.EINVAL;
    this.#channels[local] = { status: 'interdomain', domain, port: remote };
    if (isRaised) this.raise(local);
    return local;
  }

  bindVirq(virq: number): number {
    if (this.#virqs[virq] !== 0) return -ERRNO.EEXIST;
    const port = this.#allocate({ status: 'virq', virq });
    if (port > 0) this.#virqs[virq] = port;
    return port;
  }

  bindIpi(): number {
    return this.#allocate({ status: 'ipi' });
  }

  close(port: number): number {
    const channel = this.channel(port) ?? CLOSED;
    if (channel.status === 'closed') return -ERRNO.EINVAL;
    if (channel.status === 'virq') this.#virqs[channel.virq] = 0;
    if (channel.status === 'interdomain') this.#disconnect(channel.domain, channel.port);
    this.#channels[port] = CLOSED;
    this.#shared.clearPending(port);
    return 0;
  }

  closeAll(): void {
    for (const port of this.#channels.keys()) this.close(port);
  }

  send(port: number): number {
    const channel = this.channel(port) ?? CLOSED;
    switch (channel.status) {
      case 'interdomain':
        if (channel.domain === BACKEND_DOMAIN) this.#backends[channel.port - 1]?.notified();
        else this.raise(channel.port);
        return 0;
      case 'ipi':
        this.raise(port);
        return 0;
      case 'unbound':
        return 0;
      default:
        return -ERRNO.EINVAL;
    }
  }

  unmask(port: number): number {
    const channel = this.channel(port);
    if (channel === undefined) return -ERRNO.EINVAL;
    const shared = this.#shared;
    if (channel.status === 'closed' || !shared.isMasked(port)) return 0;
    shared.clearMask(port);
    if (shared.isPending(port)) this.#select(port);
    return 0;
  }

  /** `port` becomes pending, if it is open. */
  raise(port: number): void {
    if (this.isPending(port) !== false) return;
    const shared = this.#shared;
    shared.setPending(port);
    if (!shared.isMasked(port)) this.#select(port);
    this.#sleeper.portRaised(port);
  }

  /** Raises the port that is bound to the virtual interrupt, if one is. */
  raiseVirq(virq: number): void {
    this.raise(this.#virqs[virq] ?? 0);
  }

  #select(port: number): void {
    const shared = this.#shared;
    if (!shared.selectPending(Math.floor(port / WORD_BITS)) || shared.isUpcallPending) return;
    shared.setUpcallPending();
    this.#sleeper.wake();
  }

  #allocate(channel: Channel): number {
    const port = this.#freePort();
    if (port > 0) this.#channels[port] = channel;
    return port;
  }

  #freePort(): number {
    const channels = this.#channels;
    const port = channels.findIndex(({ status }, n) => n > 0 && status === 'closed');
    if (port > 0) return port;
    const next = channels.length;
    if (next === EVTCHN_2L_NR_CHANNELS) return -ERRNO.ENOSPC;
    for (let n = 0; n < GROUP; n++) channels.push(CLOSED);
    return next;
  }

  /** Port `remote` of `domain` takes the guest's port `local` as its other end, if it waits for one of the guest's. */
  #connect(domain: number, remote: number, local: number): boolean {
    if (domain === BACKEND_DOMAIN) {
      const backend = this.#backends[remote - 1];
      if (backend?.peer !== 0) return false;
      backend.peer = local;
      return true;
    }
    const channel = domain === this.#domain ? this.channel(remote) : undefined;
    if (channel?.status !== 'unbound' || channel.domain !== this.#domain) return false;
    this.#channels[remote] = { status: 'interdomain', domain, port: local };
    return true;
  }

  /** The end at port `remote` of `domain` waits for another one. */
  #disconnect(domain: number, remote: number): void {
    const backend = this.#backends[remote - 1];
    if (domain !== BACKEND_DOMAIN) this.#channels[remote] = { status: 'unbound', domain };
    else if (backend !== undefined) backend.peer = 0;
  }
}
