/** Register names of the x86 as the assembler reads them. */

import type { RegisterValue } from '../isa/operand-value.ts';

const WIDE = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'] as const;

export interface Register extends RegisterValue {
  readonly name: string;
}

function table(): Map<string, Register> {
  const registers = new Map<string, Register>();
  const add = (name: string, rest: Omit<RegisterValue, 'kind'>): void => {
    registers.set(name, { kind: 'reg', name, ...rest });
  };
  const gpr = { class: 'gpr', rex: 'any' } as const;
  WIDE.forEach((name, number) => {
    add(`r${name}`, { ...gpr, number, bits: 64 });
    add(`e${name}`, { ...gpr, number, bits: 32 });
    add(name, { ...gpr, number, bits: 16 });
    if (number < 4) {
      add(`${name[0]}l`, { ...gpr, number, bits: 8 });
      add(`${name[0]}h`, { ...gpr, number: number + 4, bits: 8, rex: 'forbidden' });
    } else add(`${name}l`, { ...gpr, number, bits: 8, rex: 'required' });
  });
  for (let number = 8; number < 16; number++) {
    add(`r${number}`, { ...gpr, number, bits: 64 });
    add(`r${number}d`, { ...gpr, number, bits: 32 });
    add(`r${number}w`, { ...gpr, number, bits: 16 });
    add(`r${number}b`, { ...gpr, number, bits: 8 });
  }
  for (let number = 0; number < 16; number++) {
    add(`cr${number}`, { class: 'cr', number, bits: 64, rex: 'any' });
    add(`dr${number}`, { class: 'dr', number, bits: 64, rex: 'any' });
  }
  ['es', 'cs', 'ss', 'ds', 'fs', 'gs'].forEach((name, number) => {
    add(name, { class: 'sreg', number, bits: 16, rex: 'any' });
  });
  return registers;
}

/** Register by lower-case name. */
export const REGISTERS: ReadonlyMap<string, Register> = table();
