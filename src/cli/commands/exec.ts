/** `trapline exec`: single instructions, a JSON object a line in and out. */

import { createExecutor, EXEC_DEFAULTS, type Executor } from '../../index.ts';
import { loadProcessorModule } from '../../node/index.ts';
import type { Command } from '../command.ts';
import { readLines } from '../lines.ts';
import { STATUS_OK } from '../status.ts';

/** Longer lines are refused, so that endless input without a newline does not fill the memory. */
const MAX_LINE_LENGTH = 2 ** 26;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

function controls(mode: keyof typeof EXEC_DEFAULTS): string {
  const { cr0, cr4, efer } = EXEC_DEFAULTS[mode];
  return `cr0 ${hex(cr0)}, cr4 ${hex(cr4)}, efer ${hex(efer)}`;
}

const HELP = `Each line on stdin is a request, each line on stdout its answer, in the same order.

  request  {"code":"48f7d8","mode":"long64","cpl":3,"steps":1,"regs":{"rax":"0x1","rip":"0x20000000"},
            "mem":[["0x10000000","00ff"]]}
  answer   {"regs":{"rax":...,"rip":...,"rflags":...},"mem":[["0x10000000","2a"]],"trap":null}
  trap     {"vector":14,"name":"#PF","error":"0x7","cr2":"0x30000000"}
  bad line {"error":"..."}

Registers not given are 0, rflags 0x2. Defaults: mode long64, cpl 3, steps 1; cr3, GDT, IDT and TSS are those of
the test bed.
  mode long64  64-bit mode; ${controls('long64')};
               cs 0x33, ss 0x2b at cpl 3, 0x10 and 0x18 at cpl 0
  mode prot32  32-bit protected mode; ${controls('prot32')};
               cs 0x23, ss ds es 0x2b at cpl 3, 0x8 and 0x18 at cpl 0. Selectors of the GDT (0x8 0x10 0x18 0x20
               0x28 0x30, as on 64-bit Linux) and of "ldt":["0x40f300000000ffff",...] give the hidden parts.
               Page tables follow cr4.PAE; with efer.LMA (0xd01) and cr4.PAE it is compatibility mode`;

export const command: Command<Record<string, never>> = {
  build: (yargs) =>
    yargs.epilogue(HELP).example(`echo '{"code":"48ffc0"}' | $0`, 'inc rax') as never,
  run: async () => {
    const executor = createExecutor(loadProcessorModule());
    process.stdin.setEncoding('utf8');
    for await (const lines of readLines(process.stdin, MAX_LINE_LENGTH)) {
      const replies = lines.map((line) => reply(executor, line)).join('');
      if (!process.stdout.write(replies)) await drained();
    }
    return STATUS_OK;
  },
};

function drained(): Promise<void> {
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}

/** One answer line; blank lines get none. */
function reply(executor: Executor, line: string | undefined): string {
  if (line === undefined) return failure(`the line is longer than ${MAX_LINE_LENGTH} characters`);
  if (line.trim() === '') return '';
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    return failure(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return `${JSON.stringify(executor(request))}\n`;
}

function failure(error: string): string {
  return `${JSON.stringify({ error })}\n`;
}
