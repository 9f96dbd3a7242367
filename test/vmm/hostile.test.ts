/**
 * A hostile guest: random instructions with random operands at ring 0, on page tables, descriptor tables and code that it
 * overwrites as it runs. Nothing is thrown, the VMM's memory stays bounded, no frame of another VM or of nobody ever
 * changes, and nothing of them is read.
 */

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { CR4_PGE, type PagingState } from '../../src/machine/ref/paging.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { FRAME_VMM, PAGE_SIZE } from '../../src/vmm/frames.ts';
import { FullEngine, framesOfFull, guestFeatures } from '../../src/vmm/full-engine.ts';
import { Host } from '../../src/vmm/host.ts';
import { gdtOf, loadState } from '../mmu/rig.ts';
import { FOUR_LEVEL, stateOf } from '../mmu/settings.ts';
import { NO_DEVICES } from './shadow-rig.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 200);
const RAM = 2 ** 20;
const SHADOW_PAGES = 24;
const OPTIONS = {
  ramBytes: RAM,
  features: guestFeatures(DEFAULT_FEATURES),
  shadowPages: SHADOW_PAGES,
} as const;
/** What the other VM's memory holds, and that of nobody. */
const SECRET = 0x5ec2_e75e_c2e7_5ec2n;

const PML4 = 0x1000;
const PDPT = 0x2000;
const PD = 0x3000;
const PT = 0x4000;
const GDT = 0x5000;
const CODE = 0x8000;
const STACK = 0x9800n;
const RW_US = 7n;
const LARGE = 0x80n;

// biome-ignore format: one instruction per line.
const INSTRUCTIONS: readonly (readonly number[])[] = [
  [0x48, 0x8b, 0x03],             // mov rax, [rbx]
  [0x48, 0x89, 0x03],             // mov [rbx], rax
  [0x48, 0x01, 0x03],             // add [rbx], rax
  [0xf3, 0x48, 0xab],             // rep stosq
  [0xf3, 0x48, 0xa5],             // rep movsq
  [0x0f, 0x22, 0xd8],             // mov cr3, rax
  [0x0f, 0x22, 0xd8],             // mov cr3, rax
  [0x0f, 0x22, 0xc0],             // mov cr0, rax
  [0x0f, 0x22, 0xe0],             // mov cr4, rax
  [0x0f, 0x01, 0x3b],             // invlpg [rbx]
  [0x0f, 0x01, 0x13],             // lgdt [rbx]
  [0x0f, 0x01, 0x1b],             // lidt [rbx]
  [0x0f, 0x01, 0x03],             // sgdt [rbx]
  [0x0f, 0x00, 0xd0],             // lldt ax
  [0x0f, 0x00, 0xd8],             // ltr ax
  [0x0f, 0x30],                   // wrmsr
  [0x0f, 0x32],                   // rdmsr
  [0x8e, 0xd8],                   // mov ds, ax
  [0x8e, 0xd0],                   // mov ss, ax
  [0x48, 0xcf],                   // iretq
  [0x48, 0xcb],                   // retfq
  [0xff, 0xe3],                   // jmp rbx
  [0x48, 0x89, 0xdc],             // mov rsp, rbx
  [0x0f, 0x05],                   // syscall
  [0x48, 0x0f, 0x07],             // sysretq
  [0xcd, 0x80],                   // int 0x80
  [0xf1],                         // int1
  [0xfb],                         // sti
  [0x9d],                         // popfq
  [0x0f, 0x01, 0xca],             // clac
];

const address = fc.oneof(
  { weight: 4, arbitrary: fc.nat(0xa000 / 8).map((n) => BigInt(n * 8)) },
  { weight: 2, arbitrary: fc.nat(RAM / 8).map((n) => BigInt(n * 8)) },
  { weight: 2, arbitrary: fc.nat(0x3f_ffff).map(BigInt) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.bigInt(500n, 511n), fc.nat(0x8_0000))
      .map(([slot, offset]) => 0xffff_0000_0000_0000n | (slot << 39n) | BigInt(offset)),
  },
  { weight: 1, arbitrary: fc.bigInt(0n, 0xffff_ffff_ffff_ffffn) },
);
const frame = fc.oneof(
  fc.constantFrom(PML4, PDPT, PD, PT, GDT, CODE).map(BigInt),
  fc.nat(RAM / PAGE_SIZE).map((n) => BigInt(n * PAGE_SIZE)),
  fc.bigInt(0n, 2n ** 28n - 1n).map((n) => n * 0x1000n),
);
const entry = fc.tuple(frame, fc.nat(0x1ff)).map(([at, flags]) => at | BigInt(flags));
const control = fc.constantFrom(
  ...[0x8001_0033n, 0x8000_0011n, 0x11n, 0xa0n, 0x20n, 0x3000a0n, 0x200a0n, 0xd01n, 0x501n],
);
const value = fc.oneof(
  { weight: 4, arbitrary: entry },
  { weight: 2, arbitrary: frame },
  { weight: 2, arbitrary: address },
  { weight: 2, arbitrary: control },
  { weight: 1, arbitrary: fc.nat(0x30).map(BigInt) },
);
const count = fc.oneof(
  fc.nat(600).map(BigInt),
  fc.constantFrom(0xc000_0080n, 0xc000_0082n, 0x1bn, 0xc000_0101n),
);

interface Move {
  readonly instruction: readonly number[];
  readonly rax: bigint;
  readonly rbx: bigint;
  readonly rcx: bigint;
  readonly rsi: bigint;
  readonly rdi: bigint;
  /** The guest starts over with tables that are in order. */
  readonly isFresh: boolean;
}
const move: fc.Arbitrary<Move> = fc.record({
  instruction: fc.constantFrom(...INSTRUCTIONS),
  rax: value,
  rbx: address,
  rcx: count,
  rsi: address,
  rdi: address,
  isFresh: fc.nat(5).map((n) => n === 0),
});

const u64s = (...values: readonly bigint[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values).buffer);

/** Tables in order: the first 2 MiB one to one, the next through a page table, all for both rings. */
function startOver(engine: FullEngine, cpl: 0 | 3): void {
  const { memory, processor } = engine;
  memory.write(PML4, u64s(BigInt(PDPT) | RW_US));
  memory.write(PDPT, u64s(BigInt(PD) | RW_US));
  memory.write(PD, u64s(LARGE | RW_US, BigInt(PT) | RW_US));
  memory.write(PT, u64s(...Array.from({ length: 512 }, (_, n) => BigInt(n * PAGE_SIZE) | RW_US)));
  memory.write(GDT, u64s(...gdtOf(true)));
  const state: Partial<PagingState> = { cr3: BigInt(PML4), cr4: CR4_PGE, efer: 1n, cpl };
  processor.view.setU32('ACTIVITY', 0);
  processor.view.setU64('GDTR_BASE', BigInt(GDT));
  processor.view.setU32('GDTR_LIMIT', 8 * 5 - 1);
  processor.view.setSegment('ldtr', { selector: 0, base: 0n, limit: 0, access: 1 << 16 });
  loadState(processor, stateOf(FOUR_LEVEL, state), true);
}

it('a hostile guest reaches nothing but its own', () => {
  const vms = [OPTIONS, OPTIONS].map((options) => ({ ...options, cpu: 'trap' as const }));
  const spare = 8;
  const host = new Host(
    loadProcessorModule(),
    2 * framesOfFull({ ...OPTIONS, cpu: 'trap' }) + spare,
  );
  const [other, engine] = vms.map((options) => new FullEngine(host, options, NO_DEVICES));
  if (other === undefined || engine === undefined) throw new Error('two VMs');
  const { processor, memory, shadow } = engine;
  for (let at = 0; at < other.memory.size; at += 8) other.memory.writeU64(at, SECRET);
  const machine = processor.memory;
  const frames = Array.from({ length: machine.size / PAGE_SIZE }, (_, n) => n);
  const own = new Set(Array.from({ length: RAM / PAGE_SIZE }, (_, gfn) => memory.frame(gfn)));
  const foreign = frames.filter((n) => !own.has(n) && host.pool.ownerOf(n) > 0);
  const free = frames.filter((n) => host.pool.ownerOf(n) === 0 || n === 0).slice(0, 1);
  const hash = (): string => {
    const sum = createHash('sha1');
    for (const n of [...foreign, ...free]) {
      sum.update(machine.bytes.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE));
    }
    return sum.digest('hex');
  };
  const before = hash();
  const ofVmm = (): number => frames.filter((n) => host.pool.ownerOf(n) === FRAME_VMM).length;
  const atStart = ofVmm();

  const { view } = processor;
  const play = ({ instruction, isFresh, ...registers }: Move, cpl: 0 | 3): void => {
    if (isFresh) startOver(engine, cpl);
    memory.write(CODE, Uint8Array.from([...instruction, 0xeb, 0xfe]));
    view.setU64('RIP', BigInt(CODE));
    view.gpr.set([registers.rax, registers.rcx, 0n, registers.rbx, STACK, 0n]);
    view.gpr.set([registers.rsi, registers.rdi], 6);
    view.setU32('HOSTED', 1);
    view.setU32('ACTIVITY', 0);
    engine.run(12);
    expect([...view.gpr]).not.toContain(SECRET);
  };
  fc.assert(
    fc.property(
      fc.array(move, { minLength: 20, maxLength: 120, size: 'max' }),
      fc.constantFrom<0 | 3>(0, 0, 3),
      (moves, cpl) => {
        startOver(engine, cpl);
        for (const one of moves) play(one, cpl);
        expect(shadow.size.pages).toBeLessThanOrEqual(SHADOW_PAGES);
        expect(ofVmm()).toBeLessThanOrEqual(atStart + SHADOW_PAGES);
      },
    ),
    { numRuns: RUNS },
  );
  expect(hash()).toBe(before);
  const text = machine.bytes;
  expect(
    [...own].some((n) =>
      Buffer.from(text.buffer, text.byteOffset + n * PAGE_SIZE, PAGE_SIZE).includes(
        Buffer.from(u64s(SECRET)),
      ),
    ),
  ).toBe(false);
});
