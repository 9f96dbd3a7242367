/**
 * What an exit is about, beside its reason: decoded once, where the exit is told of. The kinds are those of the
 * exit qualifications of SDM 3C 28.2.1, for all techniques.
 */

import type { Decoded } from '../../isa/decode.ts';
import type { OperandValue } from '../../isa/operand-value.ts';
import { registerName } from '../../isa/register-name.ts';
import type { CpuView } from '../../machine/cpu-view.ts';
import type { HypercallName } from '../../xen/hypercalls.ts';

/** An argument of a hypercall, by the ABI's names. */
export interface NamedArgument {
  readonly name: string;
  readonly value: bigint;
  /** The value as the ABI's headers write it. */
  readonly text: string;
}

/** Values are those of the registers and memory operands when the guest stopped. */
export type Qualification =
  /** MOV to and from a control or debug register. */
  | {
      readonly kind: 'register';
      readonly register: string;
      readonly access: 'mov to' | 'mov from';
      readonly gpr: string;
      /** What is written. */
      readonly value?: bigint;
    }
  /** CLTS, LMSW. */
  | { readonly kind: 'cr0'; readonly access: 'clts' | 'lmsw' }
  | {
      readonly kind: 'io';
      readonly port: number;
      /** Bytes. */
      readonly size: number;
      readonly direction: 'in' | 'out';
      readonly isString: boolean;
      readonly isRepeated: boolean;
      /** What is written, but for strings. */
      readonly value?: bigint;
    }
  | { readonly kind: 'msr'; readonly msr: number; readonly value?: bigint }
  | { readonly kind: 'cpuid'; readonly leaf: number; readonly subleaf: number }
  /** A hypercall of a PV kernel. */
  | {
      readonly kind: 'hypercall';
      readonly number: number;
      /** Undefined: the ABI names none. */
      readonly name: HypercallName | undefined;
      readonly args: readonly NamedArgument[];
      /** Of a list of operations the names of the first ones. */
      readonly list: readonly string[];
    }
  /** A page fault, and the GPA of the page if the guest's own tables lead to one. */
  | {
      readonly kind: 'page fault';
      readonly address: bigint;
      readonly error: number;
      readonly gpa: number | undefined;
    }
  /** An exception or software interrupt. */
  | { readonly kind: 'event'; readonly vector: number; readonly error: number | undefined };

/** How the hypercall is called that it is about; undefined: it is about none. */
export function hypercallOf(qualification: Qualification | undefined): string | undefined {
  if (qualification?.kind !== 'hypercall') return undefined;
  return qualification.name ?? `hypercall ${qualification.number}`;
}

const DX = 2;
const VALUE_BITS = 64;

/** What the instruction that trapped asks for, where there is more to tell than its name. */
export function qualificationOf(
  mnemonic: string,
  decoded: Decoded,
  view: CpuView,
): Qualification | undefined {
  const [first, second] = decoded.operands;
  if (mnemonic === 'mov' && isSystem(first)) return moveTo(first, second, view);
  if (mnemonic === 'mov' && isSystem(second)) return moveFrom(second, first);
  if (mnemonic === 'clts' || mnemonic === 'lmsw') return { kind: 'cr0', access: mnemonic };
  const msr = low(view, 1);
  if (mnemonic === 'rdmsr') return { kind: 'msr', msr };
  if (mnemonic === 'wrmsr') {
    return { kind: 'msr', msr, value: (BigInt(low(view, DX)) << 32n) | BigInt(low(view, 0)) };
  }
  if (mnemonic === 'cpuid') return { kind: 'cpuid', leaf: low(view, 0), subleaf: low(view, 1) };
  const io = /^(in|out)(s[bwd])?$/.exec(mnemonic);
  return io === null ? undefined : portAccess(io[1] as 'in' | 'out', io[2], decoded, view);
}

type SystemRegister = OperandValue & { readonly kind: 'reg' };

function isSystem(operand: OperandValue | undefined): operand is SystemRegister {
  return operand?.kind === 'reg' && (operand.class === 'cr' || operand.class === 'dr');
}

function moveTo(
  to: SystemRegister,
  from: OperandValue | undefined,
  view: CpuView,
): Qualification | undefined {
  if (from?.kind !== 'reg') return undefined;
  const value = BigInt.asUintN(from.bits, view.gpr[from.number] ?? 0n);
  const [register, gpr] = [registerName(to), registerName(from)];
  return { kind: 'register', register, access: 'mov to', gpr, value };
}

function moveFrom(from: SystemRegister, to: OperandValue | undefined): Qualification | undefined {
  if (to?.kind !== 'reg') return undefined;
  return {
    kind: 'register',
    register: registerName(from),
    access: 'mov from',
    gpr: registerName(to),
  };
}

function portAccess(
  direction: 'in' | 'out',
  string: string | undefined,
  { operands, operandSize, prefixes }: Decoded,
  view: CpuView,
): Qualification {
  const isString = string !== undefined;
  const data = operands.find((one) => one.kind === 'reg' && one.number === 0);
  const immediate = operands.find((one) => one.kind === 'imm');
  const bits = data?.kind === 'reg' ? data.bits : operandSize;
  const size = isString ? sizeOf(string) : Math.min(bits, 32) / 8;
  const port = immediate?.kind === 'imm' ? Number(immediate.value) & 0xff : low(view, DX) & 0xffff;
  const isRepeated = isString && prefixes.repeat !== undefined;
  const access = { kind: 'io', port, size, direction, isString, isRepeated } as const;
  if (direction === 'in' || isString) return access;
  return { ...access, value: BigInt.asUintN(size * 8, view.gpr[0] ?? 0n) };
}

/** Bytes that INSB, OUTSW and the like move. */
function sizeOf(suffix: string): number {
  return { sb: 1, sw: 2, sd: 4 }[suffix] ?? 1;
}

/** Low half of a general register. */
function low(view: CpuView, register: number): number {
  return Number(BigInt.asUintN(VALUE_BITS / 2, view.gpr[register] ?? 0n));
}
