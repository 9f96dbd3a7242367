/** The register dump of QEMU's log and monitor, for 64-bit code. */

import {
  type CpuView,
  GPR_NAMES,
  type SegmentName,
  type SegmentState,
} from '../machine/cpu-view.ts';
import type { Processor } from '../machine/processor.ts';
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
  return [
    ...generalRegisters(view),
    statusLine(processor),
    ...SHADOW_NAMES.map((name) =>
      segmentLine(name, view.segment(name.toLowerCase() as SegmentName)),
    ),
    segmentLine('LDT', view.segment('ldtr')),
    segmentLine('TR', view.segment('tr')),
    tableLine('GDT', view),
    tableLine('IDT', view),
    `CR0=${digits(view.u64('CR0'), 8)} CR2=${quad(view, 'CR2')} CR3=${quad(view, 'CR3')} CR4=${digits(view.u64('CR4'), 8)}`,
    debugLine(view),
    `EFER=${quad(view, 'EFER')}`,
  ];
}

const quad = (view: CpuView, name: string): string => digits(view.u64(name), 16);

function generalRegisters(view: CpuView): string[] {
  const cells = [...DUMP_ORDER, ...NUMBERED].map((name) => {
    const value = view.gpr[GPR_NAMES.indexOf(name)] ?? 0n;
    return `${name.toUpperCase().padEnd(3)}=${digits(value, 16)}`;
  });
  return [0, 4, 8, 12].map((at) => cells.slice(at, at + 4).join(' '));
}

function statusLine(processor: Processor): string {
  const { view, rflags } = processor;
  const letters = FLAG_LETTERS.map(([bit, letter]) => ((rflags >> bit) & 1n ? letter : '-')).join(
    '',
  );
  const shadow = view.u32('SHADOW') === 0 ? 0 : 1;
  const halted = view.u32('ACTIVITY') === 1 ? 1 : 0;
  const modes = `CPL=${view.u32('CPL')} II=${shadow} A20=1 SMM=0 HLT=${halted}`;
  return `RIP=${quad(view, 'RIP')} RFL=${digits(rflags, 8)} [${letters}] ${modes}`;
}

const ACCESS_UNUSABLE = 1 << 16;

/** Column 4 is the second doubleword of the descriptor without its base. */
function segmentLine(name: string, segment: SegmentState): string {
  const { selector, base, limit, access } = segment;
  const isUsable = (access & ACCESS_UNUSABLE) === 0;
  const flags = isUsable ? ((access & 0xf0ff) << 8) | (pageLimit(segment) & 0xf0000) : 0;
  const place = `${digits(selector, 4)} ${digits(base, 16)} ${digits(limit, 8)} ${digits(flags, 8)}`;
  const kind = isUsable ? ` DPL=${(access >> 5) & 3} ${segmentKind(access)}` : '';
  return `${name.padEnd(3)}=${place}${kind}`;
}

function pageLimit({ limit, access }: SegmentState): number {
  return access & 0x8000 ? limit >>> 12 : limit;
}

function segmentKind(access: number): string {
  const letter = (bit: number, name: string) => (access & bit ? name : '-');
  if ((access & 0x10) === 0) return SYSTEM_KINDS.get(access & 15) ?? '';
  const accessed = letter(1, 'A');
  if ((access & 8) === 0) return `DS   [${letter(4, 'E')}${letter(2, 'W')}${accessed}]`;
  const width = access & 0x2000 ? 'CS64' : access & 0x4000 ? 'CS32' : 'CS16';
  return `${width} [${letter(4, 'C')}${letter(2, 'R')}${accessed}]`;
}

const SYSTEM_KINDS: ReadonlyMap<number, string> = new Map([
  [2, 'LDT'],
  [9, 'TSS64-avl'],
  [11, 'TSS64-busy'],
]);

function tableLine(name: 'GDT' | 'IDT', view: CpuView): string {
  return `${name}=     ${quad(view, `${name}R_BASE`)} ${digits(view.u32(`${name}R_LIMIT`), 8)}`;
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
