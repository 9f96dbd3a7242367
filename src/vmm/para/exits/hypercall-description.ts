/** A hypercall as traces tell it: its name, its arguments, and of a list of operations what the first ones are. */

import { HYPERVISOR, type HypercallName, hypercallName } from '../../../xen/hypercalls.ts';
import { MMU, MMU_UPDATE, MMUEXT, MMUEXT_OP } from '../../../xen/mmu.ts';
import { MULTICALL_ENTRY } from '../../../xen/multicall.ts';
import { nameOf } from '../../../xen/names.ts';
import type { Field } from '../../../xen/structure.ts';
import type { Qualification } from '../../exits/qualification.ts';
import type { HypercallArguments } from '../hypercall.ts';
import { namedArguments } from './hypercall-arguments.ts';

/** Reads as much of the guest's memory as is mapped, without a trace of it. */
type Look = (va: bigint, length: number) => Uint8Array;

/** Operations of a list that are named. */
const MOST = 3;
/** More than any list has; above it is a flag. */
const COUNT_BITS = 31;
const COMMAND = 3n;
const NO_ARGUMENTS: HypercallArguments = [0n, 0n, 0n, 0n, 0n, 0n];

/** The calls whose first argument is a list, the second its length: what an entry is, and how it is called. */
const LISTS: Partial<Readonly<Record<HypercallName, Named>>> = {
  mmu_update: named(MMU_UPDATE, ({ ptr, val }) => {
    const command = constant('MMU', MMU, ptr & COMMAND);
    return `${command} [${hex(ptr & ~COMMAND)}]=${hex(val)}`;
  }),
  mmuext_op: named(MMUEXT_OP, ({ cmd, arg1 }) => {
    return `${constant('MMUEXT', MMUEXT, BigInt(cmd))} ${hex(arg1.mfn)}`;
  }),
  multicall: named(MULTICALL_ENTRY, ({ op }) => hypercallName(Number(op)) ?? `hypercall ${op}`),
};

interface Named {
  readonly size: number;
  readonly nameOf: (entry: DataView) => string;
}

export function describeHypercall(
  number: number,
  args: HypercallArguments,
  look: Look,
): Qualification {
  const name = hypercallName(number);
  // Its arguments lie on the stack.
  const given = number === HYPERVISOR.iret ? NO_ARGUMENTS : args;
  return {
    kind: 'hypercall',
    number,
    name,
    args: namedArguments(name, given),
    list: name === undefined ? [] : listed(name, given, look),
  };
}

function listed(name: HypercallName, args: HypercallArguments, look: Look): readonly string[] {
  const entry = LISTS[name];
  if (entry === undefined) return [];
  const count = Number(BigInt.asUintN(COUNT_BITS, args[1]));
  const shown = Math.min(count, MOST);
  const bytes = look(args[0], shown * entry.size);
  const whole = Math.floor(bytes.length / entry.size);
  const names = Array.from({ length: whole }, (_, n) =>
    entry.nameOf(new DataView(bytes.buffer, bytes.byteOffset + n * entry.size, entry.size)),
  );
  return count > MOST ? [...names, '...'] : names;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

function named<R>(type: Field<R, never>, name: (entry: R) => string): Named {
  return { size: type.size, nameOf: (entry) => name(type.read(entry, 0)) };
}

function constant(prefix: string, values: Readonly<Record<string, number>>, value: bigint): string {
  const name = nameOf(values, Number(value));
  return name === undefined ? String(value) : `${prefix}_${name}`;
}
