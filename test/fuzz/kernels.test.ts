/**
 * Random kernels (kernel.ts): under `patch` and `interpret` they must do, to the instruction, what they do on the bare
 * machine, up to user code that can tell.
 */

import { describe, expect, it } from 'vitest';
import { pick, randomSource } from '../../src/isa/random.ts';
import { type Kernel, makeKernel } from './kernel.ts';
import {
  bareMachine,
  difference,
  isShutDown,
  isTelling,
  run,
  virtualMachine,
} from './kernel-run.ts';
import { FUZZ_TIMEOUT, fuzz } from './progress.ts';

describe('a random kernel', () => {
  const bare = bareMachine();
  const flushed = bareMachine();
  const machines = (['patch', 'interpret'] as const).map((cpu) => ({
    cpu,
    vm: virtualMachine(cpu),
  }));

  /**
   * What it does depends on translations that are not in its page tables any more: a processor may keep them, or not
   * (SDM 3A 4.10.4).
   */
  function dependsOnStale(kernel: Kernel, end: number): boolean {
    const flush = (): number => {
      flushed.processor.flushTranslations();
      return 1;
    };
    run(flushed, kernel, { end, slice: flush });
    return difference(bare, flushed) !== undefined;
  }

  function check(seed: number): void {
    const kernel = makeKernel(seed);
    const stops = (): boolean => isTelling(bare);
    const stopped = run(bare, kernel, { end: kernel.length, slice: () => 1, stops });
    // A triple fault comes before the next instruction.
    const end = isShutDown(bare) ? stopped + 1 : stopped;
    for (const { cpu, vm } of machines) {
      const random = randomSource(seed);
      const longest = pick(random, [1, 20, 1000]);
      run(vm, kernel, { end, slice: () => 1 + random(longest) });
      const found = difference(bare, vm);
      if (found === undefined || dependsOnStale(kernel, end)) continue;
      expect.fail(`seed ${seed}, ${cpu}, at ${end}: ${found}`);
    }
  }

  it(
    'does the same bare, under patch and under interpret',
    async () => {
      await fuzz({ name: 'kernels', runs: 4000, share: 5 }, check);
    },
    FUZZ_TIMEOUT,
  );
});
