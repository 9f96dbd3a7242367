/** What a PV domain has in place of a board with devices: the console of its kernel, on the line where a PC has COM1. */

import type { Machine } from '../../machine/machine.ts';
import { type ByteSink, START_DATE } from '../../pc/board.ts';
import type { GuestBoard, TerminalEnd } from '../../pc/guest-board.ts';
import { CONSOLEIO, XENCONS_INTERFACE } from '../../xen/console.ts';
import { ERRNO } from '../../xen/errno.ts';
import type { PvKernel } from '../../xen/pv-kernel.ts';
import { XEN_FEATURE_INFO, XENVER } from '../../xen/version.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { BuiltDomain } from './domain-builder.ts';
import type { Events } from './events.ts';
import { writeAt } from './guest-space.ts';
import type { HypercallTable } from './hypercall.ts';
import { u32Of } from './hypercall.ts';
import type { DomainBoot, PvDomain } from './pv-domain.ts';

export interface DomainBoardOptions {
  readonly com1?: ByteSink;
  /** The date at virtual time 0, in milliseconds since 1970 (UTC). */
  readonly startDate?: number;
}

export class DomainBoard implements GuestBoard {
  readonly machine: Machine;
  readonly com1: TerminalEnd = { receive: () => {}, openInput: () => {}, supply: () => {} };
  readonly sleepsForInput = false;
  readonly #domain: PvDomain;
  readonly #options: DomainBoardOptions;

  constructor(machine: Machine, domain: PvDomain, options: DomainBoardOptions = {}) {
    this.machine = machine;
    this.#domain = domain;
    this.#options = options;
  }

  /** Builds the domain, to run `kernel`; throws a DomainError if it is not to be had. */
  boot(kernel: PvKernel, boot: DomainBoot = {}): void {
    const { startDate = START_DATE } = this.#options;
    this.#domain.boot(kernel, boot, {
      machine: this.machine,
      startMs: startDate,
      calls: (domain, built, events) => this.#calls(domain, built, events),
    });
  }

  #calls(domain: PvDomain, built: BuiltDomain, { channels }: Events): HypercallTable {
    const { space } = domain.paging;
    const put = this.#options.com1 ?? (() => {});
    const { memory } = domain.processor;
    const ring = domain.paging.machineFrame(built.shared.console) * PAGE_SIZE;
    channels.bindBackend(() => {});
    channels.bindBackend(() => {
      const { out, out_cons, out_prod } = XENCONS_INTERFACE.read(
        new DataView(memory.read(ring, PAGE_SIZE).buffer),
        0,
      );
      for (let n = out_cons; n !== out_prod; n = (n + 1) >>> 0) put(out[n % out.length] ?? 0);
      memory.writeU32(ring + XENCONS_INTERFACE.offsets.out_cons, out_prod);
    });
    return {
      console_io: ([command, count, at]) => {
        if (u32Of(command) !== CONSOLEIO.write) return -ERRNO.ENOSYS;
        const data = new DataView(new ArrayBuffer(Math.min(u32Of(count), PAGE_SIZE)));
        if (!space.read(at, data)) return -ERRNO.EFAULT;
        for (const byte of new Uint8Array(data.buffer)) put(byte);
        return 0;
      },
      xen_version: ([command, at]) => {
        if (u32Of(command) !== XENVER.get_features) return -ERRNO.ENOSYS;
        const info = { submap_idx: 0, submap: domain.paging.features };
        return writeAt(space, XEN_FEATURE_INFO, at, info) ? 0 : -ERRNO.EFAULT;
      },
    };
  }
}
