/**
 * Virtual machines: each has an engine that a VMM gives a machine in place of a processor. The VMM owns the processor and all
 * frames (host.ts); the run loop, the clock and the devices are those of a bare machine.
 */

import { assert } from '../base/assert.ts';
import { checkVersion, type Versioned } from '../base/state.ts';
import type { ProcessorHost } from '../machine/instance.ts';
import { type Engine, type LoopState, Machine } from '../machine/machine.ts';
import type { DirectCounters } from './direct/counters.ts';
import { framesOfMachineToPhys } from './direct/machine-to-phys.ts';
import { FullEngine, framesOfFull } from './full-engine.ts';
import { Host, type HostOptions } from './host.ts';
import { framesOfDomain, PvDomain } from './para/pv-domain.ts';
import type { PatchCounters } from './patch/patched-code.ts';
import type { Shadow } from './shadow/shadow.ts';
import type { FullVmOptions, ParaVmOptions, VmOptions } from './vm-options.ts';

/** A VM of the techniques that change no guest, between two steps, without its devices: plain data. Which frames it had is not in it. */
export interface VmState extends Versioned {
  readonly loop: LoopState;
  readonly features: readonly string[];
  /** The block of the virtual processor. */
  readonly block: Uint8Array;
  /** The guest's memory by GPA. */
  readonly ram: Uint8Array;
}

const STATE_VERSION = 1;

/** A VM: a machine as its guest sees it, and what the VMM knows of it. */
export interface VirtualMachine {
  readonly machine: Machine;
  /** Instructions that the guest has run directly so far. */
  readonly directInstructions: () => number;
  /** Where the guest's page tables are not those that the processor walks. */
  readonly shadow: Shadow | undefined;
  /** Under the technique `patch`. */
  readonly patch: PatchCounters | undefined;
  /** Under direct paging. */
  readonly direct: DirectCounters | undefined;
  /** Under the technique `para`: it is booted by this, and talks by its console. */
  readonly domain: PvDomain | undefined;
}

export interface FullVirtualMachine extends VirtualMachine {
  readonly shadow: Shadow;
  readonly domain: undefined;
  /** The VM but for its devices; not while a step runs. `ram` is a copy of the guest's memory, where there is one. */
  readonly save: (ram?: Uint8Array) => VmState;
}

export interface ParaVirtualMachine extends VirtualMachine {
  readonly domain: PvDomain;
}

/** What a VM with such options is. */
export type VmOf<T extends VmOptions> = T extends FullVmOptions
  ? FullVirtualMachine
  : T extends ParaVmOptions
    ? ParaVirtualMachine
    : VirtualMachine;

/** Makes a VM on a machine of its own, to go on from `state` if there is one; throws as `createVirtualMachines`. */
export function createVirtualMachine(
  module: WebAssembly.Module,
  options: FullVmOptions & HostOptions,
  state?: VmState,
): FullVirtualMachine {
  if (state) checkVersion('a VM', state, STATE_VERSION);
  const saved = state && { features: new Set(state.features), ramBytes: state.ram.length };
  const all = { ...options, ...saved };
  return createFull(new Host(module, framesOfFull(all), all), all, state);
}

/**
 * Makes VMs that share a machine. Each is a machine of its own to whoever uses it, and can be run by itself or by a
 * Scheduler. Throws a MachineError for a size that a VM cannot have, and a MemoryError or OutOfFrames if a machine cannot
 * hold them all.
 */
export function createVirtualMachines<T extends VmOptions>(
  module: WebAssembly.Module,
  vms: readonly T[],
  options: HostOptions = {},
): readonly VmOf<T>[] {
  const host = new Host(module, framesOfAll(vms), options);
  const create = (vm: VmOptions): VirtualMachine =>
    vm.cpu === 'para' ? createPara(host, vm) : createFull(host, vm);
  return vms.map((vm) => create(vm) as VmOf<T>);
}

function framesOfAll(vms: readonly VmOptions[]): number {
  const frames = vms.reduce((sum, options) => sum + framesOf(options), 0);
  const isDirect = vms.some((vm) => vm.cpu === 'para' && vm.memory !== 'shadow');
  return isDirect ? frames + framesOfMachineToPhys(frames + Math.ceil(frames / 256) + 8) : frames;
}

function framesOf(options: VmOptions): number {
  return options.cpu === 'para' ? framesOfDomain(options) : framesOfFull(options);
}

function createFull(host: Host, options: FullVmOptions, state?: VmState): FullVirtualMachine {
  const { machine, engine } = createMachine(
    (devices) => {
      const made = new FullEngine(host, options, devices);
      if (state) made.load(state.block, state.ram);
      return made;
    },
    options,
    state?.loop,
  );
  const { shadow, processor, memory, directInstructions } = engine;
  const save = (ram = memory.read(0, memory.size)): VmState => ({
    version: STATE_VERSION,
    loop: machine.saveLoop(),
    features: [...processor.features],
    block: processor.saveBlock(),
    ram,
  });
  const patch = engine.patched?.counters;
  return { machine, shadow, directInstructions, save, patch, direct: undefined, domain: undefined };
}

function createPara(host: Host, options: ParaVmOptions): ParaVirtualMachine {
  const { machine, engine } = createMachine(
    (devices) => new PvDomain(host, options, devices),
    options,
  );
  const { shadow, direct } = engine.paging;
  const directInstructions = (): number =>
    Number(machine.instructions) - engine.emulatedInstructions;
  return { machine, directInstructions, shadow, direct, patch: undefined, domain: engine };
}

/** A machine, with the engine that it has made. */
function createMachine<E extends Engine>(
  make: (devices: ProcessorHost) => E,
  options: VmOptions,
  loop?: LoopState,
): { readonly machine: Machine; readonly engine: E } {
  let engine: E | undefined;
  const machine = new Machine(
    (devices) => {
      engine = make(devices);
      return engine;
    },
    options,
    loop,
  );
  assert(engine !== undefined, 'a machine makes its engine');
  return { machine, engine };
}
