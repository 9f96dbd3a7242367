/**
 * A guest that tries to get at what is not its own (guests/escape) is refused as on a real machine, and neither finds
 * anything of the frames that are not its own nor leaves anything there. Kernels whose tables lead nowhere end alone.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { Machine } from '../../src/machine/machine.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Board } from '../../src/pc/board.ts';
import { guestFeatures } from '../../src/vmm/full-engine.ts';
import { FULL_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { createVirtualMachine } from '../../src/vmm/virtual-machine.ts';
import { guestPath, readGuestNamed, runGuest } from './lockstep.ts';

const LIMIT = 20_000_000;
const PAGE_SIZE = 4096;
/** What the guest writes wherever it can, and what lies where it must not read. */
const MARK = 0x5a5a5a5a5a5a5a5an;
const SECRET = 0x5ec2e75ec2e75ec2n;
/** What its devices write. */
const DMA_TEXT = new DataView(Uint8Array.from(Buffer.from('QEMU')).buffer).getUint32(0, true);
/** Flags of the entries by which the VMM maps its own structures. */
const OWN_ENTRY = 0x63n;

const module = loadProcessorModule();

const linesOf = (name: string): string[] =>
  readFileSync(guestPath('escape').replace('main.asm', name), 'latin1').split('\n');
const bare = linesOf('expected.txt');
const trap = linesOf('expected-trap.txt');

/** The machine's frames, by who has them. */
interface Frames {
  readonly guest: ReadonlySet<number>;
  /** Those of the VMM: what its own page tables name, and they. */
  readonly vmm: ReadonlySet<number>;
  readonly free: readonly number[];
}

function framesOf({ processor }: Machine, words: BigUint64Array): Frames {
  const { view } = processor;
  const count = view.u32('GUEST_FRAMES');
  const map = new Uint32Array(view.data.buffer, view.layout('GUEST_MAPS'), count);
  const guest = new Set([...map].map((entry) => entry >>> 2));
  const others = Array.from({ length: (words.length * 8) / PAGE_SIZE }, (_, n) => n).filter(
    (frame) => !guest.has(frame),
  );
  const vmm = new Set<number>();
  for (const frame of others) {
    const page = wordsOf(words, frame);
    if (page.some((word) => word !== 0n)) vmm.add(frame);
    for (const word of page) if ((word & 0xfffn) === OWN_ENTRY) vmm.add(Number(word >> 12n));
  }
  return { guest, vmm, free: others.filter((frame) => !vmm.has(frame)) };
}

const wordsOf = (words: BigUint64Array, frame: number): BigUint64Array =>
  words.subarray((frame * PAGE_SIZE) / 8, ((frame + 1) * PAGE_SIZE) / 8);

describe.each(FULL_TECHNIQUES)('under %s', (cpu) => {
  // Where the kernel does not run directly only the program sees the VMM.
  const expected =
    cpu === 'trap' ? trap : bare.map((line, n) => (/^program/.test(line) ? trap[n] : line));

  test('it is refused as on a real machine', () => {
    const { output } = runGuest(readGuestNamed('escape'), cpu, LIMIT);
    expect(output.split('\n')).toEqual(expected);
  });

  test('nothing of other frames comes in, nothing goes out', () => {
    const { machine } = createVirtualMachine(module, { cpu, maxInstructions: LIMIT });
    const { bytes } = machine.processor.memory;
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    const frames = framesOf(machine, words);
    for (const frame of frames.free) wordsOf(words, frame).fill(SECRET);
    const structures = [...frames.vmm].filter((frame) =>
      wordsOf(words, frame).some((word) => word !== 0n),
    );
    const before = structures.map((frame) => wordsOf(words, frame).slice());
    new Board(machine);
    loadImage(machine, readGuestNamed('escape').image);
    expect(machine.run()).toEqual({ kind: 'exit', status: 1 });

    expect(structures.map((frame) => wordsOf(words, frame))).toEqual(before);
    for (const frame of frames.guest) expect(wordsOf(words, frame).includes(SECRET)).toBe(false);
    for (const frame of [...frames.vmm, ...frames.free]) {
      const page = wordsOf(words, frame);
      expect(page.includes(MARK)).toBe(false);
      const texts = new Uint32Array(page.buffer, page.byteOffset, PAGE_SIZE / 4);
      expect(texts.includes(DMA_TEXT)).toBe(false);
    }
    // It had something to find.
    expect(frames.free.some((frame) => wordsOf(words, frame).includes(SECRET))).toBe(true);
    expect([...frames.guest].some((frame) => wordsOf(words, frame).includes(MARK))).toBe(true);
  });
});

/** Kernels that cannot go on, or not far. RBX is where a VMM has its structures by default. */
const ENDS: Readonly<Record<string, string>> = {
  'cr3 beyond memory': 'mov eax, 64 << 20\n mov cr3, rax\n',
  'cr3 at the end of physical addresses': 'mov rax, 0xfffffff000\n mov cr3, rax\n',
  'cr3 at a page of ones':
    'mov edi, 0x200000\n mov ecx, 512\n mov rax, -1\n rep stosq\n mov eax, 0x200000\n mov cr3, rax\n',
  'cr3 at its own code': 'mov eax, 0x100000\n mov cr3, rax\n',
  'gdt at the vmm': 'mov [pointer + 2], rbx\n lgdt [pointer]\n mov eax, 8\n mov fs, eax\n',
  'idt at the vmm': 'mov [pointer + 2], rbx\n lidt [pointer]\n int3\n',
  'idt beyond memory': 'mov qword [pointer + 2], 64 << 20\n lidt [pointer]\n int 0x80\n',
  'stack at the vmm': 'lea rsp, [rbx + 64]\n push rax\n',
  'the pml4 at every address, as code too':
    'mov edi, 0x200000\n mov eax, 0x200003\n mov ecx, 512\n rep stosq\n mov eax, 0x200000\n mov cr3, rax\n',
};

const START = 'bits 64\norg 0x100000\nmov rbx, 0xfffffe8000000000\n';
const END = 'spin: pause\njmp spin\nalign 8\npointer: dw 0xffff\ndq 0\n';

describe.each(Object.entries(ENDS))('%s', (_name, body) => {
  test('ends as on a real machine', () => {
    const image = flatImage(assemble(START + body + END, { file: 'end.asm' }).bytes);
    const run = (machine: Machine): unknown => {
      new Board(machine);
      loadImage(machine, image);
      const end = machine.run();
      return { end, time: machine.processor.time, rip: machine.processor.view.u64('RIP') };
    };
    const options = { maxInstructions: 500, features: guestFeatures(DEFAULT_FEATURES) };
    const real = run(Machine.bare(module, options));
    for (const cpu of FULL_TECHNIQUES) {
      expect(run(createVirtualMachine(module, { ...options, cpu }).machine)).toEqual(real);
    }
  });
});
