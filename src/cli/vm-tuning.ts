/** Options that tell how a technique works, beside which it is. */

import type { Options } from 'yargs';
import {
  type FullVmOptions,
  MEMORY_TECHNIQUES,
  type MemoryTechnique,
  PATCH_JUMPS,
  SHADOW_FILLS,
  SHADOW_SYNCS,
} from '../index.ts';
import type { OptionValues } from './command.ts';
import { UsageError } from './usage-error.ts';
import { parseChoice } from './values.ts';

const text = { type: 'string', requiresArg: true } as const;

export const TUNING_OPTIONS = {
  memory: {
    ...text,
    describe:
      "how memory is virtualized: shadow, or under para also direct, its default: page tables with the machine's addresses",
  },
  'shadow-fill': {
    ...text,
    describe:
      'shadow page tables get entries when they are used (lazy, the default), or all at each load of CR3 (eager)',
  },
  'shadow-sync': {
    ...text,
    describe:
      "last-level tables may differ from the guest's until it flushes (flush, the default), or are kept equal at each write (write)",
  },
  'patch-jumps': {
    ...text,
    describe:
      'under patch, computed jumps may lead to any byte (any, the default), or are trusted to lead to instructions (aligned)',
  },
} as const satisfies Record<string, Options>;

export type Tuning = OptionValues<typeof TUNING_OPTIONS>;

/** What they ask of a VM. */
export interface ParsedTuning
  extends Pick<FullVmOptions, 'shadowFill' | 'shadowSync' | 'patchJumps'> {
  readonly memory?: MemoryTechnique;
}

/** What they ask of a guest under `cpu`; throws a UsageError for what it does not have. */
export function parseTuning(cpu: string, values: Tuning): ParsedTuning {
  const { 'shadow-fill': fill, 'shadow-sync': sync, 'patch-jumps': jumps } = values;
  const memory =
    values.memory === undefined
      ? undefined
      : parseChoice('memory', values.memory, MEMORY_TECHNIQUES);
  if (cpu === 'bare') {
    refuse(
      values,
      ['memory', 'shadow-fill', 'shadow-sync'],
      'the bare machine virtualizes no memory',
    );
  }
  if (cpu !== 'para' && memory === 'direct') {
    throw new UsageError(
      `--memory direct: ${cpu} runs kernels that know no machine addresses; see --cpu para`,
    );
  }
  if (cpu === 'para' && memory !== 'shadow') {
    refuse(values, ['shadow-fill', 'shadow-sync'], 'direct paging has no shadow page tables');
  }
  if (cpu !== 'patch') refuse(values, ['patch-jumps'], `${cpu} runs no copies of code`);
  return {
    ...(memory !== undefined && { memory }),
    ...(fill !== undefined && { shadowFill: parseChoice('shadow-fill', fill, SHADOW_FILLS) }),
    ...(sync !== undefined && { shadowSync: parseChoice('shadow-sync', sync, SHADOW_SYNCS) }),
    ...(jumps !== undefined && { patchJumps: parseChoice('patch-jumps', jumps, PATCH_JUMPS) }),
  };
}

function refuse(values: Tuning, names: readonly (keyof Tuning)[], why: string): void {
  const named = names.find((name) => values[name] !== undefined);
  if (named !== undefined) throw new UsageError(`--${named}: ${why}; see --cpu`);
}
