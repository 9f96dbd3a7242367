/** `trapline compare`: a guest bare and under each technique, in lockstep. */

import type { Options } from 'yargs';
import {
  type Board,
  compareDomains,
  compareGuest,
  type DomainSetup,
  FULL_TECHNIQUES,
  type FullTechnique,
  type GuestSetup,
} from '../../index.ts';
import { loadProcessorModule, readBytes } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { formatComparison, jsonComparison } from '../comparison-report.ts';
import { formatDomains, jsonDomains } from '../domain-comparison-report.ts';
import { bootImage, FORMAT_OPTION, IMAGE_OPTIONS, readImage, readPvImage } from '../guest-image.ts';
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
    describe:
      'techniques to compare with the bare machine, with commas between; or para: a PV kernel with --memory direct and with --memory shadow',
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
not, 2 for bad usage. Under para the bare machine is no part of it, since a PV kernel does not run there: --memory direct is
compared with --memory shadow. Values of the two agree if they are equal but for the numbers of frames: a frame number, an
address or an entry of a page table in one is looked up in the M2P, and the features that xen_version tells are left out. A
difference counts if it lasts for some thousand instructions, with --every at once. What is left: a kernel that branches on
XENFEAT_auto_translated_physmap, or prints machine addresses, parts there. Calls are done in one go.`.replaceAll(
    '\n',
    ' ',
  );

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('image', { type: 'string', describe: '.asm source, ELF file or flat binary' })
      .options(OPTIONS)
      .epilogue(EPILOGUE)
      .example('$0 guests/check-privilege/main.asm', 'which instruction shows the VMM')
      .example('$0 kernel.elf --cpu trap --max-instructions 1_000_000_000', 'a long run')
      .example('$0 guests/user/main.asm --cpu para', 'a PV kernel, direct and shadow')
      .example('$0 guests/interrupts/main.asm --input keys.txt --json', 'with input, as JSON'),
  run: (args) => (args.cpu === 'para' ? compareMemory(args) : compareTechniques(args)),
};

function compareTechniques(args: Values): number {
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
}

/** A PV kernel by both memory techniques. */
function compareMemory(args: Values): number {
  if (args.memory !== undefined) {
    throw new UsageError('--memory: under para, direct is compared with shadow');
  }
  const guest = readPvImage(args, args.format);
  const setup: DomainSetup = {
    module: loadProcessorModule(),
    boot: (board) => bootImage(board, args, guest),
    options: { ...machineOptions(args), ...hostOptions(args) },
    tuning: parseTuning('para', { ...args, memory: 'shadow' }),
    ...(args.input !== undefined && { input: readBytes(args.input) }),
    now: () => performance.now(),
  };
  const line = new ProgressLine();
  const comparison = compareDomains(setup, {
    ...(args.every !== undefined && { every: parseCount('every', args.every) }),
    progress: ({ direct }) => {
      const millions = Number(direct.board.machine.instructions) / 1e6;
      line.show(`direct and shadow: compare, ${millions.toFixed(1)} million`);
    },
  });
  line.clear();
  if (args.json) printJson(jsonDomains(comparison, guest.symbols));
  else print(formatDomains(comparison, guest.symbols));
  return comparison.divergence === undefined ? STATUS_OK : STATUS_DIFFERENT;
}

function parseTechnique(name: string): FullTechnique {
  if (name === 'bare') throw new UsageError('--cpu: bare is what the others are compared with');
  if (name === 'para') {
    throw new UsageError('--cpu: para is compared by itself, direct with shadow');
  }
  return parseChoice('cpu', name, FULL_TECHNIQUES);
}
