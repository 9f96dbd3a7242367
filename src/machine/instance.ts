/**
 * One instance of the WebAssembly module with its linear memory: the machine's memory, the caches, and one block of
 * registers at which the core runs (asm/layout.ts). Virtual processors share it: their blocks take turns in that place.
 */

import { instantiateSync } from '@assemblyscript/loader';
import {
  buildProcessorTables,
  type ProcessorTables,
  TABLES_SECTION,
  unpackTables,
} from '../isa/processor-tables.ts';
import type { Insn } from '../isa/row.ts';
import { CpuView, layoutOf } from './cpu-view.ts';
import { DirtyFrames } from './dirty-frames.ts';
import { Dram, type DramDeps, type DramState } from './dram/dram.ts';
import type { DramOptions } from './dram/geometry.ts';
import { MachineMemory } from './memory.ts';

/** What the processor asks of the machine; sizes are bytes, values unsigned. */
export interface ProcessorHost {
  portRead(port: number, size: number): number;
  portWrite(port: number, size: number, value: number): void;
  memoryRead(high: number, low: number, size: number): number;
  memoryWrite(high: number, low: number, size: number, value: number): void;
  /** The guest has written CR8. */
  taskPriorityWritten(): void;
  /** The guest has written an MSR that the local APIC looks at: its base, the TSC or its deadline. */
  msrWritten(msr: number): void;
  interruptAcknowledge(): number;
}

/** What is fixed when an instance is made. */
export interface InstanceOptions {
  /** Bytes of RAM, a multiple of 4096. */
  readonly ramBytes: number;
  /** The instruction set: ROWS, or a variant of it with the same rows edited. */
  readonly rows?: readonly Insn[];
  /** Makes memory DRAM, whose cells can be disturbed. */
  readonly dram?: DramOptions;
}

/** The functions of asm/index.ts. */
export interface ProcessorExports extends Record<string, unknown> {
  run(fuel: number): number;
  reset(): void;
  stateChanged(): void;
  loadPdptes(): number;
  tablesChanged(): void;
  rflags(): bigint;
  setRflags(image: bigint): void;
  memoryChanged(hpa: number, length: number): void;
  exchange(place: number): void;
  direct(place: number, fuel: number, stack: number, flush: number, reload: number): number;
  translationsChanged(): void;
  modeChanged(): void;
  setRoot(frame: number, pcid: number): void;
  flushPcid(pcid: number): void;
  invalidatePage(high: number, low: number): void;
  enterUser(cs: number, ss: number): number;
  loadGs(selector: number): number;
  frameCached(frame: number): void;
  nest(eptp: bigint, vpid: number): void;
  dropEpt(eptp: bigint): void;
  dropVpid(vpid: number): void;
  dropVpids(): void;
  dropVpidPage(gva: bigint, vpid: number): void;
  entryChecks(group: number): number;
  msrLoadCheck(index: number, reserved: number, accepted: number): number;
}

const WASM_PAGE = 65536;
const FRAME_SIZE = 4096;

/** A machine cannot have as much memory as it is asked to have. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';
  readonly code = 'NO_MEMORY';
}

export class Instance {
  /** As WebAssembly gives them: the loader's wrappers cost more than the calls. */
  readonly exports: ProcessorExports;
  /** The block at which the core runs. */
  readonly view: CpuView;
  readonly memory: MachineMemory;
  #dram: Dram | undefined;

  constructor(
    module: WebAssembly.Module,
    { ramBytes, rows, dram }: InstanceOptions,
    host: ProcessorHost,
  ) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: WASM_PAGE });
    const imports = { env: { memory }, host: { ...bind(host), ...this.#hearDram() } };
    const { instance } = instantiateSync(module, imports);
    const exports = instance.exports as unknown as ProcessorExports;
    const layout = layoutOf(instance.exports);
    if (ramBytes > layout('MAX_FRAMES') * FRAME_SIZE) throw tooMuch(ramBytes);
    grow(memory, layout('RAM') + ramBytes);
    this.exports = exports;
    this.view = new CpuView(layout, memory.buffer);
    const ram = new Uint8Array(memory.buffer, layout('RAM'), ramBytes);
    const dirty = new DirtyFrames(layout, memory.buffer, ramBytes);
    this.memory = new MachineMemory(ram, dirty, (hpa, length) =>
      exports.memoryChanged(hpa, length),
    );
    this.#writeTables(rows ? buildProcessorTables(rows) : tablesOf(module));
    // Set in any case: the compiler has left constants there.
    this.view.setU32('DRAM', dram === undefined ? 0 : 1);
    if (dram !== undefined) this.#dram = new Dram(this.#dramDeps(), dram);
  }

  /** What the memory is made of, if that matters. */
  get dram(): Dram | undefined {
    return this.#dram;
  }

  /** Takes over DRAM of the same kind. */
  restoreDram(state: DramState): void {
    this.#dram = Dram.restore(this.#dramDeps(), state);
  }

  /** What the core tells of memory; it tells nothing to one without `dram`. */
  #hearDram(): Record<string, (...args: number[]) => void> {
    return {
      lineFlushed: (hpa = 0) => this.#dram?.flush(hpa >>> 0),
      memoryAccessed: (hpa = 0, size = 0, isUncacheable = 0) =>
        this.#dram?.access(hpa >>> 0, size, isUncacheable !== 0),
    };
  }

  #dramDeps(): DramDeps {
    return {
      memory: this.memory,
      time: timeReader(this.view),
      frameCached: (frame) => this.exports.frameCached(frame),
    };
  }

  #writeTables({ index, entries, shapes, handlers }: ProcessorTables): void {
    const { layout, data } = this.view;
    const write = (name: string, bytes: Uint8Array): void =>
      new Uint8Array(data.buffer, layout(name), bytes.length).set(bytes);
    write('DECODE_INDEX', index);
    write('DECODE_ENTRIES', entries);
    write('DECODE_SHAPES', shapes);
    write('DECODE_HANDLERS', handlers);
  }
}

/** Reads virtual time in ns, exact also while the processor calls its host. */
function timeReader(view: CpuView): () => number {
  const high = view.reader('TIME', 4);
  const low = view.reader('TIME');
  const start = view.reader('FUEL_START');
  const left = view.reader('FUEL', 4);
  return () => high() * 2 ** 32 + low() + start() - (left() | 0);
}

function grow(memory: WebAssembly.Memory, bytes: number): void {
  try {
    memory.grow(Math.ceil(bytes / WASM_PAGE) - 1);
  } catch (error) {
    if (error instanceof RangeError) throw tooMuch(bytes);
    throw error;
  }
}

function tooMuch(bytes: number): MemoryError {
  return new MemoryError(`there is no memory for a machine of ${Math.ceil(bytes / 2 ** 20)} MiB`);
}

/** The tables of ROWS: those in the module, or built anew for a module without them. */
function tablesOf(module: WebAssembly.Module): ProcessorTables {
  const [packed] = WebAssembly.Module.customSections(module, TABLES_SECTION);
  return packed ? unpackTables(packed) : buildProcessorTables();
}

/** The host's methods as plain functions for the import object. */
function bind(host: ProcessorHost): Record<string, (...args: number[]) => number | undefined> {
  return {
    portRead: (port = 0, size = 0) => host.portRead(port, size),
    portWrite: (port = 0, size = 0, value = 0) => {
      host.portWrite(port, size, value >>> 0);
      return undefined;
    },
    memoryRead: (high = 0, low = 0, size = 0) => host.memoryRead(high >>> 0, low >>> 0, size),
    memoryWrite: (high = 0, low = 0, size = 0, value = 0) => {
      host.memoryWrite(high >>> 0, low >>> 0, size, value >>> 0);
      return undefined;
    },
    taskPriorityWritten: () => {
      host.taskPriorityWritten();
      return undefined;
    },
    msrWritten: (msr = 0) => {
      host.msrWritten(msr >>> 0);
      return undefined;
    },
    interruptAcknowledge: () => host.interruptAcknowledge(),
  };
}
