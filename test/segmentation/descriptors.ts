/**
 * Random descriptors, tables and selectors. They are weighted: what an operation needs lies in known slots and is
 * right more often than not, with the privilege levels that the case is about.
 */

import fc from 'fast-check';
import type { Mode } from './machine.ts';

/** What a case is about: the mode, the CPL, and another level to come from or go to. */
export interface Setting {
  readonly mode: Mode;
  readonly cpl: number;
  readonly level: number;
  /** Most segments have that level, else as many that of CPL. */
  readonly isThere: boolean;
}

export type Kind = 'code' | 'data' | 'gate' | 'system' | 'any';

/** Slots of the two tables; what takes 16 bytes in IA-32e mode has its upper half in the next. */
const GDT_SLOTS = ['any', 'code', 'code', 'data', 'data', 'gate', 'upper', 'system', 'upper', 'any', 'code', 'data'] as const; // biome-ignore format: one line
const LDT_SLOTS = ['code', 'data', 'gate', 'upper', 'any'] as const;
const PLACES: Readonly<Record<Kind, readonly number[]>> = {
  code: [0x08, 0x10, 0x50, 0x04],
  data: [0x18, 0x20, 0x58, 0x0c],
  gate: [0x28, 0x28, 0x14],
  system: [0x38],
  any: [...GDT_SLOTS.map((_, n) => 8 * n), 0x60, 0x68, ...LDT_SLOTS.map((_, n) => 8 * n + 4), 0x2c],
};

export const mostly = <T>(usual: T, other: fc.Arbitrary<T>, weight = 7): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

const LEVEL = fc.integer({ min: 0, max: 3 });
const levelFor = ({ cpl, level, isThere }: Setting): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: isThere ? 1 : 4, arbitrary: fc.constant(cpl) },
    { weight: isThere ? 10 : 4, arbitrary: fc.constant(level) },
    { weight: 1, arbitrary: LEVEL },
  );

/** A selector for a descriptor of some kind, with `rpl` in most cases. */
export const selectorOf = (kind: Kind, rpl: number): fc.Arbitrary<number> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...PLACES[kind]) },
        { weight: 1, arbitrary: fc.constantFrom(...PLACES.any) },
      ),
      mostly(rpl, LEVEL, 5),
    )
    .map(([place, level]) => place | level);

interface Fields {
  readonly type: number;
  readonly isSystem: boolean;
  readonly dpl: number;
  readonly isPresent: boolean;
  /** Bytes 2 to 4 and 7, and limit or offset in bits 15:0. */
  readonly base: number;
  readonly limit: number;
  /** G, D/B, L, AVL. */
  readonly flags: number;
}

function encode({ type, isSystem, dpl, isPresent, base, limit, flags }: Fields): bigint {
  const rights = type | (isSystem ? 0 : 0x10) | (dpl << 5) | (isPresent ? 0x80 : 0);
  const low = BigInt((limit & 0xffff) + (base & 0xffff) * 0x10000);
  const middle = ((base >>> 16) & 0xff) | (rights << 8) | (((limit >>> 16) & 15) << 16);
  const high = BigInt((middle | (flags << 20) | (base & 0xff000000)) >>> 0);
  return low | (high << 32n);
}

const G = 8;
const DB = 4;
const L = 2;
const SIZES: readonly (readonly [limit: number, flags: number])[] = [
  [0xfffff, G],
  [0xfffff, G],
  [0xfffff, G],
  [0xfffff, G],
  [0xffff, 0],
  [0xffff, 0],
  [0xfff7, 0],
  [0x10007, 0],
  [0xf, G],
  [0xf, 0],
  [0, 0],
];
/** Stacks that come from a table lie apart from those that SS begins with. */
const BASE = fc.constantFrom(0x4000, 0x4000, 0x18000, 0xff004000);
const SIZE = fc.constantFrom(...SIZES);

const fields = (setting: Setting) => ({
  dpl: levelFor(setting),
  isPresent: mostly(true, fc.constant(false), 9),
  base: BASE,
  size: SIZE,
  avl: fc.nat(1),
});

function codeOf(setting: Setting): fc.Arbitrary<bigint> {
  const isLong = setting.mode !== 'protected';
  const usual = isLong
    ? [L, L, L, L, L, L, DB, DB, DB, 0, L | DB]
    : [DB, DB, DB, DB, DB, 0, L | DB];
  const type = fc.constantFrom(8, 9, 0xa, 0xa, 0xb, 0xb, 0xb, 0xb, 0xc, 0xd, 0xe, 0xf);
  return fc
    .record({ ...fields(setting), type, kind: fc.constantFrom(...usual) })
    .map(({ size: [limit, flags], kind, avl, ...rest }) =>
      encode({ ...rest, isSystem: false, limit, flags: flags | kind | avl }),
    );
}

function dataOf(setting: Setting): fc.Arbitrary<bigint> {
  const type = fc.constantFrom(0, 1, 2, 2, 2, 3, 3, 3, 5, 6, 7, 7);
  return fc
    .record({ ...fields(setting), type, kind: fc.constantFrom(DB, DB, DB, 0, L) })
    .map(({ size: [limit, flags], kind, avl, ...rest }) =>
      encode({ ...rest, isSystem: false, limit, flags: flags | kind | avl }),
    );
}

const SYSTEM_TYPES = fc.constantFrom(2, 2, 9, 9, 0xb, 0xb, 1, 3, 0, 5, 0xc);
const GATE_TYPES = {
  legacy: fc.constantFrom(0xc, 0xc, 0xc, 0xc, 4, 4, 4, 5, 5, 0xe),
  long: fc.constantFrom(0xc, 0xc, 0xc, 0xc, 0xc, 0xc, 0xc, 4, 5, 0xe),
};

function systemOf(setting: Setting): fc.Arbitrary<bigint> {
  return fc
    .record({ ...fields(setting), type: SYSTEM_TYPES })
    .map(({ size: [limit, flags], avl, ...rest }) =>
      encode({ ...rest, isSystem: true, limit, flags: flags | avl }),
    );
}

/** A gate to code, with `count` in its fifth byte: parameters of a call gate, or the IST. */
export function gateOf(
  setting: Setting,
  types: fc.Arbitrary<number>,
  count: fc.Arbitrary<number>,
): fc.Arbitrary<bigint> {
  return fc
    .record({
      type: types,
      dpl: fc.oneof(
        { weight: 3, arbitrary: fc.constant(3) },
        { weight: 1, arbitrary: levelFor(setting) },
      ),
      isPresent: mostly(true, fc.constant(false), 9),
      target: fc.oneof(
        { weight: 9, arbitrary: selectorOf('code', 0) },
        { weight: 1, arbitrary: selectorOf('system', 0) },
        { weight: 1, arbitrary: fc.nat(3) },
      ),
      count,
      offset: fc.constantFrom(...OFFSETS, 0x1234_0000),
    })
    .map(({ type, dpl, isPresent, target, count: low, offset }) => {
      const rights = type | (dpl << 5) | (isPresent ? 0x80 : 0);
      const words = BigInt(offset >>> 16) * 0x10000n + BigInt(low | (rights << 8));
      return BigInt((offset & 0xffff) + target * 0x10000) | (words << 32n);
    });
}

export const OFFSETS = [0, 0, 0xf, 0x10, 0x1000, 0xfff7, 0xfff8, 0xffff, 0x10007, 0x10008] as const;
const COUNT = fc.oneof(fc.constantFrom(0, 0, 1, 2, 3, 31), fc.nat(0xff));

/** The upper half of a system descriptor: bits 63:32 of its base or offset, and a type that is 0. */
export const UPPER = fc
  .tuple(
    fc.constantFrom(0, 0, 0, 1, 0xffff_8000, 0x8000),
    mostly(0, fc.constantFrom(1, 0x10, 0x1f, 0xe0)),
  )
  .map(([address, type]) => BigInt(address) | (BigInt(type) << 40n));

const gateTypes = ({ mode }: Setting): fc.Arbitrary<number> =>
  mode === 'protected' ? GATE_TYPES.legacy : GATE_TYPES.long;

function slotOf(setting: Setting, slot: Exclude<Kind, 'any'> | 'upper'): fc.Arbitrary<bigint> {
  switch (slot) {
    case 'code':
      return codeOf(setting);
    case 'data':
      return dataOf(setting);
    case 'system':
      return systemOf(setting);
    case 'gate':
      return gateOf(setting, gateTypes(setting), COUNT);
    case 'upper':
      return setting.mode === 'protected' ? dataOf(setting) : UPPER;
  }
}

const anyOf = (setting: Setting): fc.Arbitrary<bigint> =>
  fc.oneof(
    ...(['code', 'data', 'system', 'gate', 'upper'] as const).map((slot) => slotOf(setting, slot)),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );

export interface Tables {
  readonly gdt: readonly bigint[];
  readonly ldt: readonly bigint[];
  readonly gdtLimit: number;
  readonly ldtLimit: number;
}

const limitFor = (slots: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 7, arbitrary: fc.constant(slots * 8 - 1) },
    { weight: 1, arbitrary: fc.integer({ min: 7, max: slots * 8 }) },
  );

export function tablesOf(setting: Setting): fc.Arbitrary<Tables> {
  const table = (slots: readonly (Kind | 'upper')[]): fc.Arbitrary<bigint[]> =>
    fc.tuple(...slots.map((slot) => (slot === 'any' ? anyOf(setting) : slotOf(setting, slot))));
  return fc.record({
    gdt: table(GDT_SLOTS),
    ldt: table(LDT_SLOTS),
    gdtLimit: limitFor(GDT_SLOTS.length),
    ldtLimit: limitFor(LDT_SLOTS.length),
  });
}
