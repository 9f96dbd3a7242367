/** The guests of a command: the one that it names, or several as VMs on one machine, each with what it is connected to. */

import { isatty } from 'node:tty';
import type { Options } from 'yargs';
import type { ExitSink, HostOptions } from '../index.ts';
import { type GuestFile, readBytes } from '../node/index.ts';
import type { OptionValues } from './command.ts';
import { type ConnectedGuest, Connections, type InputSource, STDIN } from './connections.ts';
import { bootImage, FORMAT_OPTION, IMAGE_OPTIONS, readImage, readPvImage } from './guest-image.ts';
import {
  CPU_CHOICES,
  createGuestMachines,
  DEFAULT_TECHNIQUE,
  type GuestMachine,
} from './guest-machine.ts';
import { MACHINE_OPTIONS, machineOptions } from './machine-options.ts';
import { PrefixedWriter, SharedOutput } from './prefixed-output.ts';
import { ByteWriter } from './serial-output.ts';
import { STATUS_OK } from './status.ts';
import { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';
import { readVmList, type VmKeys } from './vm-list.ts';
import { TUNING_OPTIONS } from './vm-tuning.ts';

const text = { type: 'string', requiresArg: true } as const;

/** Options that concern one guest: what `--vm` can say of it. */
export const GUEST_OPTIONS = {
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

export const VM_OPTIONS = {
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
} as const satisfies Record<string, Options>;

export type GuestValues = OptionValues<typeof GUEST_OPTIONS> & {
  image: string | undefined;
  display: string;
};

/** Keys of `--vm`: the long names of options too. */
const VM_KEYS: VmKeys = new Map([
  ['image', { option: 'image', isList: false }],
  ...Object.entries<Options>(GUEST_OPTIONS).flatMap(([option, { alias = [], array = false }]) =>
    [option, alias].flat().map((name) => [name, { option, isList: array }] as const),
  ),
]);

/** A guest to be run; `name` is empty if there is only one. */
export interface GuestPlan {
  readonly name: string;
  readonly weight: number;
  readonly input: InputSource;
  /** It gets stdin, or at first what is typed. */
  readonly isHearer: boolean;
  /** Port 0xe9 goes nowhere. */
  readonly isQuiet: boolean;
  readonly values: GuestValues;
}

/** A guest, ready to run. */
export interface PlannedGuest extends GuestMachine, ConnectedGuest {
  readonly name: string;
  readonly file: GuestFile;
}

/** The guest of the command line, or those of `--vm` and `--config`. */
export function planGuests(
  args: GuestValues & OptionValues<typeof VM_OPTIONS>,
): readonly GuestPlan[] {
  const list = readVmList(args.vm ?? [], args.config, args.input, VM_KEYS);
  if (list === undefined)
    return [{ name: '', weight: 1, input: 'stdin', isHearer: true, isQuiet: false, values: args }];
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
    const values = { ...shared, ...options };
    return { name, weight, input, isHearer, isQuiet: false, values };
  });
}

/** Machines with the images in their RAM, made with `host`; `sinks` hear of the exits of each, where there is one. */
export function createGuests(
  plans: readonly GuestPlan[],
  sinks: readonly (ExitSink | undefined)[],
  host: HostOptions,
): readonly PlannedGuest[] {
  const files = plans.map(({ values }) => readPlanned(values));
  const connections = connect(plans);
  const machines = createGuestMachines(
    plans.map(({ name, values, isQuiet }, n) => {
      const { com1, console } = connections[n] as Connections;
      const options = { ...machineOptions(values), com1, ...(!isQuiet && { console }) };
      return { name, cpu: values.cpu ?? 'bare', tuning: values, sink: sinks[n], options };
    }),
    host,
  );
  return plans.map(({ name, weight, values }, n) => {
    const machine = machines[n] as GuestMachine;
    const file = files[n] as GuestFile;
    bootImage(machine.board, values, file);
    return { ...machine, name, weight, file, connections: connections[n] as Connections };
  });
}

function readPlanned(values: GuestValues): GuestFile {
  const read = values.cpu === 'para' ? readPvImage : readImage;
  return read(values, values.format);
}

/** What the guests are connected to; several of them share stdout line by line. */
function connect(plans: readonly GuestPlan[]): Connections[] {
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

/** Statuses of a guest that had no complaint: the power is off, or a write of 0 to the exit port. */
const ENDED_WELL: ReadonlySet<number> = new Set([STATUS_OK, 1]);

/** The exit status of a run whose guests ended with `statuses`: the first bad one, or else the first. */
export function statusOfAll(statuses: readonly number[]): number {
  return statuses.find((status) => !ENDED_WELL.has(status)) ?? statuses[0] ?? STATUS_OK;
}
