/**
 * The virtual processor of a VM. Its registers are in the processor's block while its VM is current: there the
 * emulator runs with them, and devices and loaders find them. The host's own processor, on which the guest runs
 * directly, then lies in a block beside it (host-processor.ts).
 */

import type { CodeMode } from '../isa/row.ts';
import type { CpuView, WordWatch } from '../machine/cpu-view.ts';
import type { Processor } from '../machine/processor.ts';
import { type GuestPaging, guestPaging } from './shadow/guest-paging.ts';
import type { ViewName } from './shadow/shadow-page.ts';

/** By bits 1:0 of CODE_MODE: the others tell what segments are like (asm/cpu/mode.ts). */
const CODE_MODES: readonly CodeMode[] = [64, 32, 16];
const CODE_SIZE = 3;
const EFER_LMA = 1 << 10;
const CR4_SMAP = 1 << 21;
const RFLAGS_TF = 1 << 8;
const RFLAGS_IF = 1 << 9;
const RFLAGS_AC = 1 << 18;
const DR6_BS = 1 << 14;
const DR7_ENABLES = 0xff;
/** Where RCX is among the registers. */
const RCX = 8;
const PDPTES = [0, 1, 2, 3];
const NO_PDPTES: readonly number[] = [];
const PDPTE_WORDS = PDPTES.flatMap((n) => [8 * n, 8 * n + 4]);

export class Vcpu {
  readonly processor: Processor;
  readonly view: CpuView;
  /** Low half of its virtual time. */
  readonly timeLow: () => number;
  readonly #cpl: () => number;
  readonly #rflags: () => number;
  /** What may be due before the next instruction, or need a look at it; all 0 if not. */
  readonly #pending: readonly (() => number)[];
  readonly #intr: () => number;
  readonly #ripLow: () => number;
  readonly #rcxLow: () => number;
  readonly #ripHigh: () => number;
  readonly #csBase: () => number;
  readonly #codeMode: () => number;
  readonly #dr7: () => number;
  readonly #cr4: () => number;
  /** What the address space depends on besides EFLAGS.AC. */
  readonly #controls: WordWatch;
  /** What they, and EFLAGS.AC where it matters, were when `paging` was asked last. */
  #ac = 0;
  #paging: GuestPaging;
  #pdptes: readonly number[] = [];

  constructor(processor: Processor) {
    const { view } = processor;
    this.processor = processor;
    this.view = view;
    this.timeLow = view.reader('TIME');
    this.#cpl = view.reader('CPL');
    this.#rflags = view.reader('RFLAGS');
    this.#intr = view.reader('INTR');
    this.#codeMode = view.reader('CODE_MODE');
    this.#ripLow = view.reader('RIP');
    this.#rcxLow = view.reader('REGS', RCX);
    this.#ripHigh = view.reader('RIP', 4);
    this.#csBase = view.segmentBaseReader('cs');
    this.#dr7 = view.reader('DR7');
    this.#cr4 = view.reader('CR4');
    const pending = ['SHADOW', 'NMI_PENDING', 'DEBUG_PENDING', 'ACTIVITY'];
    this.#pending = pending.map((name) => view.reader(name));
    const low = ['CR0', 'CR4', 'EFER'].map((name) => [name, 0] as const);
    const wide = ['CR3', 'APIC_PAGE'].flatMap((name) => [[name, 0] as const, [name, 4] as const]);
    const pdptes = PDPTE_WORDS.map((offset) => ['PDPTES', offset] as const);
    this.#controls = view.watch([...low, ...wide, ...pdptes]);
    this.#paging = guestPaging(view);
  }

  get cpl(): number {
    return this.#cpl();
  }

  /** The low half of RIP. */
  get ripLow(): number {
    return this.#ripLow();
  }

  /** Iterations that a repeated string instruction at RIP has left, at least in part. */
  get repetitions(): number {
    return this.#rcxLow();
  }

  /** The view that its code runs under. */
  get viewName(): ViewName {
    return this.#cpl() === 3 ? 'user' : 'kernel';
  }

  get codeMode(): CodeMode {
    return CODE_MODES[this.#codeMode() & CODE_SIZE] ?? 64;
  }

  /** The linear address of the code `distance` bytes behind RIP, less the bits that only repeat bit 47. */
  codeAddress(distance: number): number {
    const low = this.#ripLow() + distance;
    if (this.codeMode !== 64) return (low + this.#csBase()) % 2 ** 32;
    return ((this.#ripHigh() & 0xffff) * 2 ** 32 + low) % 2 ** 48;
  }

  /**
   * How its page tables are to be read; another object whenever that, or where its local APIC is, or whether long mode is
   * active, may have changed.
   */
  get paging(): GuestPaging {
    const ac = (this.#cr4() & CR4_SMAP) !== 0 ? this.#rflags() & RFLAGS_AC : 0;
    if (this.#controls.changed() || this.#ac !== ac) {
      this.#ac = ac;
      this.#paging = guestPaging(this.view);
      this.#pdptes = this.#readPdptes();
    }
    return this.#paging;
  }

  /** The PDPTE registers that belong to `paging`. */
  get pdptes(): readonly number[] {
    return this.#pdptes;
  }

  #readPdptes(): readonly number[] {
    if (this.#paging.mode !== 'pae') return NO_PDPTES;
    const { data, layout } = this.view;
    return PDPTES.map((n) => Number(data.getBigUint64(layout('PDPTES') + 8 * n, true)));
  }

  /** Frame of its physical memory that is the local APIC's, if one is. */
  get apicFrame(): number {
    return Number(this.view.u64('APIC_PAGE') >> 12n);
  }

  /** Long mode is active. */
  get isLong(): boolean {
    return (this.view.u32('EFER') & EFER_LMA) !== 0;
  }

  /** A single-step trap is due before the next instruction. */
  trapAfterStep(): void {
    this.view.setU32('DEBUG_PENDING', DR6_BS);
  }

  /** INT1 has run: it is to be emulated instead. Of its bytes the last alone does as much. */
  backToInt1(): void {
    this.view.setU64('RIP', this.view.u64('RIP') - 1n);
    this.view.setU64('TIME', this.view.u64('TIME') - 1n);
  }

  /** The next instruction must be looked at by itself, or something comes before it. */
  get needsStep(): boolean {
    for (const read of this.#pending) if (read() !== 0) return true;
    const flags = this.#rflags();
    if ((flags & RFLAGS_TF) !== 0 || (this.#dr7() & DR7_ENABLES) !== 0) return true;
    return this.seesInterrupt;
  }

  /** An interrupt is asked for, and interrupts are on. */
  get seesInterrupt(): boolean {
    return this.#intr() !== 0 && (this.#rflags() & RFLAGS_IF) !== 0;
  }
}
