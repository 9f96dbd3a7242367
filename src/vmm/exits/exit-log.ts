/** Tells what every exit was, for statistics and traces. Nothing of this is done while nobody listens. */

import { decode } from '../../isa/decode.ts';
import { buildDecodeTables } from '../../isa/decode-table.ts';
import type { CodeMode } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { GuestWalk } from '../shadow/guest-walk.ts';
import type { Vcpu } from '../vcpu.ts';
import { type ExitName, exitOfInstruction } from './exit-reasons.ts';
import { type Qualification, qualificationOf } from './qualification.ts';

/** What stopped a direct run, as the runner knows it. */
export type ExitCause =
  /** An exception or software interrupt, by its vector. */
  | { readonly kind: 'event'; readonly vector: number; readonly error?: number | undefined }
  /** A page fault that the guest must not see. */
  | {
      readonly kind: 'fill' | 'table' | 'device';
      readonly address: bigint;
      readonly error: number;
    }
  /** `interrupt`: an exit only if an interrupt is delivered. */
  | { readonly kind: 'segments' | 'step' | 'interrupt' | 'scan' | 'patched' | 'shutdown' }
  /** What the VMM interprets for a stretch of instructions. */
  | { readonly kind: 'entangled' | 'code'; readonly instructions: number };

/** What the VMM did about an exit. */
export type ExitAction =
  /** Ran the instruction for the guest, or tried to. */
  | { readonly kind: 'emulated' }
  /** Gave the shadow page tables an entry, or made room for it. */
  | { readonly kind: 'mapped' }
  /** Let a device of the VM answer. */
  | {
      readonly kind: 'forwarded';
      readonly to: 'port' | 'mmio';
      readonly access: 'read' | 'write';
      readonly address: number;
      readonly size: number;
      readonly value: number;
    }
  /** Delivered an exception or interrupt through the guest's IDT. */
  | {
      readonly kind: 'injected';
      readonly vector: number;
      readonly error: number | undefined;
      /** It comes from the interrupt controller. */
      readonly isExternal: boolean;
    }
  /** Ended the VM. */
  | { readonly kind: 'stopped' };

/** One exit. */
export interface ExitRecord {
  /** Name of the VM, and number of the virtual processor in it. */
  readonly vm: string;
  readonly vcpu: number;
  /** Virtual time in nanoseconds. */
  readonly time: bigint;
  readonly rip: bigint;
  readonly cpl: number;
  readonly reason: ExitName;
  readonly qualification: Qualification | undefined;
  /** Width of the code. */
  readonly bits: CodeMode;
  /** The instruction's bytes, as far as they can be read. */
  readonly bytes: Uint8Array;
  readonly mnemonic: string;
  /** What the VMM did, in order. */
  readonly actions: readonly ExitAction[];
  /** Where the guest goes on, and the virtual time then; undefined: it does not. */
  readonly entry: { readonly time: bigint; readonly rip: bigint } | undefined;
  /** Host time that the VMM took, in nanoseconds; varies from run to run. */
  readonly hostNs: number;
}

export type ExitSink = (record: ExitRecord) => void;

/** Host time in milliseconds: for reports only, nothing that a guest computes depends on it. */
export type HostTime = () => number;

const MAX_LENGTH = 15;
const CODE_SIZES: Readonly<Record<number, CodeMode>> = { 0: 64, 1: 32, 2: 16 };
/** #UD, #TS, #NP, #SS, #GP: how instructions trap. */
const TRAPS: ReadonlySet<number> = new Set([6, 10, 11, 12, 13]);

/** Values of EVENT_KIND for INT n and the like (asm/cpu/event.ts). */
const SOFTWARE: ReadonlySet<number> = new Set([2, 3]);

const PLAIN = {
  fill: 'SHADOW_FILL',
  table: 'TABLE_WRITE',
  device: 'MMIO',
  segments: 'STALE_SEGMENTS',
  step: 'STEP',
  interrupt: 'STEP',
  scan: 'CODE_SCAN',
  patched: 'PATCHED',
  entangled: 'ENTANGLED_CODE',
  code: 'CODE_ACCESS',
  shutdown: 'TRIPLE_FAULT',
} as const satisfies Record<string, ExitName>;

/** What is known when the guest stops. */
type Opened = Omit<ExitRecord, 'hostNs' | 'actions' | 'entry'> & { readonly cause: ExitCause };

export class ExitLog {
  readonly #vm: string;
  readonly #vcpu: Vcpu;
  readonly #memory: GuestMemory;
  readonly #tables = buildDecodeTables(ROWS);
  readonly #walk: GuestWalk;
  readonly #sink: ExitSink;
  readonly #now: HostTime;
  #began = 0;
  #open: Opened | undefined;
  #actions: ExitAction[] = [];
  /** Vector of the interrupt that the virtual processor has taken. */
  #acknowledged: number | undefined;
  /** EVENT_TIME when the guest stopped. */
  #event = 0n;

  constructor(vm: string, vcpu: Vcpu, memory: GuestMemory, sink: ExitSink, now: HostTime) {
    this.#vm = vm;
    this.#vcpu = vcpu;
    this.#memory = memory;
    this.#walk = new GuestWalk(memory);
    this.#sink = sink;
    this.#now = now;
  }

  /** The guest has stopped because of `cause`; its registers are the virtual processor's. */
  begin(cause: ExitCause): void {
    const { view, cpl } = this.#vcpu;
    const rip = view.u64('RIP');
    const all = this.#code(rip);
    const bits = CODE_SIZES[view.u32('CODE_MODE') & 3] ?? 64;
    const decoded = decode(all, 0, bits, this.#tables);
    const row = decoded.ok ? ROWS[decoded.row] : undefined;
    const mnemonic = row?.mnemonic ?? '?';
    const reason = reasonOf(cause, mnemonic, row?.exit);
    const qualification =
      decoded.ok && isTrapped(cause) ? qualificationOf(mnemonic, decoded, view) : undefined;
    this.#actions = [];
    this.#acknowledged = undefined;
    this.#event = view.u64('EVENT_TIME');
    this.#open = {
      cause,
      vm: this.#vm,
      vcpu: 0,
      time: view.u64('TIME'),
      rip,
      cpl,
      reason,
      qualification: qualification ?? this.#eventOf(cause),
      bits,
      bytes: all.slice(0, decoded.ok ? decoded.length : all.length),
      mnemonic,
    };
    // What it takes to tell is not the exit's.
    this.#began = this.#now();
  }

  /** The virtual processor has shut down. */
  shutDown(): void {
    this.begin({ kind: 'shutdown' });
    this.end();
  }

  /** A device of the VM has answered. */
  forwarded(action: ExitAction & { readonly kind: 'forwarded' }): void {
    if (this.#open !== undefined) this.#actions.push(action);
  }

  /** The virtual processor takes an interrupt. */
  acknowledged(vector: number): void {
    this.#acknowledged = vector;
  }

  /** The VMM is done with it. */
  end(): void {
    if (this.#open === undefined) return;
    const hostNs = Math.round((this.#now() - this.#began) * 1e6);
    const opened = this.#open;
    const { cause, ...known } = opened;
    this.#open = undefined;
    const isInterrupt = this.#acknowledged !== undefined;
    if (cause.kind === 'interrupt' && !isInterrupt) return;
    const { view } = this.#vcpu;
    this.#sink({
      ...known,
      ...(isInterrupt && known.reason === 'STEP' && { reason: 'EXTERNAL_INTERRUPT' }),
      actions: this.#did(opened),
      entry:
        cause.kind === 'shutdown' ? undefined : { time: view.u64('TIME'), rip: view.u64('RIP') },
      hostNs,
    });
  }

  #did({ cause, reason }: Opened): readonly ExitAction[] {
    if (cause.kind === 'shutdown') return [{ kind: 'stopped' }];
    const actions = this.#actions;
    const injected = this.#injected(reason);
    if (injected !== undefined) actions.push(injected);
    if (actions.length > 0) return actions;
    return [{ kind: cause.kind === 'fill' ? 'mapped' : 'emulated' }];
  }

  /** The event that was delivered since the guest stopped. */
  #injected(reason: ExitName): ExitAction | undefined {
    const { view } = this.#vcpu;
    const isSoftware = reason === 'SOFTWARE_INTERRUPT' && SOFTWARE.has(view.u32('EVENT_KIND'));
    if (view.u64('EVENT_TIME') === this.#event && !isSoftware) return undefined;
    const vector = view.u32('EVENT_VECTOR');
    const error =
      !isSoftware && view.u32('EVENT_HAS_ERROR') !== 0 ? view.u32('EVENT_ERROR') : undefined;
    return { kind: 'injected', vector, error, isExternal: vector === this.#acknowledged };
  }

  /** What an event or a page fault was about. */
  #eventOf(cause: ExitCause): Qualification | undefined {
    if (cause.kind === 'event') {
      return { kind: 'event', vector: cause.vector, error: cause.error };
    }
    if (!('address' in cause)) return undefined;
    const { address, error } = cause;
    const gpa = this.#gpa(address);
    return { kind: 'page fault', address, error, gpa };
  }

  /** GPA of a linear address by the guest's tables. */
  #gpa(address: bigint): number | undefined {
    const { paging, pdptes } = this.#vcpu;
    const page = Number(BigInt.asUintN(36, address >> 12n));
    if (paging.mode === 'off') return page * PAGE_SIZE + Number(address & 0xfffn);
    if (!this.#walk.walk(page, paging, pdptes)) return undefined;
    return this.#walk.gfn * PAGE_SIZE + Number(address & 0xfffn);
  }

  /** The bytes at `rip`, read through the guest's tables. */
  #code(rip: bigint): Uint8Array {
    const { view } = this.#vcpu;
    const bytes = new Uint8Array(MAX_LENGTH);
    const start = (view.u32('CODE_MODE') === 0 ? 0n : view.segment('cs').base) + rip;
    const inPage = PAGE_SIZE - Number(start & 0xfffn);
    for (let at = 0; at < MAX_LENGTH; ) {
      const count = at === 0 ? Math.min(inPage, MAX_LENGTH) : MAX_LENGTH - at;
      const gpa = this.#gpa(start + BigInt(at));
      if (gpa === undefined || gpa >= this.#memory.size) return bytes.subarray(0, at);
      bytes.set(this.#memory.read(gpa, count), at);
      at += count;
    }
    return bytes;
  }
}

function reasonOf(cause: ExitCause, mnemonic: string, exit: string | undefined): ExitName {
  if (cause.kind !== 'event') return PLAIN[cause.kind];
  // What the instruction is tells more than what it raised.
  return isTrapped(cause) ? exitOfInstruction(mnemonic, exit) : 'EXCEPTION_NMI';
}

/** The guest has stopped at an instruction that it may not run. */
function isTrapped(cause: ExitCause): boolean {
  return cause.kind === 'event' && TRAPS.has(cause.vector);
}
