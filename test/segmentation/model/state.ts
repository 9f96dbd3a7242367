/**
 * The state that the model works on: what SDM 3A chapters 3, 5 and 6 call segment registers with their hidden
 * part, table registers, CPL, and memory by linear address. An operation of the model changes it only when it is
 * past all of its checks; a failed check throws `Fault`.
 */

import type { SegmentName, SegmentState } from '../../../src/machine/cpu-view.ts';

export const TS = 10;
export const NP = 11;
export const SS = 12;
export const GP = 13;

/** Bits of a hidden part's access rights, as a VMCS has them. */
export const ACCESSED = 1;
export const RIGHTS_P = 1 << 7;
export const RIGHTS_L = 1 << 13;
export const RIGHTS_DB = 1 << 14;
export const UNUSABLE = 1 << 16;

export const RSP = 4;
export const LOW32 = 0xffff_ffffn;

/** Memory by linear address; the paging below it refuses nothing. */
export interface LinearMemory {
  read(address: bigint, size: number): bigint;
  write(address: bigint, size: number, value: bigint): void;
}

export interface State {
  /** IA32_EFER.LMA: 64-bit or compatibility mode. */
  readonly isLong: boolean;
  readonly memory: LinearMemory;
  readonly gdtr: { readonly base: bigint; readonly limit: number };
  readonly idtr: { readonly base: bigint; readonly limit: number };
  readonly segments: Record<SegmentName, SegmentState>;
  readonly gpr: bigint[];
  cpl: number;
  /** Of the next instruction. */
  rip: bigint;
  rflags: bigint;
}

/** A failed check: the exception that it raises, with `why` to tell it from others. */
export class Fault {
  readonly vector: number;
  readonly error: number;
  readonly why: string;
  /** What it may be instead: another check fails too, and the manual does not say which is first. */
  readonly or: Fault | undefined;

  constructor(vector: number, error: number, why: string, or?: Fault) {
    this.vector = vector;
    this.error = error;
    this.why = why;
    this.or = or;
  }
}

/** Makes the checks of both functions, of which either may be the first, and gives what they give. */
export function inAnyOrder<A, B>(first: () => A, second: () => B): [A, B] {
  const [a, b] = [outcome(first), outcome(second)];
  if (a instanceof Fault && b instanceof Fault) throw new Fault(a.vector, a.error, a.why, b);
  if (a instanceof Fault) throw a;
  if (b instanceof Fault) throw b;
  return [a, b];
}

function outcome<T>(run: () => T): T | Fault {
  try {
    return run();
  } catch (end) {
    if (end instanceof Fault) return end;
    throw end;
  }
}

/** Raises `vector` with a selector as error code, unless `isRight`. */
export function check(isRight: boolean, vector: number, selector: number, why: string): void {
  if (!isRight) throw new Fault(vector, selector & 0xfffc, why);
}

/** What an operation leads to that this processor does not have. */
export class Absent {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

export const rpl = (selector: number): number => selector & 3;
export const isNull = (selector: number): boolean => selector < 4;

export const is64Bit = (state: State): boolean =>
  state.isLong && (state.segments.cs.access & RIGHTS_L) !== 0;

/** 48-bit linear addresses. */
export const isCanonical = (address: bigint): boolean =>
  BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
