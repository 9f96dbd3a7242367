/**
 * Random kernels (kernel.ts): under `patch` and `interpret` they must do, to the instruction, what they do on the bare
 * machine, as long as they stay in the kernel.
 */

import { describe, expect, it } from 'vitest';
import { pick, randomSource } from '../../src/isa/random.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { guestFeatures } from '../../src/vmm/virtual-machine.ts';
import { hypervisor, LENGTH, makeKernel, RAM, run, SHUTDOWN } from './kernel.ts';
import { BareMachine, bareEngine } from './machine.ts';
import { FUZZ_TIMEOUT, fuzz } from './progress.ts';

describe('a random kernel', () => {
  const features = guestFeatures(DEFAULT_FEATURES);
  const bare = new BareMachine(RAM, bareEngine(RAM, features));
  const machines = (['patch', 'interpret'] as const).map((cpu) => ({ cpu, vm: hypervisor(cpu) }));

  function check(seed: number): void {
    const kernel = makeKernel(seed);
    const left = (): boolean => bare.processor.view.u32('CPL') === 3;
    const end = run(bare, kernel, LENGTH, () => 1, left);
    const wanted = bare.state();
    // A triple fault comes before the next instruction.
    const isShutDown = bare.processor.view.u32('ACTIVITY') === SHUTDOWN;
    const time = isShutDown ? end + 1 : end;
    const ram = bare.engine.memory.read(0, RAM);
    for (const { cpu, vm } of machines) {
      const random = randomSource(seed);
      const longest = pick(random, [1, 20, 1000]);
      run(
        vm,
        kernel,
        time,
        () => 1 + random(longest),
        () => false,
      );
      const got = vm.state();
      if (got !== wanted) expect(got, `seed ${seed}, ${cpu}`).toBe(wanted);
      const other = vm.engine.memory.read(0, RAM);
      if (Buffer.from(ram).equals(other)) continue;
      const at = ram.findIndex((byte, n) => byte !== other[n]);
      expect.fail(`seed ${seed}, ${cpu}: RAM differs at ${at.toString(16)}`);
    }
  }

  it(
    'does the same bare, under patch and under interpret',
    async () => {
      await fuzz({ name: 'kernels', runs: 400, share: 10 }, check);
    },
    FUZZ_TIMEOUT,
  );
});
