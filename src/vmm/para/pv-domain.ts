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
import type { PvKernel } from '../../xen/pv-kernel.ts';
import { SHUTDOWN } from '../../xen/sched.ts';
import { FLAT } from '../../xen/segments.ts';
import { withGuestMemory } from '../emulated-memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import { GuestMemory } from '../guest-memory.ts';
import type { Host } from '../host.ts';
import { type ParaVmOptions, ramFrames, shadowPagesOf } from '../vm-options.ts';
import { DIRECT_FRAMES, DirectMemory } from './direct-memory.ts';
import { type BuiltDomain, buildDomain, type DomainEntry } from './domain-builder.ts';
import { Events } from './events.ts';
import { GuestEntry } from './guest-entry.ts';
import type { HypercallTable } from './hypercall.ts';
import { trapCalls } from './hypercalls/trap-calls.ts';
import { AREA_FRAMES, HOST_CODE, HypervisorArea } from './hypervisor-area.ts';
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
  /** Calls that need more than the domain, made once it is built. */
  readonly calls: (domain: PvDomain, built: BuiltDomain, events: Events) => HypercallTable;
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
  #machine: Machine | undefined;
  #engine: ParaEngine | undefined;

  constructor(host: Host, options: ParaVmOptions, devices: ProcessorHost) {
    const { features = DEFAULT_FEATURES, seed = 1n } = options;
    this.#host = host;
    const routed = withGuestMemory(devices, () => this.paging.ram as GuestMemory);
    this.processor = host.createProcessor({ features, seed }, routed);
    this.number = host.takeNumber();
    this.vcpu = new ParaVcpu(this.processor);
    this.#powerOn();
    this.paging = this.#createMemory(options);
  }

  get memory(): PhysicalMemory {
    return this.paging.ram;
  }

  /** Makes the domain's memory and enters the kernel at the next run; throws a DomainError if it cannot be. */
  boot(kernel: PvKernel, boot: DomainBoot, { machine, startMs, calls }: DomainOutside): void {
    const { paging, processor, vcpu, traps, number } = this;
    const { memory } = processor;
    const { space, sharedInfo, frames, features } = paging;
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
    const sharedFrame = paging.machineFrame(built.shared.sharedInfo);
    const shared = new SharedInfo(memory, sharedFrame * PAGE_SIZE);
    const entry = new GuestEntry({
      vcpu,
      space,
      shared,
      traps,
      spaces: paging,
      crash: (why) => this.end({ kind: 'crash', why }),
    });
    const events = new Events({
      clock: machine.clock,
      shared,
      space,
      number,
      domains: this.#host,
      startMs,
      shareFrame: (frame) => paging.shareFrame(frame),
      sendNmi: () => {},
      ended: (reason) => this.end(endOf(reason)),
    });
    this.#engine = new ParaEngine({
      vcpu,
      entry,
      shared,
      calls: {
        ...paging.calls,
        ...trapCalls({ space, traps, vcpu }),
        ...events.calls,
        ...calls(this, built, events),
      },
      isAsleep: () => events.sleep.isAsleep,
      takeNmi: () => false,
      prepare: () => paging.prepare(),
      serve: (fault) => paging.serve(fault),
    });
    const result = paging.start(built.root);
    assert(result === 0, `the page tables of a new domain are refused: ${result}`);
    this.#enter(built.entry);
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
