/**
 * A guest kernel, as NASM source, that executes a witness at CPL 0 of its own machine: bare that is CPL 0, under a VMM
 * whatever the technique makes of it. Tables are those of the machine under test; its pages lie behind the code, at
 * addresses of their own, to which all pointers of the witness are moved.
 */

import { GPR_NAMES } from '../../machine/cpu-view.ts';
import { buildGdt, buildIdt, buildLdt, buildTss, GDT_BYTES, TSS_LIMIT } from './descriptors.ts';
import type { X86Mode } from './modes.ts';
import * as at from './places.ts';
import type { ProgramState } from './program-state.ts';
import * as sel from './selectors.ts';

/** Label of the witness in the source. */
export const WITNESS_LABEL = 'witness';

const RFLAGS_IF = 0x200n;
const ORIGIN = 0x10_0000;
const PAGE = 0x1000;
/** Whatever the instruction leads to ends up in a page of NOPs, behind which the program goes on. */
const SLED = ORIGIN + PAGE;
const AFTER = SLED + PAGE;
const DATA = AFTER + PAGE;
const STACK = DATA + PAGE;
const GDT = STACK + 2 * PAGE;
const LDT = GDT + PAGE;
const IDT = LDT + PAGE;
const TSS = IDT + PAGE;
const SYSTEM_STACK = TSS + 3 * PAGE;
const SYSTEM_STACK_TOP = SYSTEM_STACK + PAGE - 0x10;

const PLACES = { code: SLED, handlers: SLED, ldt: LDT, tss: TSS, stack: SYSTEM_STACK_TOP };

/** Pages of the machine under test, and where the program has them. */
const MOVES: readonly (readonly [from: number, bytes: number, to: number])[] = [
  [at.CODE, PAGE, SLED],
  [at.DATA, PAGE, DATA],
  [at.STACK, 2 * PAGE, STACK],
];

/** The source; `title` tells what it shows, in lines. */
export function guestProgram(
  mode: X86Mode,
  state: ProgramState,
  text: string,
  title: readonly string[],
): string {
  const { isLong } = mode;
  const [rsp, width, table] = isLong ? ['rsp', 'dq', 16] : ['esp', 'dd', 8];
  return `${[
    ...title.map((line) => `; ${line}`),
    `        org ${hex(ORIGIN)}`,
    `        bits ${mode.bits}`,
    '        lgdt [gdtr]',
    '        lidt [idtr]',
    `        mov ax, ${hex(sel.LDT_SELECTOR)}`,
    '        lldt ax',
    `        mov ax, ${hex(sel.TSS_FREE)}`,
    '        ltr ax',
    `        mov ax, ${hex(sel.KERNEL_DATA)}`,
    '        mov ss, ax',
    `        mov ax, ${hex(sel.USER_DATA | sel.RPL_USER)}`,
    ...['ds', 'es', 'fs', 'gs'].map((name) => `        mov ${name}, ax`),
    `        mov ${rsp}, ${hex(SYSTEM_STACK_TOP)}`,
    `        push ${isLong ? 'qword' : 'dword'} ${hex(Number(state.rflags & ~RFLAGS_IF))}`,
    `        popf${isLong ? 'q' : 'd'}`,
    // POPF is sensitive itself where it changes IF.
    ...((state.rflags & RFLAGS_IF) === 0n ? [] : ['        sti']),
    ...registerLines(mode, state),
    `${WITNESS_LABEL}:`,
    `        db ${bytesText(state.code)} ; ${text}`,
    `        times ${hex(AFTER - ORIGIN)} - ($ - $$) nop`,
    ...afterLines(isLong),
    goTo('data', DATA),
    ...pieceLines(state, at.DATA, DATA, PAGE),
    goTo('stack', STACK),
    ...pieceLines(state, at.STACK, STACK, 2 * PAGE),
    ...tableLines('GDT', GDT, buildGdt(mode, false, PLACES)),
    ...tableLines('LDT', LDT, buildLdt(mode, false)),
    ...tableLines('IDT', IDT, buildIdt(mode, false, PLACES)),
    ...tableLines('TSS', TSS, buildTss(mode, false, PLACES).subarray(0, 0x68)),
    `        times ${TSS_LIMIT + 1 - 0x68} db 0xff ; no port is allowed`,
    `gdtr:   dw ${hex(GDT_BYTES - 0x81)}`,
    `        ${width} ${hex(GDT)}`,
    `idtr:   dw ${hex(256 * table - 1)}`,
    `        ${width} ${hex(IDT)}`,
  ].join('\n')}\n`;
}

function registerLines({ isLong }: X86Mode, { gpr }: ProgramState): string[] {
  const names = GPR_NAMES.slice(0, isLong ? 16 : 8);
  return names.map((name, n) => {
    const register = isLong ? name : name.replace('r', 'e');
    return `        mov ${register}, 0x${BigInt(moved(gpr[n] ?? 0n)).toString(16)}`;
  });
}

/** What the program does then: its state comes into registers, and the run ends. */
function afterLines(isLong: boolean): string[] {
  const [rsp, size, flags] = isLong ? ['rsp', 'q', 'r9'] : ['esp', 'd', 'esi'];
  return [
    `        mov ${rsp}, ${hex(SYSTEM_STACK_TOP)}`,
    `        pushf${size}`,
    `        pop ${flags}`,
    '        mov ecx, cs',
    '        mov edx, ss',
    '        mov ebx, ds',
    '        mov al, 0',
    '        out 0xf4, al',
  ];
}

function goTo(name: string, address: number): string {
  return `        times ${hex(address - ORIGIN)} - ($ - $$) db 0 ; ${name}`;
}

function tableLines(name: string, address: number, bytes: Uint8Array): string[] {
  const lines = [goTo(name, address)];
  for (let n = 0; n < bytes.length; n += 16) {
    lines.push(`        db ${bytesText(bytes.subarray(n, n + 16))}`);
  }
  return lines;
}

/** What lies in the page that was at `from`. */
function pieceLines(state: ProgramState, from: number, to: number, length: number): string[] {
  return state.memory
    .filter(({ address }) => address >= from && address < from + length)
    .flatMap(({ address, bytes }) => [
      `        times ${hex(address - from + to - ORIGIN)} - ($ - $$) db 0`,
      `        db ${bytesText(movedBytes(bytes))}`,
    ]);
}

/** A value that points into a page of the machine under test points into the program. */
function moved(value: bigint): bigint {
  for (const [from, bytes, to] of MOVES) {
    if (value >= from && value < from + bytes) return value - BigInt(from) + BigInt(to);
  }
  return value;
}

/** The same of values of four bytes and more in memory. */
function movedBytes(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let n = 0; n + 4 <= copy.length; n++) {
    const value = BigInt(view.getUint32(n, true));
    const now = moved(value);
    if (now === value) continue;
    view.setUint32(n, Number(now), true);
    n += 3;
  }
  return copy;
}

function bytesText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => hex(byte)).join(', ');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
