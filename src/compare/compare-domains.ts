/** Compares what a PV kernel does with shadow page tables with what it does under direct paging. */

import type { RunEnd } from '../machine/machine.ts';
import { type ExitCount, ExitStatistics } from '../vmm/exits/exit-statistics.ts';
import type { MemoryTechnique } from '../vmm/vm-options.ts';
import { endName } from './difference.ts';
import {
  type DomainDivergence,
  type DomainLockstepOptions,
  DomainPair,
  runDomainLockstep,
} from './domain-lockstep.ts';
import type { DomainParticipant, DomainSetup } from './domain-participant.ts';

/** A run of the kernel to its end. */
export interface DomainOutcome {
  readonly memory: MemoryTechnique;
  readonly end: RunEnd;
  /** `end` in words. */
  readonly ended: string;
  readonly instructions: bigint;
  /** Virtual time in nanoseconds. */
  readonly time: bigint;
  /** What was written to the console and to port 0xe9. */
  readonly com1: Uint8Array;
  readonly console: Uint8Array;
  readonly exits: readonly ExitCount[];
}

export interface DomainComparison {
  readonly direct: DomainOutcome;
  readonly shadow: DomainOutcome;
  /** What is the same in the end, but for the numbers of frames. */
  readonly same: Readonly<Record<'output' | 'end' | 'memory', boolean>>;
  /** Where the two part; undefined: they come to the same end. */
  readonly divergence: DomainDivergence | undefined;
}

/** A domain that goes another way may never end: it gets so much more virtual time than the other one needed. */
const MARGIN = 1_000_000n;
const SLICE = 2n ** 22n;

export function compareDomains(
  setup: DomainSetup,
  options: DomainLockstepOptions = {},
): DomainComparison {
  const statistics = { direct: new ExitStatistics(), shadow: new ExitStatistics() };
  const pair = new DomainPair(setup, (memory) => statistics[memory].sink);
  const divergence = runDomainLockstep(pair, setup, options);
  const { direct, shadow } = pair;
  while (direct.end === undefined) direct.runTo(direct.time + SLICE);
  shadow.runTo(direct.time + direct.time / 4n + MARGIN);
  const differences = pair.allDifferences();
  const differs = (kind: string): boolean => differences.some((found) => found.kind === kind);
  return {
    direct: outcomeOf(direct, statistics.direct),
    shadow: outcomeOf(shadow, statistics.shadow),
    same: { output: !differs('output'), end: !differs('end'), memory: !differs('memory') },
    divergence,
  };
}

function outcomeOf(one: DomainParticipant, { counts }: ExitStatistics): DomainOutcome {
  const { machine } = one.board;
  return {
    memory: one.memory,
    end: one.end ?? { kind: 'limit' },
    ended: endName(one.end),
    instructions: machine.instructions,
    time: one.time,
    com1: one.sent.com1.copy(),
    console: one.sent.console.copy(),
    exits: counts,
  };
}
