/** What a guest runs on, as `--cpu` says: the bare machine, or a VM. */

import {
  Board,
  type BoardOptions,
  CPU_TECHNIQUES,
  type CpuTechnique,
  createVirtualMachine,
  ExitStatistics,
  Pc,
  type PcOptions,
  type VirtualMachine,
} from '../index.ts';
import { loadProcessorModule } from '../node/index.ts';
import { UsageError } from './usage-error.ts';

/** Values of `--cpu`. */
export const CPU_CHOICES = ['bare', ...CPU_TECHNIQUES] as const;
type CpuChoice = (typeof CPU_CHOICES)[number];

/** A board, and what is known of the VM that it belongs to. */
export interface GuestMachine {
  readonly board: Board;
  readonly vm: VirtualMachine | undefined;
  /** Counted if asked for, and if there is a VM. */
  readonly exits: ExitStatistics | undefined;
}

export function createGuestMachine(
  cpu: string,
  options: PcOptions & BoardOptions,
  countExits: boolean,
): GuestMachine {
  const choice = parseCpu(cpu);
  const module = loadProcessorModule();
  if (choice === 'bare') return { board: new Pc(module, options), vm: undefined, exits: undefined };
  const exits = countExits ? new ExitStatistics() : undefined;
  const vm = createVirtualMachine(module, {
    ...options,
    cpu: choice satisfies CpuTechnique,
    ...(exits && { exits: { sink: exits.sink, now: () => performance.now() } }),
  });
  return { board: new Board(vm.machine, options), vm, exits };
}

function parseCpu(text: string): CpuChoice {
  const choice = CPU_CHOICES.find((name) => name === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--cpu: '${text}' is not one of ${CPU_CHOICES.join(', ')}`);
}
