/**
 * A virtual machine: the engine that a VMM gives a machine in place of a processor. The VMM owns the processor and
 * all frames (host.ts); the run loop, the clock and the devices are those of a bare machine.
 */

import { assert } from '../base/assert.ts';
import { checkVersion, type Versioned } from '../base/state.ts';
import { DEFAULT_FEATURES } from '../machine/features.ts';
import type { ProcessorHost } from '../machine/instance.ts';
import {
  checkRam,
  DEFAULT_RAM,
  type Engine,
  type EngineMaker,
  type LoopState,
  Machine,
} from '../machine/machine.ts';
import { nonZeroPages } from '../machine/memory.ts';
import type { ExitReason, Processor } from '../machine/processor.ts';
import { DescriptorViews } from './descriptor-views.ts';
import { DirectRunner } from './direct-runner.ts';
import { Emulator } from './emulator.ts';
import { ExitLog, type ExitSink, type HostTime } from './exits/exit-log.ts';
import { PAGE_SIZE } from './frames.ts';
import { GuestMemory } from './guest-memory.ts';
import { Host } from './host.ts';
import { HostProcessor } from './host-processor.ts';
import { HostStructures } from './host-structures.ts';
import { type CpuTechnique, Monitor } from './monitor.ts';
import type { PatchJumps } from './patch/code-copy.ts';
import { type PatchCounters, PatchedCode } from './patch/patched-code.ts';
import { Shadow, type ShadowFill, type ShadowSync } from './shadow/shadow.ts';
import { EXECUTE_ONLY } from './shadow/shadow-entries.ts';
import type { ViewName } from './shadow/shadow-page.ts';
import { Vcpu } from './vcpu.ts';

/** How a VM is made. */
export interface VmOptions {
  readonly cpu: CpuTechnique;
  /** What exits are told to be of; else vm0, vm1 and so on. */
  readonly name?: string;
  readonly ramBytes?: number;
  readonly features?: ReadonlySet<string>;
  readonly seed?: bigint;
  /** As of a machine. */
  readonly maxInstructions?: number;
  /** Under the technique `patch`. */
  readonly patchJumps?: PatchJumps;
  readonly shadowFill?: ShadowFill;
  readonly shadowSync?: ShadowSync;
  /** Most shadow pages that there are at a time; those of one address space must fit, or it is slow. */
  readonly shadowPages?: number;
  /** Hears of every exit; with the host's time for how long it took. */
  readonly exits?: { readonly sink: ExitSink; readonly now: HostTime };
}

/** A VM between two steps, without its devices: plain data. Which frames it had is not in it. */
export interface VmState extends Versioned {
  readonly loop: LoopState;
  readonly features: readonly string[];
  /** The block of the virtual processor. */
  readonly block: Uint8Array;
  /** The guest's memory by GPA. */
  readonly ram: Uint8Array;
}

const STATE_VERSION = 1;

/** Frames beside a VM's memory: those of the VMM and of its shadow pages. */
const VMM_FRAMES = 128;
const SHADOW_SHARE = 1 / 16;
const SHADOW_PAGES = 256;
/** The same for copies of code. */
const COPY_SHARE = 1 / 16;
const MIN_COPIES = 64;
const MAX_COPIES = 4096;

/** Bit 42 of an address that the processor asks its host about: a GPA (asm/mmu/guest-physical.ts). */
const EMULATED_HIGH = 1 << 10;

/** Of what the machine has, what its guests get: protection keys are the VMM's. */
export function guestFeatures(features: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...features].filter((name) => name !== 'pku'));
}

/** A VM: a machine as its guest sees it, and what the VMM knows of it. */
export interface VirtualMachine {
  readonly machine: Machine;
  readonly shadow: Shadow;
  /** Instructions that the guest has run directly so far. */
  readonly directInstructions: () => number;
  /** The VM but for its devices; not while a step runs. `ram` is a copy of the guest's memory, where there is one. */
  readonly save: (ram?: Uint8Array) => VmState;
  /** Under the technique `patch`. */
  readonly patch: PatchCounters | undefined;
}

/** What runs a VM's guest. */
export interface VirtualEngine extends Engine {
  readonly memory: GuestMemory;
  readonly shadow: Shadow;
}

/** Makes a VM on a machine of its own, to go on from `state` if there is one; throws as `createVirtualMachines`. */
export function createVirtualMachine(
  module: WebAssembly.Module,
  options: VmOptions,
  state?: VmState,
): VirtualMachine {
  if (state) checkVersion('a VM', state, STATE_VERSION);
  const saved = state && { features: new Set(state.features), ramBytes: state.ram.length };
  const all = { ...options, ...saved };
  return createOn(new Host(module, framesOf(all)), all, state);
}

/**
 * Makes VMs that share a machine. Each is a machine of its own to whoever uses it, and can be run by itself or by a
 * Scheduler. Throws a MachineError for a size that a VM cannot have, and a MemoryError or OutOfFrames if a machine cannot
 * hold them all.
 */
export function createVirtualMachines(
  module: WebAssembly.Module,
  vms: readonly VmOptions[],
): readonly VirtualMachine[] {
  const frames = vms.reduce((sum, options) => sum + framesOf(options), 0);
  const host = new Host(module, frames);
  return vms.map((options) => createOn(host, options));
}

/** A VM without the clock, the bus and the run loop of a machine: `devices` answer it. */
export function createEngine(
  host: Host,
  options: VmOptions,
  devices: ProcessorHost,
): VirtualEngine {
  return new Hypervisor(host, options, devices);
}

function createOn(host: Host, options: VmOptions, state?: VmState): VirtualMachine {
  let hypervisor: Hypervisor | undefined;
  const engine: EngineMaker = (devices) => {
    hypervisor = new Hypervisor(host, options, devices);
    if (state) hypervisor.load(state);
    return hypervisor;
  };
  const machine = new Machine(engine, options, state?.loop);
  assert(hypervisor !== undefined, 'a machine makes its engine');
  const { shadow, processor, memory, directInstructions } = hypervisor;
  const save = (ram = memory.read(0, memory.size)): VmState => ({
    version: STATE_VERSION,
    loop: machine.saveLoop(),
    features: [...processor.features],
    block: processor.saveBlock(),
    ram,
  });
  const patch = hypervisor.patched?.counters;
  return { machine, shadow, directInstructions, save, patch };
}

const ramFrames = ({ ramBytes = DEFAULT_RAM }: VmOptions): number => checkRam(ramBytes) / PAGE_SIZE;

const shadowPagesOf = (options: VmOptions): number =>
  options.shadowPages ?? Math.max(SHADOW_PAGES, Math.ceil(ramFrames(options) * SHADOW_SHARE));

/** How many copies of code a VM may have. */
function copiesOf(options: VmOptions): number {
  if (options.cpu !== 'patch') return 0;
  const share = Math.ceil(ramFrames(options) * COPY_SHARE);
  return Math.min(Math.max(MIN_COPIES, share), MAX_COPIES);
}

/** Frames of the machine that a VM may come to need. */
export function framesOf(options: VmOptions): number {
  return ramFrames(options) + VMM_FRAMES + shadowPagesOf(options) + copiesOf(options);
}

class Hypervisor implements VirtualEngine {
  readonly processor: Processor;
  readonly memory: GuestMemory;
  readonly shadow: Shadow;
  readonly directInstructions: () => number;
  readonly patched: PatchedCode | undefined;
  readonly #host: Host;
  readonly #monitor: Monitor;
  readonly #log: ExitLog | undefined;

  constructor(host: Host, options: VmOptions, devices: ProcessorHost) {
    this.#host = host;
    const { pool } = host;
    const frames = ramFrames(options);
    const isPatched = options.cpu === 'patch';
    const features = guestFeatures(options.features ?? DEFAULT_FEATURES);
    const identity = { features, seed: options.seed ?? 1n };
    const own = options.exits === undefined ? devices : this.#tellLog(devices);
    this.processor = host.createProcessor(identity, this.#route(own));
    const { view, memory } = this.processor;
    const map = host.takeMap(frames);
    const number = host.takeNumber();
    this.memory = new GuestMemory(
      memory,
      map,
      Array.from({ length: frames }, () => pool.take(number)),
    );
    const structures = new HostStructures(memory, pool);
    this.shadow = new Shadow(this.memory, memory, pool, {
      vmmTable: structures.table,
      limit: shadowPagesOf(options),
      fill: options.shadowFill ?? 'lazy',
      sync: options.shadowSync ?? 'flush',
    });
    const { shadow } = this;
    const vcpu = new Vcpu(this.processor);
    const descriptors = new DescriptorViews(this.memory, structures, shadow);
    const processorOf = (name: ViewName): HostProcessor => {
      const pkru = isPatched && name === 'kernel' ? EXECUTE_ONLY : 0;
      return new HostProcessor(vcpu, name, descriptors, host.takeBlock(), host.pcids, pkru);
    };
    const hosts = { kernel: processorOf('kernel'), user: processorOf('user') };
    hosts.kernel.initialize();
    hosts.user.initialize();
    view.setU32('GUEST_MAP', map.byteOffset);
    view.setU32('GUEST_FRAMES', frames);
    this.processor.stateChanged();
    const { exits } = options;
    const name = options.name ?? `vm${number - 1}`;
    const log = exits && new ExitLog(name, vcpu, this.memory, exits.sink, exits.now);
    this.#log = log;
    if (isPatched) {
      const copies = copiesOf(options);
      this.patched = new PatchedCode(
        vcpu,
        this.memory,
        memory,
        pool,
        shadow,
        copies,
        options.patchJumps ?? 'any',
      );
    }
    const direct = new DirectRunner(vcpu, hosts, shadow, descriptors, this.patched, log);
    this.directInstructions = () => direct.instructions;
    this.#monitor = new Monitor(options.cpu, vcpu, new Emulator(vcpu, shadow), direct, log);
  }

  /**
   * Takes over a saved virtual processor and memory. Shadows, translations and the like are made anew, as after a
   * flush of everything, which a processor may do at any time.
   */
  load({ block, ram }: VmState): void {
    this.processor.loadBlock(block);
    for (const at of nonZeroPages(ram)) this.memory.write(at, ram.subarray(at, at + PAGE_SIZE));
  }

  run(fuel: number): ExitReason {
    this.processor.enter();
    return this.#host.run(() => this.#monitor.run(fuel));
  }

  /** Devices whose answers the log of exits hears of. */
  #tellLog(devices: ProcessorHost): ProcessorHost {
    const tell = (
      to: 'port' | 'mmio',
      access: 'read' | 'write',
      address: number,
      size: number,
      value: number,
    ): void => this.#log?.forwarded({ kind: 'forwarded', to, access, address, size, value });
    return {
      ...devices,
      portRead: (port, size) => {
        const value = devices.portRead(port, size);
        tell('port', 'read', port, size, value);
        return value;
      },
      portWrite: (port, size, value) => {
        tell('port', 'write', port, size, value);
        devices.portWrite(port, size, value);
      },
      memoryRead: (high, low, size) => {
        const value = devices.memoryRead(high, low, size);
        tell('mmio', 'read', this.#gpaOf(high, low), size, value);
        return value;
      },
      memoryWrite: (high, low, size, value) => {
        tell('mmio', 'write', this.#gpaOf(high, low), size, value);
        devices.memoryWrite(high, low, size, value);
      },
      interruptAcknowledge: () => {
        const vector = devices.interruptAcknowledge();
        this.#log?.acknowledged(vector);
        return vector;
      },
    };
  }

  /** Where the guest sees what the processor asks for; its local APIC has an address of its own there. */
  #gpaOf(high: number, low: number): number {
    const address = high * 2 ** 32 + low;
    const apic = this.processor.view.layout('LOCAL_APIC');
    if (address < apic) return address;
    return address - apic + Number(this.processor.apicBase & ~0xfffn);
  }

  /** Answers the processor: for what is not RAM the VM's devices, for watched frames the VM's memory. */
  #route(devices: ProcessorHost): ProcessorHost {
    return {
      ...devices,
      memoryRead: (high, low, size) => {
        if ((high & EMULATED_HIGH) === 0) return devices.memoryRead(high, low, size);
        const upper = high & ~EMULATED_HIGH;
        if (upper === 0 && low + size <= this.memory.size) {
          return this.memory.load(low, size);
        }
        return devices.memoryRead(upper, low, size);
      },
      memoryWrite: (high, low, size, value) => {
        if ((high & EMULATED_HIGH) === 0) {
          devices.memoryWrite(high, low, size, value);
          return;
        }
        const upper = high & ~EMULATED_HIGH;
        if (upper === 0 && low + size <= this.memory.size) {
          this.memory.store(low, size, value);
        } else devices.memoryWrite(upper, low, size, value);
      },
    };
  }
}
