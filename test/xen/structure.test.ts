/** Structures read what they write, field by field, and touch nothing else. */

import { describe, expect, test } from 'vitest';
import {
  array,
  bytes,
  i8,
  i32,
  struct,
  u8,
  u16,
  u32,
  u64,
  union,
} from '../../src/xen/structure.ts';

const PAIR = struct('pair', { first: u8, second: u32 });
const ALL = struct('all', {
  byte: u8,
  half: u16,
  tiny: i8,
  word: u32,
  signed: i32,
  long: u64,
  text: bytes(3),
  pairs: array(PAIR, 2),
  either: union({ small: u16, large: u64, pair: PAIR }),
  last: u8,
});

const fresh = (fill: number): DataView =>
  new DataView(new Uint8Array(ALL.size + 16).fill(fill).buffer, 8, ALL.size);

test('fields lie as C puts them', () => {
  expect(PAIR).toMatchObject({ size: 8, align: 4, offsets: { first: 0, second: 4 } });
  expect(ALL.offsets).toEqual({
    byte: 0,
    half: 2,
    tiny: 4,
    word: 8,
    signed: 12,
    long: 16,
    text: 24,
    pairs: 28,
    either: 48,
    last: 56,
  });
  expect(ALL).toMatchObject({ size: 64, align: 8 });
});

describe('a structure', () => {
  const value = {
    byte: 255,
    half: 0xfedc,
    tiny: -128,
    word: 0xfedcba98,
    signed: -2,
    long: 0xfedcba9876543210n,
    text: Uint8Array.of(1, 2, 3),
    pairs: [
      { first: 1, second: 2 },
      { first: 3, second: 4 },
    ],
    last: 9,
  };

  test('reads what it has written', () => {
    const view = fresh(0);
    ALL.write(view, 0, { ...value, either: { large: 0x5_0000_0007n } });
    expect(ALL.read(view, 0)).toEqual({
      ...value,
      either: { small: 7, large: 0x5_0000_0007n, pair: { first: 7, second: 5 } },
    });
  });

  test('leaves alone what is not given, padding, and what lies around it', () => {
    const view = fresh(0xcc);
    ALL.write(view, 0, { half: 0, pairs: [{ second: 0 }], text: Uint8Array.of(0) });
    const changed = [...new Uint8Array(view.buffer).entries()].flatMap(([at, byte]) =>
      byte === 0xcc ? [] : [at - 8],
    );
    expect(changed).toEqual([2, 3, 24, 32, 33, 34, 35]);
  });

  test('gives copies', () => {
    const view = fresh(0);
    const { text } = ALL.read(view, 0);
    view.setUint8(ALL.offsets.text, 1);
    expect(text).toEqual(new Uint8Array(3));
  });
});
