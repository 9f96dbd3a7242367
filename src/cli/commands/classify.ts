/** `trapline classify`: Popek and Goldberg's classes of all instructions, by experiment. */

import { availableParallelism } from 'node:os';
import type { Options } from 'yargs';
import {
  type Classification,
  compareClassifications,
  compareWithClaims,
  DEFAULT_SEED,
  DEFAULT_STATES,
  type FormTechniques,
  ROWS,
  tryTechniques,
  variantRows,
  X86_MODE_NAMES,
  X86_MODES,
  X86Machine,
  type X86Variant,
} from '../../index.ts';
import { classifyInThreads, loadProcessorModule } from '../../node/index.ts';
import { formatClassification, formatDifference } from '../classification-report.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { print, printJson } from '../output.ts';
import { ProgressLine } from '../progress-line.ts';
import { STATUS_OK } from '../status.ts';
import { formatTechniques } from '../technique-report.ts';
import { UsageError } from '../usage-error.ts';
import { parseChoice, parseCount } from '../values.ts';
import { PLAIN_NAME, parseVariantOption } from '../variant-option.ts';

const text = { type: 'string', requiresArg: true } as const;
/** More than these are seldom there, and each has a machine of its own. */
const MAX_THREADS = 16;

const OPTIONS = {
  variant: {
    ...text,
    describe:
      'instruction set to classify: x86 (default), umip, trap-18, trap-all, vtx or FILE.json',
  },
  diff: {
    type: 'string',
    nargs: 2,
    coerce: (values: string | readonly string[] | undefined) =>
      values === undefined ? undefined : [values].flat(),
    describe: 'print what changes between two variants',
  },
  techniques: {
    type: 'string',
    describe: 'run sensitive unprivileged forms in VMs (all, or of a list as popfq,smsw)',
  },
  mode: { ...text, describe: `mode of operation: ${X86_MODE_NAMES.join(' or ')} (default: both)` },
  states: { ...text, default: `${DEFAULT_STATES}`, describe: 'states to try of each form' },
  seed: { ...text, default: `${DEFAULT_SEED}`, describe: 'seed of all that is random' },
  threads: { ...text, describe: 'threads to use (default: one for each processor)' },
  all: { type: 'boolean', default: false, describe: 'list innocuous mnemonics in the table too' },
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

const EPILOGUE =
  `Each form of each instruction is executed on the processor from many random states, in each of them at CPL 0 and at
CPL 3 and with resources varied one by one (control registers, descriptor tables, selectors, system flags, MSRs, location ...).
Control-sensitive: it changes a resource or the mode without a trap. Behaviour-sensitive: its results depend on a resource
or on the mode. Privileged: it traps at CPL 3 wherever it does not at CPL 0. A class that hangs on a control bit is printed with it
(unless). With --techniques a guest executes each sensitive form in a state that showed it so, bare and in a VM of each technique:
told are what differs after it, and the exits that it took; of six such states for each finding the first after which any differs. IOPL is 0, and no port is allowed at CPL 3. A file is {"changes": [{"rows": "popfq" or "mov sreg, r16m16",
"privileged": true} or "silent" or "removed"], "controls": ["CR4.UMIP=1"]}.`.replaceAll('\n', ' ');

export const command: Command<OptionValues<typeof OPTIONS>> = {
  build: (yargs) =>
    yargs
      .options(OPTIONS)
      .epilogue(EPILOGUE)
      .example('$0', 'the x86 as it is: which instructions stand in the way of a VMM')
      .example('$0 --variant trap-18', 'what remains if the historical ones trapped')
      .example('$0 --diff x86 umip', 'what UMIP changes')
      .example('$0 --techniques popfq,smsw', 'what each technique makes of them'),
  run: async (args) => {
    if (args.diff !== undefined && args.variant !== undefined) {
      throw new UsageError('--diff names both variants: leave --variant out');
    }
    if (args.diff !== undefined && args.diff.length !== 2) {
      throw new UsageError('--diff is given more than once');
    }
    if (args.techniques !== undefined && (args.diff ?? args.variant) !== undefined) {
      throw new UsageError('--techniques runs on the x86 as it is: leave --variant and --diff out');
    }
    const mnemonics = parseMnemonics(args.techniques);
    const names = args.diff ?? [args.variant ?? PLAIN_NAME];
    const option = args.diff === undefined ? 'variant' : 'diff';
    const variants = names.map((name) => parseVariantOption(option, name));
    const modes =
      args.mode === undefined ? X86_MODE_NAMES : [parseChoice('mode', args.mode, X86_MODE_NAMES)];
    const tasks = variants.flatMap((variant) => modes.map((mode) => ({ variant, mode })));
    const line = new ProgressLine();
    const module = loadProcessorModule();
    const seed = parseCount('seed', args.seed);
    const found = await classifyInThreads(tasks, {
      module,
      threads: Math.min(threadsOf(args.threads), MAX_THREADS),
      states: parseCount('states', args.states),
      seed,
      mnemonics,
      progress: (share) => line.show(bar(share)),
    });
    if (args.techniques !== undefined) {
      const tried = found.map((one) => techniquesOf(one, module, seed, line));
      line.clear();
      if (args.json) printJson(tried);
      else print(tried.map(({ mode, forms }) => formatTechniques(mode, forms)).join('\n'));
      return STATUS_OK;
    }
    line.clear();
    if (args.diff !== undefined) reportDifference(found, modes.length, args.json);
    else report(found, variants[0] as X86Variant, args.all, args.json);
    return STATUS_OK;
  },
};

function threadsOf(option: string | undefined): number {
  return option === undefined ? availableParallelism() : parseCount('threads', option);
}

/** The mnemonics that `text` lists; none stands for all. */
function parseMnemonics(text = ''): string[] {
  const names = text === '' ? [] : text.toLowerCase().split(',');
  const unknown = names.find(
    (name) => !ROWS.some(({ mnemonic, alias }) => mnemonic === name && !alias),
  );
  if (unknown === undefined) return names;
  throw new UsageError(
    `--techniques: there is no instruction '${unknown}'; trapline isa lists them`,
  );
}

/** The sensitive forms of one mode of operation, each run under each technique. */
function techniquesOf(
  { name, mnemonics }: Classification,
  module: WebAssembly.Module,
  seed: number,
  line: ProgressLine,
): { readonly mode: string; readonly forms: readonly FormTechniques[] } {
  const mode = X86_MODES.find((one) => one.name === name);
  if (mode === undefined) return { mode: name, forms: [] };
  const machine = new X86Machine(module, mode);
  const sensitive = mnemonics.flatMap(({ forms }) => forms.filter((form) => form.isSensitive));
  const forms = sensitive.map((form, n) => {
    line.show(`${bar(n / sensitive.length)} ${form.text}`);
    return tryTechniques(module, mode, machine, form, seed);
  });
  return { mode: name, forms };
}

const BAR_WIDTH = 40;

function bar(share: number): string {
  const full = Math.floor(share * BAR_WIDTH);
  return `[${'#'.repeat(full)}${' '.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)}%`;
}

function report(
  found: readonly Classification[],
  variant: X86Variant,
  all: boolean,
  json: boolean,
): void {
  const rows = variantRows(variant);
  const claims = (one: Classification) => compareWithClaims(one, rows);
  if (json) {
    const modes = found.map((one) => ({ ...one, claims: claims(one) }));
    printJson({ variant: variant.name, modes });
  } else print(found.map((one) => formatClassification(one, claims(one), all)).join('\n'));
}

function reportDifference(found: readonly Classification[], modes: number, json: boolean): void {
  const pairs = found.slice(0, modes).map((before, n) => {
    const after = found[n + modes] as Classification;
    return { mode: before.name, ...compareClassifications(before, after) };
  });
  if (json) printJson(pairs);
  else print(pairs.map((one) => formatDifference(one.mode, one)).join('\n'));
}
