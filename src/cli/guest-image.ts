/** Options that say what guest there is and what it is booted with, and the guest itself. */

import type { Options } from 'yargs';
import {
  type Board,
  type BootArguments,
  type BootModule,
  DomainBoard,
  describeKernel,
  ENTRY_MODES,
  type GuestBoard,
  IMAGE_FORMATS,
  type Image,
  loadImage,
} from '../index.ts';
import { attributed, type GuestFile, readBytes, readGuest } from '../node/index.ts';
import { type OptionValues, SOURCE_OPTIONS } from './command.ts';
import { note } from './output.ts';
import { UsageError } from './usage-error.ts';
import { parseAddress, parseDefines, required } from './values.ts';

const text = { type: 'string', requiresArg: true } as const;

export const FORMAT_OPTION = {
  ...text,
  describe: `what the image is, if not what it looks like: ${IMAGE_FORMATS.join(', ')}`,
} as const satisfies Options;

export const IMAGE_OPTIONS = {
  append: { ...text, describe: 'command line for a multiboot, PVH or PV kernel' },
  module: {
    ...text,
    array: true,
    describe:
      'FILE[,TEXT]: a module for such a kernel, with its command line (that of a PV kernel has none)',
  },
  symbols: { ...text, describe: 'symbols of the image: an ELF file, or the output of nm' },
  'load-address': { ...text, describe: 'where a flat image goes (default: 0x100000, or its org)' },
  entry: { ...text, describe: 'address of the first instruction (default: the load address)' },
  mode: {
    ...text,
    describe: `state in which a flat or ELF image is entered: ${ENTRY_MODES.join(', ')}`,
  },
  ...SOURCE_OPTIONS,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof IMAGE_OPTIONS> & {
  image: string | undefined;
  'fw-cfg'?: string[] | undefined;
};

/** The guest that the arguments name; what there is to say about it is said. */
export function readImage(args: Values, format: string | undefined): GuestFile {
  const { 'load-address': loadAddress, entry, mode, symbols } = args;
  const guest = readGuest(required(args.image, 'an image'), {
    ...(mode !== undefined && { mode }),
    ...(format !== undefined && { format }),
    ...(symbols !== undefined && { symbolFile: symbols }),
    defines: parseDefines(args.D),
    includeDirs: args.I ?? [],
    ...(loadAddress !== undefined && { loadAddress: parseAddress('load-address', loadAddress) }),
    ...(entry !== undefined && { entry: parseAddress('entry', entry) }),
  });
  for (const warning of guest.warnings) note(warning);
  return guest;
}

/** The same for a domain: an image may be a PV kernel and something else; a source is told by PARA. */
export function readPvImage(args: Values, format: string | undefined): GuestFile {
  return readImage({ ...args, D: ['PARA', ...(args.D ?? [])] }, format ?? 'pv');
}

/** Puts the image into the RAM of a new board. */
export function bootImage(board: GuestBoard, args: Values, { image }: GuestFile): void {
  const boot = bootArguments(args);
  if (board instanceof DomainBoard) {
    if (args['fw-cfg'] !== undefined) throw new UsageError('--fw-cfg: a PV domain has no fw_cfg');
    attributed(args.image ?? '', () => bootDomain(board, image, boot), DOMAIN_REMEDIES);
    return;
  }
  const { machine, fwCfgItems } = board as Board;
  attributed(args.image ?? '', () => loadImage(machine, image, boot), remedy(image));
  describeKernel(fwCfgItems, image, boot, machine.memory.size);
}

/** A PV kernel gets one module. */
function bootDomain(
  board: DomainBoard,
  { pv }: Image,
  { commandLine, modules = [] }: BootArguments,
): void {
  if (pv === undefined) throw new UsageError('--cpu para runs kernels for the PV ABI of Xen only');
  const [module, ...more] = modules;
  if (more.length > 0) throw new UsageError('--module: a PV kernel takes one');
  if (module?.text) throw new UsageError('--module: that of a PV kernel has no command line');
  const line = commandLine === undefined ? {} : { commandLine };
  board.boot(pv, { ...line, ...(module && { module: module.bytes }) });
}

const DOMAIN_REMEDIES = { MEMORY: ' (--ram)', COMMAND_LINE: ' (--append)' };

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
