/** The emulator as a target of vectors, through the `exec` interface (single instructions). */

import {
  createExecutor,
  type ExecReply,
  type ExecTrap,
  type Executor,
} from '../../src/machine/exec.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import type { CaseInput, Outcome, Piece, Registers, Trap } from './format.ts';
import { LDT } from './ldt.ts';
import type { Target } from './run.ts';

/** One byte of each page that is mapped in every case. */
const PAGES = ['0x10000000', '0x10001000', '0x30000000'].map((at): [string, string] => [at, '00']);
/** As Linux has them, where CPL 3 can tell: AM; FSGSBASE, PKE; NXE. */
const CONTROL = { cr0: '0x80050033', cr4: '0x4100a0', efer: '0xd01' };

const LDT_TEXT = LDT.map((entry) => `0x${entry.toString(16)}`);

export function createEmulator(): Target {
  return emulatorTarget(createExecutor(loadProcessorModule()));
}

/** Runs up to `steps` instructions of each case, in pages that hold zeros but for `fill`. */
export function emulatorTarget(
  execute: Executor,
  steps = 1,
  fill: readonly [string, string][] = [],
): Target {
  const pages = [...PAGES, ...fill];
  return {
    run: (inputs) =>
      inputs.map((input) => readOutcome(execute(request(input, steps, pages)), input)),
  };
}

function request(
  { bits, ldt, code, regs, memory }: CaseInput,
  steps: number,
  pages: readonly [string, string][],
) {
  const values = Object.entries(regs).map(([name, value]) => [name, `0x${value.toString(16)}`]);
  const pieces = memory.map(([at, bytes]): [string, string] => [`0x${at.toString(16)}`, bytes]);
  return {
    code,
    mode: bits === 64 ? ('long64' as const) : ('prot32' as const),
    ldt: ldt ? LDT_TEXT : [],
    cpl: 3,
    steps,
    regs: { ...CONTROL, ...Object.fromEntries(values) },
    mem: [...pages, ...pieces],
  };
}

/** A register that `exec` does not report counts as unchanged: vectors that change it fail. */
function readOutcome(reply: ExecReply, input: CaseInput): Outcome | string {
  if ('error' in reply) return `exec: ${reply.error}`;
  const regs: Registers = { ...input.regs };
  for (const [name, value] of Object.entries(reply.regs)) regs[name] = BigInt(value);
  const memory = reply.mem.map(([at, bytes]): Piece => [BigInt(at), bytes]);
  return { regs, memory, trap: reply.trap && readTrap(reply.trap) };
}

function readTrap({ name, error, cr2 }: ExecTrap): Trap {
  return { name, error: error ? BigInt(error) : null, cr2: cr2 ? BigInt(cr2) : null };
}
