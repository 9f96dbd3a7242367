/**
 * Values that instructions of the system are particular about: selectors of every type, DPL and presence, register numbers
 * of MSRs, images of flags and control registers, addresses; and plain numbers near powers of two.
 */

import { pick, type RandomSource } from '../../isa/random.ts';
import type { X86Mode } from './modes.ts';
import { CODE, DATA, STACK_TOP, TARGET } from './places.ts';
import * as sel from './selectors.ts';

/** What a value is for; which one an instruction takes it for is its own affair. */
export type ValueKind =
  | 'number'
  | 'small'
  | 'selector'
  | 'control'
  | 'msr'
  | 'data'
  | 'code'
  | 'flags';

const KINDS: readonly [ValueKind, ...ValueKind[]] = [
  'number', 'number', 'number', 'small', 'selector', 'selector', 'selector', 'control', 'msr', 'data', 'code', 'flags',
]; // biome-ignore format: one line

/** TF, IF, IOPL, NT, VM, AC, VIF, VIP, ID: the system flags but RF. */
export const SYSTEM_FLAGS = 0x3e_7300;
/** CF, PF, AF, ZF, SF, DF, OF: the flags of programs. */
export const PROGRAM_FLAGS = 0xcd5;
export const FLAGS_FIXED = 2;

// biome-ignore format: as they are grouped in the manual.
const MSRS: readonly [number, ...number[]] = [
  0x10, 0x17, 0x1b, 0x79, 0x8b, 0xce, 0xfe, 0x140, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1a0, 0x200, 0x201,
  0x250, 0x268, 0x277, 0x2ff, 0x6e0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
  0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0x3333, 0xc0001000,
];
/** Those that registers are loaded with, and that system instructions take. */
// biome-ignore format: one kind a line.
const USUAL: readonly [number, ...number[]] = [
  sel.USER_DATA | sel.RPL_USER, sel.USER_DATA_TWIN | sel.RPL_USER, sel.USER_CODE | sel.RPL_USER,
  sel.USER_READ_ONLY | sel.RPL_USER, sel.KERNEL_DATA, sel.KERNEL_CODE, sel.CONFORMING, sel.LDT_SELECTOR, sel.LDT_TWIN, sel.TSS_FREE, sel.TSS_FREE, sel.TSS_FREE, 0,
];
const CR0_TOGGLES = [0n, 2n, 8n, 0x20n, 0x10000n, 0x40000n] as const;
const CR4_TOGGLES = [0n, 4n, 8n, 0x40n, 0x80n, 0x200n, 0x800n] as const;

export class EdgeValues {
  readonly #mode: X86Mode;
  readonly #roots: readonly [number, number];

  constructor(mode: X86Mode, roots: readonly [number, number]) {
    this.#mode = mode;
    this.#roots = roots;
  }

  /** A value of any kind, `bits` wide as registers are. */
  any(random: RandomSource): bigint {
    return this.of(pick(random, KINDS), random);
  }

  of(kind: ValueKind, random: RandomSource): bigint {
    switch (kind) {
      case 'number':
        return this.number(random, this.#mode.bits);
      case 'small':
        return BigInt(random(8));
      case 'selector':
        return BigInt(this.selector(random));
      case 'control':
        return this.#control(random);
      case 'msr':
        return BigInt(pick(random, MSRS));
      case 'data':
        return BigInt(dataAddress(random));
      case 'code':
        return BigInt(pick(random, [TARGET, TARGET + 8, CODE + 0x10]));
      case 'flags':
        return BigInt(flagImage(random));
    }
  }

  /** Small, near a power of two, or any. */
  number(random: RandomSource, bits: number): bigint {
    const whole = (BigInt(random(0x40000000)) << 34n) ^ (BigInt(random(0x40000000)) << 8n);
    const edge = (1n << BigInt(random(bits))) - BigInt(random(3));
    const small = BigInt(random(512) - 256);
    return BigInt.asUintN(bits, pick(random, [small, edge, -edge, whole]));
  }

  /** Any selector: of a descriptor of any type, null, or beyond the limits. */
  selector(random: RandomSource): number {
    if (random(2) === 0) return pick(random, USUAL);
    const rpl = pick(random, [0, 0, 3, 3, 3, 1, 2]);
    const inLdt = random(5) === 0;
    const index = inLdt ? random(sel.LDT_END / 8 + 1) : random(sel.GDT_END / 8 + 2);
    return (index * 8) | (inLdt ? sel.IN_LDT : 0) | rpl;
  }

  /** A selector of code that a far transfer may take: of the program's level, of any, a gate. */
  codeSelector(random: RandomSource): number {
    switch (random(8)) {
      case 0:
      case 1:
        return sel.USER_CODE | sel.RPL_USER;
      case 2:
        return sel.USER_CODE_TWIN | sel.RPL_USER;
      case 3:
        return sel.KERNEL_CODE;
      case 4:
        return sel.CONFORMING | pick(random, [0, sel.RPL_USER]);
      case 5:
        return pick(random, [sel.GATE_USER, sel.GATE_CONFORMING]) | pick(random, [0, sel.RPL_USER]);
      default:
        return this.selector(random);
    }
  }

  stackSelector(random: RandomSource): number {
    if (random(4) === 0) return this.selector(random);
    const user = pick(random, [sel.USER_DATA, sel.USER_DATA_TWIN, sel.LDT_DATA]) | sel.RPL_USER;
    return random(3) === 0 ? sel.KERNEL_DATA : user;
  }

  #control(random: RandomSource): bigint {
    const { cr0, cr4 } = this.#mode;
    switch (random(3)) {
      case 0:
        return cr0 ^ pick(random, CR0_TOGGLES);
      case 1:
        return cr4 ^ pick(random, CR4_TOGGLES);
      default:
        return BigInt(pick(random, this.#roots));
    }
  }
}

/** In the middle of the data page, mostly aligned to 16. */
export function dataAddress(random: RandomSource): number {
  return DATA + 0x400 + random(0x40) * 16 + (random(4) === 0 ? random(16) : 0);
}

export function stackAddress(random: RandomSource): number {
  return STACK_TOP - 0x100 + random(0x40) * 8;
}

/** Flags of programs at random, and now and then some of the system's. */
export function flagImage(random: RandomSource): number {
  const program = random(0x1000) & PROGRAM_FLAGS;
  const system = random(2) === 0 ? 0x200 : random(0x400000) & SYSTEM_FLAGS;
  return program | (random(3) === 0 ? 0 : system) | FLAGS_FIXED;
}
