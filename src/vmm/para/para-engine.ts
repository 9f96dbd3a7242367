/**
 * Runs a PV domain: the guest runs on the hosted processor until it makes a hypercall, faults, or its time is up; the VMM does what
 * is asked for and goes on. Between any two of these it enters the guest's event callback if an event is pending and not
 * masked.
 */

import { GP, PF, PF_US, UD } from '../../base/vector.ts';
import type { ExitReason } from '../../machine/processor.ts';
import type { Slice } from '../direct/slice.ts';
import type { ParaExitLog } from './exits/para-exit-log.ts';
import type { GuestEntry } from './guest/guest-entry.ts';
import type { GuestState } from './guest/guest-state.ts';
import type { Nmi } from './guest/nmi.ts';
import { type ParaVcpu, RAX, SYSCALL_BYTES } from './guest/para-vcpu.ts';
import { type HypercallArguments, type HypercallResult, u32Of } from './hypercall.ts';
import type { Hypercalls } from './hypercalls.ts';
import type { GuestFault, ServedFault } from './memory/para-memory.ts';
import { emulateGeneralProtection } from './privileged/general-protection.ts';
import type { CodeSource } from './privileged/instruction.ts';
import { emulateInvalidOpcode } from './privileged/invalid-opcode.ts';
import { NOT_EMULATED, type Outcome } from './privileged/outcome.ts';
import type { SharedInfo } from './shared-info.ts';

const [RDX, RSI, RDI, R8, R9, R10] = [2, 6, 7, 8, 9, 10] as const;
/** Where arguments are, in order. */
const ARGUMENTS = [RDI, RSI, RDX, R10, R8, R9] as const;

/** Entries done in a call that take as long as an instruction. */
const ENTRIES_CHARGED = 16;

const ACTIVITY_RUNNING = 0;
const ACTIVITY_HALTED = 1;

export interface ParaEngineParts {
  readonly vcpu: ParaVcpu;
  readonly entry: GuestEntry;
  readonly shared: SharedInfo;
  readonly state: GuestState;
  readonly calls: Hypercalls;
  /** What is done in calls. */
  readonly slice: Slice;
  /** A hypercall may have changed when the clock's next timer is due. */
  readonly called: () => void;
  /** The virtual processor waits for something (sched_op). */
  readonly isAsleep: () => boolean;
  /** The guest cannot go on. */
  readonly crash: (why: string) => void;
  readonly nmi: Nmi;
  /** The processor is about to run. */
  readonly prepare: () => void;
  /** The address and the error code of a page fault that the guest gets. */
  readonly addressOf: (fault: GuestFault) => bigint;
  readonly errorOf: (fault: GuestFault) => number;
  /** The VMM serves a fault: undefined if what the processor has stopped for, then, is the guest's. */
  readonly serve: (fault: GuestFault, code: CodeSource) => ServedFault | undefined;
  /** Hears of every exit. */
  readonly log: ParaExitLog | undefined;
}

export class ParaEngine {
  readonly #parts: ParaEngineParts;
  readonly #vcpu: ParaVcpu;
  readonly #log: ParaExitLog | undefined;
  readonly #timeLow: () => number;
  readonly #stopRequest: () => number;
  readonly #vector: () => number;
  readonly #error: () => number;
  readonly #hasError: () => number;
  readonly #setActivity: (activity: number) => void;
  /** Low half of the virtual time when the guest was entered last. */
  #entered = -1;
  /** Hypercalls, faults, and SYSCALLs of programs so far. */
  exits = 0;
  /** Instructions that the VMM has carried out so far. */
  emulated = 0;

  constructor(parts: ParaEngineParts) {
    const { view } = parts.vcpu.processor;
    this.#parts = parts;
    this.#vcpu = parts.vcpu;
    this.#log = parts.log;
    this.#timeLow = view.reader('TIME');
    this.#stopRequest = view.reader('STOP_REQUEST');
    this.#vector = view.reader('EVENT_VECTOR');
    this.#error = view.reader('EVENT_ERROR');
    this.#hasError = view.reader('EVENT_HAS_ERROR');
    this.#setActivity = view.writer('ACTIVITY');
  }

  /** Runs at most `fuel` instructions; why it came back, as from a processor of the guest's own. */
  run(fuel: number): ExitReason {
    const reason = this.#run(fuel);
    this.#log?.end();
    return reason;
  }

  #run(fuel: number): ExitReason {
    const { processor } = this.#vcpu;
    const start = this.#timeLow();
    processor.view.setU32('STOP_REQUEST', 0);
    for (;;) {
      if (this.#isHalted()) {
        this.#log?.blocked();
        return 'halt';
      }
      this.#deliver();
      if (this.#stopRequest() !== 0) return 'request';
      const left = fuel - ((this.#timeLow() - start) >>> 0);
      if (left <= 0) return 'fuel';
      this.#parts.prepare();
      this.#log?.end();
      const reason = processor.run(left);
      if (reason === 'fuel') continue;
      if (reason === 'request') return reason;
      this.exits++;
      if (reason === 'syscall') this.#systemCall();
      else if (reason === 'sysenter') this.#sysenter();
      else if (reason === 'event') this.#event();
      // Descriptors that would lead elsewhere are not let into the tables.
      else this.#parts.crash(`its processor stopped: ${reason}`);
    }
  }

  #isHalted(): boolean {
    const isAsleep = this.#parts.isAsleep();
    const activity = isAsleep ? ACTIVITY_HALTED : ACTIVITY_RUNNING;
    this.#setActivity(activity);
    return isAsleep;
  }

  /** Enters the callback for what is due. */
  #deliver(): void {
    const { entry, shared, nmi } = this.#parts;
    if (nmi.take()) entry.upcall('nmi');
    if (shared.isUpcallPending && !shared.isUpcallMasked) entry.upcall('event');
  }

  #systemCall(): void {
    const { entry, calls, slice, called } = this.#parts;
    if (!this.#vcpu.isKernel) {
      this.#log?.systemCall();
      entry.systemCall();
      return;
    }
    const { gpr } = this.#vcpu;
    const args: HypercallArguments = [
      gpr[RDI] ?? 0n,
      gpr[RSI] ?? 0n,
      gpr[RDX] ?? 0n,
      gpr[R10] ?? 0n,
      gpr[R8] ?? 0n,
      gpr[R9] ?? 0n,
    ];
    const number = u32Of(gpr[RAX] ?? 0n);
    this.#log?.hypercall(number, args);
    const before = slice.done;
    const result = calls.call(number, args);
    if (slice.isBounded) this.#charge(Math.floor((slice.done - before) / ENTRIES_CHARGED));
    this.#log?.called(result);
    this.#called(result);
    called();
  }

  /** A call takes the guest's time by what there is to do: however it is used, it cannot hold the host. */
  #charge(instructions: number): void {
    if (instructions === 0) return;
    const { view } = this.#vcpu.processor;
    view.setU64('TIME', view.u64('TIME') + BigInt(instructions));
  }

  #sysenter(): void {
    this.#log?.systemCall();
    this.#parts.entry.sysenter();
  }

  /** A call that the guest has made has come to `result`. */
  #called(result: HypercallResult): void {
    const { gpr } = this.#vcpu;
    if (typeof result !== 'object') {
      gpr[RAX] = BigInt(result);
      return;
    }
    ARGUMENTS.forEach((register, n) => {
      gpr[register] = result.again[n] ?? 0n;
    });
    this.#vcpu.rip -= SYSCALL_BYTES;
  }

  #event(): void {
    const first = this.#fault();
    this.#log?.fault(first);
    const served = this.#parts.serve(first, this.#parts.state);
    if (served !== undefined) {
      this.#log?.served(served);
      return;
    }
    // Serving it may have come to another one.
    const fault = this.#fault();
    const { vector, error } = fault;
    const outcome = this.#emulated(vector, error ?? 0);
    if (outcome.kind !== 'not-emulated') {
      this.#log?.emulated();
      this.#emulatedTo(outcome);
      return;
    }
    if (vector === PF) {
      const address = this.#parts.addressOf(fault);
      this.#parts.state.cr2 = address;
      this.#trap(vector, this.#pageFaultError(this.#parts.errorOf({ ...fault, address })));
    } else this.#trap(vector, error);
  }

  #fault(): GuestFault {
    const error = this.#hasError() === 0 ? undefined : this.#error();
    return { vector: this.#vector(), error, address: this.#vcpu.processor.view.u64('CR2') };
  }

  /** An instruction that the guest may not run, carried out in its place. */
  #emulated(vector: number, error: number): Outcome {
    const { state } = this.#parts;
    if (vector === GP) return emulateGeneralProtection(state, error);
    return vector === UD ? emulateInvalidOpcode(state) : NOT_EMULATED;
  }

  #emulatedTo(outcome: Exclude<Outcome, { readonly kind: 'not-emulated' }>): void {
    this.#charge(outcome.retired);
    this.emulated += outcome.retired;
    if (outcome.kind === 'resume') return;
    const { vector, error, address, dr6 } = outcome.event;
    const { state } = this.#parts;
    if (address !== undefined) state.cr2 = address;
    if (dr6 !== undefined) state.addDr6(dr6);
    this.#trap(vector, error);
  }

  #trap(vector: number, error: number | undefined): void {
    this.#pay();
    this.#parts.entry.trap(vector, error);
  }

  /** All code is CPL 3's: U says what the guest takes for user code. */
  #pageFaultError(error: number): number {
    return this.#vcpu.isKernel ? error & ~PF_US : error | PF_US;
  }

  /**
   * Entering a handler costs an instruction if none has run since the last time, as on a processor of the guest's own: one
   * whose handlers fault at once cannot hold the host.
   */
  #pay(): void {
    if (this.#timeLow() === this.#entered) this.#charge(1);
    this.#entered = this.#timeLow();
  }
}
