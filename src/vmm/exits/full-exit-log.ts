/** Tells what every exit of a guest was that knows of no VMM. Nothing of this is done while nobody listens. */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { GuestWalk } from '../shadow/guest-walk.ts';
import type { Vcpu } from '../vcpu.ts';
import { ExitLog } from './exit-log.ts';
import { type ExitName, exitOfInstruction } from './exit-reasons.ts';
import type { ExitAction, ExitSink, HostTime } from './exit-record.ts';
import type { Forwarded } from './logged-ports.ts';
import type { Qualification } from './qualification.ts';

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

export class FullExitLog {
  readonly #vcpu: Vcpu;
  readonly #memory: GuestMemory;
  readonly #walk: GuestWalk;
  readonly #log: ExitLog;
  /** Why the guest has stopped, and what that is called. */
  #cause: ExitCause = { kind: 'step' };
  #reason: ExitName = 'STEP';
  /** Vector of the interrupt that the virtual processor has taken. */
  #acknowledged: number | undefined;
  /** EVENT_TIME when the guest stopped. */
  #event = 0n;

  constructor(vm: string, vcpu: Vcpu, memory: GuestMemory, sink: ExitSink, now: HostTime) {
    this.#vcpu = vcpu;
    this.#memory = memory;
    this.#walk = new GuestWalk(memory);
    const source = {
      vm,
      view: vcpu.view,
      get cpl() {
        return vcpu.cpl;
      },
      code: (rip: bigint, length: number) => this.#code(rip, length),
    };
    this.#log = new ExitLog(source, sink, now);
  }

  /** The guest has stopped because of `cause`; its registers are the virtual processor's. */
  begin(cause: ExitCause): void {
    const { view } = this.#vcpu;
    const instruction = this.#log.instruction(view.u64('RIP'));
    const reason = reasonOf(cause, instruction.mnemonic, instruction.exit);
    const asked = isTrapped(cause) ? instruction.qualification() : undefined;
    this.#cause = cause;
    this.#reason = reason;
    this.#acknowledged = undefined;
    this.#event = view.u64('EVENT_TIME');
    this.#log.open(instruction, { reason, qualification: asked ?? this.#eventOf(cause) });
  }

  /** The virtual processor has shut down. */
  shutDown(): void {
    this.begin({ kind: 'shutdown' });
    this.end();
  }

  /** A device of the VM has answered. */
  forwarded(action: Forwarded): void {
    this.#log.did(action);
  }

  /** The virtual processor takes an interrupt. */
  acknowledged(vector: number): void {
    this.#acknowledged = vector;
  }

  /** The VMM is done with it. */
  end(): void {
    if (!this.#log.isOpen) return;
    const isInterrupt = this.#acknowledged !== undefined;
    if (this.#cause.kind === 'interrupt' && !isInterrupt) {
      this.#log.drop();
      return;
    }
    this.#tellActions();
    if (isInterrupt && this.#reason === 'STEP') this.#log.change({ reason: 'EXTERNAL_INTERRUPT' });
    this.#log.close();
  }

  #tellActions(): void {
    const { kind } = this.#cause;
    if (kind === 'shutdown') {
      this.#log.did({ kind: 'stopped' });
      return;
    }
    const injected = this.#injected();
    if (injected !== undefined) this.#log.did(injected);
    if (this.#log.actions.length > 0) return;
    this.#log.did({ kind: kind === 'fill' ? 'mapped' : 'emulated' });
  }

  /** The event that was delivered since the guest stopped. */
  #injected(): ExitAction | undefined {
    const { view } = this.#vcpu;
    const isInt = this.#reason === 'SOFTWARE_INTERRUPT';
    const isSoftware = isInt && SOFTWARE.has(view.u32('EVENT_KIND'));
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
  #code(rip: bigint, length: number): Uint8Array {
    const { view } = this.#vcpu;
    const bytes = new Uint8Array(length);
    const start = (view.u32('CODE_MODE') === 0 ? 0n : view.segment('cs').base) + rip;
    const inPage = PAGE_SIZE - Number(start & 0xfffn);
    for (let at = 0; at < length; ) {
      const count = at === 0 ? Math.min(inPage, length) : length - at;
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
