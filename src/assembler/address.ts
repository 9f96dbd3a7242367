/**
 * From the value of an address expression to base, index, scale and displacement, as NASM splits it
 * (manual 3.3 Effective Addresses): [eax*5] is [eax+eax*4], [eax*2] is [eax+eax] unless `nosplit`, the
 * register written first is the base unless it was multiplied, esp is never the index.
 */

import type { Address } from '../isa/encode.ts';
import { LineError } from './diagnostics.ts';
import type { Register } from './registers.ts';
import type { RegisterHint, Value } from './value.ts';

/** What stands in the brackets beside the expression. */
export interface AddressOptions {
  readonly mode: 32 | 64;
  readonly nosplit: boolean;
  readonly displacementBits: number | undefined;
  /** From an a32 or a64 prefix. */
  readonly addressBits: number | undefined;
  readonly ripRelative: boolean;
}

interface Split {
  base: Register | undefined;
  index: Register | undefined;
  scale: number;
}

export function toAddress(value: Value, options: AddressOptions): Address {
  const parts = split(value);
  const bits = addressBits(parts, options);
  arrange(parts, value.hint, options.nosplit);
  const { base, index, scale } = parts;
  if (index && (isStackPointer(index) || !isScale(scale)))
    throw new LineError('invalid effective address');
  checkDisplacementSize(options, base ?? index);
  const size = options.displacementBits;
  return {
    base,
    index,
    scale: (isScale(scale) ? scale : 1) as 1 | 2 | 4 | 8,
    displacement: value.constant,
    displacementSize: size === 8 ? 1 : size === 32 ? 4 : size === 64 ? 8 : undefined,
    movable: value.unknown || value.sections.length > 0,
    ripRelative: options.ripRelative && !base && !index,
    bits,
  };
}

function isScale(scale: number): boolean {
  return scale === 1 || scale === 2 || scale === 4 || scale === 8;
}

/** One register may be the base if it is not multiplied; another is the index. */
function split(value: Value): Split {
  const parts: Split = { base: undefined, index: undefined, scale: 1 };
  for (const { of: register, count } of value.registers) {
    if (register.class !== 'gpr' || register.bits < 16) {
      throw new LineError('invalid effective address: impossible register');
    }
    if (count === 1n && !parts.base) parts.base = register;
    else if (!parts.index) {
      parts.index = register;
      parts.scale = Number(count);
    } else throw new LineError('invalid effective address: too many registers');
  }
  return parts;
}

function addressBits({ base, index }: Split, options: AddressOptions): 32 | 64 {
  const { mode } = options;
  const widths = [base?.bits, index?.bits, options.addressBits].filter((b) => b !== undefined);
  const bits = widths[0] ?? mode;
  if (bits === 16) throw new LineError('16-bit addressing is not supported');
  if (widths.some((width) => width !== bits) || (bits === 64 && mode === 32)) {
    throw new LineError('impossible combination of address sizes');
  }
  return bits === 64 ? 64 : 32;
}

function arrange(parts: Split, hint: RegisterHint | undefined, nosplit: boolean): void {
  const { base, index, scale } = parts;
  if (base && index) {
    if (scale === 1 && isMisplaced(base, index, hint)) swap(parts);
  } else if (base) {
    if (nosplit && hint?.role === 'notBase' && !isStackPointer(base)) swap(parts);
  } else if (index && isDivisible(parts, hint, nosplit)) {
    parts.base = index;
    parts.scale = scale - 1;
  }
  if (parts.scale === 1 && isStackPointer(parts.index)) swap(parts);
}

function swap(parts: Split): void {
  [parts.base, parts.index] = [parts.index, parts.base];
}

/** The way the registers were written asks for the other one as base. */
function isMisplaced(base: Register, index: Register, hint: RegisterHint | undefined): boolean {
  if (hint?.role === 'notBase') return hint.register === base;
  return hint?.role === 'base' && hint.register === index;
}

/** A multiple that splits into base and index: 2 (unless `nosplit`), 3, 5, 9. */
function isDivisible(
  { index, scale }: Split,
  hint: RegisterHint | undefined,
  nosplit: boolean,
): boolean {
  if (scale === 2) return !isStackPointer(index) && (!nosplit || hint?.role === 'summed');
  return scale === 3 || scale === 5 || scale === 9;
}

/** rsp and esp cannot be scaled; r12 can. */
function isStackPointer(register: Register | undefined): boolean {
  return register?.number === 4;
}

function checkDisplacementSize(options: AddressOptions, register: Register | undefined): void {
  const { displacementBits } = options;
  if (displacementBits === 16) throw new LineError('16-bit addressing is not supported');
  if (register && displacementBits === 64) throw new LineError('invalid effective address');
}
