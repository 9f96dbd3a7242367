/** Records of exits, for statistics and traces, while there is one open. What an exit is, the technique's own log decides. */

import { decode } from '../../isa/decode.ts';
import { buildDecodeTables } from '../../isa/decode-table.ts';
import type { CodeMode } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import type { CpuView } from '../../machine/cpu-view.ts';
import type { ExitName } from './exit-reasons.ts';
import type { ExitAction, ExitRecord, ExitSink, HostTime } from './exit-record.ts';
import { type Qualification, qualificationOf } from './qualification.ts';

/** The virtual processor that has exits. */
export interface ExitSource {
  /** Name of the VM. */
  readonly vm: string;
  readonly view: CpuView;
  readonly cpl: number;
  /** The code at `rip`: as many of `length` bytes as are mapped. Nothing is changed by looking. */
  code(rip: bigint, length: number): Uint8Array;
}

/** The instruction at which the guest stopped. */
export interface ExitInstruction {
  readonly rip: bigint;
  readonly bits: CodeMode;
  readonly bytes: Uint8Array;
  readonly mnemonic: string;
  /** Intel's reason for it, where its row has one. */
  readonly exit: string | undefined;
  /** What it asks for, by the registers as they are. */
  readonly qualification: () => Qualification | undefined;
}

interface About {
  readonly reason: ExitName;
  readonly qualification: Qualification | undefined;
}

const MAX_LENGTH = 15;
const CODE_SIZES: Readonly<Record<number, CodeMode>> = { 0: 64, 1: 32, 2: 16 };

export class ExitLog {
  readonly #source: ExitSource;
  readonly #tables = buildDecodeTables(ROWS);
  readonly #sink: ExitSink;
  readonly #now: HostTime;
  #began = 0;
  #open: Omit<ExitRecord, 'hostNs' | 'actions' | 'entry'> | undefined;
  #actions: ExitAction[] = [];

  constructor(source: ExitSource, sink: ExitSink, now: HostTime) {
    this.#source = source;
    this.#sink = sink;
    this.#now = now;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** What the VMM has done so far about the exit that is open. */
  get actions(): readonly ExitAction[] {
    return this.#actions;
  }

  /** The instruction at `rip`, which has `prefix` bytes before what counts. */
  instruction(rip: bigint, prefix = 0): ExitInstruction {
    const { view } = this.#source;
    const all = this.#source.code(rip, MAX_LENGTH);
    const bits = CODE_SIZES[view.u32('CODE_MODE') & 3] ?? 64;
    const decoded = decode(all, prefix, bits, this.#tables);
    const row = decoded.ok ? ROWS[decoded.row] : undefined;
    const mnemonic = row?.mnemonic ?? '?';
    return {
      rip,
      bits,
      bytes: all.slice(0, decoded.ok ? prefix + decoded.length : all.length),
      mnemonic,
      exit: row?.exit,
      qualification: () => (decoded.ok ? qualificationOf(mnemonic, decoded, view) : undefined),
    };
  }

  /** The guest has stopped at `instruction`. */
  open({ rip, bits, bytes, mnemonic }: ExitInstruction, about: About): void {
    const { vm, view, cpl } = this.#source;
    const time = view.u64('TIME');
    this.#actions = [];
    this.#open = { vm, vcpu: 0, time, rip, cpl, bits, bytes, mnemonic, ...about };
    // What it takes to tell is not the exit's.
    this.#began = this.#now();
  }

  /** The exit is found to be another one. */
  change(about: Partial<About>): void {
    if (this.#open !== undefined) this.#open = { ...this.#open, ...about };
  }

  did(action: ExitAction): void {
    if (this.#open !== undefined) this.#actions.push(action);
  }

  /** It was none. */
  drop(): void {
    this.#open = undefined;
  }

  /** The VMM is done with it: the guest goes on, unless it was stopped. */
  close(): void {
    if (this.#open === undefined) return;
    const hostNs = Math.round((this.#now() - this.#began) * 1e6);
    const known = this.#open;
    this.#open = undefined;
    const { view } = this.#source;
    const isOver = this.#actions.some(({ kind }) => kind === 'stopped');
    const entry = isOver ? undefined : { time: view.u64('TIME'), rip: view.u64('RIP') };
    this.#sink({ ...known, actions: this.#actions, entry, hostNs });
  }
}
