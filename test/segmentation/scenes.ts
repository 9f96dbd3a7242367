/** Random states for an operation to begin in: tables, segment registers, a TSS, and the stack pointer. */

import fc from 'fast-check';
import type { SegmentName, SegmentState } from '../../src/machine/cpu-view.ts';
import { mostly, type Setting, selectorOf, type Tables, tablesOf } from './descriptors.ts';
import { CODE, GDT, LDT, OPERAND, type Start, TSS } from './machine.ts';
import { UNUSABLE } from './model/state.ts';

export interface Scene {
  readonly setting: Setting;
  readonly tables: Tables;
  readonly segments: Record<SegmentName, SegmentState>;
  readonly rsp: bigint;
  readonly rflags: bigint;
  readonly tss: Uint8Array;
}

const FLAT = { base: 0n, limit: 0xffff_ffff };
const BUSY_TSS_32 = 0x8b;
const BUSY_TSS_16 = 0x83;

const bits = (dpl: number): number => 0x80 | (dpl << 5);

function codeSegment({ mode, cpl }: Setting): fc.Arbitrary<SegmentState> {
  const selector = 0x08 | cpl;
  const access = 0x1b | bits(cpl);
  if (mode === '64-bit') return fc.constant({ ...FLAT, selector, access: access | 0xa000 });
  return fc
    .constantFrom(0n, 0n, 0x8000n, BigInt(CODE))
    .map((base) => ({ ...FLAT, base, selector, access: access | 0xc000 }));
}

/** Type, B and limit of stacks; some of them end near the stack pointers that are tried. */
const STACKS: readonly (readonly [access: number, limit: number])[] = [
  [0xc013, 0xffff_ffff],
  [0xc013, 0xffff_ffff],
  [0xc013, 0xffff_ffff],
  [0x0013, 0xffff],
  [0x4013, 0x1000f],
  [0x4013, 0x10007],
  [0x0013, 0xfff3],
  [0x4017, 0xffef],
  [0x4017, 0xfffd],
  [0x0017, 0x7fff],
];

function stackSegment({ mode, cpl }: Setting): fc.Arbitrary<SegmentState> {
  const some = fc
    .tuple(fc.constantFrom(...STACKS), fc.constantFrom(0n, 0n, 0x10000n))
    .map(([[access, limit], base]) => ({
      base,
      limit,
      selector: 0x18 | cpl,
      access: access | bits(cpl),
    }));
  if (mode !== '64-bit' || cpl === 3) return some;
  const none = { base: 0n, limit: 0, selector: cpl, access: UNUSABLE | (cpl << 5) };
  return fc.oneof(some, fc.constant(none));
}

const DATA_TYPES = [0x11, 0x13, 0x17, 0x1b, 0x1f];

const dataSegment = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({
        type: fc.constantFrom(...DATA_TYPES),
        dpl: fc.nat(3),
        base: fc.constantFrom(0n, 0x1234n),
      })
      .map(({ type, dpl, base }) => ({
        base,
        limit: 0xffff_ffff,
        selector: 0x18 | dpl,
        access: 0xc080 | type | (dpl << 5),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.nat(3).map((selector) => ({ base: 0n, limit: 0, selector, access: UNUSABLE })),
  },
);

const tssLimit = mostly(0x67, fc.constantFrom(3, 5, 9, 0xa, 0xb, 0x11, 0x12, 0x13, 0x22, 0x23, 0x2a), 9); // biome-ignore format: one line

interface Task {
  readonly tr: SegmentState;
  readonly tss: Uint8Array;
}

const taskOf = (limit: number, access: number, tss: Uint8Array): Task => ({
  tr: { base: BigInt(TSS), limit, selector: 0x70, access },
  tss,
});

function localTable({ ldtLimit }: Tables, isThere: boolean): SegmentState {
  const there = { base: BigInt(LDT), limit: ldtLimit, selector: 0x78, access: 0x82 };
  return isThere ? there : { base: BigInt(LDT), limit: ldtLimit, selector: 0, access: UNUSABLE };
}

export const POINTERS32 = [0x10000, 0x10000, 0x10000, 0x10008, 0xfff0, 0x20, 8, 2, 0] as const;
const POINTERS64 = [
  0x10000n,
  0x10000n,
  0x10000n,
  0x10004n,
  0xffffn,
  0xffff_8000_0000_0010n,
  0xffff_8000_0000_0008n,
  0x7fff_ffff_fff0n,
  0x8000_0000_0010n,
];

export const pointerOf = ({ mode }: Setting): fc.Arbitrary<bigint> =>
  mode === '64-bit'
    ? fc.constantFrom(...POINTERS64)
    : fc.constantFrom(...POINTERS32.map(BigInt), 0x20010000n);

/** TR and a TSS with stacks in the form of the mode. */
function taskState(setting: Setting): fc.Arbitrary<Task> {
  if (setting.mode !== 'protected') {
    const pointers = fc.array(fc.constantFrom(...POINTERS64), { minLength: 12, maxLength: 12 });
    return fc
      .tuple(pointers, tssLimit)
      .map(([stacks, limit]) =>
        taskOf(limit, BUSY_TSS_32, Buffer.concat([Buffer.alloc(4), words(stacks)])),
      );
  }
  const stack = (level: number) =>
    fc.tuple(
      fc.constantFrom(...POINTERS32, 0x40010000),
      fc.oneof(
        { weight: 12, arbitrary: selectorOf('data', level) },
        { weight: 1, arbitrary: fc.nat(3) },
      ),
    );
  return fc
    .tuple(
      fc.tuple(stack(0), stack(1), stack(2)),
      tssLimit,
      mostly(true, fc.constant(false), 5),
      selectorOf('system', 0),
    )
    .map(([stacks, limit, isWide, link]) =>
      taskOf(limit, isWide ? BUSY_TSS_32 : BUSY_TSS_16, legacyTss(stacks, isWide, link)),
    );
}

function legacyTss(
  stacks: readonly (readonly [pointer: number, selector: number])[],
  isWide: boolean,
  link: number,
): Uint8Array {
  const bytes = Buffer.alloc(0x68);
  bytes.writeUInt16LE(link);
  stacks.forEach(([pointer, selector], n) => {
    const at = isWide ? 4 + 8 * n : 2 + 4 * n;
    if (isWide) bytes.writeUInt32LE(pointer, at);
    else bytes.writeUInt16LE(pointer & 0xffff, at);
    bytes.writeUInt16LE(selector, at + (isWide ? 4 : 2));
  });
  return bytes;
}

const CF_ZF_IF_OF = [1n, 0x40n, 0x200n, 0x800n];
const IOPL = fc.nat(3).map((level) => BigInt(level) << 12n);
const NT = 1n << 14n;
const rflags = fc
  .tuple(fc.subarray(CF_ZF_IF_OF), IOPL, mostly(0n, fc.constant(NT), 19))
  .map(([some, iopl, nt]) => some.reduce((all, flag) => all | flag, 2n | iopl | nt));

export function sceneOf(setting: Setting): fc.Arbitrary<Scene> {
  return fc
    .record({
      tables: tablesOf(setting),
      hasLdt: mostly(true, fc.constant(false), 7),
      cs: codeSegment(setting),
      ss: stackSegment(setting),
      data: fc.tuple(dataSegment, dataSegment, dataSegment, dataSegment),
      rsp: pointerOf(setting),
      rflags,
      task: taskState(setting),
    })
    .map(({ tables, hasLdt, cs, ss, data: [es, ds, fs, gs], task: { tr, tss }, ...rest }) => ({
      setting,
      tables,
      segments: { es, cs, ss, ds, fs, gs, tr, ldtr: localTable(tables, hasLdt) },
      tss,
      ...rest,
    }));
}

/** What an operation adds to a scene. */
export interface Staging {
  readonly code: readonly number[];
  /** RAX. */
  readonly rax?: bigint;
  /** Bytes at the memory operand, which RBX points to. */
  readonly operand?: Uint8Array;
  /** Slots from the stack pointer up, without the bytes in between. */
  readonly frame?: {
    readonly size: number;
    readonly slots: readonly bigint[];
    readonly gap?: number;
  };
  readonly idt?: { readonly address: number; readonly bytes: Uint8Array; readonly limit: number };
}

export function stage(scene: Scene, staging: Staging): Start {
  const { setting, tables, segments, rsp, rflags: flags, tss } = scene;
  const { mode, cpl } = setting;
  const { code, rax = 0x1111_2222_3333_4444n, operand, idt } = staging;
  const pointer = mode === '64-bit' ? BigInt(OPERAND) : BigInt(OPERAND) - segments.cs.base;
  const gpr = Array.from({ length: 16 }, (_, n) => BigInt(n) * 0x0101_0101n);
  gpr[0] = mode === '64-bit' ? rax : rax & 0xffff_ffffn;
  gpr[3] = pointer;
  gpr[4] = rsp;
  return {
    mode,
    cpl,
    rflags: flags,
    gpr,
    segments,
    gdtLimit: tables.gdtLimit,
    idtLimit: idt?.limit ?? 0,
    code,
    memory: [
      [GDT, words(tables.gdt)],
      [LDT, words(tables.ldt)],
      [TSS, tss],
      ...(operand ? [[OPERAND, operand] as const] : []),
      ...(idt ? [[idt.address, idt.bytes] as const] : []),
      ...frameBytes(scene, staging),
    ],
  };
}

function frameBytes({ setting, segments, rsp }: Scene, { frame }: Staging): Start['memory'] {
  if (!frame) return [];
  const { ss } = segments;
  const is64Bit = setting.mode === '64-bit';
  const mask = is64Bit ? 2n ** 64n - 1n : ss.access & 0x4000 ? 0xffff_ffffn : 0xffffn;
  return frame.slots.map((slot, n) => {
    const offset = (rsp + BigInt(frame.size * n + (n > 1 ? (frame.gap ?? 0) : 0))) & mask;
    const bytes = words([slot]).subarray(0, frame.size);
    return [is64Bit ? offset : (ss.base + offset) & 0xffff_ffffn, bytes];
  });
}

export function words(entries: readonly bigint[]): Uint8Array {
  const bytes = Buffer.alloc(entries.length * 8);
  entries.forEach((entry, n) => {
    bytes.writeBigUInt64LE(BigInt.asUintN(64, entry), n * 8);
  });
  return bytes;
}
