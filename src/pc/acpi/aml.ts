/** ACPI machine language, the little of it that our DSDT needs (ACPI 6.4 section 20.2, AML Grammar). */

import { ascii, u8, u16, u32 } from '../table-bytes.ts';

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const PACKAGE_OP = 0x12;

/** An integer, 0 to 2^32 - 1, in the shortest form. */
export function amlInteger(value: number): number[] {
  if (value === 0) return [ZERO_OP];
  if (value === 1) return [ONE_OP];
  if (value < 0x100) return [BYTE_PREFIX, ...u8(value)];
  return value < 0x10000 ? [WORD_PREFIX, ...u16(value)] : [DWORD_PREFIX, ...u32(value)];
}

/** `Package () { elements }`. */
export function amlPackage(...elements: number[][]): number[] {
  return [PACKAGE_OP, ...withLength([elements.length, ...elements.flat()])];
}

/** `Name (name, value)`; `name` is a backslash, if it is at the root, and four characters. */
export function amlName(name: string, value: number[]): number[] {
  return [NAME_OP, ...ascii(name), ...value];
}

/** PkgLength, which counts its own bytes, and what it measures. */
function withLength(content: number[]): number[] {
  const short = content.length + 1;
  if (short < 0x40) return [short, ...content];
  // 3:0 are the low bits and 7:6 the number of bytes that follow with 8 bits each.
  const followers = content.length + 2 < 0x1000 ? 1 : 2;
  const length = content.length + 1 + followers;
  const rest = followers === 1 ? u8(length >> 4) : u16(length >> 4);
  return [(followers << 6) | (length & 15), ...rest, ...content];
}
