/** Instructions on single flags, lahf, sahf and salc (SDM 2A-2B). cli and sti are with the system instructions. */

import { AF, CF, DF, Flags, PF, SF, ZF } from '../cpu/flags';
import { REGS, RFLAGS } from '../layout';

const AL: usize = REGS;
const AH: usize = REGS + 1;

export function cmc(i: usize): void {
  Flags.change(CF, ~Flags.status());
}

export function clc(i: usize): void {
  Flags.change(CF, 0);
}

export function stc(i: usize): void {
  Flags.change(CF, CF);
}

export function cld(i: usize): void {
  store<u32>(RFLAGS, load<u32>(RFLAGS) & ~DF);
}

export function std(i: usize): void {
  store<u32>(RFLAGS, load<u32>(RFLAGS) | DF);
}

export function lahf(i: usize): void {
  store<u8>(AH, <u8>Flags.image());
}

export function sahf(i: usize): void {
  Flags.change(SF | ZF | AF | PF | CF, load<u8>(AH));
}

/** SALC: AL becomes all ones or zeroes, as CF is. */
export function salc(i: usize): void {
  store<u8>(AL, Flags.cf() ? 0xff : 0);
}
