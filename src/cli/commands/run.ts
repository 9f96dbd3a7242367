/** `trapline run`: boots a guest kernel on the bare machine or in a VM, with COM1 as the terminal. */

import type { Options } from 'yargs';
import {
  type Board,
  type BootArguments,
  type BootModule,
  describeKernel,
  ENTRY_MODES,
  explainEnd,
  explainStop,
  IMAGE_FORMATS,
  type Image,
  loadImage,
} from '../../index.ts';
import { attributed, type GuestFile, readBytes, readGuest } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues, SOURCE_OPTIONS } from '../command.ts';
import { Connections } from '../connections.ts';
import type { DriveEnd } from '../drive.ts';
import { CPU_CHOICES, createGuestMachine, type GuestMachine } from '../guest-machine.ts';
import { MACHINE_OPTIONS, machineOptions } from '../machine-options.ts';
import { complain, note } from '../output.ts';
import { collectStatistics, formatStatistics } from '../statistics.ts';
import { STATUS_ABNORMAL, STATUS_OK } from '../status.ts';
import { parseAddress, parseDefines, required } from '../values.ts';

const text = { type: 'string', requiresArg: true } as const;

const OPTIONS = {
  cpu: {
    ...text,
    default: 'bare',
    describe: `what runs the guest: the machine itself, or a VMM by a technique: ${CPU_CHOICES.join(', ')}`,
  },
  ...MACHINE_OPTIONS,
  serial: {
    ...text,
    describe: 'COM1: stdio, file:PATH or null (default: stdio, but null with --display text)',
  },
  display: {
    ...text,
    default: 'none',
    describe: 'none, or text: the VGA on the terminal, whose keys are the keyboard',
  },
  stats: { type: 'boolean', default: false, describe: 'print statistics on stderr at the end' },
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
abnormally, 0 if it switched the power off, 2 for bad usage. On a terminal Ctrl-A x leaves and Ctrl-A h helps.`;

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('image', { type: 'string', describe: '.asm source, ELF file or flat binary' })
      .options(OPTIONS)
      .epilogue(EPILOGUE)
      .example('$0 guests/hello/main.asm', 'assemble and boot')
      .example('$0 kernel.bin --ram 128M --stats', 'boot a flat binary')
      .example('$0 kernel.elf --append quiet --module initrd', 'boot a multiboot or PVH kernel')
      .example('$0 guests/hello/main.asm --cpu trap --stats', 'in a VM, with its exits')
      .example('$0 kernel.elf --display text', 'show its screen, type on its keyboard'),
  run: async (args) => {
    const guest = readImage(args);
    for (const warning of guest.warnings) note(warning);
    const connections = new Connections(args);
    const on = createMachine(args, guest, connections);
    const started = process.uptime();
    const end = await connections.drive(on.board);
    const seconds = process.uptime() - started;
    if (args.stats) note(formatStatistics(collectStatistics(on, seconds), args.json));
    return finish(on.board, end, guest);
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

/** A machine with the image in its RAM. */
function createMachine(
  args: Values,
  { image }: GuestFile,
  { com1, console }: Connections,
): GuestMachine {
  const boot = bootArguments(args);
  const on = createGuestMachine(args.cpu, { ...machineOptions(args), com1, console }, args.stats);
  const { machine, fwCfgItems } = on.board;
  attributed(args.image ?? '', () => loadImage(machine, image, boot), remedy(image));
  describeKernel(fwCfgItems, image, boot, machine.memory.size);
  return on;
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

/** The exit status; tells why if the end was not a clean one. */
function finish({ machine }: Board, end: DriveEnd, { symbols }: GuestFile): number {
  if (end.kind === 'exit') return end.status;
  if (end.kind === 'off') return STATUS_OK;
  complain(
    end.kind === 'left'
      ? explainStop(machine, end.why, symbols)
      : explainEnd(machine, end, symbols),
  );
  return STATUS_ABNORMAL;
}
