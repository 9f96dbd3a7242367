/** What was observed of an instruction in one form. Plain data: it travels between threads. */

import type { Form, ProgramMode, Situation } from './machine-under-test.ts';

/** A state in which something was observed: number `state` of the form's draws, in one or two situations. */
export interface Witness {
  readonly state: number;
  readonly weight: number;
  readonly situations: readonly [Situation, Situation];
}

/**
 * `changes`: the instruction changed `resource`. `shows`: its results for the program depended on `resource`. `decides`: with
 * `resource` varied it trapped where it had completed, which makes nothing sensitive.
 * `where` is the mode in which it did; results that depend on the mode itself take both.
 */
export interface Finding {
  readonly kind: 'changes' | 'shows' | 'decides';
  readonly resource: string;
  readonly where: ProgramMode | 'both';
  /** From the same state it trapped in user mode. */
  readonly caught: boolean;
  /** States in which it was observed. */
  readonly count: number;
  readonly witness: Witness;
}

export interface Evidence {
  readonly form: Form;
  /** States tried, and those in which it completed in supervisor mode, in user mode, in both. */
  readonly states: number;
  readonly supervisor: number;
  readonly user: number;
  readonly both: number;
  /** States in which it completed in supervisor mode and trapped in user mode. */
  readonly caught: number;
  readonly findings: readonly Finding[];
}
