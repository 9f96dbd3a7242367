/**
 * States for everything that uses the stack or transfers control: push to leave, near and far
 * branches, returns. Targets lie in the code page (filled with landing pads), in unmapped memory
 * (the instruction completes, the fetch behind it faults) or are not canonical.
 */

import { CODE, STACK } from '../vectors/pages.ts';
import { Draft, RIP } from './draft.ts';
import type { Encoded } from './encode.ts';
import { AC, chooseTarget, memoryBits, placeMemory, randomFlags, randomState } from './operands.ts';
import type { Rng } from './rng.ts';
import { codeSelector, stackSelector } from './selectors.ts';

const [RCX, RSP, RBP] = [1, 4, 5] as const;
const NT = 1n << 14n;

/** RSP for what pushes (or pops) `bytes` bytes: mostly good, sometimes where it must fault. */
function placeStack(draft: Draft, rng: Rng, bytes: number, pops: boolean): bigint {
  const size = BigInt(bytes);
  const good = STACK + 0x700n + BigInt(rng.below(0x20) * 8);
  const edge = pops ? STACK + 0x1000n - size : STACK + size;
  const outward = pops ? 1n : -1n;
  const choices = [
    edge,
    edge + outward * BigInt(1 + rng.below(bytes)),
    edge + outward * size,
    0x800000000000n,
    0x4000000000000000n,
    good + BigInt(rng.below(8)),
  ];
  const rsp = rng.chance(12) ? rng.pick(choices) : good;
  draft.setGpr(RSP, rsp);
  return rsp;
}

export function pushState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  placeStack(draft, rng, encoded.prefixes.includes(0x66) ? 2 : 8, false);
  const at = placeMemory(draft, encoded, rng);
  if (at !== undefined) draft.store(at, memoryBits(encoded), rng.operand(memoryBits(encoded)));
  return draft;
}

export function popState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bytes = encoded.prefixes.includes(0x66) ? 2 : 8;
  const rsp = placeStack(draft, rng, bytes, true);
  draft.store(rsp, bytes * 8, rng.operand(bytes * 8));
  placeMemory(draft, encoded, rng);
  return draft;
}

/** RSP for a far return. Frames end within the page: of a selector's slot two bytes may be read. */
function placeFrame(draft: Draft, rng: Rng, bytes: number): bigint {
  const rsp = placeStack(draft, rng, bytes, true);
  const end = STACK + 0x1000n;
  if (rsp < end && rsp + BigInt(bytes) > end) draft.setGpr(RSP, end - BigInt(bytes));
  return draft.gpr(RSP);
}

/** An image of RFLAGS for POPF and IRET: any bit may be set. */
function flagsImage(rng: Rng): bigint {
  const base = rng.chance(50) ? randomFlags(rng) : rng.bits(22);
  return rng.chance(85) ? base & ~0x100n : base;
}

export function popfState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bytes = encoded.prefixes.includes(0x66) ? 2 : 8;
  draft.store(placeStack(draft, rng, bytes, true), bytes * 8, flagsImage(rng));
  return draft;
}

/** Where the frame would reach below the page, what was pushed before the fault is not defined. */
export function enterState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  const rsp = placeStack(draft, rng, 8, false);
  const rbp =
    rsp > STACK + 0x1000n || rng.chance(80)
      ? STACK + 0x900n
      : rng.pick([STACK + 0x905n, 0x800000000000n]);
  draft.setGpr(RBP, rbp + BigInt(rng.below(0x10) * 8));
  for (let i = 1; i < 4; i++) draft.store(draft.gpr(RBP) - BigInt(8 * i), 64, rng.operand(64));
  return draft;
}

export function leaveState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  const bytes = encoded.prefixes.includes(0x66) ? 2 : 8;
  const rbp = placeStack(draft, rng, bytes, true);
  draft.setGpr(RBP, rbp);
  draft.setGpr(RSP, STACK + 0x100n);
  draft.store(rbp, bytes * 8, rng.operand(bytes * 8));
  return draft;
}

/** A branch target; never inside the instruction, where a landing pad would have changed it. */
export function branchTarget(rng: Rng): bigint {
  const landing = CODE + BigInt(rng.chance(50) ? rng.below(0x7e0) : 0x820 + rng.below(0x700));
  const others = [
    0n,
    0x40000000n + rng.bits(24),
    0x7ffffff00000n,
    0x800000000000n,
    1n << 63n,
    rng.bits(62) | (1n << 62n),
    0xffff800000000000n,
  ];
  return rng.chance(25) ? rng.pick(others) : landing;
}

/** Displacement for `bits`; `length` is that of the instruction. */
export function displacement(bits: number, length: number, rng: Rng): bigint {
  if (bits === 8) return BigInt(rng.chance(50) ? rng.below(0x80) : -0x80 + rng.below(0x70));
  if (bits === 32 && rng.chance(30)) return BigInt.asUintN(32, rng.operand(32) & ~0x3ffn);
  return (branchTarget(rng) % 0x100000000n) - RIP - BigInt(length);
}

/** Jcc, LOOP, JRCXZ, JMP and CALL with a displacement. */
export function relativeState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  const { mnemonic } = encoded.row;
  if (/^loop|cxz$/.test(mnemonic)) {
    const value = rng.chance(50) ? BigInt(rng.below(3)) : rng.operand(32);
    draft.setGpr(RCX, value | (rng.chance(40) ? rng.bits(32) << 32n : 0n));
  }
  if (mnemonic === 'call') placeStack(draft, rng, 8, false);
  return draft;
}

/** JMP and CALL through a register or memory. */
export function indirectState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  const [choice] = encoded.operands;
  const target = branchTarget(rng);
  // With a bad target the stack is good: the manual does not order the two faults.
  const viaStack = choice?.kind === 'gpr' && choice.register === RSP;
  const good = target < 1n << 47n && !viaStack;
  if (encoded.row.mnemonic === 'call' && good) placeStack(draft, rng, 8, false);
  if (choice?.kind === 'gpr' && !viaStack) draft.setGpr(choice.register, target);
  const at = placeMemory(draft, encoded, rng);
  if (at !== undefined) draft.store(at, 64, target);
  return draft;
}

export function retState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  draft.store(placeStack(draft, rng, 8, true), 64, branchTarget(rng));
  return draft;
}

/** Far JMP and CALL through memory. */
export function farState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  const bits = encoded.row.encoding.operandSize ?? 32;
  if (encoded.row.mnemonic === 'call') placeStack(draft, rng, bits >> 2, false);
  const at = placeMemory(draft, encoded, rng, rng.chance(90) ? chooseTarget(rng, 10) : undefined)!;
  draft.store(
    at,
    bits + 16,
    (codeSelector(rng) << BigInt(bits)) | BigInt.asUintN(bits, branchTarget(rng)),
  );
  return draft;
}

export function retfState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  const bits = encoded.row.encoding.operandSize ?? 32;
  const rsp = placeFrame(draft, rng, bits >> 2);
  storeFrame(draft, rsp, bits, [branchTarget(rng), codeSelector(rng)]);
  return draft;
}

/** One thing is wrong at a time: the manual does not order the checks of target and SS. */
export function iretState(encoded: Encoded, rng: Rng): Draft {
  const flags = randomFlags(rng) | (rng.chance(6) ? NT : 0n);
  const draft = new Draft(encoded.bytes, flags);
  const bits = encoded.row.encoding.operandSize ?? 32;
  const rsp = placeFrame(draft, rng, (bits >> 3) * 5);
  // An image with AC and a misaligned frame raises #AC half-way: Linux takes it for a split lock.
  const image = rsp % BigInt(bits >> 3) === 0n ? flagsImage(rng) : flagsImage(rng) & ~AC;
  const ss = stackSelector(rng);
  const target = ss === 0x2bn ? branchTarget(rng) : CODE + 0x900n;
  const frame = [target, codeSelector(rng), image, rng.operand(bits), ss];
  storeFrame(draft, rsp, bits, frame);
  return draft;
}

function storeFrame(draft: Draft, rsp: bigint, bits: number, slots: readonly bigint[]): void {
  const image = slots.reduceRight(
    (rest, slot) => (rest << BigInt(bits)) | BigInt.asUintN(bits, slot),
    0n,
  );
  draft.store(rsp, bits * slots.length, image);
}
