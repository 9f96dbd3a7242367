/** Stacks: which slots can be used, and what pushes leave (SDM 1 6.2; SDM 3A 5.3 Limit Checking). */

import type { SegmentState } from '../../../src/machine/cpu-view.ts';
import {
  check,
  is64Bit,
  isCanonical,
  LOW32,
  RIGHTS_DB,
  RSP,
  SS,
  type State,
  UNUSABLE,
} from './state.ts';

export interface Stack {
  /** Undefined for a stack of 64-bit mode, which has neither base nor limit. */
  readonly segment: SegmentState | undefined;
  /** All of RSP, of which pushes change the part that `maskOf` gives. */
  pointer: bigint;
}

const EXPAND_DOWN = 4;
const WRITABLE = 2;

export function currentStack(state: State): Stack {
  const segment = is64Bit(state) ? undefined : state.segments.ss;
  return { segment, pointer: state.gpr[RSP] ?? 0n };
}

/** Address size of the stack. */
export function maskOf({ segment }: Stack): bigint {
  if (segment === undefined) return 0xffff_ffff_ffff_ffffn;
  return segment.access & RIGHTS_DB ? LOW32 : 0xffffn;
}

/**
 * Loads the stack pointer of SS as it is now. Of a 16-bit stack only SP is loaded: the rest of ESP stays, which the
 * pseudo code does not say, but processors do.
 */
export function setPointer(state: State, pointer: bigint): void {
  const mask = maskOf(currentStack(state));
  const kept = mask === 0xffffn ? (state.gpr[RSP] ?? 0n) & ~mask : 0n;
  state.gpr[RSP] = kept | (pointer & mask);
}

/** Moves the stack pointer by `bytes`. */
export function move(stack: Stack, bytes: number): void {
  const mask = maskOf(stack);
  stack.pointer = (stack.pointer & ~mask) | ((stack.pointer + BigInt(bytes)) & mask);
}

/** Linear address of the slot at `offset` from the stack pointer; undefined if the segment does not have it. */
function slotAddress(stack: Stack, offset: number, size: number): bigint | undefined {
  const first = (stack.pointer + BigInt(offset)) & maskOf(stack);
  const last = first + BigInt(size) - 1n;
  if (stack.segment === undefined) {
    return isCanonical(first) && isCanonical(BigInt.asUintN(64, last)) ? first : undefined;
  }
  const { base, limit, access } = stack.segment;
  if (access & UNUSABLE) return undefined;
  const isInside =
    access & EXPAND_DOWN
      ? first > BigInt(limit) && last <= (access & RIGHTS_DB ? LOW32 : 0xffffn)
      : last <= BigInt(limit);
  return isInside ? (base + first) & LOW32 : undefined;
}

/** #SS(selector) unless `count` slots of `size` bytes can be pushed. */
export function checkRoom(stack: Stack, count: number, size: number, selector = 0): void {
  const isWritable = stack.segment === undefined || (stack.segment.access & WRITABLE) !== 0;
  for (let n = 1; n <= count; n++) {
    const isThere = slotAddress(stack, -n * size, size) !== undefined;
    check(isWritable && isThere, SS, selector, 'no room on the stack');
  }
}

/** The slot at `offset` above the stack pointer; #SS(0) if it is not in the segment. */
export function peek(state: State, stack: Stack, offset: number, size: number): bigint {
  const address = slotAddress(stack, offset, size);
  check(address !== undefined, SS, 0, 'the frame is outside the stack');
  return state.memory.read(address ?? 0n, size);
}

/** Pushes where `checkRoom` has found room. */
export function push(state: State, stack: Stack, size: number, value: bigint): void {
  move(stack, -size);
  state.memory.write(slotAddress(stack, 0, size) ?? 0n, size, BigInt.asUintN(8 * size, value));
}
