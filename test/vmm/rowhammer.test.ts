/** Guests that flip bits by activating rows of DRAM, on the bare machine and in VMs. */

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { dumpRegisters } from '../../src/explain/registers.ts';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import { DRAM_DEFAULTS, DramGeometry, type DramOptions } from '../../src/machine/dram/geometry.ts';
import { type WeakCell, weakCells } from '../../src/machine/dram/weak-cells.ts';
import { DEFAULT_RAM, type Machine } from '../../src/machine/machine.ts';
import { readGuest } from '../../src/node/guest-file.ts';
import { Board } from '../../src/pc/board.ts';
import { Pc, type PcOptions } from '../../src/pc/pc.ts';
import { framesOfFull } from '../../src/vmm/full-engine.ts';
import { FULL_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { createVirtualMachines } from '../../src/vmm/virtual-machine.ts';
import { VirtualPc } from '../../src/vmm/virtual-pc.ts';
import type { FullVmOptions } from '../../src/vmm/vm-options.ts';
import { guestPath, module, readGuestNamed } from './lockstep.ts';

const DRAM = { dram: DRAM_DEFAULTS };
const NONE = 'no bit has changed\n';

/** What the guest has written, and what its machine has counted. */
interface Outcome {
  readonly output: string;
  readonly flips: number;
  readonly activations: number;
}

function rowhammer(defines: Record<string, string> = {}, options: PcOptions = {}): Outcome {
  const sent: number[] = [];
  const pc = new Pc(module, { ...options, com1: (byte) => sent.push(byte) });
  loadImage(pc.machine, readGuest(guestPath('rowhammer'), { defines }).image);
  expect(pc.machine.run()).toEqual({ kind: 'exit', status: 1 });
  const { flips = 0, activations = 0 } = pc.machine.processor.dram?.counters ?? {};
  return { output: Buffer.from(sent).toString('latin1'), flips, activations };
}

describe('rowhammer', () => {
  test('changes bits of rows that it does not write to, the same ones every time', () => {
    const first = rowhammer({}, DRAM);
    expect(first.output).toMatch(/^(0x010[0-9a-f]{5} bit \d was [01]\n)+$/);
    expect(first.output).toContain('was 0');
    expect(first.output).toContain('was 1');
    expect(rowhammer({}, DRAM)).toEqual(first);
    expect(rowhammer({}, { dram: { ...DRAM_DEFAULTS, seed: 2 } }).output).not.toBe(first.output);
  });

  test('changes none of other memory', () => {
    expect(rowhammer()).toEqual({ output: NONE, flips: 0, activations: 0 });
  });

  test('changes none below the threshold', () => {
    expect(rowhammer({ ROUNDS: '24000' }, DRAM).output).toBe(NONE);
    expect(rowhammer({ ROUNDS: '49000', ONE_SIDED: '' }, DRAM).output).toBe(NONE);
  });

  test('has less effect from one side', () => {
    expect(rowhammer({ ONE_SIDED: '' }, DRAM).output).not.toBe(NONE);
    const strong = { dram: { ...DRAM_DEFAULTS, threshold: 75_000 } };
    expect(rowhammer({ ONE_SIDED: '' }, strong).output).toBe(NONE);
    expect(rowhammer({}, strong).output).not.toBe(NONE);
  });

  test.each(FULL_TECHNIQUES)('activates as many rows in a VM, under %s', (cpu) => {
    // In one bank every access to another row activates it.
    const dram = { ...DRAM_DEFAULTS, banks: 1 };
    const guest = readGuest(guestPath('rowhammer'), { defines: { ROUNDS: '10000' } });
    const activations = (pc: Pc | VirtualPc): number => {
      loadImage(pc.machine, guest.image);
      expect(pc.machine.run()).toEqual({ kind: 'exit', status: 1 });
      return pc.machine.processor.dram?.counters.activations ?? 0;
    };
    const bare = activations(new Pc(module, { dram }));
    const vm = activations(new VirtualPc(module, { cpu, dram }));
    expect(bare).toBeGreaterThan(160_000);
    expect(Math.abs(vm - bare)).toBeLessThan(100);
  });
});

/** Few activations are enough, so that tests are short. */
const WEAK: DramOptions = { ...DRAM_DEFAULTS, threshold: 1000 };
const GEOMETRY = new DramGeometry(WEAK, DEFAULT_RAM);
/** From a row to the next one in its bank. */
const STRIDE = GEOMETRY.rowBytes * WEAK.banks;

/** A weak cell of a row above 18 MiB that is charged while it holds 0, and its place. */
function findCell(): { readonly row: number; readonly cell: WeakCell; readonly place: number } {
  for (let row = 0x120_0000; ; row += STRIDE) {
    const cells = weakCells(WEAK, GEOMETRY.numberOf(row), GEOMETRY.rowBytes);
    const cell = cells.find(({ charged }) => charged === 0);
    if (cell !== undefined) return { row, cell, place: row + cell.byte };
  }
}
const { row: ROW, cell: CELL, place: PLACE } = findCell();
const CELL_BIT = 1 << CELL.bit;

/** Reads by turns from the two rows beside `row`, `rounds` times each. */
const hammer = (
  rounds: number,
  flush = true,
  above = ROW - STRIDE,
  below = ROW + STRIDE,
): string => `
        mov esi, ${above}
        mov edi, ${below}
        mov ecx, ${rounds}
%%round: mov rax, [rsi]
        mov rax, [rdi]
        ${flush ? 'clflush [rsi]\n clflush [rdi]' : ''}
        dec ecx
        jnz %%round
`;
/** A guest; local labels of hammer() are those of a macro. */
const kernel = (...parts: string[]): string =>
  parts.map((part, n) => `%macro part${n} 0\n${part}\n%endmacro\npart${n}\n`).join('');

function load(machine: Machine, source: string): void {
  const code = `bits 64\norg 0x100000\n${source}`;
  loadImage(machine, flatImage(assemble(code, { file: 'test.asm' }).bytes));
}

function start(source: string, options: PcOptions = { dram: WEAK }): Pc {
  const pc = new Pc(module, options);
  load(pc.machine, source);
  return pc;
}

function run(source: string, options?: PcOptions): Pc {
  const pc = start(source, options);
  expect(pc.machine.run().kind).toBe('halted');
  return pc;
}

const activationsOf = ({ machine }: Pc): number =>
  machine.processor.dram?.counters.activations ?? 0;
const hasFlipped = ({ machine }: Pc): boolean =>
  ((machine.memory.read(PLACE, 1)[0] ?? 0) & CELL_BIT) !== 0;

describe('a guest on the bare machine', () => {
  test('has its rows refreshed', () => {
    // An iteration of a string instruction takes a nanosecond, too.
    const wait = (ms: number): string => `mov ebx, ${ms}
%%next: mov edi, 0x2000000
        mov ecx, 1_000_000
        rep stosb
        dec ebx
        jnz %%next`;
    const half = hammer(Math.floor(CELL.threshold / 2) - 10);
    const rest = hammer(20);
    expect(hasFlipped(run(kernel(half, rest, 'hlt')))).toBe(true);
    expect(hasFlipped(run(kernel(half, wait(64), rest, 'hlt')))).toBe(false);
  });

  test('disturbs rows through uncacheable pages', () => {
    // 2 MiB pages from 16 MiB up, of the type that bits 4:3 of their entries say.
    const paged = (bits: number): string =>
      kernel(
        `mov ebp, 0x180000
        mov qword [rbp], 0x181003
        mov qword [rbp + 0x1000], 0x182003
        mov qword [rbp + 0x2000], 0x83
        xor ebx, ebx
        mov eax, 0x1000083 | ${bits} << 3
%%next: mov [rbp + 0x2040 + rbx * 8], rax
        add eax, 0x200000
        inc ebx
        cmp ebx, 24
        jb %%next
        mov cr3, rbp`,
        hammer(CELL.threshold, false),
        'hlt',
      );
    const [writeBack, writeThrough, weaklyUncached, uncached] = [0, 1, 2, 3].map((bits) =>
      run(paged(bits)),
    );
    for (const pc of [writeBack, writeThrough] as Pc[]) expect(activationsOf(pc)).toBe(0);
    for (const pc of [weaklyUncached, uncached] as Pc[]) {
      expect(activationsOf(pc)).toBe(2 * CELL.threshold);
      expect(hasFlipped(pc)).toBe(true);
    }
  });

  test('runs the code that a flip has changed', () => {
    // mov al, imm8; ret, whose imm8 has the weak cell.
    const code = kernel(
      `mov dword [${PLACE - 1}], 0xc300b0
        mov edx, ${PLACE - 1}
        call rdx
        movzx r8d, al
        clflush [rdx + 64]
        mov al, [rdx + 64]`,
      hammer(CELL.threshold),
      'call rdx\n movzx r9d, al\n hlt',
    );
    const { gpr } = run(code).machine.processor.view;
    expect([gpr[8], gpr[9]]).toEqual([0n, BigInt(CELL_BIT)]);
  });

  test('goes on where it was saved', () => {
    const source = kernel(hammer(CELL.threshold), 'hlt');
    const whole = run(source);
    const first = start(source);
    expect(first.machine.runUntil(first.machine.clock.now() + 3001n)).toBeUndefined();
    const second = Pc.restore(module, {}, structuredClone(first.save()));
    expect(hasFlipped(second)).toBe(false);
    expect(second.machine.run().kind).toBe('halted');
    const [saved, expected] = [second, whole].map((pc) => pc.save().machine.processor);
    expect(saved?.dram).toEqual(expected?.dram);
    expect(digest(saved?.ram ?? Buffer.of())).toBe(digest(expected?.ram ?? Buffer.of()));
    expect(dumpRegisters(second.machine.processor)).toEqual(dumpRegisters(whole.machine.processor));
    expect(second.machine.instructions).toBe(whole.machine.instructions);
    expect(hasFlipped(second)).toBe(true);
  });
});

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What a guest does is the same whether or not its accesses are told to the host. */
describe.each([
  'check-string',
  'paging',
  'exceptions',
  'check-gates',
  'check-paging32',
  'bench-mapunmap',
])('%s', (name) => {
  const LIMIT = 300_000;
  const outcome = (options: PcOptions, prepare: (pc: Pc) => void = () => {}): unknown => {
    const sent: number[] = [];
    const pc = new Pc(module, {
      ...options,
      maxInstructions: LIMIT,
      com1: (byte) => sent.push(byte),
    });
    loadImage(pc.machine, readGuestNamed(name).image);
    pc.com1.openInput();
    prepare(pc);
    const end = pc.machine.run();
    const { processor, memory } = pc.machine;
    return [
      end,
      sent,
      processor.time,
      [...processor.view.gpr],
      processor.rflags,
      digest(memory.read(0, memory.size)),
    ];
  };
  const plain = outcome({});

  test('does the same in frames that lines were flushed of', () => {
    const flushed = outcome(DRAM, ({ machine: { processor, memory } }) => {
      const { layout, data } = processor.view;
      const flags = new Uint8Array(data.buffer, layout('FRAME_FLAGS'), memory.size / 4096);
      flags.forEach((flag, frame) => {
        flags[frame] = flag | layout('FRAME_FLUSHED');
      });
      processor.stateChanged();
    });
    expect(flushed).toEqual(plain);
  });

  test('does the same in uncacheable memory', () => {
    const strong = { dram: { ...DRAM_DEFAULTS, threshold: 2 ** 31 } };
    const uncached = outcome(strong, ({ machine: { processor } }) => {
      processor.view.setU64('PAT', 0n);
      processor.stateChanged();
    });
    expect(uncached).toEqual(plain);
  });
});

test.each(FULL_TECHNIQUES)("a VM flips a bit in another one's memory, under %s", (cpu) => {
  const vm: FullVmOptions = { cpu, ramBytes: 2 * 2 ** 20 };
  // Rows are pages, one behind the other.
  const dram = { ...WEAK, banks: 1, rows: 2 * framesOfFull(vm) };
  const [attacker, victim] = createVirtualMachines(module, [vm, vm], { dram }).map(
    ({ machine }) => {
      const memory = machine.memory as typeof machine.memory & { frame(gfn: number): number };
      const frames = Array.from({ length: memory.size / 4096 }, (_, gfn) => memory.frame(gfn));
      return { machine, gpas: new Map(frames.map((frame, gfn) => [frame, gfn * 4096])) };
    },
  );
  if (attacker === undefined || victim === undefined) throw new Error('two VMs');
  const spot = [...victim.gpas]
    .map(([frame, gpa]) => ({
      gpa,
      above: attacker.gpas.get(frame - 1) ?? 0,
      below: attacker.gpas.get(frame + 1) ?? 0,
      cell: weakCells(dram, frame, 4096).find(({ charged }) => charged === 0),
    }))
    .find(({ above, below, cell }) => above > 0 && below > 0 && cell !== undefined);
  expect(spot).toBeDefined();
  const { gpa = 0, above, below, cell } = spot ?? {};
  new Board(attacker.machine);
  load(attacker.machine, kernel(hammer(2 * WEAK.threshold, true, above, below), 'hlt'));
  victim.machine.memory.fill(gpa, 4096, 0);
  expect(attacker.machine.run().kind).toBe('halted');
  const page = victim.machine.memory.read(gpa, 4096);
  expect(((page[cell?.byte ?? 0] ?? 0) >> (cell?.bit ?? 0)) & 1).toBe(1);
  expect(attacker.machine.processor.dram?.counters.flips).toBeGreaterThan(0);
});
