/** `trapline explain`: the class of one instruction, and the evidence for it. */

import type { Options } from 'yargs';
import {
  type ClassifiedForm,
  classifyForm,
  DEFAULT_SEED,
  DEFAULT_STATES,
  type Explanation,
  explain,
  guestProgram,
  type MnemonicReport,
  ROWS,
  summarize,
  tellingFindings,
  variantRows,
  X86_MODE_NAMES,
  X86_MODES,
  X86Machine,
  type X86Mode,
} from '../../index.ts';
import { loadProcessorModule } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { formatExplanation, formatMnemonic } from '../explanation-report.ts';
import { print, printJson } from '../output.ts';
import { STATUS_OK } from '../status.ts';
import { UsageError } from '../usage-error.ts';
import { parseChoice, parseCount, required } from '../values.ts';
import { PLAIN_NAME, parseVariantOption } from '../variant-option.ts';

const text = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  mode: { ...text, describe: `mode of operation: ${X86_MODE_NAMES.join(' or ')} (default: both)` },
  asm: {
    type: 'boolean',
    default: false,
    describe:
      'print a guest program that does it, for trapline compare (--mode long64 unless said)',
  },
  variant: { ...text, default: PLAIN_NAME, describe: 'instruction set, as of classify' },
  states: { ...text, default: `${DEFAULT_STATES}`, describe: 'states to try of each form' },
  seed: { ...text, default: `${DEFAULT_SEED}`, describe: 'seed of all that is random' },
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { mnemonic: string | undefined };

interface Found {
  readonly mode: X86Mode;
  readonly machine: X86Machine;
  readonly mnemonic: MnemonicReport;
}

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('mnemonic', { type: 'string', describe: 'instruction, as trapline isa lists it' })
      .options(OPTIONS)
      .example('$0 popf', 'why POPF stands in the way of a VMM')
      .example('$0 smsw --asm > smsw.asm', 'a guest to be run: trapline compare smsw.asm')
      .example('$0 sgdt --variant umip', 'the same instruction where UMIP makes it trap'),
  run: (args) => {
    const name = required(args.mnemonic, 'a mnemonic').toLowerCase();
    const modes = X86_MODES.filter(
      (mode) =>
        args.mode === undefined || mode.name === parseChoice('mode', args.mode, X86_MODE_NAMES),
    );
    const variant = parseVariantOption('variant', args.variant);
    const options = {
      states: parseCount('states', args.states),
      seed: parseCount('seed', args.seed),
      controls: variant.controls,
    };
    const module = loadProcessorModule();
    const found = modes.flatMap((mode) => {
      const machine = new X86Machine(module, mode, variantRows(variant));
      return findOut(mode, machine, name, options);
    });
    if (found.length === 0) throw new UsageError(unknownMnemonic(name, args.mode));
    if (args.asm) print(program(found, options.seed));
    else if (args.json)
      printJson(found.map(({ mode, mnemonic }) => ({ mode: mode.name, ...mnemonic })));
    else print(`${found.map((one) => format(one, options.seed)).join('\n\n')}\n`);
    return STATUS_OK;
  },
};

function findOut(
  mode: X86Mode,
  machine: X86Machine,
  name: string,
  options: Parameters<typeof classifyForm>[2],
): Found[] {
  const mnemonics = mnemonicsOf(name);
  const reports = machine.forms.flatMap(({ mnemonic }, form) =>
    mnemonics.has(mnemonic) ? [classifyForm(machine, form, options)] : [],
  );
  const found = summarize(mode.name, reports).mnemonics;
  return found.map((mnemonic) => ({ mode, machine, mnemonic }));
}

/** `name`, or those that it is another name of: pushf of pushfw, pushfd and pushfq. */
function mnemonicsOf(name: string): ReadonlySet<string> {
  const operations = new Set(ROWS.filter((row) => row.mnemonic === name).map(({ uop }) => uop));
  const rows = ROWS.filter((row) => !row.alias);
  if (rows.some(({ mnemonic }) => mnemonic === name)) return new Set([name]);
  return new Set(rows.filter(({ uop }) => operations.has(uop)).map(({ mnemonic }) => mnemonic));
}

function unknownMnemonic(name: string, mode: string | undefined): string {
  const where = mode === undefined ? '' : ` in ${mode}`;
  return `there is no instruction '${name}'${where}; trapline isa lists them`;
}

/** The class, and the witness of the finding that says most. */
function format(found: Found, seed: number): string {
  const { mode, mnemonic } = found;
  const head = formatMnemonic(mode.name, mnemonic);
  const witness = witnessOf(found, seed);
  if (witness === undefined) return head;
  return `${head}\n\n${formatExplanation(mode.name, witness.form, witness.explanation)}`;
}

interface ShownWitness {
  readonly form: ClassifiedForm;
  readonly explanation: Explanation;
}

function witnessOf({ machine, mnemonic }: Found, seed: number): ShownWitness | undefined {
  const told = mnemonic.forms.filter((form) => form.isSensitive === mnemonic.isSensitive);
  const candidates = told.flatMap((form) => {
    const [finding] = tellingFindings(form.evidence);
    return finding === undefined ? [] : [{ form, finding }];
  });
  const [best] = candidates.toSorted((a, b) => a.finding.witness.weight - b.finding.witness.weight);
  if (best === undefined) return undefined;
  const number = machine.forms.findIndex(({ text: own }) => own === best.form.text);
  return { form: best.form, explanation: explain(machine, number, best.finding, seed) };
}

/** The guest program for the first mode. */
function program([found]: readonly Found[], seed: number): string {
  const witness = found && witnessOf(found, seed);
  if (found === undefined || witness === undefined) {
    throw new UsageError(
      'there is nothing to show: nothing that it does hangs on a resource or the mode',
    );
  }
  const { mode } = found;
  const { form, explanation } = witness;
  const option = mode.name === 'prot32' ? ' --mode prot32' : '';
  return guestProgram(mode, explanation.state, form.text, [
    `${form.text}, ${form.names.join(', ')}`,
    `trapline compare FILE.asm${option} shows what each technique makes of it.`,
  ]);
}
