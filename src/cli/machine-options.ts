/** Options that say what machine a guest runs on. */

import type { Options } from 'yargs';
import {
  checkDram,
  DEFAULT_RAM,
  DRAM_DEFAULTS,
  DRAM_KEYS,
  DramError,
  type DramOptions,
  type HostOptions,
  isFwCfgFileName,
  MAX_RAM,
  MIN_RAM,
  type PcOptions,
} from '../index.ts';
import { readBytes } from '../node/index.ts';
import type { OptionValues } from './command.ts';
import { UsageError } from './usage-error.ts';
import { parseCount, parseFeatures, parseSize } from './values.ts';

const text = { type: 'string', requiresArg: true } as const;

export const MACHINE_OPTIONS = {
  ram: { ...text, default: `${DEFAULT_RAM / 2 ** 20}M`, describe: 'RAM, 1M to 2G' },
  machine: { ...text, describe: 'processor features to add and remove, as +umip,-smap' },
  rtc: { ...text, describe: 'base=DATE: what the clock shows at the start (default: 2000-01-01)' },
  'fw-cfg': {
    ...text,
    array: true,
    describe: 'name=NAME,string=TEXT or name=NAME,file=FILE: a file of the fw_cfg device',
  },
  'max-instructions': { ...text, describe: 'end the run after this many instructions' },
} as const satisfies Record<string, Options>;

/** Options of the machine itself, whatever guests it has. */
export const HOST_OPTIONS = {
  dram: {
    ...text,
    describe: `memory whose rows disturb one another: banks=N,rows=N (of a bank),threshold=N (activations of the neighbours in 64 ms),seed=N, each with a default (${formatDram(DRAM_DEFAULTS)})`,
  },
} as const satisfies Record<string, Options>;

/** What they give. */
export function hostOptions({ dram }: OptionValues<typeof HOST_OPTIONS>): HostOptions {
  return dram === undefined ? {} : { dram: parseDram(dram) };
}

function formatDram(dram: DramOptions): string {
  return DRAM_KEYS.map((key) => `${key}=${dram[key]}`).join(',');
}

/** `banks=8,rows=1024,threshold=50000,seed=1`, in any order; what is left out is as in DRAM_DEFAULTS. */
function parseDram(value: string): DramOptions {
  const given = new Map<string, number>();
  for (const item of value.split(',')) {
    const [, key = '', digits = ''] = /^(\w+)=(\d[\d_]*)$/.exec(item) ?? [];
    if (!DRAM_KEYS.some((name) => name === key)) {
      throw new UsageError(
        `--dram: '${item}' is not KEY=NUMBER with a key of ${DRAM_KEYS.join(', ')}`,
      );
    }
    if (given.has(key)) throw new UsageError(`--dram: ${key} is given more than once`);
    given.set(key, Number(digits.replaceAll('_', '')));
  }
  try {
    return checkDram({ ...DRAM_DEFAULTS, ...Object.fromEntries(given) });
  } catch (error) {
    if (error instanceof DramError) throw new UsageError(`--dram: ${error.message}`);
    throw error;
  }
}

/** What the options give for a PC. */
export function machineOptions(args: OptionValues<typeof MACHINE_OPTIONS>): PcOptions {
  const { machine, rtc, 'max-instructions': maxInstructions } = args;
  return {
    ramBytes: parseRam(args.ram),
    fwCfgFiles: new Map((args['fw-cfg'] ?? []).map(parseFwCfg)),
    ...(machine !== undefined && { features: parseFeatures(machine) }),
    ...(rtc !== undefined && { startDate: parseRtc(rtc) }),
    ...(maxInstructions !== undefined && {
      maxInstructions: parseCount('max-instructions', maxInstructions),
    }),
  };
}

function parseRam(size: string): number {
  const bytes = parseSize('ram', size);
  if (bytes >= MIN_RAM && bytes <= MAX_RAM) return bytes;
  throw new UsageError(`--ram: ${size} is out of range, it must be 1M to 2G`);
}

/** `base=2006-06-17` or `base=2006-06-17T16:01:21`, as QEMU's -rtc. The host's own clock is not read. */
function parseRtc(value: string): number {
  const [, date = '', time = '00:00:00'] =
    /^base=(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d))?$/.exec(value) ?? [];
  const ms = Date.parse(`${date}T${time}Z`);
  const isDate = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(`${date}T${time}`);
  if (isDate) return ms;
  throw new UsageError(`--rtc: '${value}' is not base=DATE with a date like 2006-06-17T16:01:21`);
}

/** `name=NAME,string=TEXT`, `name=NAME,file=FILE`, as QEMU's -fw_cfg; `name=` may be left out. */
function parseFwCfg(value: string): [string, Uint8Array] {
  const [, name = '', kind, content = ''] =
    /^(?:name=)?([^,=]*),(string|file)=(.*)$/s.exec(value) ?? [];
  if (!isFwCfgFileName(name)) {
    const form =
      'name=NAME,string=TEXT or name=NAME,file=FILE with a name of at most 55 characters';
    throw new UsageError(`--fw-cfg: '${value}' is not ${form}`);
  }
  return [name, kind === 'file' ? readBytes(content) : new TextEncoder().encode(content)];
}
