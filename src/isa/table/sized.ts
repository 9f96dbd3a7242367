/**
 * Rows of the SDM that differ in the operand size only are written once, with stars:
 *
 *   r* rm* moffs*   16, 32, 64          a*    ax, eax, rax
 *   imm*            imm16, imm32, simm32 (no instruction but mov takes eight bytes)
 *   o*              o16, o32, REX.W      i*    iw, id, id
 */

import { type Attributes, type Insn, insn, type OperandSize } from '../row.ts';

const SIZES: readonly OperandSize[] = [16, 32, 64];

const STARS = {
  16: { 'a*': 'ax', 'imm*': 'imm16', 'o*': 'o16', 'i*': 'iw' },
  32: { 'a*': 'eax', 'imm*': 'imm32', 'o*': 'o32', 'i*': 'id' },
  64: { 'a*': 'rax', 'imm*': 'simm32', 'o*': 'REX.W', 'i*': 'id' },
} as const;

/** Texts with stars replaced: the same few operands stand in hundreds of rows. */
const replaced = new Map<string, string>();

function replaceStars(text: string, size: OperandSize): string {
  const key = `${text}${size}`;
  let result = replaced.get(key);
  if (result === undefined) {
    const stars: Readonly<Record<string, string>> = STARS[size];
    result = text.replace(/[a-z]+\*/g, (name) => stars[name] ?? name.replace('*', String(size)));
    replaced.set(key, result);
  }
  return result;
}

/** The rows of one starred line, for 16, 32 and 64 bits or those of `sizes`. */
export function sized(
  mnemonic: string,
  operands: string,
  opcode: string,
  attributes: Attributes,
  sizes: readonly OperandSize[] = SIZES,
): Insn[] {
  return sizes.map((size) =>
    insn(mnemonic, replaceStars(operands, size), replaceStars(opcode, size), attributes),
  );
}

/** Two upper-case hex digits: the byte as the opcode column writes it. */
export function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
