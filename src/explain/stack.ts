/**
 * Where the guest came from: the words on its stack that point into code which has a name. Hand-written
 * kernels keep no frame pointers, so some may be left over from calls that have returned.
 */

import type { Machine } from '../machine/machine.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { codeBits } from './code.ts';
import { digits, hex } from './hex.ts';
import { readLinear } from './linear-memory.ts';

const WORDS = 256;
const MAX_LINES = 16;
const RSP = 4;
const SS_B = 0x4000;

/** One line a word, nearest first; nothing where no word points into code. */
export function dumpStack(machine: Machine, symbols: SymbolTable): string[] {
  const { view } = machine.processor;
  const wordBytes = codeBits(view) === 64 ? 8 : 4;
  const bytes = readLinear(machine, stackPointer(machine), WORDS * wordBytes);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  for (let at = 0; at + wordBytes <= bytes.length && lines.length < MAX_LINES; at += wordBytes) {
    const word = wordBytes === 8 ? data.getBigUint64(at, true) : BigInt(data.getUint32(at, true));
    const found = symbols.find(word);
    if (found === undefined || found.symbol.kind === 'data') continue;
    lines.push(`  SP+${hex(at, 2)}: ${digits(word, wordBytes * 2)} (${symbols.name(word)})`);
  }
  return lines.length === 0 ? [] : ['on the stack, pointing into code:', ...lines];
}

/** Its linear address. */
function stackPointer({ processor: { view } }: Machine): bigint {
  const rsp = view.gpr[RSP] ?? 0n;
  if (codeBits(view) === 64) return rsp;
  const { base, access } = view.segment('ss');
  return base + BigInt.asUintN(access & SS_B ? 32 : 16, rsp);
}
