/** `trapline run`: boots guest kernels, one on the bare machine or in a VM, or several in VMs, with COM1 as the terminal. */

import type { Options } from 'yargs';
import { ExitStatistics } from '../../index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { driveConnected } from '../connections.ts';
import type { DriveEnd } from '../drive.ts';
import {
  createGuests,
  GUEST_OPTIONS,
  type PlannedGuest,
  planGuests,
  statusOfAll,
  VM_OPTIONS,
} from '../guest-plans.ts';
import { HOST_OPTIONS, hostOptions } from '../machine-options.ts';
import { note } from '../output.ts';
import { explain, statusOf } from '../run-end.ts';
import { collectStatistics, formatAllStatistics } from '../statistics.ts';
import { UsageError } from '../usage-error.ts';

const OPTIONS = {
  ...GUEST_OPTIONS,
  display: {
    type: 'string',
    requiresArg: true,
    default: 'none',
    describe: 'none, or text: the VGA on the terminal, whose keys are the keyboard',
  },
  stats: {
    type: 'boolean',
    default: false,
    describe: 'print counters, and the exits of a VM by reason, on stderr at the end',
  },
  ...HOST_OPTIONS,
  ...VM_OPTIONS,
  json: { ...JSON_OPTION.json, describe: 'print the statistics as JSON' },
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { image: string | undefined };

const EPILOGUE = `The exit status is the guest's: (v << 1 | 1) & 0xff for a write of v to port 0xf4; 4 if it ended
abnormally, 0 if it switched the power off, 2 for bad usage. Of several VMs it is that of the first
that did not end well (with 0 or 1), or else that of the first. On a terminal Ctrl-A x leaves,
Ctrl-A h helps, and Ctrl-A n gives the keys to the next VM.`;

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
    const counts = plans.map(() => (args.stats ? new ExitStatistics() : undefined));
    const guests = createGuests(
      plans,
      counts.map((exits) => exits?.sink),
      hostOptions(args),
    );
    const tell = (n: number, end: DriveEnd): void => {
      const { name, board, file } = guests[n] as PlannedGuest;
      explain(name, board, end, file);
    };
    // One guest may have the whole terminal until it is done; of several, nobody waits for the last.
    const isAlone = guests.length === 1;
    const started = process.uptime();
    const ends = await driveConnected(guests, isAlone ? () => {} : tell);
    const seconds = process.uptime() - started;
    if (args.stats) {
      const statistics = guests.map((guest, n) =>
        collectStatistics(guest, counts[n]?.counts ?? [], seconds),
      );
      const names = guests.map(({ name }) => name);
      const dram = guests[0]?.board.machine.processor.dram?.counters;
      note(formatAllStatistics(names, statistics, dram, args.json));
    }
    if (isAlone) for (const [n, end] of ends.entries()) tell(n, end);
    return statusOfAll(ends.map(statusOf));
  },
};
