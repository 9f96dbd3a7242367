/** Where exits are written to, in one of several formats. */

import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { ExitSink } from '../vmm/exits/exit-record.ts';

/** What traces are made of, beside the exits. */
export interface TraceContext {
  readonly write: (text: string) => void;
  /** Names addresses of the guest's code. */
  /** Names of addresses in the guest of the VM named. */
  readonly symbols: (vm: string) => SymbolTable;
  /** Shadow pages that the VM of that name has now. */
  readonly shadowPages: (vm: string) => number;
}

export interface TraceWriter {
  readonly sink: ExitSink;
  /** The run has ended. */
  end(): void;
}
