/**
 * Values of expressions: a 64-bit constant, plus bases (sections, external symbols) and registers with
 * multipliers.
 *
 * `label + 5` is section + offset and stays so until the sections are placed; that is what lets a
 * relocation be made of it. `rax + rbx*4 + 8` is an address. A value that hangs on a symbol of which
 * nothing is known yet is `unknown`, and the rest of it does not count.
 */

import type { Base } from './base.ts';
import { LineError } from './diagnostics.ts';
import type { Register } from './registers.ts';

export interface Term<T> {
  readonly of: T;
  readonly count: bigint;
}

/** How registers were written, where NASM lets that decide between base and index. */
export interface RegisterHint {
  readonly register: Register;
  readonly role: 'base' | 'notBase' | 'summed';
}

export interface Value {
  /** Signed, modulo 2^64. */
  readonly constant: bigint;
  readonly unknown: boolean;
  readonly bases: readonly Term<Base>[];
  readonly registers: readonly Term<Register>[];
  readonly hint: RegisterHint | undefined;
  /** Special symbol of the output format that it is taken relative to: `..got`. */
  readonly wrt: string | undefined;
}

const NONE: readonly never[] = [];

export function constant(value: bigint): Value {
  return {
    constant: BigInt.asIntN(64, value),
    unknown: false,
    bases: NONE,
    registers: NONE,
    hint: undefined,
    wrt: undefined,
  };
}

export const ZERO = constant(0n);
export const UNKNOWN: Value = { ...ZERO, unknown: true };

export function fromBase(base: Base | undefined, offset: bigint): Value {
  if (!base) return constant(offset);
  return { ...constant(offset), bases: [{ of: base, count: 1n }] };
}

export function ofRegister(register: Register): Value {
  const registers = [{ of: register, count: 1n }];
  return { ...ZERO, registers, hint: { register, role: 'base' } };
}

/** A plain number: no section, no register, nothing unknown. */
export function isScalar(value: Value): boolean {
  return !value.unknown && value.bases.length === 0 && value.registers.length === 0;
}

export function add(a: Value, b: Value): Value {
  if (isScalar(a) && isScalar(b)) return constant(a.constant + b.constant);
  const registers = merge(a.registers, b.registers);
  return {
    constant: BigInt.asIntN(64, a.constant + b.constant),
    unknown: a.unknown || b.unknown,
    bases: merge(a.bases, b.bases),
    registers,
    hint: joinHints(a, b),
    wrt: a.wrt ?? b.wrt,
  };
}

export function multiply(a: Value, factor: bigint, isIndex: boolean): Value {
  if (isScalar(a)) return constant(a.constant * factor);
  const scale = <T>(terms: readonly Term<T>[]): Term<T>[] =>
    terms.map(({ of, count }) => ({ of, count: count * factor })).filter((t) => t.count !== 0n);
  const hint: RegisterHint | undefined =
    isIndex && a.hint?.role === 'base' ? { ...a.hint, role: 'notBase' } : a.hint;
  return {
    constant: BigInt.asIntN(64, a.constant * factor),
    unknown: a.unknown,
    bases: scale(a.bases),
    registers: scale(a.registers),
    hint,
    wrt: a.wrt,
  };
}

function merge<T>(a: readonly Term<T>[], b: readonly Term<T>[]): readonly Term<T>[] {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const sums = new Map<T, bigint>();
  for (const { of, count } of [...a, ...b]) sums.set(of, (sums.get(of) ?? 0n) + count);
  return [...sums].map(([of, count]) => ({ of, count })).filter((term) => term.count !== 0n);
}

function joinHints(a: Value, b: Value): RegisterHint | undefined {
  const shared = a.registers.find((x) => b.registers.some((y) => y.of === x.of));
  if (shared) return { register: shared.of, role: 'summed' };
  return a.hint ?? b.hint;
}

/** The number that `value` is; throws where it is none. */
export function toScalar(value: Value, what: string): bigint {
  if (!isScalar(value)) throw new LineError(`${what} may only be applied to scalar values`);
  return value.constant;
}
