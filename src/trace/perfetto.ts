/**
 * Exits as Chrome trace events, which Perfetto opens: VMs are processes, virtual processors threads, exits slices with
 * their qualification, and there are counters of the shadow pages and of exits per millisecond of virtual time.
 *
 * The time axis is virtual time plus the host time that the VMM has taken so far: the guest takes a nanosecond an
 * instruction, an exit what it cost, and slices never overlap.
 */

import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { ExitRecord, ExitSink } from '../vmm/exits/exit-log.ts';
import { EXIT_NUMBERS } from '../vmm/exits/exit-reasons.ts';
import { actionText, hex, instructionText, qualificationText } from './describe.ts';
import type { TraceContext, TraceWriter } from './trace-writer.ts';

/** Virtual time over which exits are counted. */
const RATE_NS = 1_000_000n;
const NS_PER_US = 1000;

type TraceEvent = Readonly<Record<string, unknown>>;

export class Perfetto implements TraceWriter {
  readonly #write: (text: string) => void;
  readonly #symbols: SymbolTable;
  readonly #shadowPages: () => number;
  /** Process numbers of the VMs by name. */
  readonly #processes = new Map<string, number>();
  #separator = '{"displayTimeUnit":"ns","traceEvents":[\n';
  /** Host nanoseconds that the VMM has taken. */
  #hostNs = 0;
  #pages = -1;
  /** The stretch of virtual time in which exits are being counted, and how many there were in it. */
  #stretch = -1n;
  #count = 0;

  constructor({ write, symbols, shadowPages }: TraceContext) {
    this.#write = write;
    this.#symbols = symbols;
    this.#shadowPages = shadowPages;
  }

  readonly sink: ExitSink = (record) => {
    const pid = this.#process(record);
    const ts = (Number(record.time) + this.#hostNs) / NS_PER_US;
    this.#hostNs += record.hostNs;
    this.#countExit(record.time, pid, ts);
    this.#event({
      ...{ ph: 'X', name: record.reason, cat: 'exit', pid, tid: record.vcpu },
      ...{ ts, dur: record.hostNs / NS_PER_US, args: this.#arguments(record) },
    });
    const pages = this.#shadowPages();
    if (pages === this.#pages) return;
    this.#pages = pages;
    this.#counter('shadow pages', pid, ts + record.hostNs / NS_PER_US, pages);
  };

  end(): void {
    const none = this.#separator.startsWith('{');
    this.#write(`${none ? this.#separator : ''}\n]}\n`);
  }

  #arguments(record: ExitRecord): Readonly<Record<string, unknown>> {
    const { rip, cpl, reason, qualification, actions, time } = record;
    const symbol = this.#symbols.name(rip);
    return {
      virtualNs: Number(time),
      rip: hex(rip),
      ...(symbol !== undefined && { symbol }),
      cpl,
      number: EXIT_NUMBERS[reason],
      instruction: instructionText(record),
      qualification: qualificationText(qualification),
      did: actions.map(actionText).join(', '),
    };
  }

  /** The number of the record's process; names it, and its thread, when it is new. */
  #process({ vm, vcpu }: ExitRecord): number {
    const known = this.#processes.get(vm);
    if (known !== undefined) return known;
    const pid = this.#processes.size + 1;
    this.#processes.set(vm, pid);
    const name = { ph: 'M', pid, tid: vcpu };
    this.#event({ ...name, name: 'process_name', args: { name: `VM ${vm}` } });
    this.#event({ ...name, name: 'thread_name', args: { name: `vCPU ${vcpu}` } });
    return pid;
  }

  #countExit(time: bigint, pid: number, ts: number): void {
    const stretch = time / RATE_NS;
    if (stretch !== this.#stretch) {
      if (this.#stretch >= 0n) this.#counter('exits per ms', pid, ts, this.#count);
      if (stretch > this.#stretch + 1n) this.#counter('exits per ms', pid, ts, 0);
      this.#stretch = stretch;
      this.#count = 0;
    }
    this.#count++;
  }

  #counter(name: string, pid: number, ts: number, value: number): void {
    this.#event({ ph: 'C', name, pid, ts, args: { value } });
  }

  #event(event: TraceEvent): void {
    this.#write(`${this.#separator}${JSON.stringify(event)}`);
    this.#separator = ',\n';
  }
}
