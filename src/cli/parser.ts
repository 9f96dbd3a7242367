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
  asm:    entry('asm [file]',    'assemble NASM syntax',             () => import('./commands/asm.ts')),
  disasm: entry('disasm [file]', 'disassemble a flat binary',        () => import('./commands/disasm.ts')),
  isa:    entry('isa',           'list the instruction table',       () => import('./commands/isa.ts')),
  run:    entry('run [image]',   'boot a guest kernel',              () => import('./commands/run.ts')),
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

// A positional stands as optional, so that an unknown flag is reported before a missing file.

/** Options whose value may stick to the letter, as NASM and C compilers take them. */
const STICKY = /^-[DIflo]./;
/** Options whose value may begin with a minus. */
const DASHED_VALUE = new Set(['--machine']);

/** Runs the command that `args` name; returns the exit status. */
export async function parse(args: readonly string[]): Promise<number> {
  const parser = configure(yargs(normalize(args)));
  const [name = ''] = args;
  const called = COMMANDS[name];
  if (!called && /^[^-]/.test(name)) {
    throw new UsageError(`unknown command '${name}'; trapline --help lists them`);
  }
  const command = await called?.load();
  let run = async () => 0;
  for (const entry of Object.values(COMMANDS)) {
    const own = entry === called ? command : undefined;
    parser.command(
      entry.usage,
      entry.summary,
      (builder) => own?.build(builder) ?? builder,
      (values) => {
        run = async () => (await own?.run(values)) ?? 0;
      },
    );
  }
  parser.parse();
  return run();
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
    .strict()
    .version(version())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new UsageError((message ?? error.message).replaceAll('\n', ' '));
    });
}

/** Joins `--machine -smap` and splits `-DNAME` into `-D NAME`, which yargs would misread. */
function normalize(args: readonly string[]): string[] {
  const own: string[] = [];
  for (let n = 0; n < args.length; n++) {
    const arg = args[n] ?? '';
    if (arg === '--') return [...own, ...args.slice(n)];
    const value = args[n + 1];
    if (DASHED_VALUE.has(arg) && value !== undefined) {
      own.push(`${arg}=${value}`);
      n++;
    } else if (STICKY.test(arg)) own.push(arg.slice(0, 2), arg.slice(2));
    else own.push(arg);
  }
  return own;
}
