/**
 * From the value of an address expression to base, index, scale and displacement, as NASM splits it
 * (manual 3.3 Effective Addresses): [eax*5] is [eax+eax*4], [eax*2] is [eax+eax] unless `nosplit`, the
 * register written first is the base unless it was multiplied, esp is never the index; of 16-bit
 * registers bx or bp is the base and si or di the index.
 */

import { existsIn16 } from '../isa/encode-address.ts';
import type { Address } from '../isa/operand-value.ts';
import type { CodeMode } from '../isa/row.ts';
import { LineError } from './diagnostics.ts';
import type { Register } from './registers.ts';
import type { RegisterHint, Value } from './value.ts';

/** What stands in the brackets beside the expression. */
export interface AddressOptions {
  readonly mode: CodeMode;
  readonly nosplit: boolean;
  readonly displacementBits: number | undefined;
  /** From an a16, a32 or a64 prefix. */
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
  if (bits === 16) arrange16(parts);
  else arrange(parts, value.hint, options.nosplit);
  const { base, index, scale } = parts;
  if (!isEncodable(parts, bits)) throw invalid(options);
  return {
    base,
    index,
    scale: (isScale(scale) ? scale : 1) as 1 | 2 | 4 | 8,
    displacement: value.constant,
    displacementSize: displacementSize(options, base ?? index, bits),
    movable: value.unknown || value.bases.length > 0,
    ripRelative: options.ripRelative && !base && !index,
    bits,
  };
}

function invalid({ mode }: AddressOptions): LineError {
  return new LineError(`invalid ${mode}-bit effective address`);
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

export const NO_16_BIT_ADDRESSES = '16-bit addressing is not supported in 64-bit mode';

const OTHER_SIZE = { 64: 32, 32: 16, 16: 32 } as const;

/** The mode's own size or its other one, as registers, prefix and displacement size allow. */
function addressBits({ base, index }: Split, options: AddressOptions): CodeMode {
  const { mode, displacementBits } = options;
  if (options.addressBits === 16 && mode === 64) throw new LineError(NO_16_BIT_ADDRESSES);
  const widths = [base?.bits, index?.bits, options.addressBits];
  if (!base && !index && displacementBits !== undefined) {
    const tells = mode === 64 ? displacementBits === 16 : displacementBits > 8;
    if (tells) widths.push(displacementBits);
  }
  const allows = (bits: number): boolean =>
    widths.every((width) => width === undefined || width === bits);
  if (allows(mode)) return mode;
  const other = OTHER_SIZE[mode];
  if (allows(other)) return other;
  throw new LineError('impossible combination of address sizes');
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

const BX = 3;
const BP = 5;

/** The base is bx or bp where there is one; a lone register is the base. */
function arrange16(parts: Split): void {
  const { base, index } = parts;
  const isBase = ({ number }: Register): boolean => number === BX || number === BP;
  if (index && parts.scale === 1 && (!base || !isBase(base))) swap(parts);
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

function isEncodable({ base, index, scale }: Split, bits: CodeMode): boolean {
  if (bits !== 16) return !index || (!isStackPointer(index) && isScale(scale));
  if (!base) return !index;
  return (!index || scale === 1) && existsIn16(base.number, index?.number);
}

/** Bytes of displacement that the source asks for. */
function displacementSize(
  options: AddressOptions,
  register: Register | undefined,
  bits: CodeMode,
): Address['displacementSize'] {
  const { displacementBits, ripRelative } = options;
  if (displacementBits === undefined) return undefined;
  if (displacementBits === 8) return 1;
  if (!register) return displacementBits === 64 && !ripRelative ? 8 : undefined;
  if (displacementBits !== (bits === 16 ? 16 : 32)) throw invalid(options);
  return bits === 16 ? 2 : 4;
}
