/** Accesses as instructions that make them, and what the reference says they do. */

import type { CpuView } from '../../src/machine/cpu-view.ts';
import { type Access, isCanonical, translate } from '../../src/machine/ref/access.ts';
import type { NestedExit } from '../../src/machine/ref/ept.ts';
import type { NestedResult } from '../../src/machine/ref/nested.ts';
import { type PagingState, pagingMode } from '../../src/machine/ref/paging.ts';
import type { Bytes, Rig } from './rig.ts';
import { CODE_FRAME, type Setting } from './settings.ts';

/** `update`: read and written back, `system`: read of a descriptor, an implicit supervisor access. */
export const KINDS = ['read', 'write', 'update', 'system', 'fetch'] as const;
export type Kind = (typeof KINDS)[number];
export const SIZES = [1, 2, 4, 8] as const;
export type Size = (typeof SIZES)[number];

/** Where the access is made. */
export interface World {
  readonly rig: Rig;
  readonly setting: Setting;
  readonly state: PagingState;
  /** Where what the tables name lies, if there are tables below them. */
  readonly nested?: Nested;
}

/** A second dimension of translation. */
export interface Nested {
  /** HPA of the code. */
  readonly codeFrame: bigint;
  /** Makes the access on `memory`, flags included. */
  translate(memory: Bytes, state: PagingState, gva: bigint, access: Access): NestedResult;
}

/** An event, a VM exit, or the value that was read. */
export interface Result {
  readonly exit?: NestedExit;
  readonly gla?: bigint;
  readonly vector?: number;
  readonly error?: number;
  readonly cr2?: bigint;
  readonly value?: bigint;
}

// biome-ignore format: one kind per line; the memory operand is [rbx], the register rax.
const CODES: Readonly<Record<'read' | 'write' | 'update', Readonly<Record<Size, readonly number[]>>>> = {
  read:   { 1: [0x8a, 0x03], 2: [0x66, 0x8b, 0x03], 4: [0x8b, 0x03], 8: [0x48, 0x8b, 0x03] },
  write:  { 1: [0x88, 0x03], 2: [0x66, 0x89, 0x03], 4: [0x89, 0x03], 8: [0x48, 0x89, 0x03] },
  update: { 1: [0x00, 0x03], 2: [0x66, 0x01, 0x03], 4: [0x01, 0x03], 8: [0x48, 0x01, 0x03] },
};
/** nop of each size. */
const NOPS: Readonly<Record<Size, readonly number[]>> = {
  1: [0x90],
  2: [0x66, 0x90],
  4: [0x0f, 0x1f, 0x40, 0x00],
  8: [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
};
const VERR_AX = [0x0f, 0x00, 0xe0];
const JMP_SELF = [0xeb, 0xfe];
/** Selector in AX of the access of kind `system`; the GDT is placed so that its descriptor is at the address. */
const SELECTOR = 0x28n;

export const RAX = 0x1122_3344_5566_7788n;

/** The instruction for an access other than a fetch. */
export function codeOf(kind: Exclude<Kind, 'fetch'>, size: Size): readonly number[] {
  return kind === 'system' ? VERR_AX : CODES[kind][size];
}

/** Bits of a linear address: implicit accesses have 64 in IA-32e mode, whatever code runs. */
function addressBits({ setting, state }: World, kind: Kind): number {
  const isWide = kind === 'system' ? pagingMode(state) === '4-level' : setting.isLong;
  return isWide ? 64 : 32;
}

/** The access reaches what has no address: a flat segment of 32-bit code ends at 4 GiB. */
function isBeyond(gva: bigint, size: number, width: number): boolean {
  const last = BigInt.asUintN(width, gva + BigInt(size - 1));
  return !isCanonical(last) || (width === 32 && last < gva);
}

/** Translates and applies A and D updates. */
function translatePage(
  memory: Bytes,
  { state, nested }: World,
  gva: bigint,
  access: Access,
): NestedResult {
  if (nested) return nested.translate(memory, state, gva, access);
  const found = translate(memory.readEntry, state, gva, access);
  if ('updates' in found) for (const entry of found.updates) memory.writeEntry(entry);
  return found;
}

/** HPA of each byte of an access; applies A and D updates page by page. An event if it fails. */
function locate(
  memory: Bytes,
  world: World,
  gva: bigint,
  kind: Kind,
  size: number,
): bigint[] | Result {
  const isExplicit = kind !== 'fetch' && kind !== 'system';
  const width = addressBits(world, kind);
  if (!isCanonical(gva)) return { vector: 13, error: 0 };
  if (isExplicit && isBeyond(gva, size, width)) return { vector: 13, error: 0 };
  const places: bigint[] = [];
  for (let n = 0; n < size; n++) {
    const at = BigInt.asUintN(width, gva + BigInt(n));
    const before = places.at(-1);
    if (before !== undefined && (at & 0xfffn) !== 0n) {
      places.push(before + 1n);
      continue;
    }
    if (!isCanonical(at)) return { vector: 13, error: 0 };
    const found = translatePage(memory, world, at, {
      kind: kind === 'update' ? 'write' : kind === 'system' ? 'read' : kind,
      implicit: kind === 'system',
    });
    if ('exit' in found) return { exit: found.exit, gla: at };
    if ('errorCode' in found) return { vector: 14, error: found.errorCode, cr2: at };
    places.push(found.hpa);
  }
  return places;
}

/** Makes the access on the reference's memory. */
export function expectAccess(world: World, gva: bigint, kind: Kind, size: Size): Result {
  const memory = world.rig.expected;
  if (kind !== 'fetch') {
    const length = codeOf(kind, size).length;
    const fetched = locate(memory, world, world.setting.code, 'fetch', length);
    if (!Array.isArray(fetched)) return fetched;
  }
  const places = locate(memory, world, gva, kind, kind === 'system' ? 8 : size);
  if (!Array.isArray(places)) return places;
  if (kind === 'fetch' || kind === 'system') return {};
  const mask = (1n << BigInt(8 * size)) - 1n;
  const old = readBytes(memory, places);
  if (kind === 'read') return { value: size === 4 ? old : (RAX & ~mask) | old };
  const value = kind === 'write' ? RAX & mask : (old + RAX) & mask;
  places.forEach((hpa, n) => {
    memory.writeByte(hpa, Number((value >> BigInt(8 * n)) & 0xffn));
  });
  return {};
}

function readBytes(memory: Bytes, places: readonly bigint[]): bigint {
  return places.reduce(
    (value, hpa, n) => value | (BigInt(memory.readByte(hpa)) << BigInt(8 * n)),
    0n,
  );
}

/**
 * Puts a nop where a fetch from `gva` will find it. False if that disturbs the translation, or the
 * translation the nop: then the case tells nothing.
 */
export function placeNop(world: World, gva: bigint, size: Size): boolean {
  const scratch = world.rig.expected.scratch();
  const places = locate(scratch, world, gva, 'fetch', size);
  if (!Array.isArray(places)) {
    // The first page may be fetched from, and its bytes must ask for the second.
    const first = locate(scratch, world, gva, 'fetch', 1);
    if (Array.isArray(first)) return pokeNop(world, gva, size, headOf(first, gva, size));
    return true;
  }
  return pokeNop(world, gva, size, places);
}

function headOf([first = 0n]: bigint[], gva: bigint, size: Size): bigint[] {
  const count = Math.min(size, 0x1000 - Number(gva & 0xfffn));
  return Array.from({ length: count }, (_, n) => first + BigInt(n));
}

function pokeNop(world: World, gva: bigint, size: Size, places: readonly bigint[]): boolean {
  const { rig } = world;
  const key = (found: bigint[] | Result): string =>
    Array.isArray(found) ? found.join() : Object.values(found.exit ?? found).join();
  const where = (length: number): string =>
    key(locate(rig.expected.scratch(), world, gva, 'fetch', length));
  const before = [where(1), where(size)];
  places.forEach((hpa, n) => {
    rig.pokeBytes(hpa, [NOPS[size][n] ?? 0]);
  });
  const scratch = rig.expected.scratch();
  locate(scratch, world, gva, 'fetch', size);
  const isSame = before[0] === where(1) && before[1] === where(size);
  return isSame && places.every((hpa, n) => scratch.readByte(hpa) === NOPS[size][n]);
}

/** The code of an access, in its frame, followed by a jump to itself. */
export function writeCode(rig: Rig, kind: Kind, size: Size, frame = CODE_FRAME): void {
  if (kind !== 'fetch') rig.pokeBytes(frame, [...codeOf(kind, size), ...JMP_SELF]);
}

/** The code of the access and the jump behind it still stand after it. */
export function codeStands(world: World, kind: Kind, size: Size): boolean {
  return kind !== 'fetch' && findsCode(world, kind, size) === true;
}

/** What is fetched is the code of the access; undefined if it cannot be fetched. */
export function findsCode(
  world: World,
  kind: Exclude<Kind, 'fetch'>,
  size: Size,
): boolean | undefined {
  const memory = world.rig.expected.scratch();
  const code = [...codeOf(kind, size), ...JMP_SELF];
  const places = locate(memory, world, world.setting.code, 'fetch', code.length);
  if (!Array.isArray(places)) return undefined;
  if (places[0] !== (world.nested?.codeFrame ?? CODE_FRAME)) return false;
  return places.every((hpa, n) => memory.readByte(hpa) === code[n]);
}

/** Makes the access on the processor, by one instruction, or two with the jump behind it. */
export function runAccess({ rig, setting }: World, gva: bigint, kind: Kind, fuel: 1 | 2): Result {
  const { processor } = rig;
  const { view } = processor;
  view.setU64('RIP', kind === 'fetch' ? gva : setting.code);
  view.gpr[0] = kind === 'system' ? SELECTOR : RAX;
  view.gpr[3] = gva;
  view.setU64('GDTR_BASE', BigInt.asUintN(64, gva - SELECTOR));
  view.setU32('GDTR_LIMIT', Number(SELECTOR) + 7); // no upper half to be read
  const reason = processor.run(fuel);
  if (reason === 'fuel') return kind === 'read' ? { value: view.gpr[0] ?? 0n } : {};
  if (reason === 'vmExit') return exitOf(view);
  const vector = view.u32('EVENT_VECTOR');
  const error = view.u32('EVENT_ERROR');
  return vector === 14 ? { vector, error, cr2: view.u64('CR2') } : { vector, error };
}

/** The VM exit that ended a run; a linear address only where the exit tells of one. */
function exitOf(view: CpuView): Result {
  const qualification = view.u64('VM_EXIT_QUALIFICATION');
  const reason = view.u32('VM_EXIT_REASON') as NestedExit['reason'];
  const exit = { reason, qualification, gpa: view.u64('VM_EXIT_GPA') };
  return { exit, gla: view.u64('VM_EXIT_GLA') };
}
