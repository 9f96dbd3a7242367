/**
 * The processor under test beside the model. Paging refuses nothing and RAM is small: what lies beyond reads as
 * ones. There is an IDT for the vectors from 32 up only, so that any fault ends as a triple fault, whose chain
 * begins with it.
 */

import { SEGMENT_NAMES, type SegmentName, type SegmentState } from '../../src/machine/cpu-view.ts';
import { readFaultChain } from '../../src/machine/fault-chain.ts';
import { Rig } from '../mmu/rig.ts';
import { type LinearMemory, RIGHTS_L, type State, UNUSABLE } from './model/state.ts';

export const MODES = ['protected', 'compatibility', '64-bit'] as const;
export type Mode = (typeof MODES)[number];

/** Linear addresses, which are those of RAM. Below them all is stack. */
const RAM_BYTES = 0x40000;
const PML4 = 0x30000;
const PDPT = 0x31000;
export const GDT = 0x32000;
export const LDT = 0x33000;
export const TSS = 0x34000;
export const IDT = 0x35000;
export const CODE = 0x38000;
/** Memory operands. */
export const OPERAND = 0x38800;

const ENTRY_TABLE = 0x27n;
/** Large page, accessed and dirty. */
const ENTRY_GIGABYTE = 0xe7n;

/** State before an instruction, with what it is made of in memory. */
export interface Start {
  readonly mode: Mode;
  readonly cpl: number;
  readonly rflags: bigint;
  readonly gpr: readonly bigint[];
  readonly segments: Readonly<Record<SegmentName, SegmentState>>;
  readonly gdtLimit: number;
  readonly idtLimit: number;
  /** Bytes by linear address. */
  readonly memory: readonly (readonly [number | bigint, Uint8Array])[];
  readonly code: readonly number[];
}

/** RAM by linear address: in IA-32e mode all GiB of the address space are the first. */
class Ram implements LinearMemory {
  readonly #bytes: Buffer;
  readonly #mask: bigint;

  constructor(bytes: Buffer, isLong: boolean) {
    this.#bytes = bytes;
    this.#mask = isLong ? 0x3fff_ffffn : 0xffff_ffffn;
  }

  read(address: bigint, size: number): bigint {
    let value = 0n;
    for (let n = size - 1; n >= 0; n--) {
      const at = Number((address + BigInt(n)) & this.#mask);
      value = (value << 8n) | BigInt(this.#bytes[at] ?? 0xff);
    }
    return value;
  }

  write(address: bigint, size: number, value: bigint): void {
    for (let n = 0; n < size; n++) {
      const at = Number((address + BigInt(n)) & this.#mask);
      if (at < this.#bytes.length) this.#bytes[at] = Number((value >> BigInt(8 * n)) & 0xffn);
    }
  }
}

/** What became of a run of one instruction. */
export interface End {
  /** Of a fault: the vector and the error code. */
  readonly fault?: readonly [number, number];
  /** It led to what this processor does not have. */
  readonly isAbsent?: true;
}

export class Machine {
  readonly #rig = new Rig(RAM_BYTES);
  readonly #tables = pageTables();

  /** Puts processor and model into the state `start`. */
  begin(start: Start): State {
    const isLong = start.mode !== 'protected';
    this.#rig.clear(false);
    const { expected, processor } = this.#rig;
    expected.ram.set(this.#tables, PML4);
    const memory = new Ram(expected.ram, isLong);
    for (const [address, bytes] of [
      ...start.memory,
      [CODE, Uint8Array.from(start.code)] as const,
    ]) {
      bytes.forEach((byte, n) => {
        memory.write(BigInt(address) + BigInt(n), 1, BigInt(byte));
      });
    }
    processor.memory.write(0, expected.ram);
    this.#load(start, isLong);
    return {
      isLong,
      memory,
      gdtr: { base: BigInt(GDT), limit: start.gdtLimit },
      idtr: { base: BigInt(IDT), limit: start.idtLimit },
      segments: { ...start.segments },
      gpr: [...start.gpr],
      cpl: start.cpl,
      rip: entry(start) + BigInt(start.code.length),
      rflags: start.rflags,
    };
  }

  /** Runs one instruction. */
  run(): End {
    const { processor } = this.#rig;
    const reason = processor.run(1);
    if (reason === 'absent') return { isAbsent: true };
    if (reason !== 'shutdown') return {};
    const first = readFaultChain(processor.view).find(({ kind }) => kind === 'exception');
    return { fault: [first?.vector ?? -1, first?.errorCode ?? -1] };
  }

  /** The state of the processor, as `expectedState` gives that of the model. */
  actualState(isLong: boolean): object {
    const { view, rflags } = this.#rig.processor;
    const segments = Object.fromEntries(SEGMENT_NAMES.map((name) => [name, view.segment(name)]));
    return show({
      isLong,
      segments: segments as State['segments'],
      gpr: [...view.gpr],
      cpl: view.u32('CPL'),
      rip: view.u64('RIP'),
      rflags,
    });
  }

  /** First difference between the two memories; undefined if there is none. */
  memoryDifference(): string | undefined {
    const { actual, expected } = this.#rig;
    return actual.ram.equals(expected.ram) ? undefined : actual.difference(expected);
  }

  #load(start: Start, isLong: boolean): void {
    const { processor } = this.#rig;
    const { view } = processor;
    view.setU32('HOSTED', 0);
    view.setU64('CR0', isLong ? 0x8000_0011n : 0x11n);
    view.setU64('CR3', BigInt(PML4));
    view.setU64('CR4', isLong ? 0x20n : 0n);
    view.setU64('EFER', isLong ? 0x500n : 0n);
    view.setU64('GDTR_BASE', BigInt(GDT));
    view.setU32('GDTR_LIMIT', start.gdtLimit);
    view.setU64('IDTR_BASE', BigInt(IDT));
    view.setU32('IDTR_LIMIT', start.idtLimit);
    for (const name of SEGMENT_NAMES) view.setSegment(name, start.segments[name]);
    start.gpr.forEach((value, n) => {
      view.gpr[n] = value;
    });
    view.setU32('CPL', start.cpl);
    view.setU64('RIP', entry(start));
    processor.rflags = start.rflags;
    processor.stateChanged();
  }
}

const entry = ({ mode, segments }: Start): bigint =>
  mode === '64-bit' ? BigInt(CODE) : (BigInt(CODE) - segments.cs.base) & 0xffff_ffffn;

/** PML4 and PDPT. */
function pageTables(): Buffer {
  const bytes = Buffer.alloc(0x2000);
  for (let at = 0; at < 0x1000; at += 8) {
    bytes.writeBigUInt64LE(BigInt(PDPT) | ENTRY_TABLE, at);
    bytes.writeBigUInt64LE(ENTRY_GIGABYTE, 0x1000 + at);
  }
  return bytes;
}

/** State without what has no meaning in it. */
export function show(
  state: Pick<State, 'isLong' | 'segments' | 'gpr' | 'cpl' | 'rip' | 'rflags'>,
): object {
  const { isLong, gpr, cpl, rip, rflags, segments } = state;
  const is64Bit = isLong && (segments.cs.access & RIGHTS_L) !== 0;
  const shown = SEGMENT_NAMES.map((name) => [name, showSegment(segments[name], name, is64Bit)]);
  return {
    cpl,
    rip,
    rflags,
    gpr: is64Bit ? gpr : gpr.map((value) => value & 0xffff_ffffn),
    ...Object.fromEntries(shown),
  };
}

/** A register that cannot be used has a selector only, code of 64-bit mode neither base nor limit. */
function showSegment(segment: SegmentState, name: SegmentName, is64Bit: boolean): object {
  const { selector, access } = segment;
  if (access & UNUSABLE) return { selector, isUsable: false };
  return name === 'cs' && is64Bit ? { selector, access } : segment;
}
