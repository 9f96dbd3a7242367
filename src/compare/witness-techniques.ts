/**
 * What each technique makes of a sensitive instruction: a guest that executes it in a state in which it showed itself
 * sensitive, on the bare machine and in a VM, compared instruction by instruction. What counts is a difference after that
 * instruction alone: the rest of the guest has sensitive ones too.
 */

import { assemble } from '../assembler/assemble.ts';
import { flatImage } from '../image/flat.ts';
import { loadImage } from '../image/load.ts';
import type { Finding } from '../virtualizability/evidence.ts';
import type { ClassifiedForm } from '../virtualizability/mnemonics.ts';
import { explain, statesThatShow, tellingFindings } from '../virtualizability/x86/explanation.ts';
import { guestProgram, WITNESS_LABEL } from '../virtualizability/x86/guest-program.ts';
import type { X86Mode } from '../virtualizability/x86/modes.ts';
import type { ProgramState } from '../virtualizability/x86/program-state.ts';
import type { X86Machine } from '../virtualizability/x86/x86-machine.ts';
import type { ExitName } from '../vmm/exits/exit-reasons.ts';
import { FULL_TECHNIQUES, type FullTechnique } from '../vmm/monitor.ts';
import type { Difference } from './difference.ts';
import type { GuestSetup } from './guest-setup.ts';
import { type Divergence, runLockstep } from './lockstep.ts';
import { Participant } from './participant.ts';

/** What one technique does with the instruction. */
export interface WitnessRun {
  readonly cpu: FullTechnique;
  /** `unknown`: the machines differed before it. */
  readonly outcome: 'same' | 'differs' | 'unknown';
  /** What differs after it; if all is of kind `hidden`, the guest does not see it at once. */
  readonly differences: readonly Difference[];
  /** Exits that it took, but for those that fill shadow page tables: any access to memory may take one. */
  readonly exits: readonly ExitName[];
}

export interface FormTechniques {
  readonly text: string;
  readonly runs: readonly WitnessRun[];
}

/** All that the guest does comes within so many instructions; NOPs follow. */
const INSTRUCTIONS = 100;
const RAM_BYTES = 2 * 2 ** 20;
/** Guests to try for a form until one shows a difference under some technique: they differ in what they change. */
const GUESTS = 12;

/** Of a sensitive form that was found so on a machine of the same kind as `machine` with `seed`. */
export function tryTechniques(
  module: WebAssembly.Module,
  mode: X86Mode,
  machine: X86Machine,
  form: ClassifiedForm,
  seed: number,
): FormTechniques {
  const { text, evidence } = form;
  const number = machine.forms.findIndex((one) => one.text === text);
  const findings = tellingFindings(evidence).filter(({ caught }) => !caught);
  let first: readonly WitnessRun[] | undefined;
  let guests = 0;
  for (const state of statesOf(machine, number, findings, evidence.states, seed)) {
    const runs = runWitness(module, mode, guestProgram(mode, state, text, []));
    if (runs.some(({ outcome }) => outcome === 'differs')) return { text, runs };
    first ??= runs;
    if (++guests === GUESTS) break;
  }
  return { text, runs: first ?? [] };
}

/** The smallest of each finding first. */
function* statesOf(
  machine: X86Machine,
  form: number,
  findings: readonly Finding[],
  states: number,
  seed: number,
): Generator<ProgramState> {
  for (const finding of findings) yield explain(machine, form, finding, seed).state;
  for (const finding of findings) yield* statesThatShow(machine, form, finding, states, seed);
}

function runWitness(module: WebAssembly.Module, mode: X86Mode, source: string): WitnessRun[] {
  const { bytes, origin, symbols } = assemble(source, { file: 'witness.asm' });
  const image = flatImage(bytes, { loadAddress: origin, mode: mode.name });
  const setup: GuestSetup = {
    module,
    boot: ({ machine }) => loadImage(machine, image),
    options: { ramBytes: RAM_BYTES, maxInstructions: INSTRUCTIONS },
    now: () => 0,
  };
  const site = symbols.get(WITNESS_LABEL)?.value ?? origin;
  return FULL_TECHNIQUES.map((cpu) => runTechnique(setup, cpu, site));
}

function runTechnique(setup: GuestSetup, cpu: FullTechnique, site: bigint): WitnessRun {
  const exits = new Set<ExitName>();
  const vm = new Participant(cpu, setup, {
    sink: ({ rip, reason }) => {
      if (rip === site && reason !== 'SHADOW_FILL') exits.add(reason);
    },
  });
  const bare = new Participant('bare', setup);
  const { divergence, hidden } = runLockstep(bare, vm, { every: 1 });
  const found = [divergence, hidden].filter((one): one is Divergence => one !== undefined);
  const own = found.filter(({ instruction }) => instruction.rip === site);
  const isEarlier = found.some(({ instruction }) => instruction.rip < site);
  const unseen = isEarlier ? 'unknown' : 'same';
  return {
    cpu,
    outcome: own.length > 0 ? 'differs' : unseen,
    differences: own.flatMap(({ differences }) => differences),
    exits: [...exits],
  };
}
