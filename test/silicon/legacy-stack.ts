/**
 * States outside 64-bit mode for everything that uses the stack or transfers control: push to leave, near
 * and far branches, returns. Stacks of 16 and 32 bits with limits of both directions; code in flat segments
 * and in such with a base; targets on landing pads, in unmapped memory, beyond the limit.
 */

import { LAUNCH } from '../vectors/format.ts';
import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { CODE, STACK } from '../vectors/pages.ts';
import { Draft } from './draft.ts';
import type { Encoded } from './encode.ts';
import { segmentIn, setSegment } from './legacy-segment.ts';
import { AC, memoryBits, operandBits, placeMemory, randomFlags, randomState } from './operands.ts';
import type { Rng } from './rng.ts';

const [RCX, RSP, RBP] = [1, 4, 5] as const;
const NT = 1n << 14n;
const FLAT_SELECTOR = 0x2bn;

/** Chooses the stack segment. */
function chooseStack(draft: Draft, rng: Rng): void {
  const { stack16, stack32, stackDown16, stackDown32 } = LDT_SEGMENTS;
  const isWide = draft.input.bits === 32;
  if (isWide && rng.chance(60)) return;
  if (!isWide && rng.chance(50)) return;
  const choices = [stack32, stackDown32, stack16, stackDown16];
  if (!isWide && rng.chance(20)) draft.set('ss', FLAT_SELECTOR);
  else setSegment(draft, 'ss', rng.pick(choices));
}

/** Puts the stack pointer to a linear address. */
function setStackPointer(draft: Draft, linear: bigint, register: number = RSP): void {
  const { base, big } = segmentIn(draft, 'ss');
  const offset = linear - base;
  draft.setGpr(register, big ? BigInt.asUintN(32, offset) : LAUNCH + BigInt.asUintN(16, offset));
}

/** A stack for what pushes (or pops) `bytes` bytes: mostly good, at times where it must fault. Its linear address. */
function placeStack(draft: Draft, rng: Rng, bytes: number, pops: boolean): bigint {
  chooseStack(draft, rng);
  const segment = segmentIn(draft, 'ss');
  const size = BigInt(bytes);
  const good = STACK + 0x900n + BigInt(rng.below(0x20) * 8);
  const low = segment.kind === 'down' ? STACK + 0x800n : STACK;
  const edge = pops ? STACK + 0x1000n - size : low + size;
  const outward = pops ? 1n : -1n;
  const choices = [
    edge,
    edge + outward * BigInt(1 + rng.below(bytes)),
    edge + outward * size,
    segment.base,
    segment.base + BigInt(1 + rng.below(bytes)),
    segment.base - BigInt(rng.below(bytes + 1)),
    good + BigInt(rng.below(8)),
  ];
  const linear = rng.chance(15) ? rng.pick(choices) : good;
  setStackPointer(draft, linear);
  return linear;
}

export function pushState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bytes = operandBits(encoded) / 8;
  placeStack(draft, rng, encoded.row.uop === 'pusha' ? 8 * bytes : bytes, false);
  const at = placeMemory(draft, encoded, rng);
  if (at !== undefined) draft.store(at, memoryBits(encoded), rng.operand(memoryBits(encoded)));
  return draft;
}

export function popState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bytes = operandBits(encoded) / 8;
  const count = encoded.row.uop === 'popa' ? 8 : 1;
  const at = placeStack(draft, rng, count * bytes, true);
  for (let n = 0; n < count; n++)
    draft.store(at + BigInt(n * bytes), bytes * 8, rng.operand(bytes * 8));
  placeMemory(draft, encoded, rng);
  return draft;
}

/** An image of EFLAGS for POPF and IRET: any bit may be set, but those that Linux would not expect. */
function flagsImage(rng: Rng): bigint {
  const base = rng.chance(50) ? randomFlags(rng) : rng.bits(22);
  return rng.chance(85) ? base & ~0x100n : base;
}

export function popfState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bytes = operandBits(encoded) / 8;
  draft.store(placeStack(draft, rng, bytes, true), bytes * 8, flagsImage(rng));
  return draft;
}

export function enterState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  placeStack(draft, rng, 4, false);
  const frame = STACK + 0xa00n + BigInt(rng.below(0x10) * 8);
  setStackPointer(draft, rng.chance(85) ? frame : frame + BigInt(rng.below(8)), RBP);
  const bytes = operandBits(encoded) / 8;
  for (let i = 1; i < 4; i++)
    draft.store(frame - BigInt(bytes * i), bytes * 8, rng.operand(bytes * 8));
  return draft;
}

export function leaveState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const bytes = operandBits(encoded) / 8;
  const at = placeStack(draft, rng, bytes, true);
  draft.setGpr(RBP, draft.gpr(RSP));
  setStackPointer(draft, STACK + 0x904n);
  draft.store(at, bytes * 8, rng.operand(bytes * 8));
  return draft;
}

/** Chooses the code segment, with RIP at the instruction in it. */
function chooseCode(draft: Draft, rng: Rng): void {
  const { code32, flatCode16 } = LDT_SEGMENTS;
  if (rng.chance(75)) return;
  const segment = draft.input.bits === 32 ? code32 : flatCode16;
  draft.set('cs', segment.selector);
  draft.set('rip', CODE + 0x800n - segment.base);
}

/** An offset in the code segment; never inside the instruction, where a landing pad would have changed it. */
function branchTarget(draft: Draft, bits: number, rng: Rng): bigint {
  const { base } = segmentIn(draft, 'cs');
  const landing = CODE + BigInt(rng.chance(50) ? rng.below(0x7e0) : 0x820 + rng.below(0x700));
  const others = [0n, 0xfffn, 0x1000n, 0xffffn, 0x40000000n + rng.bits(24), rng.bits(32)];
  const target = rng.chance(25) ? rng.pick(others) : landing - base;
  return BigInt.asUintN(bits, target);
}

/** Displacement for `bits`; `length` is that of the instruction. */
export function legacyDisplacement(bits: number, length: number, rng: Rng): bigint {
  if (bits === 8) return BigInt(rng.chance(50) ? rng.below(0x80) : -0x80 + rng.below(0x70));
  if (rng.chance(25)) return BigInt.asUintN(bits, rng.operand(bits) & ~0x3fn);
  const landing = rng.chance(50) ? rng.below(0x7e0) : 0x820 + rng.below(0x700);
  return BigInt.asUintN(bits, BigInt(landing - 0x800 - length));
}

/** Jcc, LOOP, JCXZ, JMP and CALL with a displacement. */
export function relativeState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const { mnemonic } = encoded.row;
  chooseCode(draft, rng);
  if (/^loop|cxz$/.test(mnemonic)) {
    const count = rng.chance(50) ? BigInt(rng.below(3)) : rng.operand(32);
    draft.setPart(RCX, rng.chance(50) ? 16 : 32, count);
  }
  if (mnemonic === 'call' && !isConfined(draft))
    placeStack(draft, rng, operandBits(encoded) / 8, false);
  return draft;
}

/** The target may lie beyond the limit: then the stack is good, since the faults have no common order. */
function isConfined(draft: Draft): boolean {
  return segmentIn(draft, 'cs').limit !== 0xffffffffn;
}

/** JMP and CALL through a register or memory. */
export function indirectState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const bits = operandBits(encoded);
  const [choice] = encoded.operands;
  const viaStack = choice?.kind === 'gpr' && choice.register === RSP;
  if (!viaStack) chooseCode(draft, rng);
  const target = branchTarget(draft, bits, rng);
  if (encoded.row.mnemonic === 'call' && !viaStack && !isConfined(draft))
    placeStack(draft, rng, bits / 8, false);
  if (choice?.kind === 'gpr' && !viaStack) draft.setPart(choice.register, bits, target);
  const at = placeMemory(draft, encoded, rng);
  if (at !== undefined) draft.store(at, bits, target);
  return draft;
}

export function retState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const bits = operandBits(encoded);
  chooseCode(draft, rng);
  draft.store(placeStack(draft, rng, bits / 8, true), bits, branchTarget(draft, bits, rng));
  return draft;
}

const BAD = [0x08n, 0x10n, 0x13n, 0x18n, 0x1bn, 0x40n, 0x43n, 0xfffbn, 0xfff8n, 0xfffcn, 0xffffn];
const NULL = [0n, 1n, 2n, 3n];

/** Where a far transfer goes: selector, and an offset that suits it. */
export function farTarget(bits: number, rng: Rng): { selector: bigint; offset: bigint } {
  const { code16, code32, flatCode16, executeOnly, data } = LDT_SEGMENTS;
  const landing = CODE + 0x100n + BigInt(rng.below(0x600));
  const based = [code16, code32, executeOnly];
  const flat = [0x23n, 0x23n, flatCode16.selector, 0x33n];
  const bad = [...BAD, ...NULL, 0x2bn, data.selector, code32.selector - 3n, 0x20n, 0x21n];
  const odd = rng.pick([0n, 0xfffn, 0x1000n, 0xffffn, rng.bits(32)]);
  const cut = (offset: bigint): bigint => BigInt.asUintN(bits, rng.chance(15) ? odd : offset);
  if (rng.chance(30)) return { selector: rng.pick(bad), offset: cut(landing) };
  if (rng.chance(50)) return { selector: rng.pick(flat), offset: cut(landing) };
  return { selector: rng.pick(based).selector, offset: cut(landing - CODE) };
}

/** The pointer in the instruction, or one to be put into memory. */
function farPointer({ operands }: Encoded, bits: number, rng: Rng): ReturnType<typeof farTarget> {
  const [choice] = operands;
  if (choice?.kind !== 'number') return farTarget(bits, rng);
  const offset = BigInt.asUintN(bits, choice.value);
  return { selector: choice.value >> BigInt(bits), offset };
}

/** Far JMP and CALL through memory. A pointer in the instruction is chosen when it is encoded. */
export function farState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const bits = operandBits(encoded);
  chooseCode(draft, rng);
  if (encoded.row.mnemonic === 'call') placeStack(draft, rng, bits / 4, false);
  const at = placeMemory(draft, encoded, rng);
  const { selector, offset } = farPointer(encoded, bits, rng);
  if (at !== undefined) draft.store(at, bits + 16, (selector << BigInt(bits)) | offset);
  // Processors differ in whether a call to 64-bit code pushes through SS.
  if (selector !== 0x33n) return draft;
  draft.set('ss', FLAT_SELECTOR);
  setStackPointer(draft, STACK + 0x900n);
  return draft;
}

/** Frames end within the page: of a selector's slot two bytes may be read. */
function placeFrame(draft: Draft, rng: Rng, bytes: number, outward = false): bigint {
  const at = placeStack(draft, rng, bytes, true);
  // Returns to another ring pop more, on some processors before they look at the ring.
  if (outward) {
    setStackPointer(draft, STACK + 0x900n);
    return STACK + 0x900n;
  }
  const end = STACK + 0x1000n;
  if (at >= end || at + BigInt(bytes) <= end || at < STACK) return at;
  setStackPointer(draft, end - BigInt(bytes));
  return end - BigInt(bytes);
}

export function retfState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const bits = operandBits(encoded);
  chooseCode(draft, rng);
  const { selector, offset } = farTarget(bits, rng);
  const at = placeFrame(draft, rng, bits / 4, (selector & 3n) !== 3n);
  storeFrame(draft, at, bits, [offset, selector]);
  return draft;
}

export function iretState(encoded: Encoded, rng: Rng): Draft {
  const flags = randomFlags(rng) | (rng.chance(6) ? NT : 0n);
  const draft = new Draft(encoded.bytes, flags, encoded.bits);
  const bits = operandBits(encoded);
  const { selector, offset } = farTarget(bits, rng);
  const at = placeFrame(draft, rng, (bits / 8) * 3, (selector & 3n) !== 3n);
  // An image with AC and a misaligned frame raises #AC half-way: Linux takes it for a split lock.
  const image = at % BigInt(bits >> 3) === 0n ? flagsImage(rng) : flagsImage(rng) & ~AC;
  storeFrame(draft, at, bits, [offset, selector, image]);
  return draft;
}

function storeFrame(draft: Draft, at: bigint, bits: number, slots: readonly bigint[]): void {
  slots.forEach((slot, n) => {
    draft.store(at + BigInt((bits / 8) * n), bits, BigInt.asUintN(bits, slot));
  });
}

/** What MOV, POP and LxS load. Not 1 to 3, which the kernel's return to the signal handler would turn into 0. */
function dataSelector(rng: Rng): bigint {
  const names = [
    'data',
    'short',
    'down32',
    'readOnly',
    'readableCode',
    'executeOnly',
    'absent',
    'stack16',
  ] as const;
  const good = [0x2bn, 0x23n, 0x33n, ...names.map((name) => LDT_SEGMENTS[name].selector)];
  return rng.chance(70)
    ? rng.pick(good)
    : rng.pick([...BAD, 0n, 0x28n, LDT_SEGMENTS.data.selector - 3n]);
}

export function stackSelector(rng: Rng): bigint {
  const names = [
    'stack16',
    'stack32',
    'stackDown16',
    'stackDown32',
    'data',
    'absent',
    'readOnly',
  ] as const;
  const good = [0x2bn, ...names.map((name) => LDT_SEGMENTS[name].selector)];
  return rng.chance(70) ? rng.pick(good) : rng.pick([...BAD, ...NULL, 0x28n, 0x29n, 0x23n]);
}

function selectorFor(mnemonicOrRegister: string, rng: Rng): bigint {
  return /ss/.test(mnemonicOrRegister) ? stackSelector(rng) : dataSelector(rng);
}

const SREGS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

/** MOV to and from a segment register, LAR, LSL, VERR, VERW, ARPL: a selector in the last operand. */
export function selectorState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const [first] = encoded.operands;
  const loads = encoded.row.uop === 'movToSreg' && first?.kind === 'other';
  const value = selectorFor(loads ? (SREGS[first.register] ?? '') : '', rng);
  const source = encoded.operands.at(-1)!;
  const junk = rng.chance(30) ? rng.bits(16) << 16n : 0n;
  if (source.kind === 'gpr') draft.setGpr(source.register, value | junk);
  if (first?.kind === 'gpr' && encoded.row.uop === 'arpl')
    draft.setPart(first.register, 16, rng.operand(16));
  const at = placeMemory(draft, encoded, rng);
  // Where ARPL has nothing to change, some processors do not ask whether they could.
  if (encoded.row.uop === 'arpl' && at !== undefined && !isWritable(draft))
    return selectorState(encoded, rng);
  if (at !== undefined) draft.store(at, 16, source.kind === 'mem' ? value : rng.operand(16));
  return draft;
}

function isWritable(draft: Draft): boolean {
  const kinds = (['ds', 'es', 'fs', 'gs'] as const).map((name) => segmentIn(draft, name).kind);
  return !kinds.some(
    (kind) => kind === 'read-only' || (kind === 'code' && draft.input.bits !== 64),
  );
}

/** PUSH and POP of segment registers. POP reads two bytes of its slot, which must not decide a fault. */
export function stackSelectorState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  const pops = encoded.row.mnemonic === 'pop';
  const bits = operandBits(encoded);
  const at = pops ? placeFrame(draft, rng, bits / 8) : placeStack(draft, rng, bits / 8, false);
  const junk = bits === 32 && rng.chance(30) ? rng.bits(16) << 16n : 0n;
  if (pops) draft.store(at, bits, selectorFor(encoded.row.operandText, rng) | junk);
  return draft;
}

/** LSS, LFS, LGS, LES, LDS. */
export function farPointerState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bits = operandBits(encoded);
  const at = placeMemory(draft, encoded, rng)!;
  const selector = selectorFor(encoded.row.mnemonic, rng);
  draft.store(at, bits + 16, (selector << BigInt(bits)) | rng.operand(bits));
  return draft;
}

/** BOUND: an index within its bounds, at them, or outside. */
export function boundState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bits = operandBits(encoded);
  const at = placeMemory(draft, encoded, rng)!;
  const lower = rng.operand(bits);
  const upper = rng.chance(70) ? lower + BigInt(rng.below(100)) : rng.operand(bits);
  const [index] = encoded.operands;
  const near = lower + BigInt(rng.below(104) - 2);
  if (index?.kind === 'gpr')
    draft.setPart(index.register, bits, rng.chance(60) ? near : rng.operand(bits));
  draft.store(at, bits, lower);
  draft.store(at + BigInt(bits / 8), bits, BigInt.asUintN(bits, upper));
  return draft;
}
