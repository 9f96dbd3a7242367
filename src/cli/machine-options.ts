/** Options that say what machine a guest runs on. */

import type { Options } from 'yargs';
import { DEFAULT_RAM, isFwCfgFileName, MAX_RAM, MIN_RAM, type PcOptions } from '../index.ts';
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
