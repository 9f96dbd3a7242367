/** `trapline run`: boots a guest kernel on the bare machine, with COM1 as the terminal. */

import type { Options } from 'yargs';
import {
  type BootArguments,
  type BootModule,
  DEFAULT_RAM,
  ENTRY_MODES,
  explainEnd,
  IMAGE_FORMATS,
  type Image,
  loadImage,
  MAX_RAM,
  MIN_RAM,
  Pc,
  type PcOptions,
} from '../../index.ts';
import {
  attributed,
  type GuestFile,
  loadProcessorModule,
  readBytes,
  readGuest,
} from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues, SOURCE_OPTIONS } from '../command.ts';
import { type DriveEnd, drive, type Input } from '../drive.ts';
import { complain, note } from '../output.ts';
import { ByteWriter, type SerialTarget, serialTarget } from '../serial-output.ts';
import { collectStatistics, formatStatistics } from '../statistics.ts';
import { STATUS_ABNORMAL } from '../status.ts';
import { PipedInput, Terminal } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import {
  parseAddress,
  parseCount,
  parseDefines,
  parseFeatures,
  parseSize,
  required,
} from '../values.ts';

const text = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  ram: { ...text, default: `${DEFAULT_RAM / 2 ** 20}M`, describe: 'RAM, 1M to 2G' },
  serial: { ...text, default: 'stdio', describe: 'COM1: stdio, file:PATH or null' },
  'max-instructions': { ...text, describe: 'end the run after this many instructions' },
  stats: { type: 'boolean', default: false, describe: 'print statistics on stderr at the end' },
  machine: { ...text, describe: 'processor features to add and remove, as +umip,-smap' },
  format: {
    ...text,
    describe: `what the image is, if not what it looks like: ${IMAGE_FORMATS.join(', ')}`,
  },
  append: { ...text, describe: 'command line for a multiboot or PVH kernel' },
  module: {
    ...text,
    array: true,
    describe: 'FILE[,TEXT]: a module for such a kernel, with its command line',
  },
  symbols: { ...text, describe: 'symbols of the image: an ELF file, or the output of nm' },
  'load-address': { ...text, describe: 'where a flat image goes (default: 0x100000, or its org)' },
  entry: { ...text, describe: 'address of the first instruction (default: the load address)' },
  mode: {
    ...text,
    describe: `state in which a flat or ELF image is entered: ${ENTRY_MODES.join(', ')}`,
  },
  ...SOURCE_OPTIONS,
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { image: string | undefined };

const EPILOGUE = `The exit status is the guest's: (v << 1 | 1) & 0xff for a write of v to port 0xf4; 4 if it ended
abnormally, 2 for bad usage. On a terminal Ctrl-A x leaves and Ctrl-A h helps.`;

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('image', { type: 'string', describe: '.asm source, ELF file or flat binary' })
      .options(OPTIONS)
      .epilogue(EPILOGUE)
      .example('$0 guests/hello/main.asm', 'assemble and boot')
      .example('$0 kernel.bin --ram 128M --stats', 'boot a flat binary')
      .example('$0 kernel.elf --append quiet --module initrd', 'boot a multiboot or PVH kernel'),
  run: async (args) => {
    const guest = readImage(args);
    for (const warning of guest.warnings) note(warning);
    const stdout = new ByteWriter((bytes) => process.stdout.write(bytes));
    const serial = serialTarget(args.serial, stdout);
    const pc = createPc(args, guest, serial, stdout);
    serial.open();
    const started = performance.now();
    const end = await driveWith(pc, serial.isStdio ? openInput(pc) : undefined, () => {
      serial.writer.flush();
      stdout.flush();
    });
    const seconds = (performance.now() - started) / 1000;
    serial.close();
    if (args.stats) note(formatStatistics(collectStatistics(pc.machine, seconds), args.json));
    return finish(pc, end, guest);
  },
};

function readImage(args: Values): GuestFile {
  const { 'load-address': loadAddress, entry, mode, format, symbols } = args;
  return readGuest(required(args.image, 'an image'), {
    ...(mode !== undefined && { mode }),
    ...(format !== undefined && { format }),
    ...(symbols !== undefined && { symbolFile: symbols }),
    defines: parseDefines(args.D),
    includeDirs: args.I ?? [],
    ...(loadAddress !== undefined && { loadAddress: parseAddress('load-address', loadAddress) }),
    ...(entry !== undefined && { entry: parseAddress('entry', entry) }),
  });
}

/** A PC with the image in its RAM. */
function createPc(
  args: Values,
  { image }: GuestFile,
  serial: SerialTarget,
  stdout: ByteWriter,
): Pc {
  const { machine, 'max-instructions': maxInstructions } = args;
  const options: PcOptions = {
    ramBytes: parseRam(args.ram),
    com1: (byte) => serial.writer.put(byte),
    console: (byte) => stdout.put(byte),
    ...(machine !== undefined && { features: parseFeatures(machine) }),
    ...(maxInstructions !== undefined && {
      maxInstructions: parseCount('max-instructions', maxInstructions),
    }),
  };
  const boot = bootArguments(args);
  const pc = new Pc(loadProcessorModule(), options);
  attributed(args.image ?? '', () => loadImage(pc.machine, image, boot), remedy(image));
  return pc;
}

/** Where an image goes is said by options, or by the image itself. */
function remedy({ format }: Image): Readonly<Record<string, string>> {
  const place = format === 'flat' ? ', --load-address, or org in a source' : '';
  return { TOO_LARGE: ` (--ram${place})` };
}

function bootArguments({ image, append, module = [] }: Values): BootArguments {
  return {
    program: image ?? '',
    ...(append !== undefined && { commandLine: append }),
    modules: module.map(readModule),
  };
}

/** `FILE` or `FILE,TEXT`. */
function readModule(value: string): BootModule {
  const [, name = '', text = ''] = /^([^,]*)(?:,(.*))?$/s.exec(value) ?? [];
  return { name, text, bytes: readBytes(required(name, '--module: a file')) };
}

function parseRam(size: string): number {
  const bytes = parseSize('ram', size);
  if (bytes >= MIN_RAM && bytes <= MAX_RAM) return bytes;
  throw new UsageError(`--ram: ${size} is out of range, it must be 1M to 2G`);
}

/** Connects stdin to COM1. */
function openInput(pc: Pc): Terminal | PipedInput {
  if (process.stdin.isTTY) return new Terminal((byte) => pc.com1.receive(byte));
  pc.com1.openInput();
  return new PipedInput();
}

async function driveWith(pc: Pc, input: Input, flush: () => void): Promise<DriveEnd> {
  try {
    return await drive(pc, input, flush);
  } finally {
    try {
      flush();
    } finally {
      input?.close();
    }
  }
}

/** The exit status; tells why if the end was not a clean one. */
function finish(pc: Pc, end: DriveEnd, { symbols }: GuestFile): number {
  if (end.kind === 'exit') return end.status;
  if (end.kind === 'left') complain(['left with Ctrl-A x']);
  else complain(explainEnd(pc.machine, end, symbols));
  return STATUS_ABNORMAL;
}
