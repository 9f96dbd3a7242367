/** Tells what every exit was, for statistics and traces. Nothing of this is done while nobody listens. */

import { decode } from '../../isa/decode.ts';
import { buildDecodeTables } from '../../isa/decode-table.ts';
import type { CodeMode } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { GuestWalk } from '../shadow/guest-walk.ts';
import type { Vcpu } from '../vcpu.ts';
import { type ExitName, exitOfInstruction } from './exit-reasons.ts';

/** What stopped a direct run, as the runner knows it. */
export type ExitCause =
  /** An exception or software interrupt, by its vector. */
  | { readonly kind: 'event'; readonly vector: number }
  | { readonly kind: 'fill' | 'table' | 'device' | 'segments' | 'step' };

/** One exit. */
export interface ExitRecord {
  /** Virtual time in nanoseconds. */
  readonly time: bigint;
  readonly rip: bigint;
  readonly reason: ExitName;
  /** The instruction's bytes, as far as they can be read. */
  readonly bytes: Uint8Array;
  readonly mnemonic: string;
  /** Host time that the VMM took, in nanoseconds; varies from run to run. */
  readonly hostNs: number;
}

export type ExitSink = (record: ExitRecord) => void;

/** Host time in milliseconds: for reports only, nothing that a guest computes depends on it. */
export type HostTime = () => number;

const MAX_LENGTH = 15;
const CODE_SIZES: Readonly<Record<number, CodeMode>> = { 0: 64, 1: 32, 2: 16 };
/** #UD, #TS, #NP, #SS, #GP: how instructions trap. */
const TRAPS: ReadonlySet<number> = new Set([6, 10, 11, 12, 13]);

const PLAIN = {
  fill: 'SHADOW_FILL',
  table: 'TABLE_WRITE',
  device: 'MMIO',
  segments: 'STALE_SEGMENTS',
  step: 'STEP',
} as const satisfies Record<string, ExitName>;

export class ExitLog {
  readonly #vcpu: Vcpu;
  readonly #memory: GuestMemory;
  readonly #tables = buildDecodeTables(ROWS);
  readonly #walk: GuestWalk;
  readonly #sink: ExitSink;
  readonly #now: HostTime;
  #began = 0;
  #open: Omit<ExitRecord, 'hostNs'> | undefined;

  constructor(vcpu: Vcpu, memory: GuestMemory, sink: ExitSink, now: HostTime) {
    this.#vcpu = vcpu;
    this.#memory = memory;
    this.#walk = new GuestWalk(memory);
    this.#sink = sink;
    this.#now = now;
  }

  /** The guest has stopped because of `cause`; its registers are the virtual processor's. */
  begin(cause: ExitCause): void {
    this.#began = this.#now();
    const { view } = this.#vcpu;
    const rip = view.u64('RIP');
    const bytes = this.#code(rip);
    const decoded = decode(bytes, 0, CODE_SIZES[view.u32('CODE_MODE') & 3] ?? 64, this.#tables);
    const row = decoded.ok ? ROWS[decoded.row] : undefined;
    const mnemonic = row?.mnemonic ?? '?';
    const reason = reasonOf(cause, mnemonic, row?.exit);
    const length = decoded.ok ? decoded.length : bytes.length;
    const time = view.u64('TIME');
    this.#open = { time, rip, reason, bytes: bytes.slice(0, length), mnemonic };
  }

  /** The VMM is done with it. */
  end(): void {
    if (this.#open === undefined) return;
    this.#sink({ ...this.#open, hostNs: Math.round((this.#now() - this.#began) * 1e6) });
    this.#open = undefined;
  }

  /** The bytes at `rip`, read through the guest's tables. */
  #code(rip: bigint): Uint8Array {
    const { view, paging, pdptes } = this.#vcpu;
    const bytes = new Uint8Array(MAX_LENGTH);
    const base = view.u32('CODE_MODE') === 0 ? 0n : view.segment('cs').base;
    for (let n = 0; n < MAX_LENGTH; n++) {
      const address = base + rip + BigInt(n);
      const page = Number(BigInt.asUintN(36, address >> 12n));
      const isMapped = paging.mode === 'off' || this.#walk.walk(page, paging, pdptes);
      const gfn = paging.mode === 'off' ? page : this.#walk.gfn;
      if (!isMapped || !this.#memory.holds(gfn)) return bytes.subarray(0, n);
      bytes[n] = this.#memory.read(gfn * 4096 + Number(address & 0xfffn), 1)[0] ?? 0;
    }
    return bytes;
  }
}

function reasonOf(cause: ExitCause, mnemonic: string, exit: string | undefined): ExitName {
  if (cause.kind !== 'event') return PLAIN[cause.kind];
  // What the instruction is tells more than what it raised.
  const isTrapped = TRAPS.has(cause.vector);
  return isTrapped ? exitOfInstruction(mnemonic, exit) : 'EXCEPTION_NMI';
}
