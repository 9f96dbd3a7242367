/**
 * How the machines of two participants differ as their guest sees them (DESIGN.md section 4): general registers,
 * RIP, the flags of a user program, memory, what was sent. Whatever else there is counts when the guest reads it, since then one of
 * these differs; it is compared apart, to tell where such a difference comes from.
 *
 * When an accessed or dirty flag of a page-table entry is set depends on what a processor has cached (SDM 3A 4.8): such a
 * difference counts when the guest reads the entry.
 */

import { GPR_NAMES, SEGMENT_NAMES } from '../machine/cpu-view.ts';
import type { RunEnd } from '../machine/machine.ts';
import { PAGE_BYTES } from '../machine/memory.ts';
import type { Processor } from '../machine/processor.ts';
import { VirtualPc } from '../vmm/virtual-pc.ts';
import type { Participant } from './participant.ts';
import type { SentBytes } from './sent-bytes.ts';

/** One register, flag, byte or the like, with its value on the bare machine and in the VM; undefined: there is none. */
export interface Difference {
  readonly kind: 'register' | 'flag' | 'memory' | 'output' | 'end' | 'time' | 'hidden';
  /** Name of the register or flag; where the byte goes that was sent. */
  readonly name: string;
  /** GPA of a byte of memory, or position of a byte that was sent. */
  readonly address?: number;
  readonly bare: bigint | string | undefined;
  readonly other: bigint | string | undefined;
}

/** Differences of one kind that are told one by one. */
const MOST = 16;

export const FLAGS: readonly (readonly [string, bigint])[] = [
  ['CF', 0n],
  ['PF', 2n],
  ['AF', 4n],
  ['ZF', 6n],
  ['SF', 7n],
  ['TF', 8n],
  ['DF', 10n],
  ['OF', 11n],
  ['NT', 14n],
  ['AC', 18n],
  ['ID', 21n],
];
export const USER_FLAGS = FLAGS.reduce((mask, [, bit]) => mask | (1n << bit), 0n);

const PTE_A_D = 0x60;
const ENTRY_ALIGN = 4;

/** What the guest can see at once. `pages` are the addresses of those that may differ. */
export function visibleDifferences(
  bare: Participant,
  other: Participant,
  pages: readonly number[],
): Difference[] {
  return [
    ...registerDifferences(bare, other),
    ...memoryDifferences(bare, other, pages),
    ...outputDifferences(bare, other),
    ...endDifferences(bare, other),
  ];
}

function registerDifferences(a: Participant, b: Participant): Difference[] {
  const [bare, other] = [a.board.machine.processor, b.board.machine.processor];
  const found: Difference[] = [];
  const note = (kind: Difference['kind'], name: string, one: bigint, two: bigint): void => {
    if (one !== two) found.push({ kind, name, bare: one, other: two });
  };
  note('time', 'time', a.time, b.time);
  note('register', 'rip', bare.view.u64('RIP'), other.view.u64('RIP'));
  GPR_NAMES.forEach((name, n) => {
    note('register', name, bare.view.gpr[n] ?? 0n, other.view.gpr[n] ?? 0n);
  });
  const [one, two] = [bare.rflags, other.rflags];
  if (((one ^ two) & USER_FLAGS) === 0n) return found;
  for (const [name, bit] of FLAGS) note('flag', name, (one >> bit) & 1n, (two >> bit) & 1n);
  return found;
}

function memoryDifferences(
  { board: { machine } }: Participant,
  { board }: Participant,
  pages: readonly number[],
): Difference[] {
  const found: Difference[] = [];
  const isTable = (page: number): boolean =>
    board instanceof VirtualPc && board.vm.shadow.hasTable(page / PAGE_BYTES);
  for (const page of pages) {
    const [bare, other] = [machine.memory.page(page), board.machine.memory.page(page)];
    if (isSame(bare, other)) continue;
    const ignored = isTable(page) ? PTE_A_D : 0;
    for (let n = 0; n < PAGE_BYTES && found.length < MOST; n++) {
      const [one = 0, two = 0] = [bare[n], other[n]];
      if (((one ^ two) & ~(n % ENTRY_ALIGN === 0 ? ignored : 0)) === 0) continue;
      const values = { bare: BigInt(one), other: BigInt(two) };
      found.push({ kind: 'memory', name: 'byte', address: page + n, ...values });
    }
  }
  return found;
}

/** The pages hold the same. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  const one = new Int32Array(a.buffer, a.byteOffset, a.length / 4);
  const two = new Int32Array(b.buffer, b.byteOffset, b.length / 4);
  for (let n = 0; n < one.length; n++) if (one[n] !== two[n]) return false;
  return true;
}

function outputDifferences(a: Participant, b: Participant): Difference[] {
  return (['com1', 'console'] as const).flatMap((name) => {
    const [bare, other] = [a.sent[name], b.sent[name]];
    const length = Math.max(bare.length, other.length);
    let at = Math.min(a.sentAtMark[name], b.sentAtMark[name]);
    while (at < length && bare.at(at) === other.at(at)) at++;
    if (at === length) return [];
    return { kind: 'output', name, address: at, bare: byteAt(bare, at), other: byteAt(other, at) };
  });
}

export function byteAt(sent: SentBytes, at: number): bigint | undefined {
  const byte = sent.at(at);
  return byte === undefined ? undefined : BigInt(byte);
}

function endDifferences(bare: Participant, other: Participant): Difference[] {
  const [one, two] = [endName(bare.end), endName(other.end)];
  return one === two ? [] : [{ kind: 'end', name: 'end of the run', bare: one, other: two }];
}

/** Why the run has ended, in few words. */
export function endName(end: RunEnd | undefined): string {
  switch (end?.kind) {
    case undefined:
      return 'goes on';
    case 'exit':
      return `exit with status ${end.status}`;
    case 'reset':
    case 'off':
      return `${end.kind === 'reset' ? 'reset' : 'power off'} by ${end.by}`;
    case 'shutdown':
      return 'triple fault';
    case 'absent':
      return `asks for ${end.mode}`;
    case 'crash':
      return `crash: ${end.why}`;
    case 'halted':
      return 'halted for ever';
    case 'limit':
      return 'instruction limit';
    case 'input':
      return 'waits for input';
  }
}

const HIDDEN = [
  ...['CPL', 'SHADOW', 'ACTIVITY', 'GDTR_BASE', 'GDTR_LIMIT', 'IDTR_BASE', 'IDTR_LIMIT'],
  ...['CR0', 'CR2', 'CR3', 'CR4', 'CR8', 'EFER', 'DR6', 'DR7'],
  ...['STAR', 'LSTAR', 'CSTAR', 'FMASK', 'KERNEL_GS_BASE', 'TSC_AUX', 'TSC_OFFSET', 'PAT'],
  ...['SYSENTER_CS', 'SYSENTER_ESP', 'SYSENTER_EIP', 'APIC_BASE', 'MISC_ENABLE'],
  'MISC_FEATURES',
];
const NARROW: ReadonlySet<string> = new Set(
  'CPL SHADOW ACTIVITY GDTR_LIMIT IDTR_LIMIT MISC_FEATURES'.split(' '),
);
/** Names and places of system flags; IOPL is two bits. */
const SYSTEM_FLAGS = [
  ['IF', 9n, 1n],
  ['IOPL', 12n, 3n],
] as const;

/** What the guest sees only by instructions that read it: system flags and registers, selectors, segment bases. */
export function hiddenDifferences(a: Participant, b: Participant): Difference[] {
  const one = hiddenState(a.board.machine.processor);
  const two = hiddenState(b.board.machine.processor);
  return [...one].flatMap(([name, bare]) => {
    const other = two.get(name);
    return bare === other ? [] : { kind: 'hidden', name, bare, other };
  });
}

function hiddenState({ view, rflags }: Processor): Map<string, bigint> {
  const state = new Map<string, bigint>();
  for (const [name, bit, mask] of SYSTEM_FLAGS) state.set(name, (rflags >> bit) & mask);
  for (const name of HIDDEN) {
    const value = NARROW.has(name) ? BigInt(view.u32(name)) : view.u64(name);
    state.set(name.toLowerCase().replace('_', '.'), value);
  }
  for (const name of SEGMENT_NAMES) {
    const { selector, base } = view.segment(name);
    state.set(name, BigInt(selector));
    if (name === 'fs' || name === 'gs') state.set(`${name}.base`, base);
  }
  return state;
}
