/** `trapline trace`: runs a guest in a VM and writes down every exit. */

import type { Options } from 'yargs';
import {
  CPU_TECHNIQUES,
  createTrace,
  TRACE_FORMATS,
  type TraceFormat,
  VirtualPc,
} from '../../index.ts';
import { loadProcessorModule } from '../../node/index.ts';
import type { Command, OptionValues } from '../command.ts';
import { Connections, driveConnected } from '../connections.ts';
import { bootImage, FORMAT_OPTION, IMAGE_OPTIONS, readImage } from '../guest-image.ts';
import { MACHINE_OPTIONS, machineOptions } from '../machine-options.ts';
import { explain, statusOf } from '../run-end.ts';
import { ByteWriter } from '../serial-output.ts';
import { STATUS_ABNORMAL } from '../status.ts';
import { Terminal } from '../terminal.ts';
import { TextFile } from '../text-file.ts';
import { UsageError } from '../usage-error.ts';
import { parseChoice } from '../values.ts';
import { parseTuning, TUNING_OPTIONS } from '../vm-tuning.ts';

const text = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  cpu: {
    ...text,
    default: 'trap',
    describe: `technique that runs the VM: ${CPU_TECHNIQUES.join(', ')}`,
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
  ...TUNING_OPTIONS,
  ...MACHINE_OPTIONS,
  serial: {
    ...text,
    describe: 'COM1: stdio, file:PATH or null (default: stdio with -o, else null)',
  },
  'image-format': FORMAT_OPTION,
  ...IMAGE_OPTIONS,
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
      .example('$0 kernel.elf --max-instructions 1000000 --format jsonl', 'the start of a run'),
  run: async (args) => {
    const format = parseFormat(args.format);
    if (args.cpu === 'bare') throw new UsageError('--cpu: the bare machine has no exits to trace');
    const cpu = parseChoice('cpu', args.cpu, CPU_TECHNIQUES);
    const { output } = args;
    if (output === undefined && args.serial === 'stdio') {
      throw new UsageError('--serial stdio: the trace goes to stdout; give it a file with -o');
    }
    const serial = args.serial ?? (output === undefined ? 'null' : 'stdio');
    const guest = readImage(args, args['image-format']);
    const stdout = new ByteWriter((bytes) => process.stdout.write(bytes));
    const source = serial === 'null' ? 'nowhere' : 'stdin';
    const share = { terminal: new Terminal(), name: '' };
    const connections = new Connections({ serial, display: 'none' }, stdout, source, share);
    const { com1, console } = connections;
    const file = new TextFile(output);
    const trace = createTrace(format, {
      write: (part) => file.write(part),
      symbols: guest.symbols,
      shadowPages: () => pc.vm.shadow.size.pages,
    });
    const sinks = { com1, ...(output !== undefined && { console }) };
    const pc = new VirtualPc(loadProcessorModule(), {
      ...machineOptions(args),
      ...sinks,
      ...parseTuning(cpu, args),
      cpu,
      exits: { sink: trace.sink, now: () => performance.now() },
    });
    bootImage(pc, args, guest);
    const driven = [{ board: pc, weight: 1, connections }];
    const [end] = await driveConnected(driven, () => {});
    trace.end();
    file.close();
    if (end === undefined) return STATUS_ABNORMAL;
    explain('', pc, end, guest);
    return statusOf(end);
  },
};

function parseFormat(name: string): TraceFormat {
  const format = TRACE_FORMATS.find((one) => one === name);
  if (format !== undefined) return format;
  throw new UsageError(`--format: '${name}' is not one of ${TRACE_FORMATS.join(', ')}`);
}
