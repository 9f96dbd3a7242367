/** Pieces of the tables that firmware leaves in memory: little-endian numbers, text, checksums. */

/** `value` in `size` bytes. */
function number(size: number, value: number): number[] {
  return Array.from({ length: size }, (_, n) => Math.floor(value / 256 ** n) % 256);
}

export const u8 = (value: number): number[] => number(1, value);
export const u16 = (value: number): number[] => number(2, value);
export const u32 = (value: number): number[] => number(4, value);
export const u64 = (value: number): number[] => number(8, value);

/** ASCII text in `length` bytes, the rest of them `pad`. */
export function ascii(text: string, length = text.length, pad = 0): number[] {
  return Array.from({ length }, (_, n) => (n < text.length ? text.charCodeAt(n) : pad));
}

export function zeroes(length: number): number[] {
  return new Array(length).fill(0);
}

/** Sets the byte at `place` so that the first `length` bytes sum to 0 modulo 256. */
export function sealWithChecksum(bytes: number[], place: number, length = bytes.length): number[] {
  const sealed = [...bytes];
  sealed[place] = 0;
  const sum = sealed.slice(0, length).reduce((total, byte) => total + byte, 0);
  sealed[place] = -sum & 0xff;
  return sealed;
}
