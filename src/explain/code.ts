/**
 * The instruction at RIP for a dump: its bytes, fetched through the page tables as they are in RAM (SDM
 * 3A 4.5 4-Level Paging), disassembled. Permissions are not looked at; 64-bit code only.
 */

import { disassemble, instructionSet } from '../disassembler/disassemble.ts';
import { ROWS } from '../isa/table.ts';
import type { Machine } from '../machine/machine.ts';
import { digits } from './hex.ts';

const MAX_BYTES = 15;
const PTE_P = 1n;
const PTE_PS = 1n << 7n;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;
const CS_L = 0x2000;

/** `CODE=0f 0b  ud2`, nothing where it cannot be fetched. */
export function dumpCode(machine: Machine): string[] {
  const { view } = machine.processor;
  if ((view.segment('cs').access & CS_L) === 0) return [];
  const rip = view.u64('RIP');
  const bytes: number[] = [];
  for (let n = 0n; n < MAX_BYTES; n++) {
    const place = translate(machine, rip + n);
    if (place === undefined) break;
    bytes.push(machine.memory.read(place, 1)[0] ?? 0);
  }
  const options = { mode: 64, origin: rip } as const;
  const [line] = disassemble(Uint8Array.from(bytes), instructionSet(ROWS), options);
  if (line === undefined) return [];
  return [`CODE=${[...line.bytes].map((byte) => digits(byte, 2)).join(' ')}  ${line.text}`];
}

/** The place in RAM of a linear address. */
function translate({ memory, processor }: Machine, address: bigint): number | undefined {
  let entry = processor.view.u64('CR3') | PTE_P;
  for (let shift = 39n; ; shift -= 9n) {
    const at = Number((entry & FRAME_MASK) | (((address >> shift) & 511n) << 3n));
    if (at + 8 > memory.size) return undefined;
    entry = memory.readU64(at);
    if ((entry & PTE_P) === 0n) return undefined;
    const isLeaf = shift === 12n || (shift < 39n && (entry & PTE_PS) !== 0n);
    if (!isLeaf) continue;
    const offset = (1n << shift) - 1n;
    const place = Number((entry & FRAME_MASK & ~offset) | (address & offset));
    return place < memory.size ? place : undefined;
  }
}
