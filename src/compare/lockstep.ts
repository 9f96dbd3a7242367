/**
 * The first instruction after which a guest in a VM differs from the guest on the bare machine. Both run side by side in
 * slices of virtual time, compared after each by what either has written; the slice that ends in a difference is run again
 * from its start in shorter ones, down to single instructions. So the longest run costs a comparison every few
 * million instructions, and nothing is recorded but the last point at which both were the same.
 *
 * Within slices the machines are also compared after sensitive instructions (sensitive-sites.ts): so a difference that such
 * an instruction makes is seen also where it is soon gone again. Any other that is gone at the next comparison is not seen;
 * `every` compares at shorter distances.
 */

import { type Difference, hiddenDifferences, visibleDifferences } from './difference.ts';
import { type GuestInstruction, instructionAt } from './guest-instruction.ts';
import { type Participant, writtenByEither } from './participant.ts';
import { SensitiveSites } from './sensitive-sites.ts';

/** The instruction after which there was a difference, as the bare machine was about to run it. */
export interface Divergence {
  /** Virtual time in nanoseconds before it. */
  readonly time: bigint;
  /** Instructions that had retired. */
  readonly instructions: bigint;
  readonly instruction: GuestInstruction;
  /** False: the difference came about when the two ran first, but not when they ran again to find its place. */
  readonly isFound: boolean;
  readonly differences: readonly Difference[];
}

export interface LockstepResult {
  /** The first difference that the guest can see; undefined: both have come to the same end. */
  readonly divergence: Divergence | undefined;
  /** What came first of that which the guest cannot see at once. */
  readonly hidden: Divergence | undefined;
}

export interface LockstepOptions {
  /** Instructions between two comparisons, in place of slices that grow. */
  readonly every?: number;
  /** Called after each slice. */
  readonly progress?: (time: bigint) => void;
}

/** Instructions at the start that are compared one by one: what goes wrong mostly does so soon. */
const FIRST = 256;
/** Later slices are this part of the run so far. */
const SHARE = 64;
const LONGEST_SLICE = 2 ** 22;
/** Instructions that take about as long as to compare and to keep a page: slices are worth their comparison. */
const PAGE_WORTH = 1024;
/** Pages that comparisons within slices may cost before the run has earned them by its length. */
const PAGE_CREDIT = 500_000;
/** Parts that a slice is run again in. */
const PARTS = 64;
/** What is short enough to be run again instruction by instruction. */
const WINDOW = 2048;

type Compare = (bare: Participant, other: Participant) => Difference[];

const visible: Compare = (bare, other) =>
  visibleDifferences(bare, other, writtenByEither(bare, other));
const any: Compare = (bare, other) => [...hiddenDifferences(bare, other), ...visible(bare, other)];

/** Runs two new machines with the same guest to the end, or to the first difference that the guest can see. */
export function runLockstep(
  bare: Participant,
  other: Participant,
  { every, progress = () => {} }: LockstepOptions = {},
): LockstepResult {
  const pair = new Pair(bare, other);
  let hidden: Divergence | undefined;
  pair.mark();
  for (;;) {
    const end = pair.advance(pair.endOf(every ?? pair.nextSlice()));
    if (hidden === undefined && hiddenDifferences(bare, other).length > 0) {
      hidden = pair.locate(end, any);
      pair.advanceTo(end);
    }
    if (pair.differs(end).length > 0) {
      const divergence = pair.locate(end, visible);
      const isCause = hidden !== undefined && hidden.time < divergence.time;
      return { divergence, hidden: isCause ? hidden : undefined };
    }
    progress(bare.time);
    if (bare.end !== undefined) return { divergence: undefined, hidden };
    pair.markAfter(Math.max(pair.nextSlice(), WINDOW));
  }
}

/** The two machines, at the same virtual time. */
class Pair {
  readonly #bare: Participant;
  readonly #other: Participant;
  readonly #sites = new SensitiveSites();
  #start = 0n;
  /** End of the running slice. */
  #sliceEnd = 0n;
  /** Pages that comparisons within slices have cost. */
  #spent = 0;

  constructor(bare: Participant, other: Participant) {
    this.#bare = bare;
    this.#other = other;
  }

  /** From here on slices are run again. */
  mark(): void {
    this.#bare.mark();
    this.#other.mark();
    this.#start = this.#bare.time;
  }

  /** As `mark`, if at least `time` has passed since. */
  markAfter(time: number): void {
    if (this.#left(this.#bare.time) >= time) this.mark();
  }

  /** Length of the next slice. Pages that can be written without a look count as written already. */
  nextSlice(): number {
    const { instructions, memory } = this.#bare.board.machine;
    if (instructions < FIRST) return 1;
    const share = Math.floor(Number(instructions) / SHARE);
    return Math.min(Math.max(share, memory.written().length * PAGE_WORTH), LONGEST_SLICE);
  }

  /** The end of a slice of that length from now on: later where the guest sleeps longer. */
  endOf(slice: number): bigint {
    const { machine } = this.#bare.board;
    const end = this.#bare.time + BigInt(slice);
    const wake = machine.sleeps ? (machine.clock.nextDeadline() ?? end) : end;
    return wake > end ? wake : end;
  }

  /**
   * What differs at `time`, where the machines have come to. Within a slice memory is looked at only while that costs less
   * than the run itself.
   */
  differs(time: bigint): Difference[] {
    const pages = writtenByEither(this.#bare, this.#other);
    const isWithin = time < this.#sliceEnd;
    const credit = PAGE_CREDIT + Number(this.#bare.time) / PAGE_WORTH;
    if (isWithin && this.#spent + pages.length > credit) {
      return visibleDifferences(this.#bare, this.#other, []);
    }
    if (isWithin) this.#spent += pages.length;
    return visibleDifferences(this.#bare, this.#other, pages);
  }

  /** Runs to `end`, or to a point before where the machines should be compared; tells that time. */
  advance(end: bigint): bigint {
    const bare = this.#bare;
    this.#sliceEnd = end;
    const isDue = (): boolean => this.#sites.isDue(bare.board.machine.processor.view.u64('RIP'));
    while (bare.runToSensitive(end)) if (isDue()) break;
    const at = bare.end === undefined ? bare.time : end;
    this.#other.runTo(at);
    return at;
  }

  advanceTo(time: bigint): void {
    this.#bare.runTo(time);
    this.#other.runTo(time);
  }

  #rewind(): void {
    this.#bare.rewind();
    this.#other.rewind();
  }

  /** Where the slice from the mark to `end` has its first difference. The machines are left before it. */
  locate(end: bigint, compare: Compare): Divergence {
    const [bare, other] = [this.#bare, this.#other];
    const all = compare(bare, other);
    let last = end;
    for (let part = this.#left(end); part > 1; part = Math.min(part, this.#left(last))) {
      part = part <= WINDOW ? 1 : Math.ceil(part / PARTS);
      this.#rewind();
      const found = this.#firstPart(last, part, compare);
      if (found === undefined) break;
      last = found;
      if (part === 1) break;
    }
    const start = last - 1n;
    this.#rewind();
    this.advanceTo(start);
    const { machine } = bare.board;
    const { instructions } = machine;
    const instruction = instructionAt(machine);
    this.advanceTo(last);
    const differences = compare(bare, other);
    const isFound = differences.length > 0;
    this.#rewind();
    this.advanceTo(start);
    return {
      time: start,
      instructions,
      instruction,
      isFound,
      differences: isFound ? differences : all,
    };
  }

  /** Virtual time from the mark to `end`. */
  #left(end: bigint): number {
    return Number(end - this.#start);
  }

  /** End of the first of the parts of a slice that ends in a difference; long ones before it are left behind the mark. */
  #firstPart(end: bigint, part: number, compare: Compare): bigint | undefined {
    for (let at = this.#start; at < end; ) {
      at = at + BigInt(part) < end ? at + BigInt(part) : end;
      this.advanceTo(at);
      if (compare(this.#bare, this.#other).length > 0) return at;
      if (part > 1) this.mark();
    }
    return undefined;
  }
}
