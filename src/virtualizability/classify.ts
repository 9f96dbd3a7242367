/**
 * Classifies an instruction set by experiment. The classes come from observation alone.
 *
 *   const { mnemonics, theorems } = classify(machine, { states: 300, seed: 1 });
 */

import type { Evidence } from './evidence.ts';
import { experiment } from './experiment.ts';
import { classOf } from './form-class.ts';
import type { MachineUnderTest } from './machine-under-test.ts';
import { type MnemonicReport, reportMnemonics } from './mnemonics.ts';
import { judge, type Verdict } from './theorems.ts';

export interface ClassifyOptions {
  /** States to try of each form. */
  readonly states?: number;
  readonly seed?: number;
  /** Control bits that are set so that instructions trap, in every state. */
  readonly controls?: readonly string[];
}

export const DEFAULT_STATES = 200;
export const DEFAULT_SEED = 1;

/** What was found of one form. Plain data: it travels between threads. */
export interface FormReport {
  readonly evidence: Evidence;
  /** Control bits each of which makes it sensitive no more. */
  readonly unless: readonly string[];
}

export interface Classification {
  /** Of the machine. */
  readonly name: string;
  readonly mnemonics: readonly MnemonicReport[];
  readonly theorems: readonly Verdict[];
  /** States tried. */
  readonly states: number;
}

/** Classifies every form of the machine. */
export function classify(machine: MachineUnderTest, options: ClassifyOptions = {}): Classification {
  const reports = machine.forms.map((_, form) => classifyForm(machine, form, options));
  return summarize(machine.name, reports);
}

/** Finds out about form number `form` alone: forms can be shared out to threads. */
export function classifyForm(
  machine: MachineUnderTest,
  form: number,
  options: ClassifyOptions = {},
): FormReport {
  const { states = DEFAULT_STATES, seed = DEFAULT_SEED, controls = [] } = options;
  const evidence = experiment(machine, form, { states, seed, controls });
  if (!classOf(evidence).isSensitive) return { evidence, unless: [] };
  const isSensitive = (control: string, count: number): boolean => {
    const more = { states: count, seed, controls: [...controls, control] };
    return classOf(experiment(machine, form, more)).isSensitive;
  };
  // Most controls have nothing to do with the form, which a few states tell.
  const unless = machine.controls.filter(
    (control) =>
      !controls.includes(control) &&
      !isSensitive(control, FEW_STATES) &&
      !isSensitive(control, states),
  );
  return { evidence, unless };
}

const FEW_STATES = 20;

/** Puts the reports on all forms of a machine together. */
export function summarize(name: string, reports: readonly FormReport[]): Classification {
  const mnemonics = reportMnemonics(reports);
  const states = reports.reduce((sum, { evidence }) => sum + evidence.states, 0);
  return { name, mnemonics, theorems: judge(mnemonics), states };
}
