/**
 * What a PV domain has in place of a board with devices: the console of its kernel, on the line where a PC has COM1, and the
 * ports that are granted to it.
 */

import { assert } from '../../base/assert.ts';
import { ConsolePort } from '../../devices/console-port.ts';
import { DebugExit } from '../../devices/debug-exit.ts';
import type { Machine } from '../../machine/machine.ts';
import { type ByteSink, START_DATE } from '../../pc/board.ts';
import type { GuestBoard, TerminalEnd } from '../../pc/guest-board.ts';
import { Port } from '../../pc/ports.ts';
import type { PvKernel } from '../../xen/pv-kernel.ts';
import type { ConsoleRing } from './console-ring.ts';
import type { DomainBoot, PvDomain } from './pv-domain.ts';

/** A sink that is not given swallows its bytes. */
export interface DomainBoardOptions {
  readonly com1?: ByteSink;
  /** Port 0xe9. */
  readonly console?: ByteSink;
  /** The date at virtual time 0, in milliseconds since 1970 (UTC). */
  readonly startDate?: number;
}

const ignore: ByteSink = () => {};

export class DomainBoard implements GuestBoard {
  readonly machine: Machine;
  readonly #domain: PvDomain;
  readonly #options: DomainBoardOptions;
  #console: ConsoleRing | undefined;

  constructor(machine: Machine, domain: PvDomain, options: DomainBoardOptions = {}) {
    this.machine = machine;
    this.#domain = domain;
    this.#options = options;
    const exit = (status: number) => machine.stop({ kind: 'exit', status });
    machine.bus.mapPorts(Port.CONSOLE, 1, new ConsolePort(options.console ?? ignore));
    machine.bus.mapPorts(Port.DEBUG_EXIT, 4, new DebugExit(exit));
  }

  /** Builds the domain, to run `kernel`; throws a DomainError if it is not to be had. */
  boot(kernel: PvKernel, boot: DomainBoot = {}): void {
    const { startDate = START_DATE, com1 = ignore } = this.#options;
    const outside = { machine: this.machine, startMs: startDate, put: com1 };
    this.#console = this.#domain.boot(kernel, boot, outside);
  }

  /** The console, once the domain is built. */
  get com1(): TerminalEnd {
    assert(this.#console !== undefined, 'a domain is booted before it is connected');
    return this.#console;
  }

  get sleepsForInput(): boolean {
    return this.machine.sleeps && this.#console?.wantsInput === true;
  }
}
