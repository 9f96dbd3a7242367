/** A PC with a program in its RAM: assembles a source, boots it and collects what it sends. */

import { assemble } from '../../src/assembler/assemble.ts';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import type { RunEnd } from '../../src/machine/machine.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc, type PcOptions } from '../../src/pc/pc.ts';
import { assembledSymbols } from '../../src/symbols/assembled-symbols.ts';
import type { SymbolTable } from '../../src/symbols/symbol-table.ts';

const module = loadProcessorModule();

/** A booted PC and the bytes that it has sent on COM1 so far. */
export interface Booted {
  readonly pc: Pc;
  readonly sent: number[];
  readonly symbols: SymbolTable;
}

/** Boots `source`, which is put at 0x100000; `origin` comes before it. */
export function boot(source: string, options: PcOptions = {}): Booted {
  const text = `bits 64\norg 0x100000\n${source}`;
  const { bytes, symbols } = assemble(text, { file: 'test.asm' });
  const sent: number[] = [];
  const pc = new Pc(module, { com1: (byte) => sent.push(byte), ...options });
  loadImage(pc.machine, flatImage(bytes));
  return { pc, sent, symbols: assembledSymbols(symbols) };
}

/** Runs to the end, with `input` on COM1 for a guest that asks. */
export function finish({ pc }: Booted, input: Iterable<number> = []): RunEnd {
  const bytes = input[Symbol.iterator]();
  for (;;) {
    const end = pc.machine.run();
    if (end.kind !== 'input') return end;
    const { done, value } = bytes.next();
    pc.com1.supply(done ? undefined : value);
  }
}
