/**
 * Exits in the shape of Linux's tracepoints kvm_exit and kvm_entry as trace-cmd prints them: a line for why the guest stopped,
 * and one for what the VMM did before it went on. Times are virtual, so the same guest gives the same trace.
 */

import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { ExitRecord, ExitSink } from '../vmm/exits/exit-record.ts';
import { actionText, hex, instructionText, qualificationText } from './describe.ts';
import type { TraceContext, TraceWriter } from './trace-writer.ts';

const NS_PER_S = 1_000_000_000n;

export class TextTrace implements TraceWriter {
  readonly #write: (text: string) => void;
  readonly #symbols: (vm: string) => SymbolTable;

  constructor({ write, symbols }: Pick<TraceContext, 'write' | 'symbols'>) {
    this.#write = write;
    this.#symbols = symbols;
  }

  readonly sink: ExitSink = (record) => {
    const { vcpu, reason, cpl, entry, actions } = record;
    const about = qualificationText(record.qualification);
    const why = `${instructionText(record)}${about === '' ? '' : ` | ${about}`}`;
    const at = `vcpu ${vcpu} reason ${reason} rip ${this.#place(record.vm, record.rip)} cpl ${cpl}`;
    const did = actions.map(actionText).join(', ');
    if (entry === undefined) {
      this.#line(record, record.time, 'kvm_exit', `${at} | ${why} | ${did}`);
      return;
    }
    this.#line(record, record.time, 'kvm_exit', `${at} | ${why}`);
    this.#line(
      record,
      entry.time,
      'kvm_entry',
      `vcpu ${vcpu}, rip ${this.#place(record.vm, entry.rip)} | ${did}`,
    );
  };

  end(): void {}

  #line({ vm, vcpu }: ExitRecord, time: bigint, name: string, text: string): void {
    const task = `${vm}-${vcpu}`.padStart(16);
    const seconds = `${time / NS_PER_S}.${String(time % NS_PER_S).padStart(9, '0')}`;
    const head = `${task} [${String(vcpu).padStart(3, '0')}] ${seconds.padStart(16)}`;
    this.#write(`${head}: ${`${name}:`.padEnd(11)} ${text}\n`);
  }

  #place(vm: string, rip: bigint): string {
    const name = this.#symbols(vm).name(rip);
    return name === undefined ? hex(rip) : `${hex(rip)} (${name})`;
  }
}
