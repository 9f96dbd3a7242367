/** The input of `exec`: checks a parsed JSON value and turns it into numbers. */

import { GPR_NAMES, LOADABLE_SEGMENTS } from './cpu-view.ts';
import { MAX_LDT_ENTRIES } from './exec-system.ts';

/** A malformed request; the message names the field. */
export class ExecError extends Error {
  override readonly name = 'ExecError';
  readonly code = 'EXEC_REQUEST';
}

/** Bytes to be mapped at GVA `address`. */
export interface Piece {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** State in which an instruction starts: 64-bit mode, or 32-bit protected (or compatibility) mode. */
export type ExecMode = 'long64' | 'prot32';

export interface ExecRequest {
  /** In the order in which they overwrite one another. */
  readonly pieces: readonly Piece[];
  readonly code: Uint8Array;
  readonly mode: ExecMode;
  readonly cpl: 0 | 3;
  /** Descriptors of the LDT; none where there is no LDT. */
  readonly ldt: readonly bigint[];
  readonly steps: number;
  readonly regs: ReadonlyMap<string, bigint>;
}

/** Registers that `regs` may name. */
export const REGISTER_NAMES: ReadonlySet<string> = new Set([
  ...GPR_NAMES,
  ...LOADABLE_SEGMENTS,
  ...['rip', 'rflags', 'fs_base', 'gs_base', 'cr0', 'cr2', 'cr3', 'cr4', 'efer'],
]);
const FIELDS = new Set(['code', 'mode', 'cpl', 'steps', 'regs', 'mem', 'ldt']);
const MAX_STEPS = 1 << 20;

/** Checks `value`; throws ExecError. */
export function parseRequest(value: unknown): ExecRequest {
  const fields = record(value, 'request');
  for (const name of Object.keys(fields)) {
    if (!FIELDS.has(name)) throw new ExecError(`unknown field '${name}'`);
  }
  const { code, mode = 'long64', cpl = 3, steps = 1, regs = {}, mem = [], ldt = [] } = fields;
  if (mode !== 'long64' && mode !== 'prot32') {
    throw new ExecError('mode must be "long64" or "prot32"');
  }
  if (cpl !== 0 && cpl !== 3) throw new ExecError('cpl must be 0 or 3');
  const inRange = typeof steps === 'number' && Number.isInteger(steps) && steps >= 1;
  if (!inRange || steps > MAX_STEPS) throw new ExecError(`steps must be 1 to ${MAX_STEPS}`);
  if (typeof code !== 'string') throw new ExecError('code must be a string of hexadecimal bytes');
  return {
    pieces: parsePieces(mem),
    code: hexBytes(code, 'code'),
    mode,
    cpl,
    ldt: parseLdt(ldt),
    steps,
    regs: parseRegisters(record(regs, 'regs')),
  };
}

function parseLdt(ldt: unknown): bigint[] {
  if (!Array.isArray(ldt) || ldt.length > MAX_LDT_ENTRIES) {
    throw new ExecError(`ldt must be an array of at most ${MAX_LDT_ENTRIES} descriptors`);
  }
  return ldt.map((entry: unknown, n) => number(entry, `ldt[${n}]`));
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ExecError(`${what} must be an object`);
  }
  return value as Record<string, unknown>;
}

function parseRegisters(regs: Record<string, unknown>): Map<string, bigint> {
  const numbers = new Map<string, bigint>();
  for (const [name, value] of Object.entries(regs)) {
    if (!REGISTER_NAMES.has(name)) throw new ExecError(`unknown register '${name}'`);
    numbers.set(name, number(value, name));
  }
  return numbers;
}

function parsePieces(mem: unknown): Piece[] {
  if (!Array.isArray(mem)) throw new ExecError('mem must be an array of [address, bytes]');
  return mem.map((entry: unknown, n) => {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[1] !== 'string') {
      throw new ExecError(`mem[${n}] must be [address, hexadecimal bytes]`);
    }
    return { address: number(entry[0], `mem[${n}]`), bytes: hexBytes(entry[1], `mem[${n}]`) };
  });
}

/** A u64 given as "0x1f", "31" or a JSON number. */
function number(value: unknown, what: string): bigint {
  const isNumeral = typeof value === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(value);
  const isInteger = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (!isNumeral && !isInteger) throw new ExecError(`${what} must be a number such as "0x1f"`);
  const result = BigInt(value);
  if (result >> 64n !== 0n) throw new ExecError(`${what} does not fit 64 bits`);
  return result;
}

function hexBytes(text: string, what: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  let invalid = text.length & 1;
  for (let n = 0; n < bytes.length; n++) {
    const byte = (digit(text, 2 * n) << 4) | digit(text, 2 * n + 1);
    invalid |= byte >> 8;
    bytes[n] = byte;
  }
  if (invalid !== 0) throw new ExecError(`${what} must be pairs of hexadecimal digits`);
  return bytes;
}

/** DIGITS[128]: value of a hexadecimal digit by its ASCII code, -1 for other characters. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()),
);

function digit(text: string, at: number): number {
  return DIGITS[text.charCodeAt(at)] ?? -1;
}
