/**
 * A write of the guest's kernel to one of its L1 tables under direct paging: the instruction runs as the VMM's emulator
 * with all its writes held back (asm/mmu/guest-physical.ts). What it has written is then one entry of the table, which
 * direct paging checks; or it is refused, and the instruction has not been.
 */

import type { MachineMemory } from '../../../machine/memory.ts';
import type { Processor } from '../../../machine/processor.ts';
import { ENTRY_BYTES } from '../../direct/pte.ts';
import type { TableWrites } from '../../direct/table-writes.ts';
import type { EmulatedMemory } from '../../emulated-memory.ts';
import { PAGE_SHIFT } from '../../frames.ts';
import type { CodeSource } from '../privileged/instruction.ts';
import { stepInstruction } from './instruction-step.ts';

/** GUEST_MAP of a processor that has the machine's memory and none of whose writes reach it. */
const NO_WRITES = { map: 2, frames: 0, protectsWrites: false };
/** What a refused instruction leaves as it was, beside general registers. */
const KEPT = ['RIP', 'DR6', 'TIME', 'CR2'] as const;
const KEPT_U32 = ['EVENT_VECTOR', 'EVENT_ERROR', 'EVENT_HAS_ERROR'] as const;

export class WatchedWrite implements EmulatedMemory {
  readonly size: number;
  readonly #processor: Processor;
  readonly #memory: MachineMemory;
  readonly #tables: TableWrites;
  /** HPA of the entry that is written to; -1: none yet. */
  #place = -1;
  #isOneEntry = true;
  /** What becomes of the entry. */
  readonly #entry = new DataView(new ArrayBuffer(ENTRY_BYTES));

  constructor(processor: Processor, tables: TableWrites) {
    const { memory } = processor;
    this.size = memory.size;
    this.#processor = processor;
    this.#memory = memory;
    this.#tables = tables;
  }

  load(hpa: number, size: number): number {
    let value = 0;
    for (let n = size - 1; n >= 0; n--) value = value * 256 + (this.#memory.bytes[hpa + n] ?? 0);
    return value;
  }

  store(hpa: number, size: number, value: number): void {
    for (let n = 0; n < size; n++) this.#storeByte(hpa + n, value >>> (8 * n));
  }

  /**
   * The guest's write to `address` has faulted, for which the page is not writable; `code` is what the tables at `root` lead to.
   * False if what the processor has stopped for, then, is the guest's.
   */
  perform(address: bigint, root: number, code: CodeSource): boolean {
    const table = this.#tables.tableAt(address);
    if (table === undefined) return false;
    const processor = this.#processor;
    const { view } = processor;
    const gpr = view.gpr.slice();
    const { rflags } = processor;
    const kept = KEPT.map((name) => view.u64(name));
    const keptU32 = KEPT_U32.map((name) => view.u32(name));
    this.#place = -1;
    this.#isOneEntry = true;
    const isDone = stepInstruction(processor, code, { ...NO_WRITES, root });
    if (this.#isApplied(table)) return isDone;
    view.gpr.set(gpr);
    processor.rflags = rflags;
    for (const [n, name] of KEPT.entries()) view.setU64(name, kept[n] ?? 0n);
    for (const [n, name] of KEPT_U32.entries()) view.setU32(name, keptU32[n] ?? 0);
    return false;
  }

  #storeByte(hpa: number, value: number): void {
    const offset = hpa % ENTRY_BYTES;
    const place = hpa - offset;
    if (this.#place === -1) {
      this.#place = place;
      for (let n = 0; n < ENTRY_BYTES; n++) {
        this.#entry.setUint8(n, this.#memory.bytes[place + n] ?? 0);
      }
    }
    if (place === this.#place) this.#entry.setUint8(offset, value);
    else this.#isOneEntry = false;
  }

  /** What was written is an entry of `table`, and a good one. A repetition that is over writes nothing. */
  #isApplied(table: number): boolean {
    const place = this.#place;
    if (place === -1) return true;
    if (!this.#isOneEntry || place >>> PAGE_SHIFT !== table) return false;
    const [low, high] = [this.#entry.getUint32(0, true), this.#entry.getUint32(4, true)];
    return this.#tables.write(place, low, high) === 0;
  }
}
