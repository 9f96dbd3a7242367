/** What a guest runs on, as `--cpu` says: the bare machine, or a VM. */

import {
  Board,
  CPU_TECHNIQUES,
  type CpuTechnique,
  createVirtualMachines,
  DomainBoard,
  type ExitSink,
  type GuestBoard,
  type HostOptions,
  Pc,
  type PcOptions,
  type VirtualMachine,
  type VmOptions,
} from '../index.ts';
import { loadProcessorModule } from '../node/index.ts';
import { UsageError } from './usage-error.ts';
import { parseChoice } from './values.ts';
import { parseTuning, type Tuning } from './vm-tuning.ts';

/** Values of `--cpu`. */
export const CPU_CHOICES = ['bare', ...CPU_TECHNIQUES] as const;
type CpuChoice = (typeof CPU_CHOICES)[number];

/** What runs a VM of several unless it is said: it is right for every kernel, and fast. */
export const DEFAULT_TECHNIQUE: CpuTechnique = 'patch';

/** A board, and what is known of the VM that it belongs to. */
export interface GuestMachine {
  readonly board: GuestBoard;
  readonly vm: VirtualMachine | undefined;
}

/** What is asked for one guest. */
export interface GuestRequest {
  /** Of the VM; empty if there is but one guest. */
  readonly name: string;
  /** Value of `--cpu`. */
  readonly cpu: string;
  readonly tuning: Tuning;
  /** Hears of the exits of a VM. */
  readonly sink: ExitSink | undefined;
  readonly options: PcOptions;
}

/** One guest gets a machine of its own; several are VMs on one machine, which is made with `host`. */
export function createGuestMachines(
  requests: readonly GuestRequest[],
  host: HostOptions,
): readonly GuestMachine[] {
  const module = loadProcessorModule();
  const choices = requests.map(({ cpu }) => parseChoice('cpu', cpu, CPU_CHOICES));
  const [first] = requests;
  if (first !== undefined && requests.length === 1 && choices[0] === 'bare') {
    parseTuning('bare', first.tuning);
    return [{ board: new Pc(module, { ...first.options, ...host }), vm: undefined }];
  }
  const planned = requests.map(({ name, options, tuning, sink }, n) => {
    const cpu = techniqueOf(choices[n] ?? 'bare');
    const { memory, patchJumps, ...shadow } = parseTuning(cpu, tuning);
    const common = {
      ...options,
      ...shadow,
      ...(name !== '' && { name }),
      ...(sink && { exits: { sink, now: () => performance.now() } }),
    };
    const vm: VmOptions =
      cpu === 'para'
        ? { ...common, cpu, ...(memory && { memory }) }
        : { ...common, cpu, ...(patchJumps && { patchJumps }) };
    return { vm, options };
  });
  const vms = createVirtualMachines(
    module,
    planned.map(({ vm }) => vm),
    host,
  );
  return vms.map((vm, n) => ({
    board: createBoard(vm, planned[n]?.options),
    vm,
  }));
}

function createBoard({ machine, domain }: VirtualMachine, options?: PcOptions): GuestBoard {
  return domain === undefined
    ? new Board(machine, options)
    : new DomainBoard(machine, domain, options);
}

function techniqueOf(choice: CpuChoice): CpuTechnique {
  if (choice !== 'bare') return choice;
  throw new UsageError(
    `cpu=bare: such a guest has the machine for itself; a VM is run by ${CPU_TECHNIQUES.join(', ')}`,
  );
}
