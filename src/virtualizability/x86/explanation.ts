/**
 * The evidence for the class of a form, for people: the smallest state found in which it shows, run twice, with what each
 * run did.
 */

import { EVENT_NAMES } from '../../base/vector.ts';
import { DEFAULT_SEED } from '../classify.ts';
import type { Evidence, Finding } from '../evidence.ts';
import type { Outcome, Situation } from '../machine-under-test.ts';
import { MODE } from '../machine-under-test.ts';
import { stateSource } from '../state-source.ts';
import type { Piece, ProgramState } from './program-state.ts';
import { smaller } from './smaller-states.ts';
import type { Snapshot } from './snapshot.ts';
import type { X86Machine } from './x86-machine.ts';

/** One of the two runs. */
export interface ExplainedRun {
  readonly situation: Situation;
  readonly outcome: Outcome;
  /** "#GP(0x18)", of a run that trapped. */
  readonly event: string | undefined;
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly changed: readonly string[];
  readonly written: readonly Piece[];
}

export interface Explanation {
  readonly finding: Finding;
  readonly state: ProgramState;
  readonly runs: readonly [ExplainedRun, ExplainedRun];
}

/** All that goes through the IDT disarms it. */
const SIDE_EFFECT = 'address monitor';

/** Findings, those that say most first: what it changes before what it shows, escaped before caught. */
export function tellingFindings(evidence: Evidence): Finding[] {
  const rank = ({ kind, caught, resource, where }: Finding): number => {
    if (kind === 'changes' && resource === MODE) return caught ? 50 : 0;
    const isSide = resource === SIDE_EFFECT;
    return (
      (caught ? 50 : 0) +
      (kind === 'shows' ? 10 : 0) +
      (where === 'user' ? 5 : 0) +
      (isSide ? 20 : 1)
    );
  };
  const told = evidence.findings.filter(({ kind }) => kind !== 'decides');
  return told.toSorted((a, b) => rank(a) - rank(b) || b.count - a.count);
}

/** Runs the witness of `finding`, made on form number `form` of a machine of the same kind with `seed`. */
export function explain(
  machine: X86Machine,
  form: number,
  finding: Finding,
  seed = DEFAULT_SEED,
): Explanation {
  machine.draw(form, stateSource(seed, form, finding.witness.state));
  for (let isSmaller = true; isSmaller; ) {
    const now = machine.state;
    isSmaller = smaller(now).some((candidate) => {
      machine.use(candidate);
      return isSeen(machine, finding);
    });
    if (!isSmaller) machine.use(now);
  }
  const [first, second] = finding.witness.situations;
  return { finding, state: machine.state, runs: [run(machine, first), run(machine, second)] };
}

/** Of the first `states` states drawn for form number `form` with `seed` those that show `finding`, as they were drawn. */
export function* statesThatShow(
  machine: X86Machine,
  form: number,
  finding: Finding,
  states: number,
  seed = DEFAULT_SEED,
): Generator<ProgramState> {
  for (let n = 0; n < states; n++) {
    machine.draw(form, stateSource(seed, form, n));
    const { state } = machine;
    if (isSeen(machine, finding)) yield state;
  }
}

/** The drawn state shows what was found. */
function isSeen(machine: X86Machine, finding: Finding): boolean {
  const { kind, resource, where, caught, witness } = finding;
  const [first, second] = witness.situations.map((situation) => {
    machine.reset(situation);
    const outcome = machine.execute();
    const isComplete = outcome === 'completed';
    return { outcome, changed: isComplete ? machine.changed() : [], result: machine.result() };
  });
  if (first === undefined || second === undefined) return false;
  if (kind === 'shows') {
    const isComplete = first.outcome === 'completed' && second.outcome === 'completed';
    return isComplete && first.result !== second.result;
  }
  const changer = where === 'user' ? second : first;
  if (changer.outcome !== 'completed' || !changer.changed.includes(resource)) return false;
  return where === 'user' || second.outcome === (caught ? 'trap' : 'completed');
}

function run(machine: X86Machine, situation: Situation): ExplainedRun {
  machine.reset(situation);
  const before = machine.snapshot();
  const outcome = machine.execute();
  const after = machine.snapshot();
  const isComplete = outcome === 'completed';
  return {
    situation,
    outcome,
    event: isComplete ? undefined : eventText(machine),
    before,
    after: isComplete ? after : before,
    changed: isComplete ? machine.changed() : [],
    written: isComplete ? machine.written() : [],
  };
}

function eventText(machine: X86Machine): string {
  const { vector, error } = machine.event;
  const name = EVENT_NAMES[vector] ?? `vector ${vector}`;
  if (error === undefined) return name;
  return `${name}(${error === 0 ? '0' : `0x${error.toString(16)}`})`;
}
