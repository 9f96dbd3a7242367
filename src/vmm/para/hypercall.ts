/**
 * Hypercalls as the rest of the VMM sees them: a function each, in a table by name. One file has one of the calls of
 * Xen's headers, or a few that belong together.
 */

import type { HypercallName } from '../../xen/hypercalls.ts';

/** RDI, RSI, RDX, R10, R8 and R9: u64 each. */
export type HypercallArguments = readonly [bigint, bigint, bigint, bigint, bigint, bigint];

/**
 * What RAX gets, where an error number is negative; or with which arguments the guest makes the same call next, in place
 * of a result: interrupts come in between.
 */
export type HypercallResult = number | bigint | { readonly again: HypercallArguments };

export type Hypercall = (args: HypercallArguments) => HypercallResult;

/** Calls that are not in it give -ENOSYS. */
export type HypercallTable = Partial<Readonly<Record<HypercallName, Hypercall>>>;

/** The low half of an argument: of one that the header declares as an int. */
export function u32Of(argument: bigint): number {
  return Number(BigInt.asUintN(32, argument));
}
