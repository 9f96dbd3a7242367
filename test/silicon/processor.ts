/** Runs cases on the processor at hand, through the C harness, and reads the outcomes. */

import { spawnSync } from 'node:child_process';
import {
  type CaseInput,
  GPRS,
  type Outcome,
  type Piece,
  type Registers,
} from '../vectors/format.ts';
import { LDT } from '../vectors/ldt.ts';

const VECTORS = '#DE #DB NMI #BP #OF #BR #UD #NM #DF - #TS #NP #SS #GP #PF - #MF #AC #MC #XM'.split(
  ' ',
);
/** What harness.c reports where no exception ended the case. */
const OTHER_ENDS: Readonly<Record<number, string>> = { 256: 'endless', 257: 'system call' };
const SELECTORS = ['ds', 'es', 'fs', 'gs', 'cs', 'ss'];
const ORDER = ['rip', 'rflags', ...GPRS, 'fs_base', 'gs_base', ...SELECTORS];
const RF = 1n << 16n;

const LDT_ARGUMENTS = LDT.map((entry) => entry.toString(16));

/** Runs the cases that want an LDT in one process, the others in another. */
export function runOnProcessor(harness: string, inputs: readonly CaseInput[]): Outcome[] {
  const withLdt = run(
    harness,
    LDT_ARGUMENTS,
    inputs.filter(({ ldt }) => ldt),
  );
  const without = run(
    harness,
    [],
    inputs.filter(({ ldt }) => !ldt),
  );
  const next = { with: 0, without: 0 };
  return inputs.map(({ ldt }) => (ldt ? withLdt[next.with++]! : without[next.without++]!));
}

function run(harness: string, args: readonly string[], inputs: readonly CaseInput[]): Outcome[] {
  if (inputs.length === 0) return [];
  const { status, stdout, stderr } = spawnSync(harness, args, {
    input: inputs.map(inputLine).join(''),
    maxBuffer: 1 << 30,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr + failedInput(stderr, inputs));
  return stdout.trimEnd().split('\n').map(parseOutcome);
}

function failedInput(message: string, inputs: readonly CaseInput[]): string {
  const input = inputs[Number(/line (\d+)/.exec(message)?.[1]) - 1];
  return input ? inputLine(input) : '';
}

function inputLine({ code, regs, memory }: CaseInput): string {
  const numbers = ORDER.map((name) => regs[name]!.toString(16));
  const pieces = memory.map(([at, bytes]) => `${at.toString(16)}=${bytes}`);
  return `${[code, ...numbers, ...pieces].join(' ')}\n`;
}

function parseOutcome(line: string): Outcome {
  const [vector, error, cr2, ...rest] = line.split(' ');
  const regs: Registers = {};
  ORDER.forEach((name, i) => {
    regs[name] = BigInt(`0x${rest[i]}`);
  });
  regs.rflags = regs.rflags! & ~RF;
  const memory = rest.slice(ORDER.length).map((piece): Piece => {
    const [at, bytes] = piece.split('=');
    return [BigInt(`0x${at}`), bytes!];
  });
  if (vector === '-') return { regs, memory, trap: null };
  const number = (text: string | undefined) => (text === '-' ? null : BigInt(`0x${text}`));
  const end = Number.parseInt(vector!, 16);
  const name = VECTORS[end] ?? OTHER_ENDS[end]!;
  return { regs, memory, trap: { name, error: number(error), cr2: number(cr2) } };
}
