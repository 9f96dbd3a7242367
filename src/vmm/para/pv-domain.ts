/**
 * A PV domain: the engine of a VM under the technique `para`. It is made with its frames, connected to the machine whose clock it
 * uses, and booted with a kernel.
 */

import { assert } from '../../base/assert.ts';
import { DEFAULT_FEATURES } from '../../machine/features.ts';
import type { ProcessorHost } from '../../machine/instance.ts';
import type { Engine, Machine, RunEnd } from '../../machine/machine.ts';
import type { ExitReason, Processor } from '../../machine/processor.ts';
import { featureMask } from '../../xen/features.ts';
import type { PvKernel } from '../../xen/pv-kernel.ts';
import { FLAT } from '../../xen/segments.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../frames.ts';
import type { Host } from '../host.ts';
import { DirectMemory } from './direct-memory.ts';
import { buildDomain, type DomainEntry } from './domain-builder.ts';
import { DomainRam } from './domain-ram.ts';
import { GuestEntry } from './guest-entry.ts';
import type { HypercallTable } from './hypercall.ts';
import { trapCalls } from './hypercalls/trap-calls.ts';
import {
  GDT_BASE,
  HOST_CODE,
  HOST_TSS,
  HypervisorArea,
  IDT_BASE,
  IDT_LIMIT,
  TSS_BASE,
} from './hypervisor-area.ts';
import { ParaEngine } from './para-engine.ts';
import type { ParaMemory } from './para-memory.ts';
import { ParaVcpu } from './para-vcpu.ts';
import { SharedInfo } from './shared-info.ts';
import { TrapTable } from './trap-table.ts';

const CR0_PG_AM_WP_NE_ET_MP_PE = 0x8005_0033n;
const CR4_PAE_PCIDE = 0x2_0020n;
const EFER_NXE_LMA_LME_SCE = 0xd01n;
const TSS_ACCESS = 0x8b;
const CODE64_ACCESS = 0xa0fb;
const DATA_ACCESS = 0xc0f3;
const UNUSABLE = 1 << 16;
const RSI = 6;
const NO_APIC = 0xffff_ffff_ffff_ffffn;

/** What a kernel is started with. */
export interface DomainBoot {
  readonly commandLine?: string;
  readonly module?: Uint8Array;
}

export interface PvDomainOptions {
  readonly features?: ReadonlySet<string>;
  readonly seed?: bigint;
  /** Frames of memory at the beginning. */
  readonly frames: number;
}

export class PvDomain implements Engine {
  readonly processor: Processor;
  readonly memory: DomainRam;
  readonly vcpu: ParaVcpu;
  readonly paging: ParaMemory;
  readonly traps = new TrapTable();
  readonly entry: GuestEntry;
  readonly shared: SharedInfo;
  readonly number: number;
  readonly #host: Host;
  readonly #frames: readonly number[];
  #machine: Machine | undefined;
  #engine: ParaEngine | undefined;

  constructor(host: Host, options: PvDomainOptions, devices: ProcessorHost) {
    const { pool } = host;
    const { features = DEFAULT_FEATURES, seed = 1n } = options;
    this.#host = host;
    this.processor = host.createProcessor({ features, seed }, devices);
    const { memory } = this.processor;
    this.number = host.takeNumber();
    const { number } = this;
    this.#frames = Array.from({ length: options.frames }, () => pool.take(number));
    this.memory = new DomainRam(memory, options.frames, (pfn) => {
      const frame = this.#frames[pfn];
      return frame !== undefined && pool.ownerOf(frame) === number ? frame : undefined;
    });
    this.vcpu = new ParaVcpu(this.processor);
    const area = new HypervisorArea(memory, pool);
    this.#powerOn();
    const direct = new DirectMemory(host, number, this.processor, area);
    this.paging = direct;
    const shared = pool.take(number);
    host.directPaging().frames.share(shared);
    this.shared = new SharedInfo(memory, shared * PAGE_SIZE);
    this.entry = new GuestEntry({
      vcpu: this.vcpu,
      space: direct.space,
      shared: () => this.shared,
      traps: this.traps,
      spaces: direct,
      crash: (why) => this.end({ kind: 'crash', why }),
    });
  }

  /** The machine that it is the engine of. */
  connect(machine: Machine, calls: HypercallTable): void {
    this.#machine = machine;
    this.#engine = new ParaEngine({
      vcpu: this.vcpu,
      entry: this.entry,
      shared: () => this.shared,
      calls: {
        ...this.paging.calls,
        ...trapCalls({ space: this.paging.space, traps: this.traps, vcpu: this.vcpu }),
        ...calls,
      },
      isAsleep: () => false,
      takeNmi: () => false,
      serve: (fault) => this.paging.serve(fault),
    });
  }

  boot(kernel: PvKernel, { commandLine, module }: DomainBoot = {}): void {
    const { machineToPhys } = this.#host.directPaging();
    const { memory } = this.processor;
    const built = buildDomain(memory, {
      kernel,
      frames: this.#frames,
      features: featureMask(['mmu_pt_update_preserve_ad', 'pae_pgdir_above_4gb']),
      sharedInfo: this.shared.hpa >>> PAGE_SHIFT,
      storeEvtchn: 1,
      consoleEvtchn: 2,
      ...(commandLine !== undefined && { commandLine }),
      ...(module !== undefined && { module }),
    });
    for (const [pfn, frame] of this.#frames.entries()) machineToPhys.set(frame, BigInt(pfn));
    const result = this.paging.start(built.root);
    assert(result === 0, `the page tables of a new domain are refused: ${result}`);
    this.#enter(built.entry);
  }

  run(fuel: number): ExitReason {
    const engine = this.#engine;
    assert(engine !== undefined, 'a domain is connected before it runs');
    this.processor.enter();
    return this.#host.run(() => engine.run(fuel));
  }

  /** Ends the run. */
  end(end: RunEnd): void {
    this.#machine?.stop(end);
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
    view.setU64('IDTR_BASE', IDT_BASE);
    view.setU32('IDTR_LIMIT', IDT_LIMIT);
    view.setU64('GDTR_BASE', GDT_BASE);
    view.setU32('GDTR_LIMIT', 0xffff);
    view.setSegment('tr', { selector: HOST_TSS, base: TSS_BASE, limit: 0x67, access: TSS_ACCESS });
    view.setSegment('ldtr', { selector: 0, base: 0n, limit: 0, access: UNUSABLE });
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
