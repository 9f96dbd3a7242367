/**
 * A PV domain: the engine of a VM under the technique `para`. It is made with its frames, connected to the machine whose clock
 * it uses, and booted with a kernel, which is when all that the kernel finds is made.
 */

import { assert } from '../../base/assert.ts';
import { DEFAULT_FEATURES } from '../../machine/features.ts';
import type { ProcessorHost } from '../../machine/instance.ts';
import type { Engine, Machine, RunEnd } from '../../machine/machine.ts';
import type { PhysicalMemory } from '../../machine/memory.ts';
import type { ExitReason, Processor } from '../../machine/processor.ts';
import type { ByteSink } from '../../pc/board.ts';
import type { PvKernel } from '../../xen/pv-kernel.ts';
import { SHUTDOWN } from '../../xen/sched.ts';
import { FLAT } from '../../xen/segments.ts';
import { withGuestMemory } from '../emulated-memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import { GuestMemory } from '../guest-memory.ts';
import type { Host } from '../host.ts';
import { type ParaVmOptions, ramFrames, shadowPagesOf } from '../vm-options.ts';
import { ConsoleRing } from './console-ring.ts';
import { DIRECT_FRAMES, DirectMemory } from './direct-memory.ts';
import { buildDomain, type DomainEntry } from './domain-builder.ts';
import { Events } from './events.ts';
import { GuestEntry } from './guest-entry.ts';
import { GuestState } from './guest-state.ts';
import { consoleIoCalls } from './hypercalls/console-io.ts';
import { multicallCalls } from './hypercalls/multicall.ts';
import { trapCalls } from './hypercalls/trap-calls.ts';
import { HANDLE_BYTES, versionCalls } from './hypercalls/xen-version.ts';
import { Hypercalls } from './hypercalls.ts';
import { AREA_FRAMES, HOST_CODE, HypervisorArea } from './hypervisor-area.ts';
import { Nmi } from './nmi.ts';
import { ParaEngine } from './para-engine.ts';
import type { ParaMemory } from './para-memory.ts';
import { ParaVcpu } from './para-vcpu.ts';
import { ShadowMemory } from './shadow-memory.ts';
import { SharedInfo } from './shared-info.ts';
import { COPY_FRAMES } from './translated/descriptor-copies.ts';
import { TrapTable } from './trap-table.ts';

const CR0_PG_AM_WP_NE_ET_MP_PE = 0x8005_0033n;
const CR4_PAE_PCIDE = 0x2_0020n;
const EFER_NXE_LMA_LME_SCE = 0xd01n;
const CODE64_ACCESS = 0xa0fb;
const DATA_ACCESS = 0xc0f3;
const UNUSABLE = 1 << 16;
const RSI = 6;
const NO_APIC = 0xffff_ffff_ffff_ffffn;

/** The machine's first frame is nobody's. */
const FRAME_0 = 1;

/** The first ports that are bound. */
const STORE_PORT = 1;
const CONSOLE_PORT = 2;

/** What a kernel is started with. */
export interface DomainBoot {
  readonly commandLine?: string;
  readonly module?: Uint8Array;
}

/** What a domain has on its outside. */
export interface DomainOutside {
  readonly machine: Machine;
  /** The date when the clock was 0, in milliseconds since 1970. */
  readonly startMs: number;
  /** Takes what the guest writes to its console. */
  readonly put: ByteSink;
}

/** Frames of the machine that such a VM may come to need. */
export function framesOfDomain(options: ParaVmOptions): number {
  const own = options.memory === 'shadow' ? shadowPagesOf(options) + COPY_FRAMES : DIRECT_FRAMES;
  return ramFrames(options) + AREA_FRAMES + own + FRAME_0;
}

export class PvDomain implements Engine {
  readonly processor: Processor;
  readonly vcpu: ParaVcpu;
  readonly paging: ParaMemory;
  readonly traps = new TrapTable();
  readonly number: number;
  readonly #host: Host;
  readonly #devices: ProcessorHost;
  /** A UUID that says no more than the number of the VM. */
  readonly #handle = new Uint8Array(HANDLE_BYTES);
  #machine: Machine | undefined;
  #engine: ParaEngine | undefined;

  constructor(host: Host, options: ParaVmOptions, devices: ProcessorHost) {
    const { features = DEFAULT_FEATURES, seed = 1n } = options;
    this.#host = host;
    const routed = withGuestMemory(devices, () => this.paging.ram as GuestMemory);
    this.processor = host.createProcessor({ features, seed }, routed);
    this.number = host.takeNumber();
    this.#devices = devices;
    this.#handle[HANDLE_BYTES - 1] = this.number;
    this.vcpu = new ParaVcpu(this.processor);
    this.#powerOn();
    this.paging = this.#createMemory(options);
  }

  get memory(): PhysicalMemory {
    return this.paging.ram;
  }

  /**
   * Makes the domain's memory, and enters the kernel at the next run; gives the outside of its console. Throws a DomainError
   * if it cannot be.
   */
  boot(kernel: PvKernel, boot: DomainBoot, outside: DomainOutside): ConsoleRing {
    const { paging, processor, vcpu, traps } = this;
    const { memory } = processor;
    const { space, sharedInfo, frames, features } = paging;
    const { machine } = outside;
    const built = buildDomain(memory, {
      kernel,
      frames,
      features,
      storeEvtchn: STORE_PORT,
      consoleEvtchn: CONSOLE_PORT,
      ...(sharedInfo !== undefined && { sharedInfo }),
      ...boot,
    });
    this.#machine = machine;
    const pageOf = (frame: number): number => paging.machineFrame(frame) * PAGE_SIZE;
    const shared = new SharedInfo(memory, pageOf(built.shared.sharedInfo));
    const nmi = new Nmi(traps);
    const events = this.#createEvents(shared, nmi, outside);
    const console = this.#createConsole(events, pageOf(built.shared.console), outside);
    const state = new GuestState({
      vcpu,
      paging,
      traps,
      shared,
      devices: this.#devices,
      machineFrames: memory.size / PAGE_SIZE,
      assistChanged: (type, isEnabled) => paging.assistChanged(type, isEnabled),
    });
    const entry = new GuestEntry({
      vcpu,
      space,
      shared,
      traps,
      spaces: paging,
      privilege: state,
      returned: () => nmi.returned(),
      crash: (why) => this.end({ kind: 'crash', why }),
    });
    const calls = new Hypercalls();
    const multicalls = { space, call: calls.call.bind(calls) };
    calls.add({
      ...paging.calls,
      ...events.calls,
      ...state.calls,
      ...trapCalls({ space, traps, vcpu }),
      ...versionCalls({ space, features, handle: this.#handle }),
      ...consoleIoCalls({ space, write: outside.put }),
      ...multicallCalls(multicalls),
      iret: () => entry.iret(),
    });
    this.#engine = new ParaEngine({
      vcpu,
      entry,
      shared,
      state,
      nmi,
      calls,
      isAsleep: () => events.sleep.isAsleep,
      called: () => machine.timersChanged(),
      prepare: () => paging.prepare(),
      serve: (fault) => paging.serve(fault),
    });
    const result = paging.start(built.root, [built.shared.store, built.shared.console]);
    assert(result === 0, `the page tables of a new domain are refused: ${result}`);
    events.begin();
    this.#enter(built.entry);
    return console;
  }

  run(fuel: number): ExitReason {
    const engine = this.#engine;
    assert(engine !== undefined, 'a domain is booted before it runs');
    this.processor.enter();
    return this.#host.run(() => engine.run(fuel));
  }

  /** Ends the run. */
  end(end: RunEnd): void {
    this.#machine?.stop(end);
  }

  #createEvents(shared: SharedInfo, nmi: Nmi, { machine, startMs }: DomainOutside): Events {
    const { paging, number } = this;
    const { space } = paging;
    const events: Events = new Events({
      clock: machine.clock,
      shared,
      space,
      number,
      domains: this.#host,
      startMs,
      shareFrame: (frame) => paging.shareFrame(frame),
      sendNmi: () => {
        nmi.raise();
        events.sleep.wake();
      },
      ended: (reason) => this.end(endOf(reason)),
    });
    return events;
  }

  /** `page`: HPA. Nobody is at the other end of the store. */
  #createConsole(
    { channels, sleep }: Events,
    page: number,
    { machine, put }: DomainOutside,
  ): ConsoleRing {
    const store = channels.bindBackend(() => {});
    const port = channels.bindBackend(() => console.notified());
    assert(store.port === STORE_PORT && port.port === CONSOLE_PORT, 'the first ports');
    const console: ConsoleRing = new ConsoleRing({
      clock: machine.clock,
      memory: this.processor.memory,
      page,
      write: put,
      port,
      isHeard: () => sleep.isAsleep,
      wait: () => machine.stop({ kind: 'input' }),
    });
    return console;
  }

  #createMemory(options: ParaVmOptions): ParaMemory {
    const host = this.#host;
    const { processor, number } = this;
    const count = ramFrames(options);
    const area = new HypervisorArea(processor.memory, host.pool, processor.view);
    if (options.memory !== 'shadow') return new DirectMemory(host, number, processor, area, count);
    const frames = Array.from({ length: count }, () => host.pool.take(number));
    const ram = new GuestMemory(processor.memory, host.takeMap(count), frames);
    const { shadowFill: fill = 'lazy', shadowSync: sync = 'flush' } = options;
    const shadow = { limit: shadowPagesOf(options), fill, sync };
    return new ShadowMemory({ host, number, processor, ram, frames, area, options: shadow });
  }

  /** The registers that the guest never changes by itself. */
  #powerOn(): void {
    const { view } = this.processor;
    view.setU32('HOSTED', 1);
    view.setU64('CR0', CR0_PG_AM_WP_NE_ET_MP_PE);
    view.setU64('CR4', CR4_PAE_PCIDE);
    view.setU64('EFER', EFER_NXE_LMA_LME_SCE);
    view.setU64('SYSENTER_CS', BigInt(HOST_CODE));
    view.setU64('APIC_PAGE', NO_APIC);
    this.processor.stateChanged();
  }

  #enter({ rip, rsp, rsi, rflags, cs, ss }: DomainEntry): void {
    const { processor, vcpu } = this;
    const { view } = processor;
    const flat = { base: 0n, limit: 0xffff_ffff };
    view.setU32('CPL', 3);
    view.setSegment('cs', { ...flat, selector: cs, access: CODE64_ACCESS });
    view.setSegment('ss', { ...flat, selector: ss, access: DATA_ACCESS });
    for (const name of ['ds', 'es', 'fs', 'gs'] as const) {
      view.setSegment(name, { selector: FLAT.KERNEL_DS, base: 0n, limit: 0, access: UNUSABLE });
    }
    vcpu.gpr.fill(0n);
    vcpu.gpr[RSI] = rsi;
    vcpu.rip = rip;
    vcpu.rsp = rsp;
    vcpu.kernelStack = rsp;
    vcpu.rflags = rflags;
    processor.stateChanged();
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
