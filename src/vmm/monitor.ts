/**
 * The loop of the VMM around one virtual processor: code runs directly on the host's processor where the CPU
 * technique lets it, and an instruction that stops there, or must not run there, is emulated.
 */

import type { ExitReason } from '../machine/processor.ts';
import type { DirectRunner } from './direct-runner.ts';
import type { Emulator } from './emulator.ts';
import type { ExitCause, FullExitLog } from './exits/full-exit-log.ts';
import type { Vcpu } from './vcpu.ts';

/** For kernels that know of no VMM. */
export const FULL_TECHNIQUES = ['interpret', 'trap', 'patch'] as const;
export type FullTechnique = (typeof FULL_TECHNIQUES)[number];

/** What of the guest runs directly. */
const RUNS_DIRECTLY: Readonly<Record<FullTechnique, (vcpu: Vcpu) => boolean>> = {
  // The hybrid monitor of Popek and Goldberg's third theorem: right for every kernel, and slow.
  interpret: (vcpu) => vcpu.viewName === 'user',
  // Trap and emulate: what neither traps nor gives the right result at CPL 3 goes wrong, as on real hardware.
  trap: () => true,
  // The same, from copies of the kernel's code in which nothing goes wrong (patch/).
  patch: () => true,
};

/** Iterations emulated at a time: they may go into another page, or what they stop for may end, as tables that are flooded. */
const MOST_REPETITIONS = 32;

const STEP: ExitCause = { kind: 'step' };
const INTERRUPT: ExitCause = { kind: 'interrupt' };

export class Monitor {
  readonly #vcpu: Vcpu;
  readonly #emulator: Emulator;
  readonly #direct: DirectRunner;
  readonly #runsDirectly: (vcpu: Vcpu) => boolean;
  readonly #log: FullExitLog | undefined;
  readonly #stopRequest: () => number;

  constructor(
    technique: FullTechnique,
    vcpu: Vcpu,
    emulator: Emulator,
    direct: DirectRunner,
    log: FullExitLog | undefined,
  ) {
    this.#log = log;
    this.#vcpu = vcpu;
    this.#emulator = emulator;
    this.#direct = direct;
    this.#stopRequest = vcpu.view.reader('STOP_REQUEST');
    this.#runsDirectly = RUNS_DIRECTLY[technique];
  }

  /** Runs at most `fuel` instructions; why it came back, as from a processor of the guest's own. */
  run(fuel: number): ExitReason {
    const vcpu = this.#vcpu;
    const start = vcpu.timeLow();
    for (;;) {
      const left = fuel - ((vcpu.timeLow() - start) >>> 0);
      // What is due after the last instruction comes before the run ends, as on a processor of its own.
      if (left <= 0) return vcpu.needsStep ? this.#deliverDue() : 'fuel';
      const count = this.#runDirectly(left);
      if (count === 0) continue;
      const reason = this.#emulate(count, fuel - ((vcpu.timeLow() - start) >>> 0));
      this.#ended(reason);
      if (reason !== 'fuel') return reason;
      if (this.#stopRequest() !== 0) return 'request';
    }
  }

  /**
   * Emulates `count` instructions, at most `left`. One that repeats is still at RIP, and has counted: its other
   * iterations would stop for what the first has stopped for.
   */
  #emulate(count: number, left: number): ExitReason {
    const vcpu = this.#vcpu;
    const { ripLow, repetitions } = vcpu;
    const start = vcpu.timeLow();
    const reason = this.#emulator.run(Math.min(count, left));
    const repeats = vcpu.ripLow === ripLow && vcpu.repetitions === repetitions - 1;
    if (reason !== 'fuel' || !repeats || this.#stopRequest() !== 0) return reason;
    const rest = left - ((vcpu.timeLow() - start) >>> 0);
    const more = Math.min(vcpu.repetitions, MOST_REPETITIONS, rest);
    return more > 0 ? this.#emulator.run(more) : reason;
  }

  /** Runs what may run directly; how many instructions are to be emulated then. */
  #runDirectly(fuel: number): number {
    const vcpu = this.#vcpu;
    if (!this.#runsDirectly(vcpu)) {
      if (this.#log !== undefined && vcpu.seesInterrupt) this.#log.begin(INTERRUPT);
      return 1;
    }
    const cause = vcpu.needsStep ? STEP : this.#direct.run(fuel);
    if (cause === undefined) return 0;
    this.#log?.begin(cause);
    return 'instructions' in cause ? cause.instructions : 1;
  }

  #deliverDue(): ExitReason {
    this.#log?.begin(INTERRUPT);
    const reason = this.#emulator.deliverDue();
    this.#ended(reason);
    return reason;
  }

  /** The VMM is done with an exit; a triple fault is one more. */
  #ended(reason: ExitReason): void {
    this.#log?.end();
    if (reason === 'shutdown') this.#log?.shutDown();
  }
}
