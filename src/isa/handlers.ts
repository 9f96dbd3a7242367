/**
 * Handlers: the cases of the processor's dispatch switch, and which of them each decode-table entry uses.
 *
 * A handler is named by a key. Uops with a kind of their own (uops.ts) get one per operand shape and
 * size: `add.RM.64` is ADD of a 64-bit register with memory; other uops get one, `fn.cpuid`. Letters:
 * R register, M memory, I immediate. The numbering is a function of the rows, so the generator (gen.ts) and
 * whoever writes the tables into linear memory agree without a file between them.
 */

import { exitReason } from '../base/exit-reasons.ts';
import type { DecodeTables } from './decode-table.ts';
import { ENTRY, ENTRY_BYTES } from './decode-table.ts';
import type { Insn, Operand } from './row.ts';
import { endsBlock, uopKind } from './uops.ts';

/** Handlers that stand for no row. */
export const FIXED_HANDLERS = ['undefined', 'end', 'guard'] as const;

/** Key of the handler for a row with its r/m operand, if it has one, in a register or in memory. */
export function handlerKey(row: Insn, inMemory: boolean): string {
  const shape = row.operands.map((operand) => letter(operand, inMemory)).join('');
  const bits = row.operands.map((operand) => widthOf(operand, inMemory));
  const { uop } = row;
  switch (uopKind(uop)) {
    case 'binary':
    case 'compare':
    case 'move':
    case 'unary':
    case 'shift':
      return `${uop}.${shape}.${bits[0]}`;
    case 'triple':
      return `${uop}.${shape}.${bits[0]}`;
    case 'extend':
      return `${uop}.${shape}.${bits[0]}.${bits[1]}`;
    case 'cmov':
    case 'lea':
      return `${uop}.${shape}.${bits[0]}`;
    case 'set':
      return `${uop}.${shape}`;
    case 'jcc':
    case 'jmp':
    case 'nop':
      return uop;
    case 'call':
    case 'jmpIndirect':
    case 'callIndirect':
    case 'ret':
      return nearKey(row, shape);
    case 'push':
    case 'pop':
      return shape === 'R' ? nearKey(row, shape) : `fn.${uop}`;
    case 'handler':
      return `fn.${uop}`;
  }
}

/** Functions of asm/exec for near branches and stack instructions of any form outside 64-bit mode. */
const GENERAL: Readonly<Record<string, string>> = {
  call: 'callNear',
  ret: 'retNear',
  jmpIndirect: 'jmpNearIndirect',
  callIndirect: 'callNearIndirect',
  push: 'push',
  pop: 'pop',
};

/** Key of a near branch or stack instruction: 64-bit and 32-bit forms have a template of their own. */
function nearKey({ uop, modes, encoding }: Insn, shape: string): string {
  const head = /^(call|ret)$/.test(uop) ? uop : `${uop}.${shape}`;
  if (modes === 'long64') return head;
  return modes === 'legacy' && encoding.operandSize === 32 ? `${head}.32` : `fn.${GENERAL[uop]}`;
}

/** The function of asm/exec behind a handler: that of a `fn.` key, or what does all that a 32-bit form does. */
export function handlerFunction(key: string): string | undefined {
  const [head = '', second = ''] = key.split('.');
  if (head === 'fn') return second;
  return key.endsWith('.32') ? GENERAL[head] : undefined;
}

function letter(operand: Operand, inMemory: boolean): string {
  if (operand.kind === 'imm' || operand.kind === 'one' || operand.kind === 'rel') return 'I';
  return operand.memory && inMemory ? 'M' : 'R';
}

function widthOf(operand: Operand, inMemory: boolean): number {
  return operand.memory && inMemory ? operand.memoryBits : operand.bits;
}

/** A row can have its r/m operand in a register; in memory. Rows without one count as register. */
export function forms(row: Insn): { register: boolean; memory: boolean } {
  const operand = row.operands.find((candidate) => candidate.memory);
  if (operand === undefined) return { register: true, memory: false };
  return { register: operand.kind === 'gpr', memory: true };
}

/** All handler keys that the rows need, in the order of their numbers. */
export function enumerateHandlers(rows: readonly Insn[]): readonly string[] {
  const keys = new Set<string>(FIXED_HANDLERS);
  for (const row of rows) {
    const { register, memory } = forms(row);
    if (register) keys.add(handlerKey(row, false));
    if (memory) keys.add(handlerKey(row, true));
  }
  return [...keys];
}

/** Bytes per decode-table entry in the handler table (asm/layout.ts, DECODE_HANDLERS). */
export const HANDLER_BYTES = 8;
const ENDS = 1;

/**
 * The handler table for decode tables built from `rows`: per entry u16 register form, u16 memory form,
 * u8 memory accesses of each form, u16 bits (0: ends its block; 9:8 log2 of the operand size it names).
 * `numbers` is the enumeration over the rows that the processor was generated from.
 */
export function buildHandlerTable(
  rows: readonly Insn[],
  tables: DecodeTables,
  numbers: readonly string[],
): Uint8Array {
  const count = tables.entries.length / ENTRY_BYTES;
  const bytes = new Uint8Array(count * HANDLER_BYTES);
  const view = new DataView(bytes.buffer);
  const entries = new DataView(tables.entries.buffer, tables.entries.byteOffset);
  const numberOf = new Map(numbers.map((key, number) => [key, number]));
  for (let n = 0; n < count; n++) {
    const row = rows[entries.getUint16(n * ENTRY_BYTES + ENTRY.ROW, true)];
    if (row === undefined) continue;
    const at = n * HANDLER_BYTES;
    const { register, memory } = forms(row);
    if (register) view.setUint16(at, numberOf.get(handlerKey(row, false)) ?? 0, true);
    if (memory) view.setUint16(at + 2, numberOf.get(handlerKey(row, true)) ?? 0, true);
    bytes[at + 4] = accesses(row, false);
    bytes[at + 5] = accesses(row, true);
    view.setUint16(at + 6, (rowEnds(row) ? ENDS : 0) | (sizeCode(row) << 8), true);
  }
  return bytes;
}

function sizeCode({ encoding }: Insn): number {
  return encoding.operandSize === undefined ? 0 : Math.log2(encoding.operandSize / 8);
}

const BRANCHES = new Set(['jcc', 'jmp', 'call', 'jmpIndirect', 'callIndirect', 'ret']);

function rowEnds(row: Insn): boolean {
  const isGuarded = (row.priv ?? 'never') !== 'never' || exitReason(row.exit) !== 0;
  return BRANCHES.has(uopKind(row.uop)) || endsBlock(row.uop) || isGuarded;
}

const STACK_ACCESS = new Set(['push', 'pop', 'call', 'callIndirect', 'ret']);

/** Memory accesses counted for one execution: one per memory operand, one per word on the stack. */
function accesses(row: Insn, inMemory: boolean): number {
  const onStack = STACK_ACCESS.has(uopKind(row.uop)) ? 1 : 0;
  const operand = inMemory && !['lea', 'nop'].includes(uopKind(row.uop)) ? 1 : 0;
  return onStack + operand;
}
