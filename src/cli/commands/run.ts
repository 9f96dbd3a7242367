/** `trapline run`: boots guest kernels, one on the bare machine or in a VM, or several in VMs, with COM1 as the terminal. */

import { isatty } from 'node:tty';
import type { Options } from 'yargs';
import type { Board } from '../../index.ts';
import { type GuestFile, readBytes } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { Connections, driveConnected, type InputSource, STDIN } from '../connections.ts';
import type { DriveEnd } from '../drive.ts';
import { bootImage, FORMAT_OPTION, IMAGE_OPTIONS, readImage } from '../guest-image.ts';
import {
  CPU_CHOICES,
  createGuestMachines,
  DEFAULT_TECHNIQUE,
  type GuestMachine,
} from '../guest-machine.ts';
import { MACHINE_OPTIONS, machineOptions } from '../machine-options.ts';
import { note } from '../output.ts';
import { PrefixedWriter, SharedOutput } from '../prefixed-output.ts';
import { explain, statusOf } from '../run-end.ts';
import { ByteWriter } from '../serial-output.ts';
import { collectStatistics, formatAllStatistics } from '../statistics.ts';
import { STATUS_OK } from '../status.ts';
import { Terminal } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { readVmList, type VmKeys } from '../vm-list.ts';
import { TUNING_OPTIONS } from '../vm-tuning.ts';

const text = { type: 'string', requiresArg: true } as const;

/** Options that concern one guest: what `--vm` can say of it. */
const GUEST_OPTIONS = {
  cpu: {
    ...text,
    describe: `what runs the guest: the machine itself, or a VMM by a technique: ${CPU_CHOICES.join(', ')} (default: bare, but ${DEFAULT_TECHNIQUE} for --vm)`,
  },
  ...TUNING_OPTIONS,
  ...MACHINE_OPTIONS,
  serial: {
    ...text,
    describe: 'COM1: stdio, file:PATH or null (default: stdio, but null with --display text)',
  },
  format: FORMAT_OPTION,
  ...IMAGE_OPTIONS,
} as const satisfies Record<string, Options>;

const OPTIONS = {
  ...GUEST_OPTIONS,
  display: {
    ...text,
    default: 'none',
    describe: 'none, or text: the VGA on the terminal, whose keys are the keyboard',
  },
  stats: {
    type: 'boolean',
    default: false,
    describe: 'print counters, and the exits of a VM by reason, on stderr at the end',
  },
  vm: {
    ...text,
    array: true,
    describe:
      'IMAGE,KEY=VALUE,...: one of several VMs on one machine (given once for each); keys are name, weight=1..1000, stdin=FILE, and all options from --cpu to -I',
  },
  config: {
    ...text,
    describe:
      'FILE.json: VMs as {"vms": [{"image": "a.asm", "cpu": "trap"}]}, with the keys of --vm',
  },
  input: {
    ...text,
    describe: 'name of the VM that stdin, or at first the terminal, goes to (default: the first)',
  },
  json: { ...JSON_OPTION.json, describe: 'print the statistics as JSON' },
} as const satisfies Record<string, Options>;

/** Keys of `--vm`: the long names of options too. */
const VM_KEYS: VmKeys = new Map([
  ['image', { option: 'image', isList: false }],
  ...Object.entries<Options>(GUEST_OPTIONS).flatMap(([option, { alias = [], array = false }]) =>
    [option, alias].flat().map((name) => [name, { option, isList: array }] as const),
  ),
]);

type Values = OptionValues<typeof OPTIONS> & { image: string | undefined };

const EPILOGUE = `The exit status is the guest's: (v << 1 | 1) & 0xff for a write of v to port 0xf4; 4 if it ended
abnormally, 0 if it switched the power off, 2 for bad usage. Of several VMs it is that of the first
that did not end well (with 0 or 1), or else that of the first. On a terminal Ctrl-A x leaves,
Ctrl-A h helps, and Ctrl-A n gives the keys to the next VM.`;

/** A guest of the run; `name` is empty if there is only one. */
interface Planned {
  readonly name: string;
  readonly weight: number;
  readonly input: InputSource;
  /** It gets stdin, or at first what is typed. */
  readonly isHearer: boolean;
  readonly values: Values;
}

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
      .example("$0 --vm 'a.asm,name=a,cpu=trap,ram=32M' --vm 'b.asm,weight=2'", 'two VMs')
      .example('$0 kernel.elf --display text', 'show its screen, type on its keyboard'),
  run: async (args) => {
    if (args.json && !args.stats) throw new UsageError('--json is for the report of --stats');
    const plans = planGuests(args);
    const files = plans.map(({ values }) => readImage(values, values.format));
    const connections = connect(plans);
    const machines = createMachines(plans, files, connections, args.stats);
    const tell = (n: number, end: DriveEnd): void =>
      explain(plans[n]?.name ?? '', machines[n]?.board as Board, end, files[n] as GuestFile);
    // One guest may have the whole terminal until it is done; of several, nobody waits for the last.
    const isAlone = plans.length === 1;
    const started = process.uptime();
    const ends = await driveConnected(
      machines.map(({ board }, n) => ({
        board,
        weight: plans[n]?.weight ?? 1,
        connections: connections[n] as Connections,
      })),
      isAlone ? () => {} : tell,
    );
    const seconds = process.uptime() - started;
    if (args.stats) {
      const statistics = machines.map((machine) => collectStatistics(machine, seconds));
      note(
        formatAllStatistics(
          plans.map(({ name }) => name),
          statistics,
          args.json,
        ),
      );
    }
    if (isAlone) for (const [n, end] of ends.entries()) tell(n, end);
    const statuses = ends.map(statusOf);
    return statuses.find((status) => !ENDED_WELL.has(status)) ?? statuses[0] ?? STATUS_OK;
  },
};

/** Statuses of a guest that had no complaint: the power is off, or a write of 0 to the exit port. */
const ENDED_WELL: ReadonlySet<number> = new Set([STATUS_OK, 1]);

/** The guest of the command line, or those of `--vm` and `--config`. */
function planGuests(args: Values): readonly Planned[] {
  const list = readVmList(args.vm ?? [], args.config, args.input, VM_KEYS);
  if (list === undefined)
    return [{ name: '', weight: 1, input: 'stdin', isHearer: true, values: args }];
  if (args.image !== undefined) {
    throw new UsageError(`${args.image}: with --vm or --config, each image is that of a VM`);
  }
  if (args.display !== 'none') throw new UsageError('--display: the VMs would have to share it');
  const shared = { ...args, cpu: args.cpu ?? DEFAULT_TECHNIQUE };
  return list.vms.map(({ name, weight, stdin, options }) => {
    const isHearer = name === list.input;
    // A terminal is for all of them, one at a time.
    const given = isHearer || isatty(STDIN) ? 'stdin' : 'nowhere';
    const input = stdin === undefined ? given : readBytes(stdin);
    return { name, weight, input, isHearer, values: { ...shared, ...options } };
  });
}

/** What the guests are connected to; several of them share stdout line by line. */
function connect(plans: readonly Planned[]): Connections[] {
  const stdout = new ByteWriter((bytes) => process.stdout.write(bytes));
  const isLive = process.stdout.isTTY === true;
  const shared = new SharedOutput(stdout, () => (isLive ? process.stdout.columns : 0));
  const terminal = new Terminal(plans.find(({ isHearer }) => isHearer)?.name);
  return plans.map(({ name, input, values }) => {
    const isRead = (): boolean => isLive && terminal.isHeardBy(name);
    const writer = name === '' ? stdout : new PrefixedWriter(shared, name, isRead);
    return new Connections(values, writer, input, { terminal, name });
  });
}

/** Machines with the images in their RAM. */
function createMachines(
  plans: readonly Planned[],
  files: readonly GuestFile[],
  connections: readonly Connections[],
  countExits: boolean,
): readonly GuestMachine[] {
  const requests = plans.map(({ values }, n) => {
    const { com1, console } = connections[n] as Connections;
    const options = { ...machineOptions(values), com1, console };
    return { cpu: values.cpu ?? 'bare', tuning: values, options };
  });
  const machines = createGuestMachines(requests, countExits);
  machines.forEach(({ board }, n) => {
    bootImage(board, (plans[n] as Planned).values, files[n] as GuestFile);
  });
  return machines;
}
