/** Numbers of relocation types (processor supplements of the System V ABI for AMD64 and i386), by what they compute. */

export const R_X86_64 = {
  absolute: { 1: 14, 2: 12, 4: 10, 8: 1 },
  signed32: 11,
  relative: { 1: 15, 2: 13, 4: 2, 8: 24 },
  plt: 4,
  got: { 4: 3, 8: 27 },
  gotRelative: { 4: 9, 8: 28 },
  gotBase: 26,
  fromGot: 25,
  tlsOffset: 22,
} as const;

export const R_386 = {
  absolute: { 1: 22, 2: 20, 4: 1 },
  relative: { 1: 23, 2: 21, 4: 2 },
  plt: 4,
  got: 3,
  gotBase: 10,
  fromGot: 9,
  tlsOffset: 15,
} as const;
