/** Exits as a JSON object a line: all that is known, 64-bit numbers as hexadecimal strings, times in nanoseconds. */

import type { SymbolTable } from '../symbols/symbol-table.ts';
import { EXIT_NUMBERS } from '../vmm/exits/exit-reasons.ts';
import type { ExitSink } from '../vmm/exits/exit-record.ts';
import { hex, instructionText } from './describe.ts';
import type { TraceContext, TraceWriter } from './trace-writer.ts';

export class JsonLines implements TraceWriter {
  readonly #write: (text: string) => void;
  readonly #symbols: (vm: string) => SymbolTable;

  constructor({ write, symbols }: Pick<TraceContext, 'write' | 'symbols'>) {
    this.#write = write;
    this.#symbols = symbols;
  }

  readonly sink: ExitSink = (record) => {
    const { vm, vcpu, time, rip, cpl, reason, bytes, actions, entry } = record;
    const line = {
      time: Number(time),
      vm,
      vcpu,
      rip,
      symbol: this.#symbols(vm).name(rip) ?? null,
      cpl,
      reason,
      number: EXIT_NUMBERS[reason],
      qualification: record.qualification ?? null,
      bytes: [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
      instruction: instructionText(record),
      actions,
      entry: entry ? { time: Number(entry.time), rip: entry.rip } : null,
      hostNs: record.hostNs,
    };
    this.#write(`${JSON.stringify(line, hexBigints)}\n`);
  };

  end(): void {}
}

function hexBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? hex(value) : value;
}
