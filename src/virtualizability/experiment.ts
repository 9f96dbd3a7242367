/**
 * The experiment: one form of an instruction, executed from many states, each in both modes and with each resource varied.
 *
 * The same state in both modes shows what supervisor mode can change and whether user mode traps there, and results that
 * depend on the mode. Results that depend on a resource are looked for where the instruction gets through: in user mode, or
 * in supervisor mode if user mode traps. All resources are varied at once first; only where that makes a difference, or
 * where it traps and so hides one, are they varied one by one.
 */

import type { Evidence, Finding, Witness } from './evidence.ts';
import type { MachineUnderTest, Outcome, ProgramMode, Situation } from './machine-under-test.ts';
import { MODE } from './machine-under-test.ts';
import { stateSource } from './state-source.ts';

/** What an execution gave. */
interface Run {
  readonly outcome: Outcome;
  readonly changed: readonly string[];
  readonly result: string | number;
}

/** Tries `states` states of form number `form`. */
export function experiment(
  machine: MachineUnderTest,
  form: number,
  options: { readonly states: number; readonly seed: number; readonly controls: readonly string[] },
): Evidence {
  const { states, seed, controls } = options;
  const trials = new Trials(machine, form, controls);
  for (let state = 0; state < states; state++) trials.tryState(state, seed);
  return trials.evidence();
}

class Trials {
  readonly #machine: MachineUnderTest;
  readonly #form: number;
  readonly #controls: readonly string[];
  readonly #findings = new Map<string, Finding>();
  readonly #counts = { states: 0, supervisor: 0, user: 0, both: 0, caught: 0 };
  #state = 0;

  constructor(machine: MachineUnderTest, form: number, controls: readonly string[]) {
    this.#machine = machine;
    this.#form = form;
    this.#controls = controls;
  }

  tryState(state: number, seed: number): void {
    if (!this.#machine.draw(this.#form, stateSource(seed, this.#form, state))) return;
    this.#state = state;
    const supervisor = this.#run(this.#situation('supervisor'));
    const user = this.#run(this.#situation('user'));
    if (supervisor.outcome === 'unknown' || user.outcome === 'unknown') return;
    this.#count(supervisor, user);
    if (user.outcome === 'completed') {
      for (const resource of user.changed) this.#note('changes', resource, 'user', false);
    }
    if (supervisor.outcome === 'completed' && user.outcome !== 'memory fault') {
      const caught = user.outcome === 'trap';
      for (const resource of supervisor.changed) {
        this.#note('changes', resource, 'supervisor', caught);
      }
      if (!caught && supervisor.result !== user.result) this.#note('shows', MODE, 'both', false);
      if (caught) this.#vary('supervisor', supervisor, true);
    }
    if (user.outcome === 'completed') this.#vary('user', user, false);
  }

  evidence(): Evidence {
    const form = this.#machine.forms[this.#form];
    if (form === undefined) throw new RangeError(`form ${this.#form}`);
    return { form, ...this.#counts, findings: [...this.#findings.values()] };
  }

  #count(supervisor: Run, user: Run): void {
    const counts = this.#counts;
    const completed = supervisor.outcome === 'completed';
    counts.states++;
    if (completed) counts.supervisor++;
    if (user.outcome === 'completed') counts.user++;
    if (completed && user.outcome === 'completed') counts.both++;
    if (completed && user.outcome === 'trap') counts.caught++;
  }

  /** Looks for resources that the results of `run`, made in `mode`, depend on. */
  #vary(mode: ProgramMode, run: Run, caught: boolean): void {
    const { resources } = this.#machine;
    if (this.#compare(mode, run, resources) === 'same') return;
    for (const resource of resources) {
      const seen = this.#compare(mode, run, [resource]);
      if (seen === 'different') this.#note('shows', resource, mode, caught);
      if (seen === 'trap') this.#note('decides', resource, mode, true);
    }
  }

  #compare(mode: ProgramMode, run: Run, varied: readonly string[]): 'same' | 'different' | Outcome {
    const other = this.#run(this.#situation(mode, varied));
    if (other.outcome !== 'completed') return other.outcome;
    return other.result === run.result ? 'same' : 'different';
  }

  #situation(mode: ProgramMode, varied: readonly string[] = []): Situation {
    return { mode, varied, controls: this.#controls };
  }

  #run(situation: Situation): Run {
    const machine = this.#machine;
    machine.reset(situation);
    const outcome = machine.execute();
    if (outcome !== 'completed') return { outcome, changed: [], result: 0 };
    return { outcome, changed: machine.changed(), result: machine.result() };
  }

  #note(kind: Finding['kind'], resource: string, where: Finding['where'], caught: boolean): void {
    const key = `${kind} ${resource} ${where} ${caught}`;
    const known = this.#findings.get(key);
    const weight = this.#machine.weight();
    const witness =
      known !== undefined && known.witness.weight <= weight
        ? known.witness
        : this.#witness(kind, resource, where, weight);
    const count = (known?.count ?? 0) + 1;
    this.#findings.set(key, { kind, resource, where, caught, count, witness });
  }

  /** The two runs that show it: in both modes, or in one with and without the resource varied. */
  #witness(
    kind: Finding['kind'],
    resource: string,
    where: Finding['where'],
    weight: number,
  ): Witness {
    const isPair = kind !== 'changes' && where !== 'both';
    const situations: Witness['situations'] = isPair
      ? [this.#situation(where), this.#situation(where, [resource])]
      : [this.#situation('supervisor'), this.#situation('user')];
    return { state: this.#state, weight, situations };
  }
}
