/**
 * A processor: its registers, and what can be done with it. It knows no device; what it needs from outside it asks of
 * the `ProcessorHost` of its instance of the core.
 */

import { assert } from '../base/assert.ts';
import { checkVersion, type Versioned } from '../base/state.ts';
import type { CpuView } from './cpu-view.ts';
import type { Dram, DramState } from './dram/dram.ts';
import { cpuidTable, featureMask, platformInfo } from './features.ts';
import {
  Instance,
  type InstanceOptions,
  type ProcessorExports,
  type ProcessorHost,
} from './instance.ts';
import { type MachineMemory, nonZeroPages, PAGE_BYTES } from './memory.ts';

/** What tells processors apart that share an instance. */
export interface ProcessorIdentity {
  readonly features: ReadonlySet<string>;
  /** Seed of RDRAND and RDSEED. */
  readonly seed: bigint;
}

export interface ProcessorOptions extends InstanceOptions, ProcessorIdentity {}

/**
 * A processor between two runs: copies of its parts of linear memory (asm/layout.ts), so a state fits builds
 * with the same layout only. Decoded code is not in it: it is decoded again.
 */
export interface ProcessorState extends Versioned {
  /** [PROCESSOR, PROCESSOR + PROCESSOR_BYTES): registers, counters, time. */
  readonly block: Uint8Array;
  /** [CACHES, CACHES + CACHES_BYTES): what the tags of the TLBs mean. */
  readonly caches: Uint8Array;
  /** [VMCS, VMCS + VMCS_BYTES): the VMCS that is current. */
  readonly vmcs: Uint8Array;
  /** The TLBs: entries that the guest has not invalidated yet may differ from its page tables. */
  readonly tlbs: Uint8Array;
  /** A byte of FRAME_ flags for each frame of RAM. */
  readonly frames: Uint8Array;
  readonly ram: Uint8Array;
  readonly dram?: DramState;
}

const STATE_VERSION = 12;

/** Why `run` came back (ExitReason in asm/cpu/event.ts). */
export const EXIT_REASONS = [
  'fuel',
  'halt',
  'request',
  'shutdown',
  'event',
  'syscall',
  'sysenter',
  'callGate',
  'absent',
  'vmExit',
] as const;
export type ExitReason = (typeof EXIT_REASONS)[number];

/** Modes that a guest can ask for and this processor does not have (Absent in asm/cpu/event.ts, from 1). */
export const ABSENT_MODES = ['real mode', 'virtual-8086 mode', 'a hardware task switch'] as const;
export type AbsentMode = (typeof ABSENT_MODES)[number];

/** How a direct run of a guest ended. */
export interface DirectResult {
  /** 'refused': the guest's segments cannot be had through the host's tables, and nothing has run. */
  readonly reason: ExitReason | 'refused';
  /** Bit n: the guest has loaded segment register n of SEGMENT_NAMES, and the host's block has it. */
  readonly loaded: number;
}

const FRAME_SIZE = 4096;

/** u64 each: the size of machine RAM; where the map of a guest's memory is, and its size. */
const RAM_PLACES = ['RAM_BYTES', 'GUEST_MAP'];

export class Processor {
  readonly memory: MachineMemory;
  readonly features: ReadonlySet<string>;
  readonly #instance: Instance;
  readonly #enter: () => void;

  /**
   * A processor in its power-up state. One that shares its instance with others has `enter`, which puts its
   * block in place: everything that touches its registers goes through it.
   */
  constructor(instance: Instance, identity: ProcessorIdentity, enter: () => void = () => {}) {
    this.#instance = instance;
    this.#enter = enter;
    this.memory = instance.memory;
    this.features = identity.features;
    this.#writeIdentity(identity);
    this.#exports.reset();
  }

  /** A processor with an instance of its own. */
  static create(
    module: WebAssembly.Module,
    options: ProcessorOptions,
    host: ProcessorHost,
  ): Processor {
    return new Processor(new Instance(module, options, host), options);
  }

  /** What its memory is made of, where the machine was made with `dram`. */
  get dram(): Dram | undefined {
    return this.#instance.dram;
  }

  /** Puts its block in place, for who has a view of it already. */
  enter(): void {
    this.#enter();
  }

  /** Its registers. Of processors that share an instance, a view is good until another one is looked at. */
  get view(): CpuView {
    this.#enter();
    return this.#instance.view;
  }

  get #exports(): ProcessorExports {
    this.#enter();
    return this.#instance.exports;
  }

  /** Copies of all state; not while `run` runs. `ram` is a copy of RAM as it is, where there is one already. */
  save(ram: Uint8Array = this.memory.bytes.slice()): ProcessorState {
    const { block, caches, vmcs, tlbs, frames } = this.#parts();
    return {
      version: STATE_VERSION,
      block: block.slice(),
      caches: caches.slice(),
      vmcs: vmcs.slice(),
      tlbs: tlbs.slice(),
      frames: frames.slice(),
      ram,
      ...(this.dram && { dram: this.dram.save() }),
    };
  }

  /** A copy of the processor's block alone: of what a guest can see all but memory, and nothing that is cached. */
  saveBlock(): Uint8Array {
    return this.#parts().block.slice();
  }

  /**
   * Takes over what `saveBlock` gave on a processor of the same kind, and forgets all translations. Where RAM lies is this
   * one's affair.
   */
  loadBlock(saved: Uint8Array): void {
    const { block } = this.#parts();
    assert(saved.length === block.length, 'the layout of a saved processor');
    const places = RAM_PLACES.map((name) => this.view.u64(name));
    block.set(saved);
    RAM_PLACES.forEach((name, n) => {
      this.view.setU64(name, places[n] ?? 0n);
    });
    this.stateChanged();
  }

  /** A processor that goes on from `state`; `options` are those of the saved one. */
  static restore(
    module: WebAssembly.Module,
    options: ProcessorOptions,
    host: ProcessorHost,
    state: ProcessorState,
  ): Processor {
    checkVersion('the processor', state, STATE_VERSION);
    const dram = state.dram && { dram: state.dram.options };
    const processor = Processor.create(module, { ...options, ...dram }, host);
    if (state.dram) processor.#instance.restoreDram(state.dram);
    const { block, caches, vmcs, tlbs, frames } = processor.#parts();
    assert(state.block.length === block.length, 'the layout of a saved processor');
    block.set(state.block);
    caches.set(state.caches);
    vmcs.set(state.vmcs);
    tlbs.set(state.tlbs);
    const code = processor.view.layout('FRAME_CODE_BIT');
    const aliased = processor.view.layout('FRAME_ALIASED');
    // Which entry of the TLB has a frame is not saved.
    state.frames.forEach((flags, n) => {
      frames[n] = (flags & ~code) | aliased;
    });
    for (const at of nonZeroPages(state.ram)) {
      processor.memory.bytes.set(state.ram.subarray(at, at + PAGE_BYTES), at);
    }
    processor.#exports.tablesChanged();
    return processor;
  }

  #parts(): Record<'block' | 'caches' | 'vmcs' | 'tlbs' | 'frames', Uint8Array> {
    const { layout, data } = this.view;
    const part = (name: string, length: number): Uint8Array =>
      new Uint8Array(data.buffer, layout(name), length);
    return {
      block: part('PROCESSOR', layout('PROCESSOR_BYTES')),
      caches: part('CACHES', layout('CACHES_BYTES')),
      vmcs: part('VMCS', layout('VMCS_BYTES')),
      tlbs: part('TLB_READ', layout('TLB_END') - layout('TLB_READ')),
      frames: part('FRAME_FLAGS', this.memory.size / FRAME_SIZE),
    };
  }

  /** Runs at most `fuel` instructions (to 2^30; with 0, only what is due is delivered). */
  run(fuel: number): ExitReason {
    const reason = EXIT_REASONS[this.#exports.run(fuel)];
    assert(reason !== undefined, 'exit reason');
    return reason;
  }

  /** What the guest has asked for when `run` gives `absent`. */
  get absentMode(): AbsentMode {
    const mode = ABSENT_MODES[this.view.u32('EXIT_DETAIL') - 1];
    assert(mode !== undefined, 'absent mode');
    return mode;
  }

  /** Power-up state; RAM stays. */
  reset(): void {
    this.#exports.reset();
  }

  /** To be called after control registers, segments, CPL or page tables were changed through `view`. */
  stateChanged(): void {
    this.#exports.stateChanged();
  }

  /**
   * Under PAE paging, loads the PDPTE registers from the table that CR3 names, as MOV to CR3 does. To be called after
   * `stateChanged` where CR3 is new; false, with none loaded, if an entry has a reserved bit set.
   */
  loadPdptes(): boolean {
    return this.#exports.loadPdptes() !== 0;
  }

  /**
   * Runs a guest, whose registers are in the processor's block, directly on the host's processor, whose block is at
   * `place` in linear memory: at most `fuel` instructions. `stack`, `flush`, `reload`: asm/cpu/virtual.ts, direct.
   */
  direct(place: number, fuel: number, stack: number, flush: number, reload: boolean): DirectResult {
    const result = this.#exports.direct(place, fuel, stack, flush, reload ? 1 : 0);
    return { reason: EXIT_REASONS[result & 0xff] ?? 'refused', loaded: (result >>> 8) & 0x3f };
  }

  /** To be called after segment registers were changed through `view`, CPL not. */
  modeChanged(): void {
    this.#exports.modeChanged();
  }

  /** Forgets all translations: after page tables, or a map of guest-physical memory, were changed. */
  flushTranslations(): void {
    this.#exports.translationsChanged();
  }

  /** The root table at frame `frame` from now on; CR4.PCIDE is set, and translations of `pcid` are still good. */
  setRoot(frame: number, pcid: number): void {
    this.#exports.setRoot(frame, pcid);
  }

  /** Forgets all translations of `pcid`. */
  flushPcid(pcid: number): void {
    this.#exports.flushPcid(pcid);
  }

  /** Forgets the translations of the page at `gva`, under every PCID. */
  invalidatePage(gva: bigint): void {
    this.#exports.invalidatePage(Number(gva >> 32n) | 0, Number(gva & 0xffff_ffffn) | 0);
  }

  /** From now on it translates under `vpid`, and through the extended page tables of `eptp` unless that is 0. */
  nest(eptp: bigint, vpid: number): void {
    this.#exports.nest(eptp, vpid);
  }

  /** Forgets what came through the extended page tables of `eptp`, or through any. */
  dropEpt(eptp = 0n): void {
    this.#exports.dropEpt(eptp);
  }

  /** Forgets the translations of `vpid`; those of the page at `gva` alone, if it is given. */
  dropVpid(vpid: number, gva?: bigint): void {
    if (gva === undefined) this.#exports.dropVpid(vpid);
    else this.#exports.dropVpidPage(gva, vpid);
  }
  /** Forgets those of all VPIDs but 0. */
  dropVpids(): void {
    this.#exports.dropVpids();
  }

  /** A hosted processor loads CS and SS as by an IRET to CPL 3; false, with nothing loaded, if that would fault. */
  enterUser(cs: number, ss: number): boolean {
    return this.#exports.enterUser(cs, ss) !== 0;
  }

  /** It loads GS as by a MOV; false, with nothing loaded, if that would fault. */
  loadGs(selector: number): boolean {
    return this.#exports.loadGs(selector) !== 0;
  }

  /**
   * Number of the first check of a group that the current VMCS fails, 0 if it passes all (src/vmx/checks.ts): 0 controls,
   * 1 host state, 2 guest state.
   */
  entryChecks(group: 0 | 1 | 2): number {
    return this.#exports.entryChecks(group);
  }

  /** The same for an entry of the VM-entry MSR-load area; `accepted`: WRMSR takes its value. */
  msrLoadCheck(index: number, reserved: number, accepted: boolean): number {
    return this.#exports.msrLoadCheck(index, reserved, accepted ? 1 : 0);
  }

  get rflags(): bigint {
    return BigInt.asUintN(64, this.#exports.rflags());
  }
  set rflags(image: bigint) {
    this.#exports.setRflags(image);
  }

  /** Virtual time in ns, exact also while the processor calls its host. Events may have overdrawn the fuel. */
  get time(): bigint {
    const left = this.view.data.getInt32(this.view.layout('FUEL') + 4, true);
    return this.view.u64('TIME') + BigInt(this.view.u32('FUEL_START') - left);
  }
  /** Moves virtual time on while the processor is halted. */
  advanceTime(ns: bigint): void {
    this.view.setU64('TIME', this.view.u64('TIME') + ns);
  }

  /** Asks a running processor to come back at the next instruction boundary. */
  requestStop(): void {
    this.view.setU32('STOP_REQUEST', 1);
  }

  /**
   * From now on a run ends after each sensitive instruction: one whose row in the instruction table names a resource of
   * the system that it touches. Such code is slower, all other is as fast as before.
   */
  watchSensitive(): void {
    this.view.setU32('SENSITIVE_WATCH', this.view.layout('WATCH_ON'));
    this.#exports.tablesChanged();
  }

  /** A watched instruction has run since this was asked last. */
  sensitiveRan(): boolean {
    const { view } = this;
    if (view.u32('SENSITIVE_WATCH') !== view.layout('WATCH_RAN')) return false;
    view.setU32('SENSITIVE_WATCH', view.layout('WATCH_ON'));
    return true;
  }

  /** Level of the INTR pin. */
  setInterruptLine(level: boolean): void {
    this.view.setU32('INTR', level ? 1 : 0);
  }

  /** Latches an NMI. */
  raiseNmi(): void {
    this.view.setU32('NMI_PENDING', 1);
  }

  /** CR8: bits 7:4 of the task priority, which the local APIC owns. */
  get taskPriority(): number {
    return Number(this.view.u64('CR8'));
  }
  set taskPriority(value: number) {
    this.view.setU64('CR8', BigInt(value));
  }

  /** IA32_TSC_DEADLINE, whose timer the local APIC owns. */
  get tscDeadline(): bigint {
    return this.view.u64('TSC_DEADLINE');
  }
  set tscDeadline(value: bigint) {
    this.view.setU64('TSC_DEADLINE', value);
  }

  /** IA32_APIC_BASE. */
  get apicBase(): bigint {
    return this.view.u64('APIC_BASE');
  }

  /** The time-stamp counter. */
  get tsc(): bigint {
    return BigInt.asUintN(64, this.time + this.view.u64('TSC_OFFSET'));
  }

  #writeIdentity({ features, seed }: ProcessorIdentity): void {
    const { view } = this;
    const { layout, data } = view;
    view.setU64('FEATURES', featureMask(features));
    view.setU64('PLATFORM_INFO', platformInfo(features));
    view.setU64('RAM_BYTES', BigInt(this.memory.size));
    view.setU64('RANDOM', seed);
    const rows = cpuidTable(features);
    view.setU32('CPUID_COUNT', rows.length);
    const words = new Uint32Array(data.buffer, layout('CPUID_TABLE'), rows.length * 6);
    words.set(rows.flat());
  }
}
