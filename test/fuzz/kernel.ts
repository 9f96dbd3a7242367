/**
 * Kernels made at random: sensitive and privileged instructions, pieces of what kernels do (kernel-pieces.ts), jumps into
 * and over them, reads of the code and writes to it, in all code modes of long mode, with interrupts and user code.
 */

import { existsIn } from '../../src/isa/encode.ts';
import { pick, type RandomSource, randomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { sampleEncodings } from '../../src/isa/sample.ts';
import { ROWS } from '../../src/isa/table.ts';
import { codeMode, number, valid } from './code.ts';
import { LARGE_PAGE } from './kernel-memory.ts';
import { kernelPiece } from './kernel-pieces.ts';
import { ALIAS, CODE, CODE_BYTES, DATA, DEVICE } from './machine.ts';

const PLACES = [
  CODE,
  CODE + 0x80,
  ALIAS,
  ALIAS + 0x40,
  ALIAS + 0xff8,
  DATA,
  DATA + 0xffc,
  DEVICE,
  LARGE_PAGE + CODE + 0x40,
];
const GUEST_PLACES = PLACES.map(BigInt) as [bigint, ...bigint[]];
const [RCX, RSP] = [1, 4];
const STACK = DATA + 0x800;
const IF = 0x200n;
const TF = 0x100n;
const RF = 0x10000n;

/** CR4: PAE, PGE; and what some kernels have beside: TSD, DE, PCE, FSGSBASE, PCIDE, SMAP. */
const CR4 = 0xa0n;
const CR4_BITS = [2n, 3n, 8n, 16n, 17n, 21n] as const;

/** Reads and writes through rdi, rsi, rbx and rsp: they meet code often. */
const ACCESSES: readonly [readonly number[], ...(readonly number[])[]] = [
  [0xaa],
  [0xab],
  [0x88, 0x03],
  [0x89, 0x03],
  [0x66, 0xff, 0x03],
  [0x50],
  [0x58],
  [0xc6, 0x07, 0x90],
  [0xc6, 0x03, 0xfa],
  [0x8a, 0x03],
  [0x8b, 0x07],
  [0xac],
  [0xa4],
];

function sensitive(mode: CodeMode): readonly Uint8Array[] {
  const rows = ROWS.filter((row) => row.touches !== undefined || row.priv !== undefined);
  return rows.flatMap((row, n) =>
    existsIn(row, mode) ? sampleEncodings(row, n + 1, 4, mode) : [],
  );
}
const SENSITIVE: Readonly<Record<CodeMode, readonly Uint8Array[]>> = {
  64: sensitive(64),
  32: sensitive(32),
  16: sensitive(16),
};

export interface Kernel {
  readonly mode: CodeMode;
  /** Where it begins. */
  readonly cpl: 0 | 3;
  readonly code: Uint8Array;
  /** Of the code that is there before it runs. */
  readonly start: number;
  readonly regs: readonly bigint[];
  readonly rflags: bigint;
  readonly rip: number;
  readonly cr4: bigint;
  /** Values of the registers of system calls. */
  readonly entry: number;
  readonly flagMask: number;
  readonly hasLdt: boolean;
  /** Handlers run on the stack that they find. */
  readonly isPlainIdt: boolean;
  /** Debug traps go on where they came, as with a debugger; all else goes on further along. */
  readonly resumesDebug: boolean;
  /** A breakpoint, or 0 for none. */
  readonly dr0: number;
  readonly dr7: number;
  /** Instructions between interrupts, 0 for none, and every how many of them is an NMI. */
  readonly period: number;
  readonly nmis: number;
  /** Instructions that it runs for. */
  readonly length: number;
}

/** A short jump, a call or a return: wherever it leads. */
function transfer(random: RandomSource): Uint8Array {
  const distance = random(96) - 48;
  const near = [...new Uint8Array(new Int32Array([random(0x140) - 0xa0]).buffer)];
  return Uint8Array.from(
    pick(random, [
      [0xeb, distance],
      [0x70 | random(16), distance],
      [0xe3, distance],
      [0xe8, ...near],
      [0xe9, ...near],
      [0xff, 0xe3],
      [0xc3],
    ]),
  );
}

function piece(random: RandomSource, mode: CodeMode, at: number, share: number): Uint8Array {
  if (random(8) < share) return Uint8Array.from(kernelPiece({ random, mode, at }));
  switch (random(8)) {
    case 0:
      return transfer(random);
    case 1:
    case 2:
      return Uint8Array.from(pick(random, ACCESSES));
    case 3:
    case 4:
      return valid(random, mode);
    default:
      return SENSITIVE[mode][random(SENSITIVE[mode].length)] ?? Uint8Array.of(0xfa);
  }
}

/** Pieces one after another, some cut short, with a loop around them. */
function makeCode(random: RandomSource, mode: CodeMode): { code: Uint8Array; start: number } {
  const code = new Uint8Array(CODE_BYTES);
  const size = pick(random, [0x80, 0x80, 0x200, 0x200, 0x200, 0x200, 0x200, 0x1200]);
  const start = pick(random, [0, 0, 0xfc0]);
  const share = pick(random, [0, 4, 6, 8]);
  for (let at = start; at < start + size; ) {
    const bytes = piece(random, mode, CODE + at, share);
    const length = random(12) === 0 ? random(bytes.length) : bytes.length;
    code.set(bytes.subarray(0, length), at);
    at += length;
  }
  const end = start + size;
  code.set([0xe9, ...new Uint8Array(new Int32Array([-size - 5]).buffer)], end);
  return { code: code.subarray(start, end + 0x80), start };
}

export function makeKernel(seed: number): Kernel {
  const random = randomSource(seed);
  const mode = codeMode(random);
  const one = <T>(bound: number, value: T, other: T): T => (random(bound) === 0 ? value : other);
  const regs = Array.from({ length: 16 }, () => number(random, GUEST_PLACES));
  // The stack is in memory and repetitions end, most of the time.
  if (random(6) !== 0) regs[RSP] = BigInt(STACK);
  if (random(6) !== 0) regs[RCX] = BigInt(random(32));
  const rflags = 2n | one(4, 0n, IF) | one(16, TF, 0n) | one(16, RF, 0n);
  return {
    mode,
    cpl: one(5, 3, 0),
    ...makeCode(random, mode),
    regs,
    rflags,
    rip: one(3, CODE + 0xfc0, CODE),
    cr4: CR4 | one(3, 1n << pick(random, CR4_BITS), 0n),
    entry: CODE + random(0x240),
    flagMask: pick(random, [0x47700, 0, 0x200, 0x100]),
    hasLdt: random(2) === 0,
    isPlainIdt: random(2) === 0,
    resumesDebug: random(2) === 0,
    dr0: pick(random, [CODE + random(0x100), DATA + 0x7f0, CODE + 0xff8 + random(16)]),
    dr7: one(8, 0x402 | (random(16) << 16), 0x400),
    period: pick(random, [0, 0, 1, 7, 50]),
    nmis: pick(random, [0, 0, 3]),
    length: pick(random, [100, 100, 100, 30, 400]),
  };
}
