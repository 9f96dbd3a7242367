/** The commands, and yargs set up for them. */

import yargs, { type Argv } from 'yargs';
import type { Command } from './command.ts';
import { UsageError } from './usage-error.ts';
import { version } from './version.ts';

interface Entry {
  /** Positional arguments, as yargs writes them. */
  readonly operands: string;
  readonly summary: string;
  readonly load: () => Promise<Command<unknown>>;
}

// biome-ignore format: one command per line.
const COMMANDS: Readonly<Record<string, Entry>> = {
  asm:    entry('[file]',     'assemble NASM syntax',                    () => import('./commands/asm.ts')),
  disasm: entry('[file]',     'disassemble a flat binary or an ELF file', () => import('./commands/disasm.ts')),
  isa:    entry('',           'list the instruction table',              () => import('./commands/isa.ts')),
  run:    entry('[image]',    'boot a guest kernel',                     () => import('./commands/run.ts')),
  trace:  entry('[image]',     'write down every exit of a VM',         () => import('./commands/trace.ts')),
  compare: entry('[image]',    'run a guest bare and in VMs, find where they differ', () => import('./commands/compare.ts')),
  classify: entry('',          "find Popek and Goldberg's classes of all instructions", () => import('./commands/classify.ts')),
  explain: entry('[mnemonic]', 'show the evidence for the class of an instruction', () => import('./commands/explain.ts')),
  exec:   entry('',           'run single instructions from JSON lines', () => import('./commands/exec.ts')),
  bench:  entry('[guests..]', 'measure the speed of the machine',        () => import('./commands/bench.ts')),
};

function entry<T>(
  operands: string,
  summary: string,
  load: () => Promise<{ command: Command<T> }>,
): Entry {
  return { operands, summary, load: async () => (await load()).command as Command<unknown> };
}

// A positional stands as optional, so that an unknown flag is reported before a missing file.

/** Options whose value may stick to the letter, as NASM and C compilers take them. */
const STICKY = /^-[DIUPWwflo]./;
/** Options whose value may begin with a minus. */
const DASHED_VALUE = new Set(['--machine', '--append', '--warning', '-w', '-W']);

/** Arguments that may be given more than once; `_` is what yargs keeps of the others. */
const LISTS = new Set([
  ...['_', 'D', 'define', 'I', 'include', 'U', 'undefine', 'P', 'pre-include', 'w', 'W', 'warning'],
  ...['module', 'guests', 'fw-cfg', 'vm', 'diff'],
]);
/** Options that take no value. */
const FLAG_WITH_VALUE = /^(--(?:json|stats|quick|all|asm|help|version))=/;

/** Runs the command that `args` name; returns the exit status. */
export async function parse(args: readonly string[]): Promise<number> {
  const [name = ''] = args;
  const called = COMMANDS[name];
  if (called !== undefined) return runCommand(name, called, normalize(args.slice(1)));
  if (/^[^-]/.test(name)) {
    throw new UsageError(`unknown command '${name}'; trapline --help lists them`);
  }
  overview(args).parse();
  return 0;
}

/** Each command has a parser of its own, of which it is the default command. */
async function runCommand(name: string, entry: Entry, args: readonly string[]): Promise<number> {
  const command = await entry.load();
  let run = async () => 0;
  configure(yargs(args))
    .scriptName(`trapline ${name}`)
    .command(`$0 ${entry.operands}`.trim(), entry.summary, command.build, (values) => {
      run = async () => command.run(values);
    })
    .check(refuseRepeated)
    .parse();
  return run();
}

/** What `trapline --help` shows. */
function overview(args: readonly string[]): Argv {
  const parser = configure(yargs(args)).scriptName('trapline').usage('Usage: $0 COMMAND [OPTIONS]');
  for (const [name, { operands, summary }] of Object.entries(COMMANDS)) {
    parser.command(`${name} ${operands}`.trim(), summary);
  }
  return parser
    .demandCommand(1, 1, 'a command is needed; trapline --help lists them')
    .example('$0 run guests/hello/main.asm', 'assemble and boot a guest')
    .epilogue('trapline COMMAND --help tells about each.');
}

function configure(parser: Argv): Argv {
  return parser
    .locale('en')
    .parserConfiguration({
      'greedy-arrays': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'parse-positional-numbers': false,
    })
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

/** An option that is no list may be given once. */
function refuseRepeated(values: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value) && !LISTS.has(name)) {
      throw new UsageError(`${name.length > 1 ? '--' : '-'}${name} is given more than once`);
    }
  }
  return true;
}

/** A value that begins with a minus must not stand alone. */
function split(flag: string, value: string): string[] {
  return value.startsWith('-') ? [`${flag}=${value}`] : [flag, value];
}

/** Joins `--machine -smap` and splits `-DNAME` into `-D NAME`, which yargs would misread. */
function normalize(args: readonly string[]): string[] {
  const own: string[] = [];
  for (let n = 0; n < args.length; n++) {
    const arg = args[n] ?? '';
    if (arg === '--') return [...own, ...args.slice(n)];
    const flag = FLAG_WITH_VALUE.exec(arg)?.[1];
    if (flag !== undefined) throw new UsageError(`${flag} takes no value`);
    const value = args[n + 1];
    if (DASHED_VALUE.has(arg) && value !== undefined) {
      own.push(`${arg}=${value}`);
      n++;
    } else if (STICKY.test(arg)) own.push(...split(arg.slice(0, 2), arg.slice(2)));
    else own.push(arg);
  }
  return own;
}
