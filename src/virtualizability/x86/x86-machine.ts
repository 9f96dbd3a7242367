/**
 * The processor of src/machine as a machine under test, in one mode of operation. Supervisor and user mode are CPL 0 and 3
 * with IOPL 0; all that a program can address is open to both. Events go through its own IDT: an exception of kind
 * fault is a trap, while what INT n, SYSCALL or a gate leads to is what the instruction does.
 */

import { existsIn } from '../../isa/encode.ts';
import type { RandomSource } from '../../isa/random.ts';
import type { Insn } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import { type CpuView, SEGMENT_NAMES } from '../../machine/cpu-view.ts';
import { FEATURE_NAMES } from '../../machine/features.ts';
import { Processor } from '../../machine/processor.ts';
import {
  type Form,
  type MachineUnderTest,
  MODE,
  type Outcome,
  type Situation,
} from '../machine-under-test.ts';
import { CONTROLS } from './controls.ts';
import { GDT_BYTES, TSS_LIMIT } from './descriptors.ts';
import { EdgeValues, PROGRAM_FLAGS, SYSTEM_FLAGS } from './edge-values.ts';
import { MemoryImage } from './memory-image.ts';
import type { X86Mode } from './modes.ts';
import * as at from './places.ts';
import { drawState, type Piece, type ProgramState } from './program-state.ts';
import { RESOURCES, type Variable } from './resources.ts';
import * as sel from './selectors.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';

const RAM_BYTES = 512 * 1024;
const SEED = 0x1234_5678_9abcn;
const RFLAGS_IF = 0x200n;
const CR0_TS = 8n;
const PAGE_FAULT = 14;
const KIND_FAULT = 0;
const KIND_TRAP = 1;
/** A kind that no event has. */
const KIND_NONE = 0xff;
const ACCESS_DATA = 0xc093;
const ACCESS_DPL3 = 0x60;
const ACCESS_LDT = 0x82;
const ACCESS_TSS = 0x8b;
const FLAT_LIMIT = 0xffff_ffff;
/** The general registers are the first words of the block. */
const GPR_WORDS = 32;
const PORT_VALUE = 0x5a5a_5a5a;

/** A row that `rows` has of the instruction set, whose number is that of the row that it is a variant of. */
export interface X86Form extends Form {
  readonly row: number;
}

/** The rows that exist in `mode`; aliases are other names for the same bytes. */
export function x86Forms(mode: X86Mode, rows: readonly (Insn | undefined)[] = ROWS): X86Form[] {
  return rows.flatMap((row, n) => {
    if (row === undefined || row.alias === true || !existsIn(row, mode.codeMode)) return [];
    return [{ mnemonic: row.mnemonic, text: `${row.mnemonic} ${row.operandText}`.trim(), row: n }];
  });
}

export class X86Machine implements MachineUnderTest {
  readonly name: string;
  readonly forms: readonly X86Form[];
  readonly resources = RESOURCES.filter(({ vary }) => vary !== undefined).map(({ name }) => name);
  readonly controls = CONTROLS.map(({ name }) => name);
  readonly mode: X86Mode;
  readonly #rows: readonly Insn[];
  readonly #processor: Processor;
  readonly #view: CpuView;
  readonly #image: MemoryImage;
  readonly #values: EdgeValues;
  readonly #block: Uint8Array;
  readonly #words: Uint32Array;
  readonly #before: Uint32Array;
  /** The block of a machine in supervisor and in user mode, before a program is put in it. */
  readonly #blocks: Readonly<Record<Situation['mode'], Uint8Array>>;
  /** Where each resource is observed, as indices into #words. */
  readonly #observed: readonly (readonly [name: string, words: readonly number[]])[];
  readonly #ripWord: number;
  readonly #variable: Variable;
  #state: ProgramState | undefined;
  #supervisorStart = false;
  #flagsBefore = 0;
  #flushesBefore = 0n;
  #portValue = PORT_VALUE;
  #portUsed = false;

  constructor(module: WebAssembly.Module, mode: X86Mode, rows: readonly Insn[] = ROWS) {
    this.name = mode.name;
    this.mode = mode;
    this.#rows = rows;
    this.forms = x86Forms(mode, rows);
    this.#processor = this.#createProcessor(module);
    const view = this.#processor.view;
    this.#view = view;
    const length = view.layout('PROCESSOR_BYTES');
    const buffer = view.data.buffer as ArrayBuffer;
    this.#block = new Uint8Array(buffer, view.layout('PROCESSOR'), length);
    this.#words = new Uint32Array(buffer, view.layout('PROCESSOR'), length / 4);
    this.#before = new Uint32Array(length / 4);
    this.#image = new MemoryImage(this.#processor.memory, mode);
    this.#values = new EdgeValues(mode, this.#image.roots);
    const powerUp = this.#block.slice();
    this.#blocks = {
      supervisor: this.#prepare(powerUp, 'supervisor'),
      user: this.#prepare(powerUp, 'user'),
    };
    this.#observed = this.#places();
    this.#ripWord = (view.layout('RIP') - view.layout('PROCESSOR')) / 4;
    this.#variable = {
      view,
      image: this.#image,
      isLong: mode.isLong,
      varyPorts: () => {
        this.#portValue = ~PORT_VALUE;
      },
      varyFlags: () => {
        this.#processor.rflags ^= RFLAGS_IF;
      },
    };
  }

  draw(form: number, random: RandomSource): boolean {
    const row = this.#rows[this.forms[form]?.row ?? -1];
    const state = row && drawState(row, this.mode, this.#values, random);
    if (state !== undefined) this.use(state);
    else this.#state = undefined;
    return state !== undefined;
  }

  /** The state that was drawn last. */
  get state(): ProgramState {
    return this.#drawn();
  }

  /** Takes `state` for a drawn one. */
  use(state: ProgramState): void {
    this.#state = state;
    this.#image.clearProgram();
    this.#image.give(at.INSTRUCTION, state.code);
    for (const { address, bytes } of state.memory) this.#image.give(address, bytes);
  }

  reset({ mode, varied, controls }: Situation): void {
    const state = this.#drawn();
    const view = this.#view;
    this.#image.restore();
    this.#image.use(0);
    this.#block.set(this.#blocks[mode]);
    view.gpr.set(state.gpr);
    this.#processor.rflags = state.rflags;
    this.#portValue = PORT_VALUE;
    if (state.taskSwitched) view.setU64('CR0', view.u64('CR0') | CR0_TS);
    view.setU32('MONITOR_ARMED', state.monitorArmed ? 1 : 0);
    view.setU32('NMI_BLOCKED', state.nmiBlocked ? 1 : 0);
    for (const { name, set } of CONTROLS) if (controls.includes(name)) set(view);
    for (const { name, vary } of RESOURCES) if (varied.includes(name)) vary?.(this.#variable);
    this.#processor.stateChanged();
    view.setU32('INVALIDATED', view.layout('INVALIDATED_NONE'));
    view.setU32('EVENT_KIND', KIND_NONE);
    this.#before.set(this.#words);
    this.#flagsBefore = this.#flags();
    this.#flushesBefore = view.u64('COUNT_FLUSHES');
    this.#portUsed = false;
    this.#supervisorStart = mode === 'supervisor';
  }

  execute(): Outcome {
    const reason = this.#processor.run(1);
    if (reason === 'absent') return 'unknown';
    const view = this.#view;
    const kind = view.u32('EVENT_KIND');
    // A debug trap behind the instruction, which SYSRET can switch on, is not what it does.
    if (kind === KIND_TRAP) return 'unknown';
    if (kind !== KIND_FAULT) return 'completed';
    return view.u32('EVENT_VECTOR') === PAGE_FAULT ? 'memory fault' : 'trap';
  }

  changed(): readonly string[] {
    const view = this.#view;
    const found: string[] = [];
    if ((view.u32('CPL') === 0) !== this.#supervisorStart) found.push(MODE);
    for (const [name, words] of this.#observed) if (this.#differ(words)) found.push(name);
    if (((this.#flags() ^ this.#flagsBefore) & SYSTEM_FLAGS) !== 0) found.push('system flags');
    if (this.#portUsed) found.push('ports');
    if (this.#tlbInvalidated()) found.push('tlb');
    return found;
  }

  result(): number {
    const words = this.#words;
    let hash = this.#flags() & PROGRAM_FLAGS;
    for (let n = 0; n < GPR_WORDS; n++) hash = fold(hash, words[n] as number);
    hash = fold(fold(hash, words[this.#ripWord] as number), words[this.#ripWord + 1] as number);
    return this.#image.hashChanges(hash);
  }

  /** Registers as they are now. */
  snapshot(): Snapshot {
    return takeSnapshot(this.#view, this.#processor.rflags);
  }

  /** What the last run has changed in the program's memory. */
  written(): readonly Piece[] {
    return this.#image.changes();
  }

  /** The exception that kept the last run from completing. */
  get event(): { readonly vector: number; readonly error: number | undefined } {
    const view = this.#view;
    const error = view.u32('EVENT_HAS_ERROR') ? view.u32('EVENT_ERROR') : undefined;
    return { vector: view.u32('EVENT_VECTOR'), error };
  }

  weight(): number {
    const { code, gpr } = this.#drawn();
    const size = Array.from(gpr).reduce(
      (sum, value) => sum + (value === 0n ? 0 : 1 + value.toString(16).length),
      0,
    );
    return code.length * 1000 + size;
  }

  /** RFLAGS, whose upper half is reserved. */
  #flags(): number {
    return Number(this.#processor.rflags);
  }

  #drawn(): ProgramState {
    if (this.#state === undefined) throw new RangeError('no state was drawn');
    return this.#state;
  }

  #createProcessor(module: WebAssembly.Module): Processor {
    const used = (): void => {
      this.#portUsed = true;
    };
    const mask = (size: number): number => (size === 4 ? FLAT_LIMIT : 2 ** (size * 8) - 1);
    const host = {
      portRead: (_port: number, size: number) => this.#portValue & mask(size),
      portWrite: used,
      memoryRead: () => FLAT_LIMIT,
      memoryWrite: used,
      taskPriorityWritten: () => {},
      msrWritten: () => {},
      interruptAcknowledge: () => 0,
    };
    const features = new Set(FEATURE_NAMES);
    const options = { ramBytes: RAM_BYTES, features, seed: SEED, rows: this.#rows };
    return Processor.create(module, options, host);
  }

  /** The block of a processor that is about to run a program in `mode`. */
  #prepare(powerUp: Uint8Array, mode: Situation['mode']): Uint8Array {
    this.#block.set(powerUp);
    const view = this.#view;
    const { cr0, cr4, efer, isLong, codeAccess } = this.mode;
    const isUser = mode === 'user';
    view.setU64('CR0', cr0);
    view.setU64('CR3', BigInt(this.#image.roots[0]));
    view.setU64('CR4', cr4);
    view.setU64('EFER', efer);
    view.setU64('RIP', BigInt(at.INSTRUCTION));
    view.setU32('CPL', isUser ? 3 : 0);
    const level = isUser ? ACCESS_DPL3 : 0;
    const flat = { base: 0n, limit: FLAT_LIMIT };
    const code = isUser ? sel.USER_CODE | sel.RPL_USER : sel.KERNEL_CODE;
    const stack = isUser ? sel.USER_DATA | sel.RPL_USER : sel.KERNEL_DATA;
    view.setSegment('cs', { ...flat, selector: code, access: codeAccess | level });
    view.setSegment('ss', { ...flat, selector: stack, access: ACCESS_DATA | level });
    for (const name of ['ds', 'es', 'fs', 'gs'] as const) {
      const selector = sel.USER_DATA | sel.RPL_USER;
      const base = !isLong || name < 'fs' ? 0n : BigInt(name === 'fs' ? at.FS_BASE : at.GS_BASE);
      view.setSegment(name, { ...flat, base, selector, access: ACCESS_DATA | ACCESS_DPL3 });
    }
    this.#prepareTables();
    this.#prepareMsrs();
    return this.#block.slice();
  }

  #prepareTables(): void {
    const view = this.#view;
    view.setU64('GDTR_BASE', BigInt(at.GDT));
    view.setU32('GDTR_LIMIT', GDT_BYTES - 0x81);
    view.setU64('IDTR_BASE', BigInt(at.IDT));
    view.setU32('IDTR_LIMIT', this.mode.isLong ? 0xfff : 0x7ff);
    view.setSegment('ldtr', {
      selector: sel.LDT_SELECTOR,
      base: BigInt(at.LDT),
      limit: sel.LDT_END - 1,
      access: ACCESS_LDT,
    });
    view.setSegment('tr', {
      selector: sel.TSS_SELECTOR,
      base: BigInt(at.TSS),
      limit: TSS_LIMIT,
      access: ACCESS_TSS,
    });
  }

  #prepareMsrs(): void {
    const view = this.#view;
    const star = (BigInt(sel.USER_CODE_32) << 48n) | (BigInt(sel.KERNEL_CODE) << 32n);
    view.setU64('STAR', star);
    view.setU64('LSTAR', BigInt(at.HANDLERS + 0x40));
    view.setU64('CSTAR', BigInt(at.HANDLERS + 0x50));
    view.setU64('FMASK', RFLAGS_IF);
    view.setU64('KERNEL_GS_BASE', BigInt(at.FS_BASE));
    view.setU64('SYSENTER_CS', BigInt(sel.KERNEL_CODE));
    view.setU64('SYSENTER_ESP', BigInt(at.SYSTEM_STACK_TOP));
    view.setU64('SYSENTER_EIP', BigInt(at.HANDLERS + 0x60));
    view.setU64('TSC_AUX', 7n);
  }

  #places(): readonly (readonly [string, readonly number[]])[] {
    const { layout } = this.#view;
    const start = layout('PROCESSOR');
    const range = (name: string, words: number): number[] =>
      Array.from({ length: words }, (_, n) => (layout(name) - start) / 4 + n);
    const own = RESOURCES.filter(({ observed }) => observed.length > 0).map(
      ({ name, observed }) =>
        [name, observed.flatMap((part) => range(part.name, part.words))] as const,
    );
    return [...own, ...this.#segmentPlaces()];
  }

  /** LDTR and TR are resources of their own, the others are one. */
  #segmentPlaces(): (readonly [string, readonly number[]])[] {
    const { layout } = this.#view;
    const words = (name: (typeof SEGMENT_NAMES)[number]): number[] => {
      const entry = layout('SEGS') + SEGMENT_NAMES.indexOf(name) * layout('SEG_BYTES');
      const first = (entry - layout('PROCESSOR')) / 4;
      return [0, 1, 2, 3, 4].map((n) => first + n);
    };
    return [
      ['segment registers', SEGMENT_NAMES.slice(0, 6).flatMap(words)],
      ['ldtr', words('ldtr')],
      ['tr', words('tr')],
    ];
  }

  #differ(words: readonly number[]): boolean {
    for (let n = 0; n < words.length; n++) {
      const word = words[n] as number;
      if (this.#words[word] !== this.#before[word]) return true;
    }
    return false;
  }

  #tlbInvalidated(): boolean {
    const view = this.#view;
    const invalidated = view.u32('INVALIDATED');
    if (view.u64('COUNT_FLUSHES') !== this.#flushesBefore) return true;
    return invalidated === view.layout('INVALIDATED_ONE');
  }
}

function fold(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
}
