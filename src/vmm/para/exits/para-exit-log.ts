/**
 * Tells what every exit of a PV domain was: hypercalls, system calls, what its trap table gets, instructions that were carried
 * out for it, faults that it does not hear of, and upcalls. An exit is over when the guest is entered again, so an upcall that is
 * due then belongs to it; one that comes by itself is an interrupt of the host that the VMM has made an event of.
 */

import { PF } from '../../../base/vector.ts';
import type { CallbackName } from '../../../xen/callback.ts';
import { XEN_EMULATE_PREFIX } from '../../../xen/cpuid.ts';
import { ERRNO, type ErrorName } from '../../../xen/errno.ts';
import { type ExitInstruction, ExitLog, type ExitSource } from '../../exits/exit-log.ts';
import { exitOfInstruction } from '../../exits/exit-reasons.ts';
import type { ExitAction, ExitSink, HostTime } from '../../exits/exit-record.ts';
import type { Forwarded } from '../../exits/logged-ports.ts';
import type { Qualification } from '../../exits/qualification.ts';
import { type ParaVcpu, SYSCALL_BYTES } from '../guest/para-vcpu.ts';
import type { HypercallArguments, HypercallResult } from '../hypercall.ts';
import type { GuestFault, ServedFault } from '../memory/para-memory.ts';
import { describeHypercall } from './hypercall-description.ts';

/** Who hears of the exits of a domain. */
export interface ExitListener {
  /** Name of the VM. */
  readonly vm: string;
  readonly sink: ExitSink;
  readonly now: HostTime;
}

const ERROR_NAMES = new Map<number, ErrorName>(
  (Object.keys(ERRNO) as ErrorName[]).map((name) => [ERRNO[name], name]),
);

export class ParaExitLog {
  readonly #vcpu: ParaVcpu;
  readonly #log: ExitLog;
  readonly #look: (va: bigint, length: number) => Uint8Array;
  /** What the exit is if the VMM carries the instruction out. */
  #instruction: ExitInstruction | undefined;
  #asked: Qualification | undefined;
  #rip = 0n;

  /** `look` reads memory as the code sees it that runs, and leaves no trace. */
  constructor(
    listener: ExitListener,
    vcpu: ParaVcpu,
    look: (va: bigint, length: number) => Uint8Array,
  ) {
    const source: ExitSource = {
      vm: listener.vm,
      view: vcpu.processor.view,
      get cpl() {
        return vcpu.isKernel ? 0 : 3;
      },
      code: look,
    };
    this.#vcpu = vcpu;
    this.#look = look;
    this.#log = new ExitLog(source, listener.sink, listener.now);
  }

  /** The kernel has made a hypercall; RIP is behind it. */
  hypercall(number: number, args: HypercallArguments): void {
    const qualification = describeHypercall(number, args, this.#look);
    this.#rip = this.#vcpu.rip;
    this.#log.open(this.#callAt(), { reason: 'VMCALL', qualification });
  }

  /** The hypercall has come to `result`; RIP and RAX are what the guest goes on with. */
  called(result: HypercallResult): void {
    if (this.#isStopped) return;
    if (typeof result === 'object') this.#log.did({ kind: 'continued' });
    else if (this.#vcpu.rip === this.#rip) this.#log.did(returned(BigInt(result)));
    // An iret goes elsewhere, and RAX is what was on the stack.
    else this.#log.did({ kind: 'emulated' });
  }

  /** SYSCALL of user code, or SYSENTER; RIP is behind it. */
  systemCall(): void {
    this.#log.open(this.#callAt(), { reason: 'SYSCALL', qualification: undefined });
  }

  /** An exception has stopped the guest. */
  fault({ vector, error, address }: GuestFault): void {
    const { rip } = this.#vcpu;
    const bytes = this.#look(rip, XEN_EMULATE_PREFIX.length);
    const isForced = XEN_EMULATE_PREFIX.every((byte, n) => bytes[n] === byte);
    const instruction = this.#log.instruction(rip, isForced ? XEN_EMULATE_PREFIX.length : 0);
    this.#instruction = instruction;
    this.#asked = instruction.qualification();
    const qualification: Qualification =
      vector === PF
        ? { kind: 'page fault', address, error: error ?? 0, gpa: undefined }
        : { kind: 'event', vector, error };
    this.#log.open(instruction, { reason: 'EXCEPTION_NMI', qualification });
  }

  /** It was one of which the guest does not hear. */
  served(how: ServedFault): void {
    this.#log.change({ reason: SERVED[how] });
    this.#log.did({ kind: how === 'table' ? 'emulated' : 'mapped' });
  }

  /** The VMM has carried the instruction out that has raised it. */
  emulated(): void {
    const { mnemonic, exit } = this.#instruction ?? {};
    if (mnemonic === undefined) return;
    this.#log.change({
      reason: exitOfInstruction(mnemonic, exit),
      ...(this.#asked !== undefined && { qualification: this.#asked }),
    });
  }

  /** The guest's handler for `vector` is entered. */
  injected(vector: number, error: number | undefined): void {
    this.#log.did({ kind: 'injected', vector, error, isExternal: false });
  }

  /** A callback of the guest is entered. */
  calledBack(callback: CallbackName): void {
    this.#interrupted();
    this.#log.did({ kind: 'injected', callback });
  }

  /** A device has answered the guest. */
  forwarded(action: Forwarded): void {
    this.#log.did(action);
  }

  /** The guest sleeps from now on. */
  blocked(): void {
    this.#log.did({ kind: 'blocked' });
  }

  /** The VM ends; `why` it has crashed, if it has. */
  stopped(why: string | undefined): void {
    this.#interrupted();
    this.#log.did({ kind: 'stopped', ...(why !== undefined && { why }) });
  }

  /** The guest runs again, or the host does other things. */
  end(): void {
    if (!this.#log.isOpen) return;
    if (this.#log.actions.length === 0) this.#log.did({ kind: 'emulated' });
    this.#log.close();
  }

  get #isStopped(): boolean {
    return this.#log.actions.some(({ kind }) => kind === 'stopped');
  }

  /** What comes now has nothing to do with the guest's code. */
  #interrupted(): void {
    if (this.#log.isOpen) return;
    const instruction = this.#log.instruction(this.#vcpu.rip);
    this.#log.open(instruction, { reason: 'EXTERNAL_INTERRUPT', qualification: undefined });
  }

  #callAt(): ExitInstruction {
    return this.#log.instruction(this.#vcpu.rip - SYSCALL_BYTES);
  }
}

const SERVED = { filled: 'SHADOW_FILL', table: 'TABLE_WRITE', ldt: 'LDT_PAGE' } as const;

function returned(result: bigint): ExitAction {
  const error = ERROR_NAMES.get(Number(-BigInt.asIntN(64, result)));
  return { kind: 'returned', result: BigInt.asUintN(64, result), ...(error && { error }) };
}
