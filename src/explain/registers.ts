/**
 * The register dump of QEMU's log and monitor: general registers and segment bases are as wide as the code,
 * tables and control registers as the mode.
 */

import {
  type CpuView,
  GPR_NAMES,
  type SegmentName,
  type SegmentState,
} from '../machine/cpu-view.ts';
import type { Processor } from '../machine/processor.ts';
import { codeBits } from './code.ts';
import { digits } from './hex.ts';

/** General registers in the order of the dump, four a line. */
const DUMP_ORDER = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'] as const;
const NUMBERED = ['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;

/** Flags of the bracket after RFL, highest first. */
const FLAG_LETTERS = [
  [10n, 'D'],
  [11n, 'O'],
  [7n, 'S'],
  [6n, 'Z'],
  [4n, 'A'],
  [2n, 'P'],
  [0n, 'C'],
] as const;

const SHADOW_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;

/** The dump, one string a line. */
export function dumpRegisters(processor: Processor): string[] {
  const { view } = processor;
  const isLong = (view.u64('EFER') & EFER_LMA) !== 0n;
  const [code, mode] = [codeBits(view) === 64 ? 16 : 8, isLong ? 16 : 8];
  const register = (name: string, width: number) => `${name}=${digits(view.u64(name), width)}`;
  return [
    ...generalRegisters(view, code),
    statusLine(processor, code),
    ...SHADOW_NAMES.map((name) =>
      segmentLine(name, view.segment(name.toLowerCase() as SegmentName), code),
    ),
    segmentLine('LDT', view.segment('ldtr'), mode),
    segmentLine('TR', view.segment('tr'), mode),
    tableLine('GDT', view, mode),
    tableLine('IDT', view, mode),
    [register('CR0', 8), register('CR2', mode), register('CR3', mode), register('CR4', 8)].join(
      ' ',
    ),
    debugLine(view),
    register('EFER', 16),
  ];
}

const EFER_LMA = 1n << 10n;

/** `RAX=...`, or `EAX=...` outside 64-bit code. */
function generalRegisters(view: CpuView, width: number): string[] {
  const names = width === 16 ? [...DUMP_ORDER, ...NUMBERED] : DUMP_ORDER;
  const cells = names.map((name) => {
    const value = view.gpr[GPR_NAMES.indexOf(name)] ?? 0n;
    const shown = width === 16 ? name.padEnd(3) : name.replace('r', 'e');
    return `${shown.toUpperCase()}=${cut(value, width)}`;
  });
  return [0, 4, 8, 12].map((at) => cells.slice(at, at + 4).join(' ')).filter((line) => line !== '');
}

/** The lowest `width` digits. */
const cut = (value: bigint, width: number): string =>
  digits(BigInt.asUintN(width * 4, value), width);

function statusLine(processor: Processor, width: number): string {
  const { view, rflags } = processor;
  const letters = FLAG_LETTERS.map(([bit, letter]) => ((rflags >> bit) & 1n ? letter : '-')).join(
    '',
  );
  const shadow = view.u32('SHADOW') === 0 ? 0 : 1;
  const halted = view.u32('ACTIVITY') === 1 ? 1 : 0;
  const modes = `CPL=${view.u32('CPL')} II=${shadow} A20=1 SMM=0 HLT=${halted}`;
  const letter = width === 16 ? 'R' : 'E';
  const [rip, flags] = [cut(view.u64('RIP'), width), digits(rflags, 8)];
  return `${letter}IP=${rip} ${letter}FL=${flags} [${letters}] ${modes}`;
}

const ACCESS_UNUSABLE = 1 << 16;

/** Column 4 is the second doubleword of the descriptor without its base. */
function segmentLine(name: string, segment: SegmentState, width: number): string {
  const { selector, base, limit, access } = segment;
  const isUsable = (access & ACCESS_UNUSABLE) === 0;
  const flags = isUsable ? ((access & 0xf0ff) << 8) | (pageLimit(segment) & 0xf0000) : 0;
  const place = `${digits(selector, 4)} ${digits(base, width)} ${digits(limit, 8)} ${digits(flags, 8)}`;
  const kind = isUsable ? ` DPL=${(access >> 5) & 3} ${segmentKind(access, width)}` : '';
  return `${name.padEnd(3)}=${place}${kind}`;
}

function pageLimit({ limit, access }: SegmentState): number {
  return access & 0x8000 ? limit >>> 12 : limit;
}

function segmentKind(access: number, width: number): string {
  const letter = (bit: number, name: string) => (access & bit ? name : '-');
  if ((access & 0x10) === 0)
    return (width === 16 ? SYSTEM_KINDS : LEGACY_KINDS).get(access & 15) ?? '';
  const accessed = letter(1, 'A');
  if ((access & 8) === 0) return `DS   [${letter(4, 'E')}${letter(2, 'W')}${accessed}]`;
  const kind = access & 0x2000 ? 'CS64' : access & 0x4000 ? 'CS32' : 'CS16';
  return `${kind} [${letter(4, 'C')}${letter(2, 'R')}${accessed}]`;
}

const SYSTEM_KINDS: ReadonlyMap<number, string> = new Map([
  [2, 'LDT'],
  [9, 'TSS64-avl'],
  [11, 'TSS64-busy'],
]);
const LEGACY_KINDS: ReadonlyMap<number, string> = new Map([
  [1, 'TSS16-avl'],
  [2, 'LDT'],
  [3, 'TSS16-busy'],
  [9, 'TSS32-avl'],
  [11, 'TSS32-busy'],
]);

function tableLine(name: 'GDT' | 'IDT', view: CpuView, width: number): string {
  const base = digits(view.u64(`${name}R_BASE`), width);
  return `${name}=     ${base} ${digits(view.u32(`${name}R_LIMIT`), 8)}`;
}

function debugLine(view: CpuView): string {
  const at = view.layout('DR');
  const low = [0, 1, 2, 3].map(
    (n) => `DR${n}=${digits(view.data.getBigUint64(at + n * 8, true), 16)}`,
  );
  return [...low, `DR6=${digits(view.u64('DR6'), 8)}`, `DR7=${digits(view.u64('DR7'), 8)}`].join(
    ' ',
  );
}
