/**
 * Extended page tables under the paging structures of tables.ts: each way to map memory is there, and random entries
 * are made odd: rights missing, misconfigured, leading elsewhere, even to the tables themselves.
 */

import fc from 'fast-check';
import type { Access } from '../../src/machine/ref/access.ts';
import { ExtendedTables, type PageLog } from '../../src/machine/ref/ept.ts';
import { translateNested } from '../../src/machine/ref/nested.ts';
import type { PagingState } from '../../src/machine/ref/paging.ts';
import type { Nested } from './access.ts';
import { type Bytes, DEVICE, type Pokes, type Rig } from './rig.ts';
import { CODE_FRAME } from './settings.ts';

export const EPT_R = 1n;
export const EPT_W = 2n;
export const EPT_X = 4n;
export const EPT_ALL = EPT_R | EPT_W | EPT_X;
const WRITE_BACK = 6n << 3n;
const LARGE = 1n << 7n;
export const EPT_A = 1n << 8n;
export const EPT_D = 1n << 9n;
export const LEAF = EPT_ALL | WRITE_BACK;
/** EPTP: tables in WB memory, 4 levels. */
const EPTP_BITS = 0x1en;
const EPTP_FLAGS = 1n << 6n;

const ROOT = 0x30000n;
/** HPAs of the tables, PML4 first. */
const TABLES = [ROOT, 0x31000n, 0x32000n, 0x33000n];
export const LOG = 0x36000n;

const GIB = 1n << 30n;
export const MIB2 = 1n << 21n;
const LOW_RAM = 0x80000n;
const LOW_MASK = 0x1ffffn;

/** Where guest-physical memory lies by the tables that nothing was made odd in. */
export function hostOf(gpa: bigint): bigint {
  if (gpa < MIB2) return LOW_RAM | (gpa & LOW_MASK);
  if (gpa < 2n * MIB2) return gpa - MIB2;
  return gpa < DEVICE ? gpa % GIB : gpa;
}

/** Writes to guest-physical memory as the host. */
export function guestPokes(rig: Rig): Pokes {
  return {
    expected: rig.expected,
    poke: ({ hpa, ...entry }) => rig.poke({ hpa: hostOf(hpa), ...entry }),
    pokeBytes: (hpa, bytes) => rig.pokeBytes(hostOf(hpa), bytes),
  };
}

/** An entry made odd; level 0 is the PML4. */
export interface EptEdit {
  readonly level: number;
  readonly index: number;
  readonly value: bigint;
}

export interface EptCase {
  readonly edits: readonly EptEdit[];
  readonly hasFlags: boolean;
  /** Index of the log, if one is kept. */
  readonly log: number | undefined;
  readonly vpid: number;
}

/** The guest can write to tables above the last level, whose entries the processor may hold in a cache. */
export function showsTables(edits: readonly EptEdit[]): boolean {
  return edits.some(({ value }) => TABLES.slice(0, 3).includes(value & 0xff_ffff_f000n));
}

/** Entries that walks use. */
const INDICES = [
  [0, 0, 0, 1],
  [0, 0, 1, 3, 4, 0x1ff],
  [0, 0, 1, 0x1ff],
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0x11, 0x12, 0x1ff],
] as const;
const FRAMES = [0x80000n, 0x81000n, 0x82000n, 0x88000n, 0x90000n, 0x32000n, 0x33000n, 0n, DEVICE];

const often = (value: bigint, weight: number) => ({ weight, arbitrary: fc.constant(value) });
const flagsOf = (level: number) =>
  fc
    .tuple(
      fc.oneof(often(7n, 6), often(3n, 2), often(5n, 2), often(1n, 3), often(4n, 1), {
        weight: 2,
        arbitrary: fc.bigInt(0n, 7n),
      }),
      level === 3
        ? fc.oneof(often(WRITE_BACK, 6), {
            weight: 1,
            arbitrary: fc.bigInt(0n, 15n).map((n) => n << 3n),
          })
        : fc.oneof(often(0n, 8), often(WRITE_BACK | LARGE, 4), {
            weight: 1,
            arbitrary: fc.bigInt(0n, 31n).map((n) => n << 3n),
          }),
      fc.bigInt(0n, 15n).map((n) => n << 8n),
      fc.oneof(often(0n, 16), often(1n << 44n, 1), often(1n << 13n, 1), often(1n << 63n, 2)),
    )
    .map((bits) => bits.reduce((all, one) => all | one));

export const eptEdit: fc.Arbitrary<EptEdit> = fc.constantFrom(0, 1, 2, 3, 3, 3, 3).chain((level) =>
  fc
    .record({
      index: fc.constantFrom(...(INDICES[level] ?? [])),
      flags: flagsOf(level),
      other: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(...FRAMES) },
      ),
    })
    .map(({ index, flags, other }) => ({
      level,
      index,
      value: (other ?? frameOf(level, index, flags)) | flags,
    })),
);

export const eptCase: fc.Arbitrary<EptCase> = fc.record({
  edits: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.array(eptEdit, { maxLength: 3 }) },
  ),
  hasFlags: fc.boolean(),
  log: fc.oneof(fc.constant(undefined), fc.constantFrom(0, 1, 5, 511, 512, 0xffff)),
  vpid: fc.constantFrom(0, 1, 0xffff),
});

/** The frame that an entry has while it is not odd, if it keeps to its kind. */
function frameOf(level: number, index: number, flags: bigint): bigint {
  const isLarge = (flags & LARGE) !== 0n;
  if (level < 3 && !isLarge) return TABLES[level + 1] ?? 0n;
  if (level === 3) return hostOf(BigInt(index) << 12n) & ~0xfffn;
  return level === 1 && index === 4 ? DEVICE : 0n;
}

/** Writes the tables; `edits` go last. */
export function writeEpt(rig: Pokes, edits: readonly EptEdit[]): void {
  const [pml4 = 0n, pdpt = 0n, pd = 0n, pt = 0n] = TABLES;
  const set = (table: bigint, index: number, value: bigint): void =>
    rig.poke({ hpa: table + BigInt(8 * index), size: 8, value });
  set(pml4, 0, pdpt | EPT_ALL);
  set(pdpt, 0, pd | EPT_ALL);
  for (const index of [1, 3]) set(pdpt, index, LEAF | LARGE);
  set(pdpt, 4, DEVICE | LEAF | LARGE);
  set(pd, 0, pt | EPT_ALL);
  set(pd, 1, LEAF | LARGE);
  for (let index = 0; index < 512; index++) {
    set(pt, index, (hostOf(BigInt(index) << 12n) & ~0xfffn) | LEAF);
  }
  editEpt(rig, edits);
}

function editEpt(rig: Pokes, edits: readonly EptEdit[]): void {
  for (const { level, index, value } of edits) {
    rig.poke({ hpa: (TABLES[level] ?? 0n) + BigInt(8 * index), size: 8, value });
  }
}

/** The second dimension of a case, on the processor and as the reference has it. */
export class EptRig implements Nested {
  readonly codeFrame = hostOf(CODE_FRAME);
  readonly eptp: bigint;
  /** Entries that the reference has read. */
  readonly references = { guest: 0, ept: 0 };
  readonly #rig: Rig;
  readonly #vpid: number;
  readonly #log: PageLog | undefined;
  /** Of memory that things are tried on. */
  readonly #logs = new WeakMap<Bytes, PageLog>();

  constructor(rig: Rig, { edits, hasFlags, log, vpid }: EptCase) {
    this.#rig = rig;
    this.#vpid = vpid;
    this.#log = log === undefined ? undefined : { address: LOG, index: log };
    this.eptp = ROOT | EPTP_BITS | (hasFlags ? EPTP_FLAGS : 0n);
    writeEpt(rig, edits);
  }

  /** The processor's state is loaded. */
  enter(): void {
    const { processor } = this.#rig;
    processor.nest(this.eptp, this.#vpid);
    processor.view.setU32('PML_ON', this.#log ? 1 : 0);
    processor.view.setU64('PML_ADDRESS', LOG);
    processor.view.setU32('PML_INDEX', this.#log?.index ?? 0);
  }

  /** Edits the tables past what the processor has cached of them. */
  edit(edits: readonly EptEdit[]): void {
    editEpt(this.#rig, edits);
  }

  get logIndex(): number {
    return this.#log?.index ?? 0;
  }

  translate(memory: Bytes, state: PagingState, gva: bigint, access: Access) {
    const isReal = memory === this.#rig.expected;
    const tables = new ExtendedTables(memory, this.eptp, isReal ? this.#log : this.#logOf(memory));
    const references = isReal ? this.references : undefined;
    return translateNested(memory, tables, state, gva, access, references);
  }

  #logOf(memory: Bytes): PageLog | undefined {
    const log = this.#logs.get(memory) ?? (this.#log && { ...this.#log });
    if (log) this.#logs.set(memory, log);
    return log;
  }
}
