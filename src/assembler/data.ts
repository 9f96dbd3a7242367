/** Data: db to dz, resb to resz, incbin. */

import type { Base } from './base.ts';
import { LineError, locate } from './diagnostics.ts';
import { floatBits, floatOfSize, overflows } from './float.ts';
import { MAX_OUTPUT_BYTES } from './output.ts';
import { littleEndian, type Pass } from './pass.ts';
import type { Data, DataItem, DataSize, IncludeBinary, Reserve } from './statement.ts';
import type { Term, Value } from './value.ts';

export function emitData(pass: Pass, { size, items }: Data): void {
  if (items.length === 0) pass.warn('no operand for data declaration [-w+db-empty]');
  for (const item of items) emitItem(pass, item, size);
}

function emitItem(pass: Pass, item: DataItem, size: DataSize): void {
  switch (item.kind) {
    case 'string':
      pass.emit(paddedString(item.bytes, size));
      return;
    case 'reserve':
      pass.reserve(size);
      return;
    case 'float':
      emitFloat(pass, item, size);
      return;
    case 'group':
      for (const part of item.items) emitItem(pass, part, item.size ?? size);
      return;
    case 'repeat':
      emitRepeat(pass, item, size);
      return;
    case 'value':
      emitNumber(pass, pass.evaluate(item.expression), size, item.column);
  }
}

function emitFloat(
  pass: Pass,
  { text, negative, column }: DataItem & { kind: 'float' },
  size: DataSize,
): void {
  const bits = locate(column, () => floatBits(text, floatOfSize(size), negative));
  if (pass.isFinal && overflows(text, floatOfSize(size))) {
    pass.warn('overflow in floating-point constant [-w+float-overflow]', column);
  }
  pass.emit(littleEndian(bits, size));
}

function emitNumber(pass: Pass, value: Value, size: DataSize, column: number): void {
  if (size > 8) throw new LineError(`integer supplied as ${8 * size}-bit data`, column);
  emitValue(pass, value, size as FieldSize, column);
}

function emitRepeat(
  pass: Pass,
  { count, items, column }: DataItem & { kind: 'repeat' },
  size: DataSize,
): void {
  const times = pass.eventualNumber(count, 'non-constant argument supplied to DUP', column);
  if (times < 0n) throw new LineError('negative argument supplied to DUP', column);
  if (times === 0n) return;
  if (items.every(({ kind }) => kind === 'reserve')) {
    pass.reserve(checkedSize(pass, times * BigInt(items.length * size)));
    return;
  }
  const emitItems = (): void => {
    for (const item of items) emitItem(pass, item, size);
  };
  const before = pass.offset;
  const relocations = pass.output.relocationCount;
  const listed = pass.listedPieces;
  emitItems();
  const length = pass.offset - before;
  const rest = times - 1n;
  checkedSize(pass, BigInt(length) * rest);
  if (pass.output.relocationCount !== relocations) {
    for (let i = 0n; i < rest; i++) emitItems();
    return;
  }
  const pieces = pass.listedPieces - listed;
  pass.list(pass.offset, { kind: 'again', pieces, size: length, count: Number(rest) });
  pass.repeat(length, Number(rest));
}

/** A string fills whole units, with zeros at the end. */
function paddedString(bytes: string, size: number): Uint8Array {
  const padded = new Uint8Array(Math.ceil(bytes.length / size) * size);
  for (let i = 0; i < bytes.length; i++) padded[i] = bytes.charCodeAt(i);
  return padded;
}

/** Bytes of a number that may be an address. */
type FieldSize = 1 | 2 | 4 | 8;

const UNIT = { 1: 'byte', 2: 'word', 4: 'dword', 8: 'qword' } as const;

/** Emits a number or an address. */
export function emitValue(pass: Pass, value: Value, size: FieldSize, column: number): void {
  if (value.registers.length > 0)
    throw new LineError('expression is not simple or relocatable', column);
  if (value.unknown || value.bases.length === 0) {
    warnOverflow(pass, value.constant, size, column);
    pass.emit(littleEndian(value.constant, size));
    return;
  }
  const bases = relocatable(pass, value, column);
  const relative = bases.some(({ count }) => count < 0n);
  const number = { value: value.constant, size, bases, signed: false, wrt: value.wrt };
  pass.emitAddress(number, relative ? value.constant : undefined);
}

/** The bases of a value that a relocation can express: label, or label - $ of this section. */
export function relocatable(pass: Pass, value: Value, column: number): readonly Term<Base>[] {
  const { bases } = value;
  const added = bases.filter(({ count }) => count === 1n);
  const taken = bases.filter(({ of, count }) => count === -1n && of === pass.section.runBase);
  if (added.length > 1 || taken.length > 1 || added.length + taken.length !== bases.length) {
    throw new LineError('expression is not simple or relocatable', column);
  }
  return bases;
}

/** Warns of a number that neither its unsigned nor its signed reading can keep. */
export function warnOverflow(pass: Pass, value: bigint, size: FieldSize, column: number): void {
  if (size === 8) return;
  const limit = 1n << BigInt(8 * size);
  if (value >= limit || value < -limit) {
    pass.warn(`${UNIT[size]} data exceeds bounds [-w+number-overflow]`, column);
  }
}

export function emitReserve(pass: Pass, { size, count, column }: Reserve): void {
  const units = pass.eventualNumber(count, 'non-constant argument supplied to RESB', column);
  if (units < 0n) {
    pass.error('attempt to reserve a negative amount of space', column);
    return;
  }
  const bytes = units * BigInt(size);
  pass.reserve(checkedSize(pass, bytes));
}

/** A size as a number; the run ends if it is past the limit. */
export function checkedSize(pass: Pass, bytes: bigint): number {
  if (bytes > BigInt(MAX_OUTPUT_BYTES)) {
    pass.diagnostics.fatal(pass.place, 'limit', `output is larger than ${MAX_OUTPUT_BYTES} bytes`);
  }
  return Number(bytes);
}

export function emitBinary(pass: Pass, { path, offset, length }: IncludeBinary): void {
  const file = pass.readBinary(path);
  if (!file) throw new LineError(`unable to open input file \`${path}'`);
  const bytes = file.bytes ?? new TextEncoder().encode(file.text ?? '');
  const start = offset ? pass.number(offset, "`incbin': second parameter is non-numeric", 0) : 0n;
  const limit = length
    ? pass.number(length, "`incbin': third parameter is non-numeric", 0)
    : undefined;
  if (start < 0n || start > BigInt(bytes.length)) {
    throw new LineError(`\`incbin': start offset is behind the end of \`${path}'`);
  }
  const rest = BigInt(bytes.length) - start;
  const size = limit === undefined || limit < 0n || limit > rest ? rest : limit;
  const part = bytes.subarray(Number(start), Number(start + size));
  pass.list(pass.offset, { kind: 'tag', tag: 'bin', count: part.length });
  pass.withoutListing(() => pass.emit(part));
}
