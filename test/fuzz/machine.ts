/**
 * A small bare machine for fuzzing: a processor with 192 KiB of RAM, page tables, GDT, IDT and TSS. Every exception
 * is handled on a stack of its own by going on at the next multiple of 16 in the code, so that a random
 * program never ends. RAM as laid out here, GVA equal to HPA unless said otherwise:
 *
 *   1000 PML4, PDPT, PD, PT (read-only)   10000 code, 4 pages, user         20000 data, 4 pages, user
 *   5000 GDT, 6000 IDT, 7000 TSS          18000 the code pages again        24000 data, user, read-only
 *   8000 handlers, 9000 their stack                                         25000 data, supervisor
 *                                         2e000 a device, at HPA 100000     26000 nothing
 */

import type { CodeMode } from '../../src/isa/row.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import type { Engine, EngineMaker } from '../../src/machine/machine.ts';
import type { PhysicalMemory } from '../../src/machine/memory.ts';
import { Processor } from '../../src/machine/processor.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

export const RAM_BYTES = 0x30000;
export const CODE = 0x10000;
export const CODE_BYTES = 0x4000;
export const ALIAS = 0x18000;
export const DATA = 0x20000;
export const DEVICE = 0x2e000;

export const [PML4, PDPT, PD, PT, GDT, IDT, TSS, HANDLERS] = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => n * 0x1000) as [
  number, number, number, number, number, number, number, number,
]; // biome-ignore format: one line
export const HANDLER_STACK = 0xa000;
const PAGE_BYTES = 4096;
const P = 1n;
const RW = 2n;
const US = 4n;
const IST1 = 0x24;

// biome-ignore format: one descriptor per line.
export const GDT_ENTRIES = [
  0n,
  0x00af9b000000ffffn, // 08 64-bit code, CPL 0
  0x00cf93000000ffffn, // 10 data, CPL 0
  0x00cffb000000ffffn, // 18 32-bit code, CPL 3
  0x00cff3000000ffffn, // 20 data, CPL 3
  0x00affb000000ffffn, // 28 64-bit code, CPL 3
  0x0000890070000067n, // 30 TSS
  0n,
  0x00cf9b000000ffffn, // 40 32-bit code, CPL 0
  0x008f9b000000ffffn, // 48 16-bit code, CPL 0
  0x008ffb000000ffffn, // 50 16-bit code, CPL 3
];
/** Selectors by privilege level, and access bits less DPL. */
const CODE_SEGMENTS = {
  64: { selectors: { 0: 0x08, 3: 0x2b }, access: 0xa09b },
  32: { selectors: { 0: 0x40, 3: 0x1b }, access: 0xc09b },
  16: { selectors: { 0: 0x48, 3: 0x53 }, access: 0x809b },
} as const;
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
// biome-ignore format: one instruction per line.
const RESUME = [
  0x50,                               // push rax
  0x48, 0x8b, 0x44, 0x24, 0x08,       // mov rax, [rsp + 8]
  0x48, 0x83, 0xc0, 0x10,             // add rax, 16
  0x25, 0xf0, 0x3f, 0x00, 0x00,       // and eax, 3ff0h
  0x0d, 0x00, 0x00, 0x01, 0x00,       // or eax, CODE
  0x48, 0x89, 0x44, 0x24, 0x08,       // mov [rsp + 8], rax
  0x58,                               // pop rax
  0x48, 0xcf,                         // iretq
];
const DROP_ERROR = [0x48, 0x83, 0xc4, 0x08]; // add rsp, 8
export const IRETQ = [0x48, 0xcf];

/** What a run may change, but for RAM. */
const STATE_U64 = (
  'RIP CR0 CR2 CR3 CR4 CR8 EFER DR6 DR7 GDTR_BASE IDTR_BASE STAR LSTAR CSTAR FMASK KERNEL_GS_BASE SYSENTER_CS ' +
  'SYSENTER_ESP SYSENTER_EIP TSC_AUX TSC_OFFSET PAT APIC_BASE RANDOM TIME'
).split(' ');
const STATE_U32 =
  'GDTR_LIMIT IDTR_LIMIT PKRU CPL CODE_MODE SHADOW ACTIVITY INTR NMI_PENDING NMI_BLOCKED DEBUG_PENDING MONITOR_ARMED REPEATING'.split(
    ' ',
  );
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;

export class BareMachine {
  readonly engine: Engine;
  readonly processor: Processor;
  /** RAM before any run. */
  readonly initial: Uint8Array;
  /** Gives the vector of an interrupt. */
  acknowledge: () => number = () => 0x20;
  portRead = (_: number, size: number): number => (size === 4 ? 0xffffffff : (1 << (8 * size)) - 1);
  portWrite: (port: number, value: number) => void = () => {};
  /** Hears that all of RAM is about to be new. */
  replaced: () => void = () => {};
  readonly #power: Uint8Array;
  /** The processor's block after `restore`, by what was asked for. */
  readonly #restored = new Map<string, Uint8Array>();
  /** Of the block, what a guest could tell: where it is, and how long. */
  readonly #seen: readonly (readonly [number, number])[];
  /** Linear memory that the processor only reads. */
  readonly #constant: Uint8Array;

  /**
   * With `ramBytes` of RAM, of which it uses the first RAM_BYTES; on an engine of its own, or that which is made. `fill`
   * adds to what is in memory.
   */
  constructor(
    ramBytes = RAM_BYTES,
    makeEngine: EngineMaker = bareEngine(ramBytes, DEFAULT_FEATURES),
    fill: (memory: PhysicalMemory) => void = () => {},
  ) {
    this.engine = makeEngine({
      portRead: (port, size) => this.portRead(port, size),
      portWrite: (port, _, value) => this.portWrite(port, value),
      memoryRead: (_, low) => low & 0xff,
      memoryWrite: () => {},
      taskPriorityWritten: () => {},
      msrWritten: () => {},
      interruptAcknowledge: () => this.acknowledge(),
    });
    this.processor = this.engine.processor;
    this.#build();
    fill(this.engine.memory);
    this.#seen = this.#seenParts();
    this.initial = this.engine.memory.read(0, ramBytes);
    this.#power = this.#block().slice();
    this.#constant = this.#constants();
  }

  /** RAM, registers and caches as new; flat segments for `cpl`, code of `mode` in long mode at CODE. */
  restore(cpl: 0 | 3, mode: CodeMode = 64): void {
    const { memory } = this.engine;
    this.replaced();
    for (const at of memory.written()) memory.write(at, this.initial.subarray(at, at + PAGE_BYTES));
    memory.forgetWritten();
    const key = `${mode} ${cpl}`;
    const known = this.#restored.get(key);
    if (known === undefined) this.#load(cpl, mode);
    else this.#block().set(known);
    this.processor.stateChanged();
    if (known === undefined) this.#restored.set(key, this.#block().slice());
  }

  /** Addresses of the pages that are not as they were before any run, or need not be. */
  written(): number[] {
    return this.engine.memory.written();
  }

  #load(cpl: 0 | 3, mode: CodeMode): void {
    const { view } = this.processor;
    this.#block().set(this.#power);
    view.setU64('CR0', 0x80050033n);
    view.setU64('CR3', BigInt(PML4));
    view.setU64('CR4', 0xa0n);
    view.setU64('EFER', 0xd01n);
    view.setU32('CPL', cpl);
    const dpl = cpl === 3 ? 0x60 : 0;
    const flat = { base: 0n, limit: 0xffffffff };
    const { selectors, access } = CODE_SEGMENTS[mode];
    view.setSegment('cs', { ...flat, selector: selectors[cpl], access: access | dpl });
    for (const name of ['ss', 'ds', 'es'] as const) {
      view.setSegment(name, { ...flat, selector: cpl === 3 ? 0x23 : 0x10, access: 0xc093 | dpl });
    }
    view.setSegment('tr', { base: BigInt(TSS), limit: 0x67, access: 0x8b, selector: 0x30 });
    view.setU64('GDTR_BASE', BigInt(GDT));
    view.setU32('GDTR_LIMIT', GDT_ENTRIES.length * 8 - 1);
    view.setU64('IDTR_BASE', BigInt(IDT));
    view.setU32('IDTR_LIMIT', 0xfff);
    view.setU64('RIP', BigInt(CODE));
  }

  /** Makes the handler of `vector` begin with ud2. */
  breakHandler(vector: number): void {
    this.processor.memory.write(HANDLERS + 64 * vector, Uint8Array.of(0x0f, 0x0b));
  }

  /** Everything that a guest could tell, as text, less RAM. */
  state(): string {
    const { view, rflags } = this.processor;
    const hex = (value: bigint | number): string => value.toString(16);
    return [
      `rflags=${hex(rflags)}`,
      ...[...view.gpr].map((value, n) => `r${n}=${hex(value)}`),
      ...[0, 1, 2, 3].map(
        (n) => `DR${n}=${hex(view.data.getBigUint64(view.layout('DR') + 8 * n, true))}`,
      ),
      ...STATE_U64.map((name) => `${name}=${hex(view.u64(name))}`),
      ...STATE_U32.map((name) => `${name}=${hex(view.u32(name))}`),
      ...SEGMENTS.map((name) => `${name}=${Object.values(view.segment(name)).map(hex).join(':')}`),
    ].join('\n');
  }

  /** The same in a form to be compared. */
  fingerprint(): Buffer {
    const { rflags } = this.processor;
    const { data } = this.processor.view;
    const flags = Buffer.alloc(8);
    flags.writeBigUInt64LE(rflags);
    return Buffer.concat([
      flags,
      ...this.#seen.map(([at, length]) => new Uint8Array(data.buffer, at, length)),
    ]);
  }

  #seenParts(): (readonly [number, number])[] {
    const { layout } = this.processor.view;
    const segment = (n: number): (readonly [number, number])[] => {
      const at = layout('SEGS') + n * layout('SEG_BYTES');
      const part = (name: string, length: number): readonly [number, number] => [
        at + layout(name),
        length,
      ];
      return [
        part('SEG_BASE', 8),
        part('SEG_LIMIT', 4),
        part('SEG_ACCESS', 4),
        part('SEG_SELECTOR', 2),
      ];
    };
    return [
      [layout('REGS'), 128],
      [layout('DR'), 32],
      ...STATE_U64.map((name) => [layout(name), 8] as const),
      ...STATE_U32.map((name) => [layout(name), 4] as const),
      ...SEGMENTS.flatMap((_, n) => segment(n)),
    ];
  }

  /** Nothing outside RAM and the processor's own state has been written. */
  isContained(): boolean {
    return Buffer.from(this.#constants()).equals(this.#constant);
  }

  #block(): Uint8Array {
    const { layout, data } = this.processor.view;
    return new Uint8Array(data.buffer, layout('PROCESSOR'), layout('PROCESSOR_BYTES'));
  }

  /** The first page, the decode tables, and what lies behind RAM. */
  #constants(): Uint8Array {
    const { layout, data } = this.processor.view;
    const all = new Uint8Array(data.buffer);
    const end = layout('DECODE_HANDLERS') + layout('DECODE_MAX_ENTRIES') * 8;
    return Buffer.concat([
      all.subarray(0, layout('PROCESSOR')),
      all.subarray(layout('DECODE_INDEX'), end),
      all.subarray(layout('RAM') + RAM_BYTES),
    ]);
  }

  #build(): void {
    const { memory } = this.engine;
    memory.writeU64(PML4, BigInt(PDPT) | P | RW | US);
    memory.writeU64(PDPT, BigInt(PD) | P | RW | US);
    memory.writeU64(PD, BigInt(PT) | P | RW | US);
    for (let page = 1; page < RAM_BYTES >> 12; page++) {
      memory.writeU64(PT + page * 8, pageEntry(page << 12));
    }
    GDT_ENTRIES.forEach((entry, n) => {
      memory.writeU64(GDT + n * 8, entry);
    });
    for (const at of [4, 12, 20, ...[0, 1, 2, 3, 4, 5, 6].map((n) => IST1 + 8 * n)]) {
      memory.write(TSS + at, Uint8Array.of(0, HANDLER_STACK >> 8));
    }
    for (let vector = 0; vector < 256; vector++) this.#gate(vector);
  }

  #gate(vector: number): void {
    const { memory } = this.engine;
    const at = HANDLERS + 64 * Math.min(vector, 32);
    const error = WITH_ERROR.has(vector) ? DROP_ERROR : [];
    memory.write(at, Uint8Array.from(vector < 32 ? [...error, ...RESUME] : IRETQ));
    const type = vector % 2 === 0 ? 0xee : 0xef;
    memory.writeU64(
      IDT + vector * 16,
      BigInt(at) | (8n << 16n) | (1n << 32n) | (BigInt(type) << 40n),
    );
    memory.writeU64(IDT + vector * 16 + 8, 0n);
  }
}

/** Makes a processor with nothing between it and its program. */
export function bareEngine(ramBytes: number, features: ReadonlySet<string>): EngineMaker {
  const options = { ramBytes, features, seed: 1n };
  return (host) => {
    const processor = Processor.create(loadProcessorModule(), options, host);
    const memory: PhysicalMemory = processor.memory;
    return { processor, memory, run: (fuel) => processor.run(fuel) };
  };
}

function pageEntry(at: number): bigint {
  if (at < 0x5000) return BigInt(at) | P;
  if (at < CODE) return BigInt(at) | P | RW;
  if (at === 0x25000) return BigInt(at) | P | RW;
  if (at === 0x26000) return 0n;
  if (at === 0x24000) return BigInt(at) | P | US;
  if (at === DEVICE) return 0x100000n | P | RW | US;
  const isAlias = at >= ALIAS && at < ALIAS + CODE_BYTES;
  return BigInt(isAlias ? at - ALIAS + CODE : at) | P | RW | US;
}
