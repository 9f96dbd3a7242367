/**
 * The descriptor tables and the TSS (SDM 3A 3.4.5 Segment Descriptors, 3.5, 5.8.3 Call Gates, 6.11, 6.14.1, 7.2).
 * Accessed and busy bits are set where the processor would set them.
 */

import type { X86Mode } from './modes.ts';
import * as at from './places.ts';
import * as sel from './selectors.ts';

const P = 0x80;
const DPL3 = 0x60;
const DPL1 = 0x20;
const CODE_TYPE = 0x1b;
const DATA_TYPE = 0x13;
const CONFORMING = 0x04;
const READABLE = 0x02;
const EXPAND_DOWN = 0x04;
const WRITABLE = 0x02;
const TYPE_LDT = 0x02;
const TYPE_TASK_GATE = 0x05;
const TYPE_TSS = 0x09;
const TYPE_TSS_BUSY = 0x0b;
const TYPE_CALL_GATE = 0x0c;
const TYPE_INTERRUPT_GATE = 0x0e;
const TYPE_TRAP_GATE = 0x0f;
const G = 0x8;
const DB = 0x4;
const L = 0x2;
const AVL = 0x1;

/** Linear addresses that the tables lead to. */
export interface TablePlaces {
  readonly code: number;
  readonly handlers: number;
  readonly ldt: number;
  readonly tss: number;
  readonly stack: number;
}

const PLACES: TablePlaces = {
  code: at.CODE,
  handlers: at.HANDLERS,
  ldt: at.LDT,
  tss: at.TSS,
  stack: at.SYSTEM_STACK_TOP,
};

export const GDT_BYTES = 0x300;
export const TSS_LIMIT = 0x2068;
/** Behind the fields of a TSS: a bit for each port, and the byte of ones that ends it. */
const IO_BITMAP = 0x68;
const IO_BITMAP_BYTES = 0x2001;

/** Four numbers that make a segment descriptor: access byte, flags, limit in bytes or pages. */
function segment(access: number, flags: number, limit = 0xfffff, base = 0): bigint {
  const low = (limit & 0xffff) | ((base & 0xffff) * 0x10000);
  const high =
    ((base >>> 16) & 0xff) |
    (access << 8) |
    ((limit >>> 16) << 16) |
    (flags << 20) |
    (base & 0xff000000);
  return BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
}

function gate(type: number, dpl: number, selector: number, offset: number, present = P): bigint {
  const low = (offset & 0xffff) | (selector << 16);
  const high = (offset & 0xffff0000) | ((present | dpl | type) << 8);
  return BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
}

/** The GDT. With `other`, descriptors that no register is loaded from have other types, limits and presence. */
export function buildGdt(mode: X86Mode, other: boolean, places = PLACES): Uint8Array {
  const table = new DataView(new ArrayBuffer(GDT_BYTES));
  const put = (selector: number, descriptor: bigint): void =>
    table.setBigUint64(selector, descriptor, true);
  const code = G | (mode.isLong ? L : DB);
  const data = G | DB;
  const limit = other ? 0x8fff0 : 0x7ffff;
  /** Not present in the other table. */
  const lost = other ? 0 : P;
  put(sel.KERNEL_CODE, segment(P | CODE_TYPE, code));
  put(sel.KERNEL_DATA, segment(P | DATA_TYPE, data));
  put(sel.USER_CODE_32, segment(P | DPL3 | CODE_TYPE, G | DB));
  put(sel.USER_DATA, segment(P | DPL3 | DATA_TYPE, data));
  put(sel.USER_CODE, segment(P | DPL3 | CODE_TYPE, code));
  put(0x30, segment(P | DPL3 | DATA_TYPE, data));
  put(sel.KERNEL_CODE_TWIN, segment(P | CODE_TYPE, code));
  put(sel.KERNEL_DATA_TWIN, segment(P | DATA_TYPE, data));
  put(sel.USER_CODE_TWIN, segment(P | DPL3 | CODE_TYPE, code));
  put(sel.USER_DATA_TWIN, segment(P | DPL3 | DATA_TYPE, data));
  put(sel.CONFORMING, segment(lost | CODE_TYPE | CONFORMING, code, limit | 0x70000));
  put(0x60, segment(P | DPL3 | CODE_TYPE | CONFORMING, code, limit));
  put(0x68, segment(P | DPL3 | (CODE_TYPE & ~READABLE) | (other ? READABLE : 0), code, limit));
  put(sel.USER_READ_ONLY, segment(lost | DPL3 | (DATA_TYPE & ~WRITABLE), data, limit));
  put(0x78, segment(P | DPL3 | DATA_TYPE | EXPAND_DOWN, data, other ? 0x10 : 0x20));
  put(0x80, segment(P | (other ? DPL3 : DPL1) | DATA_TYPE, data | AVL, limit));
  put(0x88, segment((other ? P : 0) | DPL3 | DATA_TYPE, data, limit));
  put(0x90, segment((other ? P : 0) | DPL3 | CODE_TYPE, code, limit));
  put(0x98, segment(P | DPL3 | CODE_TYPE, 0, 0xffff));
  putSystem(put, mode, other, places);
  return new Uint8Array(table.buffer);
}

type Put = (selector: number, descriptor: bigint) => void;

/** Descriptors of the system, two slots each, since they take that in long mode. */
function putSystem(
  put: Put,
  { isLong }: X86Mode,
  other: boolean,
  { code, handlers, ldt, tss }: TablePlaces,
): void {
  const dpl = other ? DPL3 : 0;
  const lost = other ? 0 : P;
  put(sel.LDT_SELECTOR, segment(P | TYPE_LDT, 0, sel.LDT_END - 1, ldt));
  put(sel.LDT_TWIN, segment(lost | TYPE_LDT, 0, sel.LDT_END - 1, ldt));
  put(sel.TSS_SELECTOR, segment(P | TYPE_TSS_BUSY, 0, TSS_LIMIT, tss));
  put(sel.TSS_TWIN, segment(P | TYPE_TSS_BUSY, 0, TSS_LIMIT, tss));
  put(sel.TSS_FREE, segment(lost | TYPE_TSS, 0, TSS_LIMIT, tss));
  put(0xf0, segment(P | TYPE_TSS | dpl, 0, TSS_LIMIT, tss));
  put(sel.GATE_KERNEL, gate(TYPE_CALL_GATE, dpl, sel.KERNEL_CODE, handlers + 0x10));
  put(sel.GATE_USER, gate(TYPE_CALL_GATE, DPL3, sel.KERNEL_CODE, handlers + (other ? 0x30 : 0x20)));
  put(
    sel.GATE_CONFORMING,
    gate(TYPE_CALL_GATE, DPL3, sel.CONFORMING, code + (other ? 0x900 : 0xa00)),
  );
  put(sel.GATE_ABSENT, gate(TYPE_CALL_GATE, DPL3, sel.KERNEL_CODE, handlers, 0));
  if (!isLong) put(sel.TASK_GATE, gate(TYPE_TASK_GATE, DPL3, sel.TSS_FREE, 0));
}

export function buildLdt(mode: X86Mode, other: boolean): Uint8Array {
  const table = new DataView(new ArrayBuffer(sel.LDT_END));
  const put = (at: number, descriptor: bigint): void => table.setBigUint64(at, descriptor, true);
  const code = G | (mode.isLong ? L : DB);
  const limit = other ? 0xcfff0 : 0xdffff;
  put(0x08, segment((other ? 0 : P) | DPL3 | DATA_TYPE, G | DB, limit));
  put(0x10, segment(P | DPL3 | CODE_TYPE, code, limit));
  put(0x18, segment(P | (other ? DPL3 : 0) | DATA_TYPE, G | DB, limit));
  put(0x20, segment((other ? P : 0) | DPL3 | DATA_TYPE, G | DB, limit));
  put(0x28, segment(P | CODE_TYPE | CONFORMING, code, limit));
  return new Uint8Array(table.buffer);
}

/** Vectors that user mode may raise, in the way of Linux; behind them gates of every kind. */
const BREAKPOINT = 3;
const OVERFLOW = 4;
const FIRST_FREE = 0x20;

/** The IDT; with `other` each handler lies elsewhere. */
export function buildIdt({ isLong }: X86Mode, other: boolean, places = PLACES): Uint8Array {
  const bytes = isLong ? 16 : 8;
  const table = new DataView(new ArrayBuffer(256 * bytes));
  for (let vector = 0; vector < 256; vector++) {
    table.setBigUint64(vector * bytes, interruptGate(vector, other ? 8 : 0, places), true);
  }
  return new Uint8Array(table.buffer);
}

function interruptGate(vector: number, shift: number, { code, handlers }: TablePlaces): bigint {
  const handler = handlers + vector * 12 + shift;
  const isUser = vector === BREAKPOINT || vector === OVERFLOW;
  const kind = vector < FIRST_FREE ? -1 : vector % 8;
  if (kind === 7) return gate(TYPE_TRAP_GATE, DPL3, sel.CONFORMING, code + 0xb00 + shift);
  if (kind === 6) return gate(TYPE_INTERRUPT_GATE, DPL3, sel.KERNEL_CODE, handler, 0);
  const type = kind === 1 || kind === 5 ? TYPE_TRAP_GATE : TYPE_INTERRUPT_GATE;
  return gate(type, isUser || kind >= 3 ? DPL3 : 0, sel.KERNEL_CODE, handler);
}

/** The TSS with an I/O bitmap that allows nothing; with `other` the stacks lie elsewhere. */
export function buildTss({ isLong }: X86Mode, other: boolean, places = PLACES): Uint8Array {
  const table = new DataView(new ArrayBuffer(IO_BITMAP + IO_BITMAP_BYTES));
  const stack = places.stack - (other ? 0x200 : 0);
  if (isLong) {
    for (const at of [4, 12, 20, 36]) table.setBigUint64(at, BigInt(stack), true);
  } else {
    table.setUint32(4, stack, true);
    table.setUint16(8, sel.KERNEL_DATA, true);
  }
  table.setUint16(0x66, IO_BITMAP, true);
  const bytes = new Uint8Array(table.buffer);
  bytes.fill(0xff, IO_BITMAP);
  return bytes;
}
