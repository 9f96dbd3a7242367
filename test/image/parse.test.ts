/** What kind of image a file is, and what its header says: multiboot, PVH, ELF, flat, and what is refused. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ImageError, type ImageOptions } from '../../src/image/image.ts';
import { findMultiboot, hasMultiboot2 } from '../../src/image/multiboot.ts';
import { parseImage } from '../../src/image/parse.ts';
import { writeElf } from '../elf/elf-writer.ts';

const kernel = (name: string): Uint8Array =>
  readFileSync(new URL(`kernels/${name}.elf`, import.meta.url));

/** A file of `size` bytes with doublewords at `at`. */
function file(size: number, at: number, ...words: number[]): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  words.forEach((word, n) => {
    view.setUint32(at + 4 * n, word, true);
  });
  return bytes;
}

const MAGIC = 0x1badb002;
/** Words of a header with these flags, and with address fields. */
const header = (flags: number, ...fields: number[]): number[] => [
  MAGIC,
  flags,
  -(MAGIC + flags),
  ...fields,
];

const refusal = (code: string) => expect.objectContaining({ code, name: 'ImageError' });

describe('a file is', () => {
  test.each([
    ['multiboot', 'multiboot'],
    ['multiboot-high', 'multiboot'],
    ['multiboot64', 'multiboot'],
    ['both', 'multiboot'],
    ['pvh', 'pvh'],
    ['pvh64', 'pvh'],
    ['long64', 'elf'],
  ])('%s.elf: %s', (name, format) => {
    const image = parseImage(kernel(name));
    expect(image.format).toBe(format);
    expect(image.mode).toBe(format === 'elf' ? 'long64' : 'prot32');
  });

  test('flat, if it is nothing else', () => {
    expect(parseImage(Uint8Array.of(0xf4))).toMatchObject({
      format: 'flat',
      entry: 0x100000n,
      mode: 'long64',
    });
  });

  test('what --format says', () => {
    expect(parseImage(kernel('both'), { format: 'pvh' }).format).toBe('pvh');
    expect(parseImage(kernel('both'), { format: 'flat' }).format).toBe('flat');
    expect(parseImage(kernel('both'), { format: 'elf' })).toMatchObject({ mode: 'prot32' });
    expect(parseImage(kernel('long64'), { format: 'elf', mode: 'prot32' }).mode).toBe('prot32');
  });

  // biome-ignore format: one case per line.
  test.each<[what: string, bytes: Uint8Array, options: ImageOptions, code: string, message: string]>([
    ['Multiboot 2 only',      kernel('multiboot2'), {},                         'FORMAT', 'Multiboot 2 only, which is not supported; --format elf'],
    ['flat, Multiboot 2, out of place', file(64, 4, 0xe85250d6, 0, 16, -(0xe85250d6 + 16)), {}, 'FORMAT', '--format flat enters it'],
    ['flat, Multiboot 2',     file(64, 8, 0xe85250d6, 0, 16, -(0xe85250d6 + 16)), {}, 'FORMAT', '--format flat enters it'],
    ['32-bit ELF',            kernel('plain32'), {},                            'FORMAT', 'no multiboot header in the first 8192 bytes, and there is no PVH note'],
    ['bzImage',               file(1024, 0x202, 0x53726448), {},                'FORMAT', 'Linux bzImage'],
    ['no bytes',              new Uint8Array(), {},                             'EMPTY',  'the image is empty'],
    ['no such format',        kernel('both'), { format: 'coff' },               'FORMAT', 'there is no format coff; there are: flat, multiboot, elf, pvh, pv'],
    ['no such mode',          Uint8Array.of(1), { mode: 'real16' },             'MODE',   'there is no mode real16'],
    ['multiboot in long64',   kernel('both'), { mode: 'long64' },               'MODE',   'a multiboot image is entered in prot32, not in long64'],
    ['ELF with an address',   kernel('long64'), { loadAddress: 0n },            'OPTION', 'only flat images are told where they go'],
    ['multiboot, entry',      kernel('both'), { entry: 0n },                    'OPTION', 'this one (multiboot) says it itself'],
    ['not multiboot',         kernel('pvh'), { format: 'multiboot' },           'FORMAT', 'no multiboot header'],
    ['not PVH',               kernel('multiboot'), { format: 'pvh' },           'FORMAT', 'no PVH note'],
    ['an object file',        writeElf({ bits: 64, type: 1 }), {},              'ELF',    'a relocatable object: link it first'],
    ['a core dump',           writeElf({ bits: 64, type: 4 }), {},              'ELF',    'no executable (type 4)'],
    ['nothing to load',       writeElf({ bits: 64 }), {},                       'ELF',    'no segment to load'],
  ])('refused: %s', (_, bytes, options, code, message) => {
    expect(() => parseImage(bytes, options)).toThrow(refusal(code));
    expect(() => parseImage(bytes, options)).toThrow(message);
  });
});

describe('the multiboot header', () => {
  test.each([0, 4, 8192 - 12])('is found at offset %i', (offset) => {
    expect(findMultiboot(file(9000, offset, ...header(3)))).toEqual({ offset, flags: 3 });
  });

  test.each([2, 8192 - 8, 8192])('is not looked for at offset %i', (offset) => {
    expect(findMultiboot(file(9000, offset, ...header(3)))).toBeUndefined();
  });

  test('is passed over where the checksum is wrong', () => {
    const bytes = file(64, 4, MAGIC, 3, 0, ...header(1));
    expect(findMultiboot(bytes)).toEqual({ offset: 16, flags: 1 });
  });

  test('of version 2 is aligned and has a checksum', () => {
    const words = [0xe85250d6, 0, 16, -(0xe85250d6 + 16)];
    expect(hasMultiboot2(file(40000, 32752, ...words))).toBe(true);
    expect(hasMultiboot2(file(64, 4, ...words))).toBe(true); // aligned by 4 in a flat source
    expect(hasMultiboot2(file(64, 2, ...words))).toBe(false);
    expect(hasMultiboot2(file(64, 8, 0xe85250d6, 0, 16, 0))).toBe(false);
  });

  test.each([0, 1, 2, 4, 7, 0xffff0000 & ~0x10000])('may have flags %i', (flags) => {
    const elf = kernel('multiboot');
    const { offset } = findMultiboot(elf) ?? { offset: 0 };
    new DataView(elf.buffer, elf.byteOffset).setUint32(offset + 4, flags, true);
    new DataView(elf.buffer, elf.byteOffset).setUint32(offset + 8, -(MAGIC + flags), true);
    expect(parseImage(elf).format).toBe('multiboot');
  });

  test.each([
    [0x8, 'flag 3'],
    [0x8021, 'flag 5, 15'],
  ])('is refused with flags %i', (flags, message) => {
    expect(() => parseImage(file(64, 4, ...header(flags)))).toThrow(
      `the multiboot header at offset 0x4 demands what Multiboot 0.6.96 does not define (${message})`,
    );
  });

  test('without address fields needs an ELF file', () => {
    expect(() => parseImage(file(64, 4, ...header(3)))).toThrow(
      'at offset 0x4 has no address fields (flag 16), and the file is no ELF file',
    );
  });

  test('overrides the ELF headers by its address fields', () => {
    const fields = header(0x10003, 0x200040, 0x200040, 0, 0, 0x200060);
    const bytes = writeElf({
      segments: [{ type: 1, paddr: 0x100000, memsz: 4, bytes: [1, 2, 3, 4] }],
    });
    const whole = new Uint8Array(128);
    whole.set(bytes.subarray(0, 64));
    whole.set(file(64, 0, ...fields), 64);
    const image = parseImage(whole);
    expect(image).toMatchObject({ format: 'multiboot', entry: 0x200060n });
    expect(image.segments).toMatchObject([{ address: 0x200040n, size: 64n }]);
    expect(image.elf).toBeUndefined();
  });
});

describe('the address fields of a multiboot header', () => {
  /** The only segment of a file of 100 bytes with the header at 16. */
  const load = (...fields: number[]) => {
    const bytes = file(100, 16, ...header(0x10000, ...fields));
    bytes[99] = 0xaa;
    const { segments, entry } = parseImage(bytes);
    const [{ address, bytes: loaded, size } = { address: 0n, bytes, size: 0n }] = segments;
    return [address, loaded.byteOffset, loaded.length, size, entry];
  };

  test.each<[what: string, fields: number[], result: unknown[]]>([
    ['the whole file', [0x10010, 0x10000, 0, 0, 0x10050], [0x10000n, 0, 100, 100n, 0x10050n]],
    ['from the header on', [0x10000, 0x10000, 0, 0, 0x10000], [0x10000n, 16, 84, 84n, 0x10000n]],
    ['a part', [0x10008, 0x10000, 0x10020, 0, 1], [0x10000n, 8, 32, 32n, 1n]],
    ['with zeros', [0x10010, 0x10000, 0x10064, 0x20000, 1], [0x10000n, 0, 100, 0x10000n, 1n]],
    ['zeros behind all', [0x10010, 0x10000, 0, 0x20000, 1], [0x10000n, 0, 100, 0x10000n, 1n]],
    ['high', [0xfffffff0, 0xfffffff0, 0, 0, 1], [0xfffffff0n, 16, 84, 84n, 1n]],
  ])('give %s', (_, fields, result) => {
    expect(load(...fields)).toEqual(result);
  });

  test.each<[what: string, fields: number[], message: string]>([
    [
      'load_addr behind the header',
      [0x10000, 0x10001, 0, 0, 1],
      'load_addr 0x10001 and header_addr 0x10000',
    ],
    ['a start before the file', [0x10011, 0x10000, 0, 0, 1], 'which do not fit its place'],
    [
      'an end behind the file',
      [0x10010, 0x10000, 0x10065, 0, 1],
      'load_end_addr 0x10065, but the file ends at 0x10064',
    ],
    ['an end before the start', [0x10010, 0x10000, 0xffff, 0, 1], 'load_end_addr 0xffff'],
    [
      'zeros that end too early',
      [0x10010, 0x10000, 0, 0x10063, 1],
      'bss_end_addr 0x10063 before load_end_addr',
    ],
  ])('are refused: %s', (_, fields, message) => {
    expect(() => load(...fields)).toThrow(refusal('MULTIBOOT'));
    expect(() => load(...fields)).toThrow(message);
  });

  test('are refused where the file ends within them', () => {
    const bytes = file(47, 16, ...header(0x10000, 0x10000, 0x10000, 0, 0).slice(0, 7));
    expect(() => parseImage(bytes)).toThrow('the multiboot header at offset 0x10 is cut off');
  });
});

test('a PVH note must hold an address', () => {
  const note = [4, 2, 18].flatMap((word) => [word, 0, 0, 0]);
  const bytes = [...note, ...new TextEncoder().encode('Xen\0'), 1, 2, 0, 0];
  const elf = writeElf({
    segments: [
      { type: 4, bytes },
      { type: 1, memsz: 1, bytes: [0xf4] },
    ],
  });
  expect(() => parseImage(elf)).toThrow('has an entry of 2 bytes, it must have 4 or 8');
  expect(() => parseImage(elf)).toThrow(ImageError);
});

describe('the entry of an ELF file', () => {
  const image = (segment: Record<string, number>, entry: number) =>
    parseImage(
      writeElf({
        bits: 64,
        entry,
        segments: [{ type: 1, flags: 5, memsz: 16, bytes: [0xf4], ...segment }],
      }),
    );

  test('is physical where the kernel runs elsewhere than it is loaded', () => {
    expect(image({ vaddr: 0xc0100000, paddr: 0x100000 }, 0xc0100004).entry).toBe(0x100004n);
    expect(image({ vaddr: 0x100000, paddr: 0x100000 }, 0x100004).entry).toBe(0x100004n);
  });

  test('stays as it is outside executable segments', () => {
    expect(image({ vaddr: 0xc0100000, paddr: 0x100000 }, 0x100004).entry).toBe(0x100004n);
    expect(image({ vaddr: 0xc0100000, paddr: 0x100000, flags: 6 }, 0xc0100004).entry).toBe(
      0xc0100004n,
    );
  });
});
