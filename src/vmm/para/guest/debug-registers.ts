/**
 * The debug registers as a guest sets and reads them, by hypercalls or by MOV (SDM 3B 18.2 Debug Registers). Breakpoints
 * on what is the hypervisor's, and the detection of accesses to the registers, are refused. Breakpoints on I/O are kept
 * but never reach the processor: the guest has no ports.
 */

import { isGuestAddress } from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';

/** Numbers of registers; 4 and 5 are other names of 6 and 7 while CR4.DE is clear. */
const DR4 = 4;
const DR5 = 5;
const DR6 = 6;
const DR7 = 7;

const DR6_ONES = 0xffff_0ff0n;
const DR6_ZEROS = 1n << 12n;
const DR7_ONES = 1n << 10n;
const DR7_ZEROS = 0xd800n;
const DR7_GD = 1n << 13n;
/** L0 to G3: breakpoint n has bits 2n and 2n + 1. */
const DR7_ENABLED = 0xffn;
const DR7_CONTROL_SHIFT = 16n;
/** R/W of a breakpoint's control: I/O, if CR4.DE is set. */
const DR7_IO = 2n;
const BREAKPOINTS = [0n, 1n, 2n, 3n] as const;

export interface DebugRegisterDeps {
  /** The virtual processor's registers 0 to 3, 6 and 7. */
  read(register: number): bigint;
  write(register: number, value: bigint): void;
  /** The virtual CR4.DE. */
  readonly hasDebugExtensions: () => boolean;
}

export class DebugRegisters {
  readonly #deps: DebugRegisterDeps;
  /** Of DR7 what is enabled but for breakpoints on I/O. */
  #ioEnabled: bigint;

  constructor(deps: DebugRegisterDeps, ioEnabled = 0n) {
    this.#deps = deps;
    this.#ioEnabled = ioEnabled;
  }

  save(): bigint {
    return this.#ioEnabled;
  }

  /** 0; -ENODEV: there is none of that number; -EINVAL: a bad bit; -EPERM: what a guest may not do. */
  set(number: number, value: bigint): number {
    const register = this.#register(number);
    if (register === undefined) return -ERRNO.ENODEV;
    if (register < DR4) {
      if (!isGuestAddress(value)) return -ERRNO.EPERM;
      this.#deps.write(register, value);
      return 0;
    }
    if (value >> 32n !== 0n) return -ERRNO.EINVAL;
    if (register === DR7) return this.#setControl((value & ~DR7_ZEROS) | DR7_ONES);
    this.#deps.write(DR6, (value & ~DR6_ZEROS) | DR6_ONES);
    return 0;
  }

  /** Undefined if there is none of that number. */
  get(number: number): bigint | undefined {
    const register = this.#register(number);
    if (register === undefined) return undefined;
    const value = this.#deps.read(register);
    return register === DR7 ? value | this.#ioEnabled : value;
  }

  #register(number: number): number | undefined {
    if (number > DR7) return undefined;
    if (number !== DR4 && number !== DR5) return number;
    return this.#deps.hasDebugExtensions() ? undefined : number + DR6 - DR4;
  }

  #setControl(value: bigint): number {
    if ((value & DR7_GD) !== 0n) return -ERRNO.EPERM;
    let io = 0n;
    if ((value & DR7_ENABLED) !== 0n) {
      for (const n of BREAKPOINTS) {
        if (((value >> (DR7_CONTROL_SHIFT + 4n * n)) & 3n) === DR7_IO) io |= 3n << (2n * n);
      }
      if (io !== 0n && !this.#deps.hasDebugExtensions()) return -ERRNO.EPERM;
    }
    this.#ioEnabled = value & io;
    this.#deps.write(DR7, value & ~io);
    return 0;
  }
}
