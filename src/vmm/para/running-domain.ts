/** What a booted domain consists of, beside its memory, and how the parts are connected. */

import { assert } from '../../base/assert.ts';
import type { ProcessorHost } from '../../machine/instance.ts';
import type { Machine, RunEnd } from '../../machine/machine.ts';
import type { ByteSink } from '../../pc/board.ts';
import { SHUTDOWN } from '../../xen/sched.ts';
import type { Domains } from '../direct/foreign-domain.ts';
import type { Slice } from '../direct/slice.ts';
import { withLoggedPorts } from '../exits/logged-ports.ts';
import { PAGE_SIZE } from '../frames.ts';
import { ConsoleRing } from './console-ring.ts';
import { Events } from './events/events.ts';
import { inspect } from './exits/inspection.ts';
import { type ExitListener, ParaExitLog } from './exits/para-exit-log.ts';
import { GuestEntry } from './guest/guest-entry.ts';
import { GuestState } from './guest/guest-state.ts';
import { Nmi } from './guest/nmi.ts';
import type { ParaVcpu } from './guest/para-vcpu.ts';
import { TrapTable } from './guest/trap-table.ts';
import { consoleIoCalls } from './hypercalls/console-io.ts';
import { memoryCalls } from './hypercalls/memory-op.ts';
import { multicallCalls } from './hypercalls/multicall.ts';
import { trapCalls } from './hypercalls/trap-calls.ts';
import { HANDLE_BYTES, versionCalls } from './hypercalls/xen-version.ts';
import { Hypercalls } from './hypercalls.ts';
import type { ParaMemory } from './memory/para-memory.ts';
import { ParaEngine } from './para-engine.ts';
import type { SharedInfo } from './shared-info.ts';

type CrashFault = (RunEnd & { readonly kind: 'crash' })['fault'];

/** The first ports that are bound. */
export const STORE_PORT = 1;
export const CONSOLE_PORT = 2;

/** What a domain has on its outside. */
export interface DomainOutside {
  readonly machine: Machine;
  /** The date when the clock was 0, in milliseconds since 1970. */
  readonly startMs: number;
  /** Takes what the guest writes to its console. */
  readonly put: ByteSink;
}

export interface RunningDomainParts extends DomainOutside {
  readonly vcpu: ParaVcpu;
  readonly paging: ParaMemory;
  /** The same that its memory technique has. */
  readonly slice: Slice;
  readonly shared: SharedInfo;
  /** HPA of the page of the console. */
  readonly consolePage: number;
  /** Number of the VM. */
  readonly number: number;
  readonly domains: Domains;
  /** What answers the guest's ports. */
  readonly devices: ProcessorHost;
  readonly end: (end: RunEnd) => void;
  /** Hears of every exit. */
  readonly exits: ExitListener | undefined;
}

export class RunningDomain {
  readonly events: Events;
  readonly console: ConsoleRing;
  readonly engine: ParaEngine;
  readonly #parts: RunningDomainParts;
  readonly #log: ParaExitLog | undefined;
  readonly #traps = new TrapTable();
  readonly #nmi = new Nmi(this.#traps);

  constructor(parts: RunningDomainParts) {
    const { vcpu, paging, slice, shared, machine } = parts;
    this.#parts = parts;
    this.#log = this.#createLog();
    this.events = this.#createEvents();
    this.console = this.#createConsole();
    const state = this.#createState();
    const entry = this.#createEntry(state);
    const { events } = this;
    this.engine = new ParaEngine({
      vcpu,
      entry,
      shared,
      state,
      nmi: this.#nmi,
      calls: this.#createCalls(state, entry),
      slice,
      crash: (why) => this.#crash(why),
      isAsleep: () => events.sleep.isAsleep,
      called: () => machine.timersChanged(),
      prepare: () => paging.prepare(),
      addressOf: (fault) => paging.addressOf(fault),
      errorOf: (fault) => paging.errorOf(fault),
      serve: (fault, code) => paging.serve(fault, code),
      log: this.#log,
    });
  }

  /** Memory as the code has it that runs, for who only looks: as many of the `length` bytes as are mapped. */
  #look(va: bigint, length: number): Uint8Array {
    const { vcpu, paging } = this.#parts;
    const space = vcpu.isKernel ? paging.space : paging.userSpace;
    return inspect(vcpu.processor.memory, space, va, length);
  }

  #createLog(): ParaExitLog | undefined {
    const { exits, vcpu } = this.#parts;
    return exits && new ParaExitLog(exits, vcpu, (va, length) => this.#look(va, length));
  }

  #end(end: RunEnd): void {
    this.#log?.stopped(end.kind === 'crash' ? end.why : undefined);
    this.#parts.end(end);
  }

  #createEvents(): Events {
    const { machine, shared, paging, number, domains, startMs } = this.#parts;
    return new Events({
      clock: machine.clock,
      shared,
      space: paging.space,
      number,
      domains,
      startMs,
      shareFrame: (frame) => paging.shareFrame(frame),
      sendNmi: () => {
        this.#nmi.raise();
        this.events.sleep.wake();
      },
      ended: (reason) => this.#end(endOf(reason)),
    });
  }

  /** Nobody is at the other end of the store. */
  #createConsole(): ConsoleRing {
    const { channels } = this.events;
    const { machine, vcpu, consolePage, put } = this.#parts;
    const store = channels.bindBackend(() => {});
    const port = channels.bindBackend(() => console.notified());
    assert(store.port === STORE_PORT && port.port === CONSOLE_PORT, 'the first ports');
    const console: ConsoleRing = new ConsoleRing({
      clock: machine.clock,
      memory: vcpu.processor.memory,
      page: consolePage,
      write: put,
      port,
      isHeard: () => port.isHeard,
      wait: () => machine.stop({ kind: 'input' }),
    });
    return console;
  }

  #createState(): GuestState {
    const { vcpu, paging, shared, devices } = this.#parts;
    const log = this.#log;
    return new GuestState({
      vcpu,
      paging,
      traps: this.#traps,
      shared,
      devices: log ? withLoggedPorts(devices, (action) => log.forwarded(action)) : devices,
      machineFrames: vcpu.processor.memory.size / PAGE_SIZE,
      assistChanged: (type, isEnabled) => paging.assistChanged(type, isEnabled),
    });
  }

  #createEntry(state: GuestState): GuestEntry {
    const { vcpu, paging, shared } = this.#parts;
    return new GuestEntry({
      vcpu,
      space: paging.space,
      shared,
      traps: this.#traps,
      spaces: paging,
      privilege: state,
      returned: () => this.#nmi.returned(),
      log: this.#log,
      crash: (why, exception) =>
        this.#crash(why, exception && { ...exception, address: state.cr2 }),
    });
  }

  #crash(why: string, fault?: CrashFault): void {
    this.#end({ kind: 'crash', why, ...(fault && { fault }) });
  }

  #createCalls(state: GuestState, entry: GuestEntry): Hypercalls {
    const { vcpu, paging, slice, number, domains, shared, put } = this.#parts;
    const { space, features } = paging;
    const handle = new Uint8Array(HANDLE_BYTES);
    handle[HANDLE_BYTES - 1] = number;
    const calls = new Hypercalls();
    calls.add({
      ...paging.calls,
      ...this.events.calls,
      ...state.calls,
      ...trapCalls({ space, traps: this.#traps, slice, vcpu }),
      ...versionCalls({ space, features, handle }),
      ...consoleIoCalls({ space, write: put, slice }),
      ...memoryCalls({
        number,
        domains,
        space,
        reservation: paging.reservation,
        machineToPhys: paging.machineToPhys,
        maxPfn: () => shared.maxPfn,
      }),
      ...multicallCalls({ space, call: (which, args) => calls.call(which, args) }),
      iret: () => entry.iret(),
    });
    return calls;
  }
}

/** How a run ends that the guest has ended for `reason`. */
function endOf(reason: number): RunEnd {
  switch (reason) {
    case SHUTDOWN.poweroff:
      return { kind: 'off', by: 'SCHEDOP_shutdown' };
    case SHUTDOWN.reboot:
      return { kind: 'reset', by: 'SCHEDOP_shutdown' };
    case SHUTDOWN.crash:
      return { kind: 'crash', why: 'its kernel says so (SHUTDOWN_crash)' };
    case SHUTDOWN.watchdog:
      return { kind: 'crash', why: 'a watchdog of its kernel has run out (SHUTDOWN_watchdog)' };
    case SHUTDOWN.suspend:
      return { kind: 'off', by: 'SCHEDOP_shutdown, to be suspended' };
    case SHUTDOWN.soft_reset:
      return { kind: 'reset', by: 'SCHEDOP_shutdown, without loss of its memory' };
    default:
      return { kind: 'crash', why: `SCHEDOP_shutdown for reason ${reason}` };
  }
}
