/**
 * Compares what a guest does under several techniques with what it does on the bare machine: in lockstep, for the first
 * instruction after which they differ and for what they cost, and each alone, for how it ends and what exits it takes.
 */

import type { RunEnd } from '../machine/machine.ts';
import { type ExitCount, ExitStatistics } from '../vmm/exits/exit-statistics.ts';
import type { FullTechnique } from '../vmm/monitor.ts';
import { VirtualPc } from '../vmm/virtual-pc.ts';
import { endName, visibleDifferences } from './difference.ts';
import type { GuestSetup } from './guest-setup.ts';
import { type LockstepResult, runLockstep } from './lockstep.ts';
import { allPages, type Column, Participant } from './participant.ts';

/** A run of the guest to its end. */
export interface RunOutcome {
  readonly cpu: Column;
  readonly end: RunEnd;
  /** `end` in words. */
  readonly ended: string;
  readonly instructions: bigint;
  /** Virtual time in nanoseconds. */
  readonly time: bigint;
  /** What was sent on COM1 and to port 0xe9. */
  readonly com1: Uint8Array;
  readonly console: Uint8Array;
  /** Host milliseconds that it took when nobody looked. */
  readonly hostMs: number;
}

/** A run in a VM, beside that on the bare machine. */
export interface ComparedRun extends RunOutcome, LockstepResult {
  readonly cpu: FullTechnique;
  /** What is the same in the end; memory as the guest sees it. */
  readonly same: Readonly<Record<'output' | 'end' | 'memory', boolean>>;
  readonly exits: readonly ExitCount[];
  /** Of all instructions of the guest, the share that ran directly. */
  readonly directShare: number;
  /** Host time for an instruction of the guest over that of the bare machine. */
  readonly slowdown: number;
}

export interface Comparison {
  readonly bare: RunOutcome;
  readonly runs: readonly ComparedRun[];
}

/** What is being done: `share` of it is done, where that is known. */
export interface Progress {
  readonly cpu: Column;
  readonly step: 'run' | 'compare' | 'count exits';
  readonly instructions: bigint;
  readonly share: number | undefined;
}

export interface CompareOptions {
  readonly techniques: readonly FullTechnique[];
  /** As for a lockstep. */
  readonly every?: number;
  readonly progress?: (now: Progress) => void;
}

/** A VM that goes another way may never end: it gets so many instructions more than the bare machine needed. */
const MARGIN = 1_000_000;
const SLICE = 2n ** 22n;

export function compareGuest(setup: GuestSetup, options: CompareOptions): Comparison {
  const { techniques, every, progress = () => {} } = options;
  const bare = new Participant('bare', setup);
  const tell = (cpu: Column, step: Progress['step'], done: bigint, all?: bigint): void =>
    progress({
      cpu,
      step,
      instructions: done,
      share: all === undefined ? undefined : Number(done) / Math.max(Number(all), 1),
    });
  finish(bare, (done) => tell('bare', 'run', done));
  const all = bare.board.machine.instructions;
  const runs = techniques.map((cpu): ComparedRun => {
    const result = lockstep(setup, cpu, every, (done) => tell(cpu, 'compare', done, all));
    const own = limited(setup, Number(all));
    const alone = new Participant(cpu, own);
    finish(alone, (done) => tell(cpu, 'run', done, all));
    const exits = countExits(cpu, own, (done) => tell(cpu, 'count exits', done, all));
    const differences = visibleDifferences(bare, alone, allPages(bare));
    const differs = (kind: string): boolean => differences.some((found) => found.kind === kind);
    const { board } = alone;
    const direct = board instanceof VirtualPc ? board.vm.directInstructions() : 0;
    const outcome = outcomeOf(alone);
    return {
      ...outcome,
      ...result,
      cpu,
      same: { output: !differs('output'), end: !differs('end'), memory: !differs('memory') },
      exits,
      directShare: direct / Math.max(Number(outcome.instructions), 1),
      slowdown: msPerInstruction(alone) / msPerInstruction(bare),
    };
  });
  return { bare: outcomeOf(bare), runs };
}

function lockstep(
  setup: GuestSetup,
  cpu: FullTechnique,
  every: number | undefined,
  progress: (instructions: bigint) => void,
): LockstepResult {
  const bare = new Participant('bare', setup, { watchesSensitive: true });
  return runLockstep(bare, new Participant(cpu, setup), {
    ...(every !== undefined && { every }),
    progress: () => progress(bare.board.machine.instructions),
  });
}

/** A run of its own: to tell of every exit takes time. */
function countExits(
  cpu: FullTechnique,
  setup: GuestSetup,
  progress: (instructions: bigint) => void,
): readonly ExitCount[] {
  const statistics = new ExitStatistics();
  finish(new Participant(cpu, setup, { sink: statistics.sink }), progress);
  return statistics.counts;
}

function msPerInstruction({ hostMs, board }: Participant): number {
  return hostMs / Math.max(Number(board.machine.instructions), 1);
}

/** The limit of a guest that needs `instructions` on the bare machine. */
function limited(setup: GuestSetup, instructions: number): GuestSetup {
  const { maxInstructions = Math.ceil(instructions * 1.25) + MARGIN } = setup.options;
  return { ...setup, options: { ...setup.options, maxInstructions } };
}

function finish(one: Participant, progress: (instructions: bigint) => void): void {
  while (one.end === undefined) {
    one.runTo(one.time + SLICE);
    progress(one.board.machine.instructions);
  }
}

function outcomeOf(one: Participant): RunOutcome {
  const { machine } = one.board;
  return {
    cpu: one.column,
    end: one.end ?? { kind: 'input' },
    ended: endName(one.end),
    instructions: machine.instructions,
    time: one.time,
    com1: one.sent.com1.copy(),
    console: one.sent.console.copy(),
    hostMs: one.hostMs,
  };
}
