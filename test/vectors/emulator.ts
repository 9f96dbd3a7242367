/** The emulator as a target of vectors, through the `exec` interface (single instructions). */

import { createExecutor } from '../../src/machine/exec.ts';
import type { CaseInput, Outcome, Registers, Trap } from './format.ts';
import type { Target } from './run.ts';

/** One byte of each page that is mapped in every case. */
const PAGES = ['0x10000000', '0x10001000', '0x30000000'].map((at): [string, string] => [at, '00']);
/** As Linux has them, where CPL 3 can tell: AM; FSGSBASE, PKE; NXE. */
const CONTROL = { cr0: '0x80050033', cr4: '0x4100a0', efer: '0xd01' };

export async function createEmulator(): Promise<Target> {
  const execute = await createExecutor();
  return {
    run: (inputs) => inputs.map((input) => readOutcome(execute(request(input)))),
  };
}

function request({ code, regs, memory }: CaseInput) {
  const values = Object.entries(regs).map(([name, value]) => [name, `0x${value.toString(16)}`]);
  const pieces = memory.map(([at, bytes]): [string, string] => [`0x${at.toString(16)}`, bytes]);
  return {
    code,
    mode: 'long64' as const,
    cpl: 3,
    steps: 1,
    regs: { ...CONTROL, ...Object.fromEntries(values) },
    mem: [...PAGES, ...pieces],
  };
}

interface Answer {
  readonly error?: string;
  readonly regs?: Readonly<Record<string, string>>;
  readonly mem?: readonly (readonly [string, string])[];
  readonly trap?: {
    readonly name: string;
    readonly error?: string | null;
    readonly cr2?: string;
  } | null;
}

function readOutcome(answer: Answer): Outcome | string {
  if (answer.error !== undefined) return `exec: ${answer.error}`;
  const regs: Registers = {};
  for (const [name, value] of Object.entries(answer.regs ?? {})) regs[name] = BigInt(value);
  const memory = (answer.mem ?? []).map(([at, bytes]): [bigint, string] => [BigInt(at), bytes]);
  return { regs, memory, trap: answer.trap ? readTrap(answer.trap) : null };
}

function readTrap({ name, error, cr2 }: NonNullable<Answer['trap']>): Trap {
  return { name, error: error ? BigInt(error) : null, cr2: cr2 ? BigInt(cr2) : null };
}
