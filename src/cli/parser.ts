/** The commands, and yargs set up for them. */

import yargs, { type Argv } from 'yargs';
import type { Command } from './command.ts';
import { UsageError } from './usage-error.ts';
import { version } from './version.ts';

interface Entry {
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<Command<unknown>>;
}

// biome-ignore format: one command per line.
const COMMANDS: Readonly<Record<string, Entry>> = {
  asm:    entry('asm <file>',    'assemble NASM syntax',             () => import('./commands/asm.ts')),
  disasm: entry('disasm <file>', 'disassemble a flat binary',        () => import('./commands/disasm.ts')),
  isa:    entry('isa',           'list the instruction table',       () => import('./commands/isa.ts')),
  run:    entry('run <image>',   'boot a guest kernel',              () => import('./commands/run.ts')),
  exec:   entry('exec',          'run single instructions from JSON lines', () => import('./commands/exec.ts')),
  bench:  entry('bench [guests..]', 'measure the speed of the machine', () => import('./commands/bench.ts')),
};

function entry<T>(
  usage: string,
  summary: string,
  load: () => Promise<{ command: Command<T> }>,
): Entry {
  return { usage, summary, load: async () => (await load()).command as Command<unknown> };
}

/** Options whose value may stick to the letter, as NASM and C compilers take them. */
const STICKY = /^-[DIflo]./;
/** Options whose value may begin with a minus. */
const DASHED_VALUE = new Set(['--machine']);

/** Runs the command that `args` name; returns the exit status. */
export async function parse(args: readonly string[]): Promise<number> {
  let status = 0;
  const parser = configure(yargs(normalize(args)));
  for (const { usage, summary, load } of Object.values(COMMANDS)) {
    parser.command(
      usage,
      summary,
      async (builder: Argv) => (await load()).build(builder),
      async (parsed) => {
        status = await (await load()).run(parsed);
      },
    );
  }
  await parser.parseAsync();
  return status;
}

function configure(parser: Argv): Argv {
  return parser
    .scriptName('trapline')
    .locale('en')
    .usage('Usage: $0 COMMAND [OPTIONS]')
    .parserConfiguration({
      'greedy-arrays': false,
      'duplicate-arguments-array': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'parse-positional-numbers': false,
    })
    .demandCommand(1, 1, 'a command is needed; trapline --help lists them')
    .recommendCommands()
    .strict()
    .version(version())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message.replaceAll('\n', ' '));
    });
}

/** Splits `-DNAME` into `-D NAME`, and joins `--machine -smap`, which yargs would misread. */
function normalize(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end);
  const split = own.flatMap((arg) => (STICKY.test(arg) ? [arg.slice(0, 2), arg.slice(2)] : [arg]));
  const joined: string[] = [];
  for (let n = 0; n < split.length; n++) {
    const arg = split[n] ?? '';
    const value = split[n + 1];
    if (DASHED_VALUE.has(arg) && value !== undefined) {
      joined.push(`${arg}=${value}`);
      n++;
    } else joined.push(arg);
  }
  return [...joined, ...rest];
}
