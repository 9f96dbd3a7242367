/** Names of registers as NASM writes them. */

import type { RegisterValue } from './operand-value.ts';

const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const BYTE_NAMES = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const HIGH_NAMES = ['ah', 'ch', 'dh', 'bh'];
const WORD_NAMES = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const SUFFIX: Readonly<Record<number, string>> = { 8: 'b', 16: 'w', 32: 'd', 64: '' };

/** Name of a register. */
export function registerName(register: RegisterValue): string {
  const { number, bits, rex } = register;
  if (register.class === 'sreg') return segmentName(number);
  if (register.class !== 'gpr') return `${register.class}${number}`;
  if (number >= 8) return `r${number}${SUFFIX[bits] ?? ''}`;
  if (bits === 8) {
    return (rex === 'forbidden' ? HIGH_NAMES[number - 4] : BYTE_NAMES[number]) ?? '';
  }
  return `${bits === 64 ? 'r' : bits === 32 ? 'e' : ''}${WORD_NAMES[number]}`;
}

/** Name of a segment register; those that do not exist have a number (sreg6). */
export function segmentName(number: number): string {
  return SEGMENTS[number] ?? `sreg${number}`;
}
