/** `trapline compare`: a guest bare and under each technique, in lockstep. */

import type { Options } from 'yargs';
import {
  type Board,
  compareGuest,
  FULL_TECHNIQUES,
  type FullTechnique,
  type GuestSetup,
} from '../../index.ts';
import { loadProcessorModule, readBytes } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { formatComparison, jsonComparison } from '../comparison-report.ts';
import { bootImage, FORMAT_OPTION, IMAGE_OPTIONS, readImage } from '../guest-image.ts';
import { HOST_OPTIONS, hostOptions, MACHINE_OPTIONS, machineOptions } from '../machine-options.ts';
import { print, printJson } from '../output.ts';
import { ProgressLine } from '../progress-line.ts';
import { STATUS_DIFFERENT, STATUS_OK } from '../status.ts';
import { UsageError } from '../usage-error.ts';
import { parseChoice, parseCount } from '../values.ts';
import { parseTuning, TUNING_OPTIONS } from '../vm-tuning.ts';

const text = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  cpu: {
    ...text,
    default: FULL_TECHNIQUES.join(','),
    describe: 'techniques to compare with the bare machine, with commas between',
  },
  input: { ...text, describe: 'file that comes on COM1 (default: nothing is connected)' },
  every: {
    ...text,
    describe: 'instructions between two comparisons (default: few at first, then millions)',
  },
  ...TUNING_OPTIONS,
  ...MACHINE_OPTIONS,
  ...HOST_OPTIONS,
  format: FORMAT_OPTION,
  ...IMAGE_OPTIONS,
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { image: string | undefined };

const EPILOGUE =
  `Compared is what the guest sees: registers, RIP, the flags of programs, memory, output. The first difference is found
to the instruction, and costs little more than the runs. It is found also where it is gone soon, if an instruction makes it
that reads or writes system state (SMSW, POPF, MOV from CS ...): after each of these, the first 16 times at its address and then
every time that is a power of two (of a guest that has written to most of a large memory, registers only). Any other difference is seen if it lasts to the next comparison, a few million instructions
away in long runs; --every 1 sees all. A hidden difference is one of system registers, selectors or IF, which the guest has
not read yet. Slowdown is host time for an instruction over that of the bare machine. Exit status: 0 if all is the same, 1 if
not, 2 for bad usage.`.replaceAll('\n', ' ');

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('image', { type: 'string', describe: '.asm source, ELF file or flat binary' })
      .options(OPTIONS)
      .epilogue(EPILOGUE)
      .example('$0 guests/check-privilege/main.asm', 'which instruction shows the VMM')
      .example('$0 kernel.elf --cpu trap --max-instructions 1_000_000_000', 'a long run')
      .example('$0 guests/interrupts/main.asm --input keys.txt --json', 'with input, as JSON'),
  run: (args) => {
    const techniques = args.cpu.split(',').map(parseTechnique);
    const every = args.every === undefined ? {} : { every: parseCount('every', args.every) };
    const guest = readImage(args, args.format);
    const setup: GuestSetup = {
      module: loadProcessorModule(),
      boot: (board: Board) => bootImage(board, args, guest),
      options: { ...machineOptions(args), ...hostOptions(args) },
      tuning: parseTuning('patch', args),
      ...(args.input !== undefined && { input: readBytes(args.input) }),
      now: () => performance.now(),
    };
    const line = new ProgressLine();
    const comparison = compareGuest(setup, {
      techniques: [...new Set<FullTechnique>(techniques)],
      ...every,
      progress: ({ cpu, step, instructions, share }) => {
        const part = share === undefined ? '' : `, ${Math.floor(share * 100)}%`;
        line.show(`${cpu}: ${step}, ${(Number(instructions) / 1e6).toFixed(1)} million${part}`);
      },
    });
    line.clear();
    if (args.json) printJson(jsonComparison(comparison, guest.symbols));
    else print(formatComparison(comparison, guest.symbols));
    const isSame = comparison.runs.every((run) => run.divergence === undefined);
    return isSame ? STATUS_OK : STATUS_DIFFERENT;
  },
};

function parseTechnique(name: string): FullTechnique {
  if (name === 'bare') throw new UsageError('--cpu: bare is what the others are compared with');
  return parseChoice('cpu', name, FULL_TECHNIQUES);
}
