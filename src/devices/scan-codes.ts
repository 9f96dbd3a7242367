/**
 * The translation of scan code set 2 to set 1 in a keyboard controller (IBM PS/2 Hardware Interface Technical
 * Reference, Keyboard and Auxiliary Device Controller, Scan Code Translation): each byte has a fixed
 * counterpart, and the prefix of a release becomes bit 7 of the byte behind it.
 */

const RELEASE = 0xf0;
const RELEASED = 0x80;

/** set1[0x85]: the counterpart of each byte of set 2; bytes above stay as they are. */
const SET1 = (
  'ff 43 41 3f 3d 3b 3c 58 64 44 42 40 3e 0f 29 59 65 38 2a 70 1d 10 02 5a 66 71 2c 1f 1e 11 03 5b ' +
  '67 2e 2d 20 12 05 04 5c 68 39 2f 21 14 13 06 5d 69 31 30 23 22 15 07 5e 6a 72 32 24 16 08 09 5f ' +
  '6b 33 25 17 18 0b 0a 60 6c 34 35 26 27 19 0c 61 6d 73 28 74 1a 0d 62 6e 3a 36 1c 1b 75 2b 63 76 ' +
  '55 56 77 78 79 7a 0e 7b 7c 4f 7d 4b 47 7e 7f 6f 52 53 50 4c 4d 48 01 45 57 4e 51 4a 37 49 46 54 ' +
  '80 81 82 41 54'
)
  .split(' ')
  .map((byte) => Number.parseInt(byte, 16));

/** The byte that `byte` becomes. */
export function toSet1(byte: number): number {
  return SET1[byte] ?? byte;
}

/** Whether `byte` is the prefix of a release, which is not passed on. */
export function isRelease(byte: number): boolean {
  return byte === RELEASE;
}

/** What `byte` becomes behind the prefix of a release. */
export function toSet1Release(byte: number): number {
  return toSet1(byte) | RELEASED;
}

/** A whole sequence of set 2 in set 1. */
export function sequenceToSet1(bytes: readonly number[]): number[] {
  return bytes.flatMap((byte, n) => {
    if (isRelease(byte)) return [];
    return [isRelease(bytes[n - 1] ?? 0) ? toSet1Release(byte) : toSet1(byte)];
  });
}
