/**
 * Pieces of random kernels: a few instructions each that together do what kernels do, with numbers that are random.
 * They are put one after another, so a piece may find anything in registers, and be jumped into.
 */

import { pick, type RandomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import {
  CODE_SELECTORS,
  DESCRIPTORS,
  FAR_POINTER_COUNT,
  FAR_POINTERS,
  LARGE_PAGE,
  LDT,
  LDT_LIMIT,
  LDT_SELECTOR,
  PD_ALIAS,
  PT_ALIAS,
  SECOND_PML4,
  SELECTORS,
} from './kernel-memory.ts';
import { ALIAS, CODE, CODE_BYTES, DATA, DEVICE, GDT, IDT, PML4, PT, TSS } from './machine.ts';

export type Bytes = readonly number[];

/** What a piece is made with; `at` is where it will stand. */
export interface Setting {
  readonly random: RandomSource;
  readonly mode: CodeMode;
  readonly at: number;
}

type Piece = (setting: Setting) => Bytes;

const [EAX, ECX, EDX, ESI, EDI] = [0, 1, 2, 6, 7];
const PAGE = 0x1000;
const XD = 0x80000000;
/** Port of the timer (kernel-run.ts). */
export const TIMER_PORT = 0x40;

const word = (value: number): Bytes => [value & 0xff, (value >> 8) & 0xff];
const dword = (value: number): Bytes => [...word(value), ...word(value >> 16)];

// --- Instructions that mean the same in all modes ------------------------------------------------

/** Before an instruction with a 32-bit operand. */
const wide = (mode: CodeMode): Bytes => (mode === 16 ? [0x66] : []);

/** ModRM and what follows for [address], and the prefix that it needs. */
function memory(mode: CodeMode, reg: number, address: number): { prefix: Bytes; place: Bytes } {
  if (mode === 64) return { prefix: [], place: [(reg << 3) | 4, 0x25, ...dword(address)] };
  return { prefix: mode === 16 ? [0x67] : [], place: [(reg << 3) | 5, ...dword(address)] };
}

/** mov dword [address], value */
function store(mode: CodeMode, address: number, value: number): Bytes {
  const { prefix, place } = memory(mode, 0, address);
  return [...prefix, ...wide(mode), 0xc7, ...place, ...dword(value)];
}
/** mov byte [address], value */
function storeByte(mode: CodeMode, address: number, value: number): Bytes {
  const { prefix, place } = memory(mode, 0, address);
  return [...prefix, 0xc6, ...place, value];
}
/** and, or, xor byte [address], value */
function changeByte(mode: CodeMode, operation: number, address: number, value: number): Bytes {
  const { prefix, place } = memory(mode, operation, address);
  return [...prefix, 0x80, ...place, value];
}
function invlpg(mode: CodeMode, address: number): Bytes {
  const { prefix, place } = memory(mode, 7, address);
  return [...prefix, 0x0f, 0x01, ...place];
}
/** mov r32, value */
const set = (mode: CodeMode, register: number, value: number): Bytes => [
  ...wide(mode),
  0xb8 + register,
  ...dword(value),
];
const pushNumber = (mode: CodeMode, value: number): Bytes => [...wide(mode), 0x68, ...dword(value)];
/** jmp, from the end of `before`, which stands at `at` */
function jump(mode: CodeMode, at: number, before: Bytes, target: number): Bytes {
  const length = mode === 16 ? 6 : 5;
  return [...before, ...wide(mode), 0xe9, ...dword(target - (at + before.length + length))];
}

// --- Where and what ------------------------------------------------------------------------------

/** Somewhere in the code, near by or at the start of a page's end. */
function codeAddress({ random, at }: Setting): number {
  const offset = pick(random, [
    at - CODE + random(0x80) - 0x40,
    at - CODE + random(0x20),
    random(0x200),
    0xff0 + random(0x20),
  ]);
  return CODE + (offset & (CODE_BYTES - 1));
}
/** The same bytes by one of the addresses that they have. */
function anyAlias(random: RandomSource, address: number): number {
  return pick(random, [address, address, address - CODE + ALIAS, LARGE_PAGE + address]);
}
const dataAddress = (random: RandomSource): number =>
  DATA + pick(random, [random(PAGE), 0xff8 + random(16), random(8 * PAGE)]);
const oneBit = (random: RandomSource, bits: readonly [number, ...number[]]): number =>
  2 ** pick(random, bits);

// --- Page tables ---------------------------------------------------------------------------------

function page(random: RandomSource): number {
  return pick(random, [
    CODE + random(4) * PAGE,
    CODE + random(4) * PAGE,
    ALIAS + random(4) * PAGE,
    ALIAS + random(4) * PAGE,
    DATA + random(8) * PAGE,
    DATA + random(8) * PAGE,
    DATA + random(8) * PAGE,
    DEVICE,
    pick(random, [GDT, IDT, TSS, LDT, FAR_POINTERS]),
  ]);
}
function frameOf(random: RandomSource, own: number): number {
  const isAlias = own >= ALIAS && own < ALIAS + CODE_BYTES;
  const usual = isAlias ? own - ALIAS + CODE : own;
  return pick(random, [
    usual,
    usual,
    usual,
    CODE + random(4) * PAGE,
    DATA + random(4) * PAGE,
    pick(random, [0x100000, PT, GDT, 0xfffff000]),
  ]);
}
/** A write to the entry of a page, with what it takes to be seen, or not. */
function pageTable({ random, mode }: Setting): Bytes {
  const own = page(random);
  const entry = PT_ALIAS + (own >> 12) * 8;
  const flags = pick(random, [7, 7, 5, 3, 1, 0, 0x67, 0x27, 0x107, 6, random(0x200)]);
  const write = pick(random, [
    store(mode, entry, (frameOf(random, own) | flags) >>> 0),
    store(mode, entry, (frameOf(random, own) | flags) >>> 0),
    changeByte(mode, 4, entry, 0xff - oneBit(random, [0, 1, 2, 5, 6])),
    changeByte(mode, 1, entry, oneBit(random, [0, 1, 2, 5, 6])),
    store(mode, entry + 4, pick(random, [XD, 0, 0, 0x100])),
  ]);
  return [...write, ...flush(random, mode, own)];
}
function flush(random: RandomSource, mode: CodeMode, own: number): Bytes {
  return pick(random, [
    [],
    invlpg(mode, own),
    invlpg(mode, own),
    [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8],
  ]);
}
function directory({ random, mode }: Setting): Bytes {
  const entry = pick(random, [0x37007, 0x4007, 0x4003, 0x87, 0x187, 0xe7, 0]);
  const index = pick(random, [1, 1, 1, 2, 0]);
  const write = store(mode, PD_ALIAS + 8 * index, entry);
  return [...write, ...flush(random, mode, index * LARGE_PAGE)];
}
function addressSpace({ random, mode }: Setting): Bytes {
  const root = pick(random, [PML4, SECOND_PML4]) | pick(random, [0, 0, 0x18, 1]);
  return [...set(mode, EAX, root), 0x0f, 0x22, 0xd8];
}

// --- Rings and segments --------------------------------------------------------------------------

const FLAG_BITS = [8, 8, 9, 10, 12, 13, 14, 16, 18] as const;

/** IRET to any code, mostly of the other ring. */
function interruptReturn(setting: Setting): Bytes {
  const { random, mode } = setting;
  const cs = pick(random, CODE_SELECTORS);
  const ss = random(6) === 0 ? pick(random, SELECTORS) : (cs & 3) === 3 ? 0x23 : 0x10;
  const flags =
    random(3) !== 0
      ? []
      : [
          ...wide(mode),
          ...(mode === 16 ? [0x67] : []),
          0x81,
          0x0c,
          0x24,
          ...dword(oneBit(random, FLAG_BITS)),
        ];
  return [
    ...pushNumber(mode, ss),
    ...wide(mode), 0x54,
    ...wide(mode), 0x9c,
    ...flags,
    ...pushNumber(mode, cs),
    ...pushNumber(mode, codeAddress(setting)),
    ...(mode === 64 ? [0x48] : wide(mode)), 0xcf,
  ]; // biome-ignore format: a line for each instruction
}
function farReturn(setting: Setting): Bytes {
  const { random, mode } = setting;
  const cs = pick(random, CODE_SELECTORS);
  const outer = (cs & 3) === 3 ? [...pushNumber(mode, 0x23), ...wide(mode), 0x54] : [];
  return [
    ...outer,
    ...pushNumber(mode, cs),
    ...pushNumber(mode, codeAddress(setting)),
    ...(mode === 64 ? [0x48] : wide(mode)),
    0xcb,
  ];
}
function farTransfer(setting: Setting): Bytes {
  const { random, mode } = setting;
  if (mode !== 64 && random(2) === 0) {
    const opcode = pick(random, [0xea, 0x9a]);
    const selector = word(pick(random, CODE_SELECTORS));
    return [...wide(mode), opcode, ...dword(codeAddress(setting)), ...selector];
  }
  const pointer = FAR_POINTERS + 16 * random(FAR_POINTER_COUNT);
  const { prefix, place } = memory(mode, pick(random, [5, 3]), pointer);
  return [...prefix, ...wide(mode), 0xff, ...place];
}
const CALLS: readonly [Bytes, ...Bytes[]] = [
  [0x0f, 0x05],
  [0x0f, 0x05],
  [0x0f, 0x34],
  [0x48, 0x0f, 0x07],
  [0x0f, 0x07],
  [0x48, 0x0f, 0x35],
  [0x0f, 0x35],
  [0xcd, 0x80],
  [0xcd, 0x80],
  [0xcd, 0x0d],
  [0xcc],
  [0xf1],
  [0x48, 0xcf],
  [0xcf],
];
/** System calls and returns, whose registers are set half of the time. */
function systemCall(setting: Setting): Bytes {
  const { random, mode } = setting;
  const call = pick(random, CALLS);
  if (random(2) === 0) return call;
  const target = codeAddress(setting);
  return [...set(mode, ECX, target), ...set(mode, EDX, target), ...call];
}
const SEGMENT_LOADS: readonly [Bytes, ...Bytes[]] = [
  [0x8e, 0xc0],
  [0x8e, 0xd0],
  [0x8e, 0xd0],
  [0x8e, 0xd8],
  [0x8e, 0xd8],
  [0x8e, 0xe0],
  [0x8e, 0xe8],
  [0x50, 0x0f, 0xa1],
  [0x50, 0x0f, 0xa9],
  [0x50, 0x17],
  [0x50, 0x1f],
  [0x50, 0x07],
  [0x0f, 0x00, 0xd0],
  [0x0f, 0x00, 0xd8],
];
function segmentLoad({ random, mode }: Setting): Bytes {
  return [...set(mode, EAX, pick(random, SELECTORS)), ...pick(random, SEGMENT_LOADS)];
}
/** Another descriptor, or one with a bit of its access rights changed. */
function descriptor({ random, mode }: Setting): Bytes {
  const index = 1 + random(DESCRIPTORS.length - 1);
  const table = 8 * index <= LDT_LIMIT && random(3) === 0 ? LDT : GDT;
  const at = table + 8 * index;
  const other = Number((DESCRIPTORS[random(DESCRIPTORS.length)] ?? 0n) >> 32n);
  return pick(random, [
    store(mode, at + 4, other),
    changeByte(mode, 6, at + 5, oneBit(random, [0, 1, 2, 5, 7])),
    changeByte(mode, 6, at + 6, oneBit(random, [5, 6, 7])),
    store(mode, at, random(0x10000)),
  ]);
}
function localTable({ random, mode }: Setting): Bytes {
  return [...set(mode, EAX, pick(random, [LDT_SELECTOR, LDT_SELECTOR, 0])), 0x0f, 0x00, 0xd0];
}

// --- Code that is written ------------------------------------------------------------------------

const WRITTEN = [0x90, 0xcc, 0xfa, 0xfb, 0xf4, 0x0f, 0xeb, 0xcf, 0x9c, 0x00, 0xf3, 0xe8] as const;

function selfModify({ random, mode, at }: Setting): Bytes {
  const target = at + random(40) - 6;
  const value = random(3) === 0 ? random(256) : pick(random, WRITTEN);
  return storeByte(mode, anyAlias(random, target), value);
}
/** Code is copied, and the copy is run. */
function copyCode(setting: Setting): Bytes {
  const { random, mode, at } = setting;
  const length = 1 + random(0x40);
  const target = pick(random, [
    dataAddress(random),
    codeAddress(setting),
    CODE + 0x2ff0 + random(32),
  ]);
  const copy = [
    ...set(mode, ESI, anyAlias(random, codeAddress(setting))),
    ...set(mode, EDI, anyAlias(random, target)),
    ...set(mode, ECX, length),
    ...(mode === 16 ? [0x67] : []),
    0xf3,
    0xa4,
  ];
  return random(4) === 0 ? copy : jump(mode, at, copy, target + (random(4) === 0 ? 1 : 0));
}
const STRINGS: readonly [number, ...number[]] = [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xae];
function stringRun(setting: Setting): Bytes {
  const { random, mode } = setting;
  const place = (): number =>
    pick(random, [dataAddress(random), codeAddress(setting), LARGE_PAGE + dataAddress(random)]);
  return [
    ...pick(random, [[], set(mode, ESI, place())]),
    ...set(mode, EDI, place()),
    ...set(mode, ECX, random(40)),
    ...(mode === 16 ? [0x67] : []),
    pick(random, [0xf3, 0xf2]),
    pick(random, STRINGS),
  ];
}

// --- Flags, control, time ------------------------------------------------------------------------

function flags({ random, mode }: Setting): Bytes {
  const image =
    2 | (random(3) === 0 ? 0 : 0x200) | (random(2) === 0 ? 0 : oneBit(random, FLAG_BITS));
  return [...pushNumber(mode, image), ...wide(mode), 0x9d];
}
const SHADOWS: readonly [Bytes, ...Bytes[]] = [
  [0xfb],
  [0xfb, 0xf4],
  [0xfa, 0xfb],
  [0x8e, 0xd0],
  [0x8e, 0xd0, 0xcc],
  [0x8e, 0xd0, 0xcd, 0x80],
  [0x8e, 0xd0, 0xfb],
  [0xfb, 0x8e, 0xd0],
  [0x8e, 0xd0, 0x0f, 0x05],
];
const shadow = ({ random, mode }: Setting): Bytes => [
  ...set(mode, EAX, 0x10),
  ...pick(random, SHADOWS),
];
/** A breakpoint on code or data. */
function breakpoint(setting: Setting): Bytes {
  const { random, mode } = setting;
  const n = random(4);
  const control = (random(16) << (16 + 4 * n)) | (pick(random, [1, 2, 3]) << (2 * n)) | 0x400;
  const address = pick(random, [codeAddress(setting), codeAddress(setting), dataAddress(random)]);
  return [
    ...set(mode, EAX, address),
    ...[0x0f, 0x23, 0xc0 | (n << 3)],
    ...set(mode, EAX, random(4) === 0 ? 0x400 : control),
    ...[0x0f, 0x23, 0xf8],
  ];
}
/** CR0: WP, AM, TS, MP, EM, NE, NW; CR4: TSD, DE, PGE, PCE, UMIP, FSGSBASE, PCIDE, SMEP, SMAP. */
const CR0_BITS = [16, 16, 18, 3, 1, 2, 5, 29] as const;
const CR4_BITS = [2, 3, 7, 7, 8, 16, 17, 20, 21, 21, 11] as const;
function control({ random, mode }: Setting): Bytes {
  const isCr0 = random(2) === 0;
  const register = isCr0 ? 0 : 4;
  const bits = isCr0 ? CR0_BITS : CR4_BITS;
  const bit = oneBit(random, bits);
  const direct = 0xc0 | (register << 3);
  return [0x0f, 0x20, direct, ...wide(mode), 0x35, ...dword(bit), 0x0f, 0x22, direct];
}
const MSRS: readonly [number, ...number[]] = [
  0xc0000080, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0x174, 0x175,
  0x176, 0x10, 0x1b,
]; // biome-ignore format: a few per line
/** A bit or the whole of an MSR. */
function modelSpecific(setting: Setting): Bytes {
  const { random, mode } = setting;
  const msr = pick(random, MSRS);
  const isEfer = msr === 0xc0000080;
  const value = pick(random, [codeAddress(setting), dataAddress(random), 0x47700, 8]);
  const change =
    isEfer || random(3) === 0
      ? [0x0f, 0x32, ...wide(mode), 0x35, ...dword(oneBit(random, [0, 0, 11, 11, 8]))]
      : set(mode, EAX, value);
  return [...set(mode, ECX, msr), ...change, 0x0f, 0x30];
}
const timer = ({ random }: Setting): Bytes =>
  pick(random, [
    [0xb0, random(64), 0xe6, TIMER_PORT],
    [0xe4, TIMER_PORT],
    [0x0f, 0x31],
  ]);
const loop = ({ random, mode }: Setting): Bytes => [
  ...set(mode, ECX, random(12)),
  0xe2,
  256 - (2 + random(24)),
];

const PIECES: readonly [Piece, ...Piece[]] = [
  pageTable,
  pageTable,
  pageTable,
  directory,
  addressSpace,
  interruptReturn,
  interruptReturn,
  interruptReturn,
  farReturn,
  farTransfer,
  systemCall,
  systemCall,
  systemCall,
  segmentLoad,
  segmentLoad,
  descriptor,
  localTable,
  selfModify,
  selfModify,
  copyCode,
  stringRun,
  flags,
  shadow,
  breakpoint,
  control,
  modelSpecific,
  timer,
  timer,
  loop,
];

export const kernelPiece = (setting: Setting): Bytes => pick(setting.random, PIECES)(setting);
