/** `trapline trace`: runs guests in VMs and writes down every exit. */

import type { Options } from 'yargs';
import { CPU_TECHNIQUES, createTrace, TRACE_FORMATS, type TraceFormat } from '../../index.ts';
import type { Command, OptionValues } from '../command.ts';
import { driveConnected } from '../connections.ts';
import type { DriveEnd } from '../drive.ts';
import { FORMAT_OPTION } from '../guest-image.ts';
import {
  createGuests,
  GUEST_OPTIONS,
  type GuestPlan,
  type PlannedGuest,
  planGuests,
  statusOfAll,
  VM_OPTIONS,
} from '../guest-plans.ts';
import { HOST_OPTIONS, hostOptions } from '../machine-options.ts';
import { explain, statusOf } from '../run-end.ts';
import { TextFile } from '../text-file.ts';
import { UsageError } from '../usage-error.ts';

const text = { type: 'string', requiresArg: true } as const;

const DEFAULT_TECHNIQUE = 'trap';

const OPTIONS = {
  ...GUEST_OPTIONS,
  cpu: {
    ...text,
    describe: `technique that runs the VM: ${CPU_TECHNIQUES.join(', ')} (default: ${DEFAULT_TECHNIQUE})`,
  },
  format: {
    ...text,
    default: 'text',
    describe: `${TRACE_FORMATS.join(', ')}: as Linux's kvm_exit and kvm_entry, JSON lines, or for ui.perfetto.dev`,
  },
  output: {
    ...text,
    alias: 'o',
    describe: 'file for the trace (default: stdout, where nothing else goes then)',
  },
  serial: {
    ...text,
    describe: 'COM1: stdio, file:PATH or null (default: stdio with -o, else null)',
  },
  'image-format': FORMAT_OPTION,
  ...HOST_OPTIONS,
  ...VM_OPTIONS,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { image: string | undefined };

const EPILOGUE =
  `An exit is control passing from the guest to the VMM: when, where and why, what the VMM did, and how long that took
the host. Times are virtual, a nanosecond an instruction; in Perfetto the host's are added. An end with a signal or
Ctrl-A x completes the file. The exit status is that of trapline run.`.replaceAll('\n', ' ');

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('image', { type: 'string', describe: '.asm source, ELF file or flat binary' })
      .options(OPTIONS)
      .epilogue(EPILOGUE)
      .example('$0 guests/hello/main.asm', 'every exit as text')
      .example('$0 guests/user/main.asm --format perfetto -o user.json', 'for ui.perfetto.dev')
      .example('$0 kernel.elf --max-instructions 1000000 --format jsonl', 'the start of a run')
      .example(
        '$0 -o two.json --format perfetto --vm a.asm,name=a --vm b.asm,cpu=patch',
        'two VMs',
      ),
  run: async (args) => {
    const format = parseFormat(args.format);
    const plans = planTraced(args);
    const file = new TextFile(args.output);
    const of = (vm: string): PlannedGuest => guests[numbers.get(vm) ?? 0] as PlannedGuest;
    const trace = createTrace(format, {
      write: (part) => file.write(part),
      symbols: (vm) => of(vm).file.symbols,
      shadowPages: (vm) => of(vm).vm?.shadow?.size.pages ?? 0,
    });
    const numbers = new Map(plans.map(({ name }, n) => [name, n]));
    const guests = createGuests(
      plans,
      plans.map(() => trace.sink),
      hostOptions(args),
    );
    const tell = (n: number, end: DriveEnd): void => {
      const { name, board, file } = guests[n] as PlannedGuest;
      explain(name, board, end, file);
    };
    const isAlone = guests.length === 1;
    const ends = await driveConnected(guests, isAlone ? () => {} : tell);
    trace.end();
    file.close();
    if (isAlone) for (const [n, end] of ends.entries()) tell(n, end);
    return statusOfAll(ends.map(statusOf));
  },
};

/** The guests, all of them in VMs. Their output goes to stdout only where the trace does not. */
function planTraced(args: Values): readonly GuestPlan[] {
  const { output, 'image-format': imageFormat } = args;
  const plans = planGuests({
    ...args,
    format: imageFormat,
    cpu: args.cpu ?? DEFAULT_TECHNIQUE,
    serial: args.serial ?? (output === undefined ? 'null' : 'stdio'),
    display: 'none',
  });
  return plans.map((plan) => {
    const { cpu, serial } = plan.values;
    if (cpu === 'bare') throw new UsageError('--cpu: the bare machine has no exits to trace');
    if (output === undefined && serial === 'stdio') {
      throw new UsageError('--serial stdio: the trace goes to stdout; give it a file with -o');
    }
    const isQuiet = output === undefined;
    return { ...plan, isQuiet, ...(serial === 'null' && { input: 'nowhere' as const }) };
  });
}

function parseFormat(name: string): TraceFormat {
  const format = TRACE_FORMATS.find((one) => one === name);
  if (format !== undefined) return format;
  throw new UsageError(`--format: '${name}' is not one of ${TRACE_FORMATS.join(', ')}`);
}
