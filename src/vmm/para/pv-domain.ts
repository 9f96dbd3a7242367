/**
 * A PV domain: the engine of a VM under the technique `para`. It is made with its frames, connected to the machine whose clock
 * it uses, and booted with a kernel, which is when all that the kernel finds is made.
 */

import { assert } from '../../base/assert.ts';
import { UNUSABLE } from '../../machine/cpu-view.ts';
import { DEFAULT_FEATURES } from '../../machine/features.ts';
import type { ProcessorHost } from '../../machine/instance.ts';
import type { Engine, Machine } from '../../machine/machine.ts';
import type { PhysicalMemory } from '../../machine/memory.ts';
import type { ExitReason, Processor } from '../../machine/processor.ts';
import type { PvKernel } from '../../xen/pv-kernel.ts';
import { FLAT } from '../../xen/segments.ts';
import { Slice } from '../direct/slice.ts';
import { withGuestMemory } from '../emulated-memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import { GuestMemory } from '../guest-memory.ts';
import type { Host } from '../host.ts';
import { type ParaVmOptions, ramFrames, shadowPagesOf } from '../vm-options.ts';
import { buildDomain, type DomainEntry } from './build/domain-builder.ts';
import { DomainError } from './build/domain-error.ts';
import type { ConsoleRing } from './console-ring.ts';
import type { ExitListener } from './exits/para-exit-log.ts';
import { ParaVcpu } from './guest/para-vcpu.ts';
import { DIRECT_FRAMES, DirectMemory } from './memory/direct-memory.ts';
import { AREA_FRAMES, HOST_CODE, HypervisorArea } from './memory/hypervisor-area.ts';
import type { ParaMemory } from './memory/para-memory.ts';
import { ShadowMemory } from './memory/shadow-memory.ts';
import { COPY_FRAMES } from './memory/translated/descriptor-copies.ts';
import { CONSOLE_PORT, type DomainOutside, RunningDomain, STORE_PORT } from './running-domain.ts';
import { SharedInfo } from './shared-info.ts';

const CR0_PG_AM_WP_NE_ET_MP_PE = 0x8005_0033n;
const CR4_PAE_PCIDE = 0x2_0020n;
const EFER_NXE_LMA_LME_SCE = 0xd01n;
const CODE64_ACCESS = 0xa0fb;
const DATA_ACCESS = 0xc0f3;
const RSI = 6;
const NO_APIC = 0xffff_ffff_ffff_ffffn;

/** The machine's first frame is nobody's. */
const FRAME_0 = 1;

/** What a kernel is started with. */
export interface DomainBoot {
  readonly commandLine?: string;
  readonly module?: Uint8Array;
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
  readonly number: number;
  readonly #host: Host;
  readonly #devices: ProcessorHost;
  readonly #slice: Slice;
  readonly #exits: ExitListener | undefined;
  #machine: Machine | undefined;
  #running: RunningDomain | undefined;
  #sharedInfo = 0;
  #frameList = 0n;

  constructor(host: Host, options: ParaVmOptions, devices: ProcessorHost) {
    const { features = DEFAULT_FEATURES, seed = 1n } = options;
    this.#host = host;
    const routed = withGuestMemory(devices, () => this.paging.emulated);
    this.processor = host.createProcessor({ features, seed }, routed);
    this.number = host.takeNumber();
    this.#devices = devices;
    const { exits, name = `vm${this.number - 1}` } = options;
    this.#exits = exits && { ...exits, vm: name };
    this.vcpu = new ParaVcpu(this.processor);
    this.#powerOn();
    this.#slice = new Slice(options.sliceEntries);
    this.paging = this.#createMemory(options);
  }

  /** Instructions that the VMM has carried out in the guest's place. */
  get emulatedInstructions(): number {
    return this.#running?.engine.emulated ?? 0;
  }

  /** Kernel code of the guest runs. */
  get isKernel(): boolean {
    return this.vcpu.isKernel;
  }

  /** The shared info page, as the guest names frames. */
  get sharedInfo(): number {
    return this.#sharedInfo;
  }

  /** Virtual address of the list of frames that the kernel finds. */
  get frameList(): bigint {
    return this.#frameList;
  }

  get memory(): PhysicalMemory {
    return this.paging.ram;
  }

  /** The processor walks tables of the machine: the guest's own, or shadows. */
  get tableMemory(): PhysicalMemory {
    return this.processor.memory;
  }

  /** Exits to the VMM so far: hypercalls, faults, and SYSCALLs of programs. */
  get exits(): number {
    return this.#running?.engine.exits ?? 0;
  }

  /**
   * Makes the domain's memory, and enters the kernel at the next run; gives the outside of its console. Throws a DomainError
   * if it cannot be.
   */
  boot(kernel: PvKernel, boot: DomainBoot, outside: DomainOutside): ConsoleRing {
    const { paging, processor, vcpu } = this;
    const { memory } = processor;
    const { sharedInfo, frames, features } = paging;
    const { machine } = outside;
    if (!processor.features.has('syscall')) {
      throw new DomainError('FEATURE', 'hypercalls are SYSCALLs, which the processor has not');
    }
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
    this.#sharedInfo = built.shared.sharedInfo;
    this.#frameList = built.layout.p2m.va;
    const pageOf = (frame: number): number => paging.machineFrame(frame) * PAGE_SIZE;
    const shared = new SharedInfo(memory, pageOf(built.shared.sharedInfo));
    const running = new RunningDomain({
      ...outside,
      vcpu,
      paging,
      slice: this.#slice,
      shared,
      consolePage: pageOf(built.shared.console),
      number: this.number,
      domains: this.#host,
      devices: this.#devices,
      end: (end) => this.#machine?.stop(end),
      exits: this.#exits,
    });
    this.#running = running;
    const result = paging.start(built.root, [built.shared.store, built.shared.console]);
    assert(result === 0, `the page tables of a new domain are refused: ${result}`);
    running.events.begin();
    this.#enter(built.entry);
    return running.console;
  }

  run(fuel: number): ExitReason {
    const running = this.#running;
    assert(running !== undefined, 'a domain is booted before it runs');
    this.processor.enter();
    return this.#host.run(() => running.engine.run(fuel));
  }

  #createMemory(options: ParaVmOptions): ParaMemory {
    const host = this.#host;
    const { processor, number } = this;
    const slice = this.#slice;
    const count = ramFrames(options);
    const area = new HypervisorArea(processor.memory, host.pool, processor.view);
    if (options.memory !== 'shadow') {
      return new DirectMemory({ host, number, processor, area, count, slice });
    }
    const frames = host.takeMemory(number, count);
    const ram = new GuestMemory(processor.memory, host.takeMap(count), frames);
    const { shadowFill: fill = 'lazy', shadowSync: sync = 'flush' } = options;
    const shadow = { limit: shadowPagesOf(options), fill, sync };
    const parts = { host, number, processor, ram, frames, area, slice };
    return new ShadowMemory({ ...parts, options: shadow });
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
    vcpu.rflags = Number(rflags);
    processor.stateChanged();
  }
}
