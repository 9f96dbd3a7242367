/**
 * The engine of a VM whose guest is not changed: the VMM runs its kernel by one of the techniques interpret, trap and patch, under
 * shadow page tables.
 */

import { DEFAULT_FEATURES } from '../machine/features.ts';
import type { ProcessorHost } from '../machine/instance.ts';
import type { Engine } from '../machine/machine.ts';
import { nonZeroPages } from '../machine/memory.ts';
import type { ExitReason, Processor } from '../machine/processor.ts';
import { DescriptorViews } from './descriptor-views.ts';
import { DirectRunner } from './direct-runner.ts';
import { withGuestMemory } from './emulated-memory.ts';
import { Emulator } from './emulator.ts';
import { FullExitLog } from './exits/full-exit-log.ts';
import { withLoggedPorts } from './exits/logged-ports.ts';
import { PAGE_SIZE } from './frames.ts';
import { GuestMemory } from './guest-memory.ts';
import type { Host } from './host.ts';
import { HostProcessor } from './host-processor.ts';
import { HostStructures } from './host-structures.ts';
import { Monitor } from './monitor.ts';
import { PatchedCode } from './patch/patched-code.ts';
import { Shadow } from './shadow/shadow.ts';
import { EXECUTE_ONLY } from './shadow/shadow-entries.ts';
import type { ViewName } from './shadow/shadow-page.ts';
import { Vcpu } from './vcpu.ts';
import { type FullVmOptions, ramFrames, shadowPagesOf } from './vm-options.ts';

/** Frames beside a VM's memory and its shadow pages. */
const VMM_FRAMES = 128;
/** How many copies of code a VM may have, as a share of its memory. */
const COPY_SHARE = 1 / 16;
const MIN_COPIES = 64;
const MAX_COPIES = 4096;

/** Of what the machine has, what its guests get: protection keys are the VMM's. */
export function guestFeatures(features: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...features].filter((name) => name !== 'pku'));
}

/** Frames of the machine that such a VM may come to need. */
export function framesOfFull(options: FullVmOptions): number {
  return ramFrames(options) + VMM_FRAMES + shadowPagesOf(options) + copiesOf(options);
}

/** How many copies of code a VM may have. */
function copiesOf(options: FullVmOptions): number {
  if (options.cpu !== 'patch') return 0;
  const share = Math.ceil(ramFrames(options) * COPY_SHARE);
  return Math.min(Math.max(MIN_COPIES, share), MAX_COPIES);
}

export class FullEngine implements Engine {
  readonly processor: Processor;
  readonly memory: GuestMemory;
  readonly shadow: Shadow;
  readonly directInstructions: () => number;
  readonly patched: PatchedCode | undefined;
  readonly #host: Host;
  readonly #monitor: Monitor;
  readonly #log: FullExitLog | undefined;

  constructor(host: Host, options: FullVmOptions, devices: ProcessorHost) {
    this.#host = host;
    const { pool } = host;
    const frames = ramFrames(options);
    const isPatched = options.cpu === 'patch';
    const features = guestFeatures(options.features ?? DEFAULT_FEATURES);
    const identity = { features, seed: options.seed ?? 1n };
    const own = options.exits === undefined ? devices : this.#tellLog(devices);
    this.processor = host.createProcessor(
      identity,
      withGuestMemory(own, () => this.memory),
    );
    const { view, memory } = this.processor;
    const map = host.takeMap(frames);
    const number = host.takeNumber();
    this.memory = new GuestMemory(memory, map, host.takeMemory(number, frames));
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
    const log = exits && new FullExitLog(name, vcpu, this.memory, exits.sink, exits.now);
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
  load(block: Uint8Array, ram: Uint8Array): void {
    this.processor.loadBlock(block);
    for (const at of nonZeroPages(ram)) this.memory.write(at, ram.subarray(at, at + PAGE_SIZE));
  }

  run(fuel: number): ExitReason {
    this.processor.enter();
    return this.#host.run(() => this.#monitor.run(fuel));
  }

  /** Devices whose answers the log of exits hears of. */
  #tellLog(devices: ProcessorHost): ProcessorHost {
    const tell = (access: 'read' | 'write', address: number, size: number, value: number): void =>
      this.#log?.forwarded({ kind: 'forwarded', to: 'mmio', access, address, size, value });
    return {
      ...withLoggedPorts(devices, (action) => this.#log?.forwarded(action)),
      memoryRead: (high, low, size) => {
        const value = devices.memoryRead(high, low, size);
        tell('read', this.#gpaOf(high, low), size, value);
        return value;
      },
      memoryWrite: (high, low, size, value) => {
        tell('write', this.#gpaOf(high, low), size, value);
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
}
