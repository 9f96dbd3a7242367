/** PV kernels: what their notes, or the section that was before notes, say, and which are refused. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SHT_NOTE, SHT_PROGBITS } from '../../src/elf/constants.ts';
import { ImageError } from '../../src/image/image.ts';
import { loadImage } from '../../src/image/load.ts';
import { parseImage } from '../../src/image/parse.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';
import { XEN_ELFNOTE } from '../../src/xen/elf-note.ts';
import { featureMask } from '../../src/xen/features.ts';
import { strings, writeElf } from '../elf/elf-writer.ts';

const BASE = 0xffffffff80000000n;

type NoteName = keyof typeof XEN_ELFNOTE;
type Value = bigint | number | string | number[];

function note(name: NoteName, value: Value): number[] {
  const descriptor = typeof value === 'string' ? [...Buffer.from(`${value}\0`)] : little(value);
  const padding = Array((4 - (descriptor.length % 4)) % 4).fill(0);
  const header = [4, descriptor.length, XEN_ELFNOTE[name]].flatMap((word) => little(word));
  return [...header, ...Buffer.from('Xen\0'), ...descriptor, ...padding];
}

/** A bigint of 8 bytes, a number of 4, or bytes. */
function little(value: bigint | number | number[]): number[] {
  if (Array.isArray(value)) return value;
  const bytes = typeof value === 'bigint' ? 8 : 4;
  return Array.from({ length: bytes }, (_, n) => Number((BigInt(value) >> BigInt(8 * n)) & 0xffn));
}

const LEAST: Partial<Record<NoteName, Value>> = {
  XEN_VERSION: 'xen-3.0',
  LOADER: 'generic',
  VIRT_BASE: BASE,
  ENTRY: BASE + 0x100010n,
};

const listed = (notes: Partial<Record<NoteName, Value | undefined>>): number[] =>
  Object.entries(notes).flatMap(([name, value]) =>
    value === undefined ? [] : note(name as NoteName, value),
  );

const KERNEL = { type: 1, flags: 7, paddr: 0x100000, memsz: 0x3000, bytes: [0xf4] };

/** A kernel at 1 MiB with the notes that it needs at least, and `notes` (undefined: without that one). */
function kernel(
  notes: Partial<Record<NoteName, Value | undefined>>,
  options: Parameters<typeof writeElf>[0] = {},
): Uint8Array {
  const all = listed({ ...LEAST, ...notes });
  return writeElf({ bits: 64, segments: [KERNEL, { type: 4, bytes: all }], ...options });
}

const parse = (bytes: Uint8Array) => parseImage(bytes, { format: 'pv' }).pv!;

test('a linked kernel says all that there is to say', () => {
  const file = readFileSync(new URL('kernels/pv.elf', import.meta.url));
  const image = parseImage(file);
  expect(image).toMatchObject({ format: 'pv', mode: 'long64', entry: 0x101000n });
  expect(image.pv).toMatchObject({
    virtBase: BASE,
    entry: BASE + 0x101000n,
    hypercallPage: BASE + 0x102000n,
    initP2m: undefined,
    requiredFeatures: 0,
    supportedFeatures: featureMask(['auto_translated_physmap', 'pae_pgdir_above_4gb']),
    notes: {
      guestOs: 'toy',
      guestVersion: '1',
      xenVersion: 'xen-3.0',
      loader: 'generic',
      paeMode: 'yes',
      hvStartLow: 0xffff800000000000n,
      l1MfnValid: [{ mask: 1n, value: 1n }],
      suspendCancel: 1n,
      modStartPfn: 1n,
    },
  });
  expect(image.pv?.segments.map(({ address }) => address)).toEqual([0x100000n, 0x103000n]);
});

describe('notes', () => {
  test('have numbers of 4 bytes or 8', () => {
    const { virtBase, entry } = parse(kernel({ VIRT_BASE: 0x40000000, ENTRY: 0x40100000n }));
    expect([virtBase, entry]).toEqual([0x40000000n, 0x40100000n]);
  });

  test('are taken from sections where segments have none', () => {
    const sections = [{ type: SHT_NOTE, bytes: listed(LEAST) }];
    expect(parse(kernel({}, { segments: [KERNEL], sections })).entry).toBe(BASE + 0x100010n);
    const none = [{ type: SHT_PROGBITS, bytes: listed(LEAST) }];
    expect(() => parse(kernel({}, { segments: [KERNEL], sections: none }))).toThrow(
      'neither a note XEN_ELFNOTE_ENTRY',
    );
  });

  test('have a zero behind a text, or not', () => {
    const texts = { LOADER: [...Buffer.from('generic')], GUEST_OS: [...Buffer.from('a\0b')] };
    expect(parse(kernel(texts)).notes).toMatchObject({ loader: 'generic', guestOs: 'a' });
  });

  test('of one type: the last counts', () => {
    const twice = [...listed(LEAST), ...note('ENTRY', BASE + 0x100020n)];
    const file = writeElf({ bits: 64, segments: [KERNEL, { type: 4, bytes: twice }] });
    expect(parse(file).entry).toBe(BASE + 0x100020n);
  });

  test('may leave the entry to the ELF header', () => {
    const file = kernel({ ENTRY: undefined }, { entry: BASE + 0x100004n });
    expect(parse(file).entry).toBe(BASE + 0x100004n);
  });

  test('say by how much p_paddr is too large', () => {
    const segments = [
      { ...KERNEL, paddr: BASE + 0x100000n },
      { type: 4, bytes: listed({ ...LEAST, PADDR_OFFSET: BASE }) },
    ];
    const pv = parse(writeElf({ bits: 64, segments }));
    expect(pv.segments).toMatchObject([{ address: 0x100000n, size: 0x3000n }]);
  });
});

test('features are names, or bits; what is required is supported', () => {
  const FEATURES = 'writable_page_tables|!pae_pgdir_above_4gb|a_later_one';
  const pv = parse(kernel({ FEATURES, SUPPORTED_FEATURES: 0x800 }));
  expect(pv.requiredFeatures).toBe(featureMask(['pae_pgdir_above_4gb']));
  expect(pv.supportedFeatures).toBe(
    featureMask(['writable_page_tables', 'pae_pgdir_above_4gb', 'dom0']),
  );
});

// biome-ignore format: one case per line.
test.each<[what: string, notes: Partial<Record<NoteName, Value | undefined>>, message: string]>([
  ['no version',            { XEN_VERSION: undefined },               "is made for the version '' (XEN_VERSION), not for xen-3.0"],
  ['another version',       { XEN_VERSION: 'xen-2.0' },               "the version 'xen-2.0'"],
  ['another loader',        { LOADER: 'own' },                        "asks for the loader 'own' (LOADER)"],
  ['a symbol table',        { BSD_SYMTAB: 'yes' },                    'needs its symbols in memory (BSD_SYMTAB)'],
  ['an unknown feature',    { FEATURES: 'a|!moon_phase' },            "requires the feature 'moon_phase'"],
  ['a feature of Object',   { FEATURES: '!toString' },                "requires the feature 'toString'"],
  ['a number of 5 bytes',   { ENTRY: [1, 2, 3, 4, 5] },               'the note XEN_ELFNOTE_ENTRY at offset 0x100 has a number of 5 bytes'],
  ['a vast text',           { LOADER: Array(4097).fill(0x78) },       'the note XEN_ELFNOTE_LOADER at offset 0xd0 has a text of 4097 bytes'],
  ['half a pair',           { L1_MFN_VALID: 1n },                     'has 8 bytes, which are no pairs of mask and value'],
  ['an offset alone',       { PADDR_OFFSET: 0, VIRT_BASE: undefined }, 'gives PADDR_OFFSET, but no VIRT_BASE'],
  ['below the offset',      { PADDR_OFFSET: 0x100001 },               'is at 0x100000, below PADDR_OFFSET 0x100001'],
  ['entry before it',       { ENTRY: BASE + 0xfffffn },               'has its entry 0xffffffff800fffff outside of what is loaded (0xffffffff80100000 to 0xffffffff80102fff)'],
  ['entry behind it',       { ENTRY: BASE + 0x103000n },              'outside of what is loaded'],
  ['a base within a page',  { VIRT_BASE: BASE + 1n },                 'which is no page\'s address'],
  ['non-canonical',         { VIRT_BASE: 0x7fffffeff000n },           'which is no memory of a guest'],
  ['in the hypervisor',     { VIRT_BASE: 0xffff87ffffe00000n },       'which is no memory of a guest'],
  ['beyond the top',        { VIRT_BASE: 0xffffffffffefe000n },       'which is no memory of a guest'],
  ['a crooked page',        { HYPERCALL_PAGE: BASE + 0x101004n },     'has HYPERCALL_PAGE 0xffffffff80101004, which is no page of it'],
  ['a page elsewhere',      { HYPERCALL_PAGE: BASE + 0x103000n },     'which is no page of it'],
  ['a list in the kernel',  { INIT_P2M: BASE + 0x101000n },           'has INIT_P2M 0xffffffff80101000, which is no page outside of it'],
  ['a hole that ends late', { HV_START_LOW: 0xffff800000000001n },    'has HV_START_LOW above 0xffff800000000000'],
])('refused: %s', (_, notes, message) => {
  const file = kernel(notes);
  expect(() => parse(file)).toThrow(ImageError);
  expect(() => parse(file)).toThrow(message);
});

test('refused: segments that lie over one another', () => {
  const segments = [KERNEL, { ...KERNEL, paddr: 0x102fff }, { type: 4, bytes: listed(LEAST) }];
  expect(() => parse(writeElf({ bits: 64, segments }))).toThrow(
    'offset 0x78 overlaps the segment of the program header at offset 0x40 at 0x102fff',
  );
});

test('refused: 32-bit kernels, and those without notes', () => {
  const wide = { VIRT_BASE: 0xc0000000, ENTRY: 0xc0100000 };
  const segments = [KERNEL, { type: 4, bytes: listed({ ...LEAST, ...wide }) }];
  expect(() => parse(writeElf({ bits: 32, segments }))).toThrow('the PV kernel is 32-bit code');
  expect(() => parse(writeElf({ bits: 64, machine: 3, segments }))).toThrow('is 32-bit code');
  const pvh = [KERNEL, { type: 4, bytes: note('PHYS32_ENTRY', 0x100000) }];
  expect(() => parse(writeElf({ bits: 64, segments: pvh }))).toThrow('neither a note');
  expect(() => parse(Uint8Array.of(0xf4))).toThrow('this is no ELF file');
});

describe('the section __xen_guest', () => {
  const guest = (text: string, end = '\0') => {
    const names = strings(['__xen_guest', '.shstrtab']);
    const sections = [
      { type: SHT_PROGBITS, name: names.at[0]!, bytes: Buffer.from(text + end) },
      { type: 3, name: names.at[1]!, bytes: names.bytes },
    ];
    const segments = [{ ...KERNEL, paddr: BASE + 0x100000n }];
    return writeElf({ bits: 64, entry: BASE + 0x100000n, segments, sections, shstrndx: 2 });
  };
  const LEAST_TEXT = 'LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000';

  test('says the same', () => {
    const more =
      'GUEST_OS=toy,GUEST_VER=2,HYPERCALL_PAGE=0x102,FEATURES=!pae_pgdir_above_4gb,PAE=yes';
    const pv = parse(guest(`${LEAST_TEXT},${more}`));
    expect(pv).toMatchObject({
      virtBase: BASE,
      entry: BASE + 0x100000n,
      hypercallPage: BASE + 0x102000n,
      requiredFeatures: featureMask(['pae_pgdir_above_4gb']),
      notes: { guestOs: 'toy', guestVersion: '2', paeMode: 'yes' },
    });
    expect(pv.segments).toMatchObject([{ address: 0x100000n }]);
  });

  test('gives an entry and an offset', () => {
    const pv = parse(
      guest(`${LEAST_TEXT},VIRT_ENTRY=0xffffffff80101001,ELF_PADDR_OFFSET=0xffffffff7ffff000`),
    );
    expect([pv.entry, pv.segments[0]?.address]).toEqual([BASE + 0x101001n, 0x101000n]);
  });

  test.each([
    ['VIRT_ENTRY=here', '\0', 'the section __xen_guest has VIRT_ENTRY=here, which is no number'],
    ['VIRT_ENTRY=', '\0', 'which is no number'],
    ['BSD_SYMTAB', '\0', 'needs its symbols in memory'],
    ['', '', 'the section __xen_guest has no zero behind its text'],
  ])('is refused: %s', (text, end, message) => {
    expect(() => parse(guest(`${LEAST_TEXT},${text}`, end))).toThrow(message);
  });
});

describe('what kind of image it is', () => {
  const both = kernel({ PHYS32_ENTRY: 0x100000 });

  test('PVH goes first, but PV can be asked for', () => {
    expect(parseImage(both).format).toBe('pvh');
    expect(parseImage(both, { format: 'pv' }).format).toBe('pv');
    expect(parseImage(kernel({})).format).toBe('pv');
    expect(parseImage(kernel({}), { format: 'elf' }).format).toBe('elf');
  });

  test('no machine loads a PV kernel', () => {
    const { machine } = new Pc(loadProcessorModule(), { ramBytes: 4 * 2 ** 20 });
    expect(() => loadImage(machine, parseImage(kernel({})))).toThrow(
      "a PV kernel runs in a domain of a hypervisor that has Xen's ABI, not on a machine",
    );
  });
});
