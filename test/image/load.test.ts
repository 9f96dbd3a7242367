/** What fits into RAM, and the state in which an image is entered. */

import { describe, expect, test } from 'vitest';
import type { BootArguments } from '../../src/image/boot-arguments.ts';
import { flatImage } from '../../src/image/flat.ts';
import type { Image } from '../../src/image/image.ts';
import { loadImage } from '../../src/image/load.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';

const module = loadProcessorModule();
const MIB = 2 ** 20;

function load(size: number, loadAddress: bigint, entry = loadAddress): Pc {
  const pc = new Pc(module, { ramBytes: 4 * MIB });
  loadImage(pc.machine, flatImage(new Uint8Array(size).fill(0xf4), { loadAddress, entry }));
  return pc;
}

describe('loading', () => {
  test('puts the image where it belongs', () => {
    const { machine } = load(3, 0x3ffffdn);
    expect([...machine.memory.read(0x3ffffc, 4)]).toEqual([0, 0xf4, 0xf4, 0xf4]);
    expect(machine.run().kind).toBe('halted');
  });

  test.each([
    ['TOO_LARGE', 4, 0x3ffffdn, 0x3ffffdn],
    ['TOO_LARGE', 1, 1n << 63n, 0n],
    ['OVERLAP', 1, 0x1000n, 0x1000n],
    ['OVERLAP', 0x2000, 0n, 0n],
    ['ENTRY', 4, 0x100000n, 0x400000n],
  ])('refuses with %s: %i bytes at %i, entered at %i', (code, size, loadAddress, entry) => {
    expect(() => load(size, loadAddress, entry)).toThrow(expect.objectContaining({ code }));
  });

  test('takes the page before 1 MiB, where linkers put the headers of a file', () => {
    const { machine } = load(0x1001, 0xff000n);
    expect([...machine.memory.read(0xfffff, 3)]).toEqual([0xf4, 0xf4, 0]);
    expect(() => load(2, 0xfefffn)).toThrow(expect.objectContaining({ code: 'OVERLAP' }));
  });

  test('refuses an empty image and an unknown mode', () => {
    const code = (name: string) => expect.objectContaining({ code: name });
    expect(() => flatImage(new Uint8Array())).toThrow(code('EMPTY'));
    expect(() => flatImage(new Uint8Array(1), { mode: 'real16' })).toThrow(code('MODE'));
  });
});

test('the boot contract', () => {
  const { processor } = load(1, 0x100000n).machine;
  const { view } = processor;
  expect(view.u64('RIP')).toBe(0x100000n);
  expect(view.u64('CR0')).toBe(0x80000011n);
  expect(view.u64('CR4')).toBe(0x20n);
  expect(view.u64('EFER')).toBe(0x500n);
  expect(view.u32('IDTR_LIMIT')).toBe(0);
  expect(processor.rflags).toBe(2n);
  expect(view.segment('cs').selector).toBe(8);
  for (const name of ['ds', 'es', 'ss'] as const) expect(view.segment(name).selector).toBe(16);
});

test('the state of a prot32 image', () => {
  const pc = new Pc(module, { ramBytes: 4 * MIB });
  loadImage(pc.machine, flatImage(Uint8Array.of(0xf4), { mode: 'prot32' }));
  const { view, rflags } = pc.machine.processor;
  const registers = ['CR0', 'CR3', 'CR4', 'EFER', 'RIP'].map((name) => view.u64(name));
  expect(registers).toEqual([0x11n, 0n, 0n, 0n, 0x100000n]);
  expect(rflags).toBe(2n);
  expect([...view.gpr].filter((value) => value !== 0n)).toEqual([0x80000n]); // the stack
  const flat = { base: 0n, limit: 0xffffffff };
  expect(view.segment('cs')).toEqual({ ...flat, selector: 8, access: 0xc09b });
  for (const name of ['ds', 'es', 'fs', 'gs', 'ss'] as const) {
    expect(view.segment(name)).toEqual({ ...flat, selector: 0x10, access: 0xc093 });
  }
  expect(view.segment('tr')).toMatchObject({ base: 0n, limit: 0x67, access: 0x8b });
  const gdt = Number(view.u64('GDTR_BASE'));
  const entries = [0, 8, 16].map((at) => pc.machine.memory.readU64(gdt + at));
  expect(entries).toEqual([0n, 0x00cf9b000000ffffn, 0x00cf93000000ffffn]);
});

/** A multiboot image with these segments, entered at the first. */
function multiboot(...places: (readonly [address: number, size: number])[]): Image {
  const segments = places.map(([address, size], n) => ({
    name: `segment ${n}`,
    address: BigInt(address),
    bytes: Uint8Array.of(0xf4),
    size: BigInt(size),
  }));
  return { format: 'multiboot', segments, entry: segments[0]?.address ?? 0n, mode: 'prot32' };
}

const MODULE = { name: 'module', text: 'text', bytes: new Uint8Array(0x1800).fill(0xaa) };

/** Loads into 4 MiB; the doublewords of the boot information, and RAM. */
function boot(image: Image, args: BootArguments = {}) {
  const { machine } = new Pc(module, { ramBytes: 4 * MIB });
  machine.memory.fill(0x100000, 3 * MIB, 0x55);
  loadImage(machine, image, args);
  const { bytes } = machine.processor.memory;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const info = Number(machine.processor.view.gpr[3]);
  const word = (address: number) => view.getUint32(address, true);
  const gdt = Number(machine.processor.view.u64('GDTR_BASE'));
  return { info, gdt, word, field: (offset: number) => word(info + offset), bytes };
}

describe('boot data', () => {
  test('lies below 1 MiB, and modules in pages behind the kernel', () => {
    const { info, field, word, bytes } = boot(multiboot([0x100000, 0x1001]), {
      modules: [MODULE, { ...MODULE, bytes: new Uint8Array() }, MODULE],
    });
    expect(info).toBeGreaterThanOrEqual(0x9000);
    expect(info).toBeLessThan(0x70000);
    const list = field(24);
    const places = [0, 16, 32].map((at) => [word(list + at), word(list + at + 4)]);
    expect(places).toEqual([
      [0x102000, 0x103800],
      [0x104000, 0x104000],
      [0x105000, 0x106800],
    ]);
    expect(bytes.subarray(0x102000, 0x103800).every((byte) => byte === 0xaa)).toBe(true);
  });

  test('makes way for a kernel, wherever it lies', () => {
    const { info, gdt } = boot(multiboot([0x1000, 0x9f000 - 0x1000]));
    expect(info).toBeGreaterThanOrEqual(0x100000);
    expect(gdt).toBe(0x9f000);
    const split = boot(multiboot([0x8000, 0x3000], [0xc000, 0x1000]));
    expect(split.info).toBeGreaterThanOrEqual(0xb000);
    expect(split.info).toBeLessThan(0xc000);
  });

  test('goes before a kernel at the end of RAM, modules too', () => {
    const { word, field } = boot(multiboot([0x3ff000, 0x1000]), { modules: [MODULE] });
    expect(word(field(24))).toBe(0x100000);
  });

  test('zeroes what a segment has in memory only', () => {
    const { bytes } = boot(multiboot([0x100000, 0x10000]));
    expect(bytes.subarray(0x100001, 0x110000).every((byte) => byte === 0)).toBe(true);
    expect(bytes[0x110000]).toBe(0x55);
  });

  test.each<[what: string, image: Image, args: BootArguments, code: string, message: string]>([
    [
      'a module that does not fit',
      multiboot([0x100000, 1]),
      { modules: [{ ...MODULE, bytes: new Uint8Array(4 * MIB) }] },
      'TOO_LARGE',
      'there is no room in RAM for module module (4194304 bytes)',
    ],
    [
      'a segment over another',
      multiboot([0x100000, 0x1001], [0x101000, 1]),
      {},
      'OVERLAP',
      'segment 1 overlaps segment 0 at 0x101000',
    ],
    [
      'a segment beyond RAM',
      multiboot([0x100000, 1], [0x3ff000, 0x1001]),
      {},
      'TOO_LARGE',
      'segment 1 at 0x3ff000 (4097 bytes) does not fit into RAM',
    ],
    [
      'a segment in the memory of the display',
      multiboot([0xb8000, 0x1000]),
      {},
      'OVERLAP',
      'segment 0 (0xb8000 to 0xb8fff) lies in memory that is not free RAM',
    ],
    [
      'an entry outside the kernel',
      { ...multiboot([0x100000, 1]), entry: 0x100001n },
      {},
      'ENTRY',
      'the entry 0x100001 lies outside what is loaded',
    ],
    [
      'a command line that a flat image would not get',
      flatImage(Uint8Array.of(0xf4)),
      { commandLine: '' },
      'OPTION',
      'images of format flat take no command line and no modules',
    ],
  ])('is refused: %s', (_, image, args, code, message) => {
    const { machine } = new Pc(module, { ramBytes: 4 * MIB });
    const before = machine.processor.memory.bytes.slice();
    expect(() => loadImage(machine, image, args)).toThrow(expect.objectContaining({ code }));
    expect(() => loadImage(machine, image, args)).toThrow(message);
    expect(Buffer.compare(machine.processor.memory.bytes, before)).toBe(0);
  });
});

describe('RAM', () => {
  test.each([0, MIB - 4096, MIB + 1, 2 ** 31 + 4096, Number.NaN])(
    'refuses %i bytes',
    (ramBytes) => {
      expect(() => new Pc(module, { ramBytes })).toThrow('1 MiB to 2 GiB');
    },
  );

  test('takes 1 MiB', () => {
    expect(new Pc(module, { ramBytes: MIB }).machine.memory.size).toBe(MIB);
  });
});
