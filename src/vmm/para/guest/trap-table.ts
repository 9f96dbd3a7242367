/** The handlers of a domain: those for traps, by vector, and the callbacks for all else that the VMM enters it for. */

import { TI_DPL_MASK, TI_IF } from '../../../xen/trap.ts';

/** Where the guest is entered. */
export interface Handler {
  /** 0: there is none. */
  readonly address: bigint;
  /** No events come until it says so. */
  readonly masksEvents: boolean;
}

/** A handler for a trap. */
export interface TrapHandler extends Handler {
  /** The least privileged level that comes here by INT. */
  readonly dpl: number;
}

export const NO_HANDLER: TrapHandler = { address: 0n, masksEvents: false, dpl: 0 };

/** The callbacks; of them `event` always masks events. */
export interface Callbacks {
  event: Handler;
  failsafe: Handler;
  syscall: Handler;
  syscall32: Handler;
  sysenter: Handler;
  nmi: Handler;
}

const VECTORS = 256;

export class TrapTable {
  readonly callbacks: Callbacks = {
    event: NO_HANDLER,
    failsafe: NO_HANDLER,
    syscall: NO_HANDLER,
    syscall32: NO_HANDLER,
    sysenter: NO_HANDLER,
    nmi: NO_HANDLER,
  };
  readonly #traps: TrapHandler[] = Array<TrapHandler>(VECTORS).fill(NO_HANDLER);

  trap(vector: number): TrapHandler {
    return this.#traps[vector] ?? NO_HANDLER;
  }

  /** `flags` are those of a TRAP_INFO. */
  set(vector: number, address: bigint, flags: number): void {
    const masksEvents = (flags & TI_IF) !== 0;
    this.#traps[vector] = { address, masksEvents, dpl: flags & TI_DPL_MASK };
  }

  clear(): void {
    this.#traps.fill(NO_HANDLER);
  }
}
