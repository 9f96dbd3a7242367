/** Files that were damaged at random. */

import fc from 'fast-check';

/** Values that are likely to be wrong somewhere. */
const ODD = [0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

const change = fc.record({
  // Most of what a loader reads lies in the first bytes, or at the end, where ld puts the section headers.
  at: fc.oneof(fc.nat(200), fc.nat(7000), fc.integer({ min: -400, max: -1 })),
  width: fc.constantFrom(1, 2, 4),
  value: fc.oneof(fc.constantFrom(...ODD), fc.nat(0xffffffff)),
});

/** One of `files` with some bytes changed, and perhaps its end missing. */
export function damagedFile(files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const damage = fc.record({
    file: fc.constantFrom(...files),
    changes: fc.array(change, { minLength: 1, maxLength: 6 }),
    length: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1 })),
  });
  return damage.map(({ file, changes, length }) => {
    const bytes = Uint8Array.from(file).subarray(0, Math.round(file.length * length));
    for (const { at, width, value } of changes) {
      const place = at < 0 ? bytes.length + at : at;
      for (let n = 0; n < width; n++) {
        if (place + n >= 0 && place + n < bytes.length) bytes[place + n] = value >>> (8 * n);
      }
    }
    return bytes;
  });
}
