/**
 * The virtual processor of a PV domain. It is a hosted processor: kernel and user code of the guest both run on it at CPL
 * 3, and it stops for whatever would leave CPL 3. What a processor of its own would keep in registers that only CPL 0 can
 * load is kept here.
 */

import type { Processor } from '../../../machine/processor.ts';
import { FLAT } from '../../../xen/segments.ts';

/** Bytes of SYSCALL and SYSENTER, which RIP is behind when they stop the processor. */
export const SYSCALL_BYTES = 2n;

const [CS, SS, GS] = [1, 2, 5];
const RFLAGS_IF = 1 << 9;
const RFLAGS_FIXED = 1 << 1;
/** Bits that RFLAGS has (SDM vol. 1, 3.4.3). */
const RFLAGS_KNOWN = 0x3f_7fd5;
/** IOPL and VM stay 0 and RF is good for one instruction. */
const RFLAGS_REFUSED = ~RFLAGS_KNOWN | (3 << 12) | (1 << 17);

/** Indices of general registers. */
export const RAX = 0;
export const RCX = 1;
export const RSP = 4;
export const R11 = 11;

export class ParaVcpu {
  readonly processor: Processor;
  /** gpr[16]. */
  readonly gpr: BigUint64Array;
  /** Code of the guest's kernel runs. */
  isKernel = true;
  /** Where handlers find their stack when user code is left (HYPERVISOR_stack_switch). */
  kernelStack = 0n;
  /** GS base of the code, user or kernel, that does not run. */
  otherGsBase = 0n;
  readonly #data: DataView;
  readonly #rip: number;
  readonly #gsBase: number;
  readonly #selectors: readonly number[];

  constructor(processor: Processor) {
    const { view } = processor;
    const { layout } = view;
    this.processor = processor;
    this.gpr = view.gpr;
    this.#data = view.data;
    this.#rip = layout('RIP');
    const segment = (n: number): number => layout('SEGS') + n * layout('SEG_BYTES');
    this.#gsBase = segment(GS) + layout('SEG_BASE');
    this.#selectors = [CS, SS].map((n) => segment(n) + layout('SEG_SELECTOR'));
  }

  get rip(): bigint {
    return this.#data.getBigUint64(this.#rip, true);
  }
  set rip(value: bigint) {
    this.#data.setBigUint64(this.#rip, value, true);
  }

  get rsp(): bigint {
    return this.gpr[RSP] ?? 0n;
  }
  set rsp(value: bigint) {
    this.gpr[RSP] = value;
  }

  /** The lower half of RFLAGS; nothing is in the other one. */
  get rflags(): number {
    return Number(BigInt.asUintN(32, this.processor.rflags));
  }
  /** The flags that the guest can have, with interrupts on: the guest masks events, not interrupts. */
  set rflags(value: number) {
    const flags = (value & ~RFLAGS_REFUSED) | RFLAGS_IF | RFLAGS_FIXED;
    this.processor.rflags = BigInt(flags >>> 0);
  }

  get cs(): number {
    return this.#data.getUint16(this.#selectors[0] ?? 0, true);
  }
  get ss(): number {
    return this.#data.getUint16(this.#selectors[1] ?? 0, true);
  }

  /** Loads CS and SS with these selectors for CPL 3, as IRET does; false if that would fault. */
  loadStackAndCode(cs: number, ss: number): boolean {
    return (this.cs === cs && this.ss === ss && isFlat(cs, ss)) || this.processor.enterUser(cs, ss);
  }

  get gsBase(): bigint {
    return this.#data.getBigUint64(this.#gsBase, true);
  }
  set gsBase(value: bigint) {
    this.#data.setBigUint64(this.#gsBase, value, true);
  }

  /** Loads GS for the code that does not run: with `selector`, or with none if that faults. */
  loadOtherGs(selector: number): void {
    const { gsBase } = this;
    if (!this.processor.loadGs(selector)) this.processor.loadGs(0);
    this.otherGsBase = this.gsBase;
    this.gsBase = gsBase;
  }

  /** From user to kernel code or back; the address space is not looked at. */
  toggle(): void {
    const { gsBase } = this;
    this.isKernel = !this.isKernel;
    this.gsBase = this.otherGsBase;
    this.otherGsBase = gsBase;
  }
}

/** Segments that nobody can change, so that a register which has them need not be loaded again. */
function isFlat(cs: number, ss: number): boolean {
  return cs === FLAT.KERNEL_CS && ss === FLAT.KERNEL_SS;
}
