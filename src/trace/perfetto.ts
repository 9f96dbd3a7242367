/**
 * Exits as Chrome trace events, which Perfetto opens: VMs are processes, virtual processors threads, exits slices with
 * their qualification, and each VM has counters of its shadow pages and of its exits in the last millisecond of virtual time.
 *
 * The time axis is virtual time plus the host time that the VMM has taken so far: the guest takes a nanosecond an
 * instruction, an exit what it cost, and slices never overlap. Virtual times are among the arguments.
 */

import type { SymbolTable } from '../symbols/symbol-table.ts';
import { EXIT_NUMBERS } from '../vmm/exits/exit-reasons.ts';
import type { ExitRecord, ExitSink } from '../vmm/exits/exit-record.ts';
import { hypercallOf } from '../vmm/exits/qualification.ts';
import { actionText, hex, instructionText, qualificationText } from './describe.ts';
import type { TraceContext, TraceWriter } from './trace-writer.ts';

/** Virtual time over which exits are counted. */
const RATE_NS = 1_000_000n;
const NS_PER_US = 1000;
/** Importers cut fractions of microseconds off to nanoseconds: slices end so much early that they do not overlap then. */
const GAP_NS = 2;
/** Process numbers are so far apart; those of threads lie between, since some viewers want them unique and not 0. */
const PROCESS_STRIDE = 1000;

type TraceEvent = Readonly<Record<string, unknown>>;

/** A VM on the way. */
interface Process {
  readonly pid: number;
  /** Host nanoseconds that the VMM has taken for it. */
  hostNs: number;
  pages: number;
  /** The stretch of virtual time in which exits are being counted, and how many there were in it. */
  stretch: bigint;
  count: number;
}

export class Perfetto implements TraceWriter {
  readonly #write: (text: string) => void;
  readonly #symbols: (vm: string) => SymbolTable;
  readonly #shadowPages: (vm: string) => number;
  readonly #processes = new Map<string, Process>();
  #separator = '';

  constructor({ write, symbols, shadowPages }: TraceContext) {
    this.#write = write;
    this.#symbols = symbols;
    this.#shadowPages = shadowPages;
    write('{"traceEvents":[\n');
  }

  readonly sink: ExitSink = (record) => {
    const process = this.#process(record);
    const { pid } = process;
    const start = Number(record.time) + process.hostNs;
    process.hostNs += record.hostNs;
    this.#countExit(process, record.time, start);
    this.#event({
      ...{
        ph: 'X',
        name: hypercallOf(record.qualification) ?? record.reason,
        cat: 'exit',
        pid,
        tid: threadOf(pid, record.vcpu),
      },
      ...{ ts: us(start), dur: us(Math.max(record.hostNs - GAP_NS, 0)) },
      args: this.#arguments(record),
    });
    const pages = this.#shadowPages(record.vm);
    if (pages === process.pages) return;
    process.pages = pages;
    this.#counter('shadow pages', pid, start + record.hostNs, pages);
  };

  end(): void {
    for (const process of this.#processes.values()) {
      const boundary = Number((process.stretch + 1n) * RATE_NS) + process.hostNs;
      this.#counter('exits per ms', process.pid, boundary, process.count);
    }
    this.#write('\n],"displayTimeUnit":"ns"}\n');
  }

  #arguments(record: ExitRecord): Readonly<Record<string, unknown>> {
    const { vm, rip, cpl, reason, qualification, actions, time } = record;
    const symbol = this.#symbols(vm).name(rip);
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

  /** The record's process; names it, and its thread, when it is new. */
  #process({ vm, vcpu }: ExitRecord): Process {
    const known = this.#processes.get(vm);
    if (known !== undefined) return known;
    const pid = (this.#processes.size + 1) * PROCESS_STRIDE;
    const process = { pid, hostNs: 0, pages: -1, stretch: 0n, count: 0 };
    this.#processes.set(vm, process);
    const name = { ph: 'M', pid, tid: threadOf(pid, vcpu) };
    this.#event({ ...name, name: 'process_name', args: { name: `VM ${vm}` } });
    this.#event({ ...name, name: 'thread_name', args: { name: `vCPU ${vcpu}` } });
    return process;
  }

  /** A counter tells of the millisecond before it. One that was empty has 0 at its end. */
  #countExit(process: Process, time: bigint, start: number): void {
    const stretch = time / RATE_NS;
    if (stretch !== process.stretch) {
      // On the time axis no further back than what was written already.
      const since = start - Number(time - (process.stretch + 1n) * RATE_NS);
      this.#counter('exits per ms', process.pid, since, process.count);
      const isBeyond = stretch > process.stretch + 1n;
      if (isBeyond) this.#counter('exits per ms', process.pid, since + Number(RATE_NS), 0);
      process.stretch = stretch;
      process.count = 0;
    }
    process.count++;
  }

  #counter(name: string, pid: number, ns: number, value: number): void {
    this.#event({ ph: 'C', name, pid, ts: us(ns), args: { value } });
  }

  #event(event: TraceEvent): void {
    this.#write(`${this.#separator}${JSON.stringify(event)}`);
    this.#separator = ',\n';
  }
}

const threadOf = (pid: number, vcpu: number): number => pid + 1 + vcpu;

const us = (ns: number): number => ns / NS_PER_US;
