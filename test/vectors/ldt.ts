/**
 * The LDT of all vectors: code and stacks of 16 and 32 bits, and data segments with limits of every kind
 * around the pages that are mapped (SDM 3A 3.4.5 Segment Descriptors). All have DPL 3.
 */

import { CODE, DATA, STACK } from './pages.ts';

export interface Segment {
  readonly selector: bigint;
  readonly base: bigint;
  /** Last byte, or for one that expands down the byte below the first. */
  readonly limit: bigint;
  readonly kind: 'code' | 'execute-only' | 'data' | 'read-only' | 'down';
  /** 32-bit code or stack. */
  readonly big: boolean;
  readonly present: boolean;
}

const FLAT = 0xffffffffn;
/** Type, S and DPL by kind, accessed as Linux leaves them. */
const ACCESS = {
  code: 0x7bn,
  'execute-only': 0x79n,
  data: 0x73n,
  'read-only': 0x71n,
  down: 0x77n,
} as const;

type Row = readonly [
  name: string,
  kind: Segment['kind'],
  base: bigint,
  limit: bigint,
  bits: 16 | 32,
  absent?: true,
];

// biome-ignore format: one segment per line.
const ROWS = [
  ['code16',       'code',         CODE,  0xfffn,  16],
  ['code32',       'code',         CODE,  0xfffn,  32],
  ['flatCode16',   'code',         0n,    FLAT,    16],
  ['executeOnly',  'execute-only', CODE,  0xfffn,  32],
  ['stack16',      'data',         STACK, 0xfffn,  16],
  ['stack32',      'data',         STACK, 0xfffn,  32],
  ['stackDown16',  'down',         STACK, 0x7ffn,  16],
  ['stackDown32',  'down',         STACK, 0x7ffn,  32],
  ['data',         'data',         DATA,  0x1fffn, 32],
  ['short',        'data',         DATA,  0x7f2n,  32],
  ['down32',       'down',         DATA,  0x7f2n,  32],
  ['down16',       'down',         DATA,  0x7f2n,  16],
  ['readOnly',     'read-only',    DATA,  0x1fffn, 32],
  ['readableCode', 'code',         DATA,  0x1fffn, 32],
  ['absent',       'data',         DATA,  0x1fffn, 32, true],
] as const satisfies readonly Row[];

export type SegmentName = (typeof ROWS)[number][0];

/** The segments by name; their selectors have TI and RPL 3. */
export const LDT_SEGMENTS = Object.fromEntries(
  (ROWS as readonly Row[]).map(([name, kind, base, limit, bits, absent], n) => {
    const selector = BigInt(n * 8 + 7);
    return [name, { selector, base, limit, kind, big: bits === 32, present: !absent }];
  }),
) as Readonly<Record<SegmentName, Segment>>;

/** The descriptors, as they stand in memory. */
export const LDT: readonly bigint[] = Object.values(LDT_SEGMENTS).map(
  ({ base, limit, kind, big, present }) => {
    const pages = limit === FLAT;
    const units = pages ? 0xfffffn : limit;
    const access = ACCESS[kind] | (present ? 0x80n : 0n);
    const flags = 0x1n | (big ? 4n : 0n) | (pages ? 8n : 0n);
    return (
      (units & 0xffffn) |
      ((base & 0xffffffn) << 16n) |
      (access << 40n) |
      ((units >> 16n) << 48n) |
      (flags << 52n) |
      ((base >> 24n) << 56n)
    );
  },
);
