/**
 * What the processor has of the instruction table in linear memory: the decode tables and the handler
 * of each entry. The build embeds those of ROWS in the WebAssembly module as a custom section, so that
 * starting a machine does not build them: u32 size of each table in bytes, then the tables.
 */

import { buildDecodeTables } from './decode-table.ts';
import { buildHandlerTable, enumerateHandlers } from './handlers.ts';
import type { Insn } from './row.ts';
import { ROWS } from './table.ts';

/** Name of the custom section. */
export const TABLES_SECTION = 'trapline-tables';

/** index[2049]: u16, entries[32 * n]: u8, shapes[1024]: u8 (decode-table.ts), handlers[8 * n]: u8 (handlers.ts). */
export interface ProcessorTables {
  readonly index: Uint8Array;
  readonly entries: Uint8Array;
  readonly shapes: Uint8Array;
  readonly handlers: Uint8Array;
}

/** The tables of ROWS, or of a variant with the same rows edited. */
export function buildProcessorTables(rows: readonly Insn[] = ROWS): ProcessorTables {
  const decode = buildDecodeTables(rows);
  const handlers = buildHandlerTable(rows, decode, enumerateHandlers(ROWS));
  return { ...decode, index: new Uint8Array(decode.index.buffer), handlers };
}

const HEADER_BYTES = 16;

/** The content of the custom section. */
export function packTables({ index, entries, shapes, handlers }: ProcessorTables): Uint8Array {
  const parts = [index, entries, shapes, handlers];
  const sizes = Uint32Array.from(parts, (part) => part.length);
  const packed = new Uint8Array(sizes.reduce((sum, size) => sum + size, HEADER_BYTES));
  packed.set(new Uint8Array(sizes.buffer));
  let at = HEADER_BYTES;
  for (const part of parts) {
    packed.set(part, at);
    at += part.length;
  }
  return packed;
}

/** The tables out of the content of the custom section. */
export function unpackTables(packed: ArrayBuffer): ProcessorTables {
  const sizes = new Uint32Array(packed, 0, HEADER_BYTES / 4);
  let at = HEADER_BYTES;
  const [index, entries, shapes, handlers] = Array.from(sizes, (size) => {
    at += size;
    return new Uint8Array(packed, at - size, size);
  }) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return { index, entries, shapes, handlers };
}
