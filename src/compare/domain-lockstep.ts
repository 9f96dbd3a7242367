/**
 * Two domains with the same PV kernel side by side, one under direct paging and one with shadow page tables, for the first
 * instruction from which on they no longer agree. They are compared after slices of virtual time. Since a kernel may look
 * at a machine address, or at what the hypervisor offers, and forget it, a difference counts if it lasts: flags
 * and registers of such a calculation are soon overwritten. A domain cannot go back, so the place of a difference is found by
 * running new ones.
 */

import { PAGE_BYTES } from '../machine/memory.ts';
import type { ExitSink } from '../vmm/exits/exit-record.ts';
import type { MemoryTechnique } from '../vmm/vm-options.ts';
import { type DomainDifference, domainDifferences } from './domain-difference.ts';
import { DomainParticipant, type DomainSetup } from './domain-participant.ts';
import { type GuestInstruction, instructionAt } from './guest-instruction.ts';

/** The last instruction before which the domains agree, as the one under direct paging was about to run it. */
export interface DomainDivergence {
  /** Virtual time in nanoseconds before it. */
  readonly time: bigint;
  /** Instructions that had retired. */
  readonly instructions: bigint;
  readonly instruction: GuestInstruction;
  readonly differences: readonly DomainDifference[];
}

export interface DomainLockstepOptions {
  /** Instructions between two comparisons, each of which counts, in place of slices that grow. */
  readonly every?: number;
  /** Called after each slice. */
  readonly progress?: (pair: DomainPair) => void;
}

const SHORTEST_SLICE = 64;
/** Later slices are this part of the run so far. */
const SHARE = 64;
const LONGEST_SLICE = 2 ** 20;
/** A difference that is gone after so many instructions is none: more than it takes to copy a page. */
const PATIENCE = 8192n;
/** Instructions to the first of the points at which it may be gone; later distances double. */
const FIRST_STEP = 5n;
/** Parts that a slice is run again in. */
const PARTS = 64;

/** Runs a new pair to the end, or to a difference that lasts, which is told. */
export function runDomainLockstep(
  pair: DomainPair,
  setup: DomainSetup,
  { every, progress = () => {} }: DomainLockstepOptions = {},
): DomainDivergence | undefined {
  const patience = every === undefined ? PATIENCE : 0n;
  pair.agreed();
  for (;;) {
    const start = pair.time;
    pair.advance(pair.endOf(every ?? sliceAfter(pair.direct.board.machine.instructions)));
    if (lasts(pair, patience)) return locate(setup, start, pair.latest + 1n);
    pair.agreed();
    progress(pair);
    if (pair.isOver) return undefined;
  }
}

/** The domains differ, and do so at later points within `patience`; they may be left at one where they agree. */
function lasts(pair: DomainPair, patience: bigint): boolean {
  let waited = 0n;
  for (let step = FIRST_STEP; pair.differences().length > 0; step *= 2n) {
    if (waited >= patience) return true;
    pair.advance(pair.time + step);
    waited += step;
  }
  return false;
}

function sliceAfter(instructions: bigint): number {
  return Math.min(Math.max(SHORTEST_SLICE, Number(instructions) / SHARE), LONGEST_SLICE);
}

/** Where the domains, which agree at `start` and not at `end`, agree for the last time. */
function locate(setup: DomainSetup, start: bigint, end: bigint): DomainDivergence {
  let [from, to] = [start, end];
  while (to - from > 1n) {
    const part = (to - from) / BigInt(PARTS) + 1n;
    const pair = DomainPair.at(setup, from);
    for (let at = from + part; at < to; at += part) {
      pair.advance(at);
      if (pair.differences().length > 0) continue;
      pair.agreed();
      from = at;
    }
    to = from + part < to ? from + part : to;
  }
  const pair = DomainPair.at(setup, from);
  const { machine } = pair.direct.board;
  const [instructions, instruction] = [machine.instructions, instructionOf(pair.direct)];
  pair.advance(to);
  return { time: from, instructions, instruction, differences: pair.differences() };
}

function instructionOf({ board, domain }: DomainParticipant): GuestInstruction {
  return { ...instructionAt(board.machine), cpl: domain.isKernel ? 0 : 3 };
}

/** The two domains. */
export class DomainPair {
  readonly direct: DomainParticipant;
  readonly shadow: DomainParticipant;

  /** `sinkOf` gives who hears of the exits of either. */
  constructor(setup: DomainSetup, sinkOf?: (memory: MemoryTechnique) => ExitSink) {
    this.direct = new DomainParticipant('direct', setup, sinkOf?.('direct'));
    this.shadow = new DomainParticipant('shadow', setup, sinkOf?.('shadow'));
  }

  /** A new pair that has run to `time`, where it agrees. */
  static at(setup: DomainSetup, time: bigint): DomainPair {
    const pair = new DomainPair(setup);
    pair.advance(time);
    pair.agreed();
    return pair;
  }

  get time(): bigint {
    return this.direct.time;
  }

  /** Where the domain is that has come furthest: one may have ended. */
  get latest(): bigint {
    const [one, two] = [this.direct.time, this.shadow.time];
    return one > two ? one : two;
  }

  get isOver(): boolean {
    return this.direct.end !== undefined && this.shadow.end !== undefined;
  }

  /** The end of a slice of that length from now on: later where the guest sleeps longer. */
  endOf(slice: number): bigint {
    const { machine } = this.direct.board;
    const end = this.time + BigInt(Math.ceil(slice));
    const wake = machine.sleeps ? (machine.clock.nextDeadline() ?? end) : end;
    return wake > end ? wake : end;
  }

  advance(time: bigint): void {
    this.direct.runTo(time);
    this.shadow.runTo(time);
  }

  /** What differs now, in pages that were written to since the domains agreed. */
  differences(): DomainDifference[] {
    const written = [this.direct, this.shadow].flatMap(({ board }) =>
      board.machine.memory.written(),
    );
    return domainDifferences(this.direct, this.shadow, [...new Set(written)]);
  }

  /** The same in all of memory. */
  allDifferences(): DomainDifference[] {
    const { size } = this.direct.board.machine.memory;
    const pages = Array.from({ length: size / PAGE_BYTES }, (_, n) => n * PAGE_BYTES);
    return domainDifferences(this.direct, this.shadow, pages);
  }

  /** The domains agree now. */
  agreed(): void {
    this.direct.board.machine.memory.forgetWritten();
    this.shadow.board.machine.memory.forgetWritten();
  }
}
